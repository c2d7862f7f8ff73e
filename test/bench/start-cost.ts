import type { Figure } from "./figures.ts";
import { memoryOf, processTree } from "./processes.ts";
import { makePremises, type RunningShop } from "./running-shop.ts";

const MEGABYTE = 1024 * 1024;

/**
 * What `npm start` costs where the dependencies are installed: the time until the shop is open, with
 * no data and with those of the time before, and the memory of all its processes apart from the stores.
 */
export async function startCost(): Promise<Figure[]> {
  const premises = await makePremises();
  const layout = premises.envoy === undefined ? "direct" : "envoy";
  try {
    const first = await visit(await premises.open(layout));
    const second = await visit(await premises.open(layout));
    const colocated = await visit(await premises.open("colocated"));
    return [
      time("first start, s", first.readyMs, 10),
      time("second start, s", second.readyMs, 5),
      time("second start as one process, s", colocated.readyMs, 5),
      ...memory("a process each", second, 1_024),
      ...memory("as one process", colocated, 350),
    ];
  } finally {
    premises.remove();
  }
}

interface Visit {
  readonly readyMs: number;
  readonly pssBytes: number;
  readonly rssBytes: number;
}

async function visit(shop: RunningShop): Promise<Visit> {
  try {
    const { pss, rss } = memoryOf(processTree(shop.pid));
    return { readyMs: shop.readyMs, pssBytes: pss.ours + pss.envoy, rssBytes: rss.ours + rss.envoy };
  } finally {
    await shop.stop();
  }
}

function time(what: string, ms: number, goalSeconds: number): Figure {
  return {
    what,
    value: ms / 1000,
    ratio: ms / 1000 / goalSeconds,
    goal: `${goalSeconds} s on an idle machine`,
  };
}

function memory(what: string, { pssBytes, rssBytes }: Visit, goalMegabytes: number): Figure[] {
  const pss = pssBytes / MEGABYTE;
  return [
    {
      what: `memory (PSS) ${what}, MB`,
      value: pss,
      ratio: pss / goalMegabytes,
      goal: `less than ${goalMegabytes} MB`,
    },
    { what: `memory (RSS) ${what}, MB`, value: rssBytes / MEGABYTE },
  ];
}
