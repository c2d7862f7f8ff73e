import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { signTokens } from "../customers.ts";
import { formatNumber } from "../figures.ts";
import { type LoadResult, type PlannedRequest, sendLoad, sumLoads } from "../load.ts";
import { makePremises, type RunningShop } from "../running-shop.ts";
import { callShop } from "../shop-paths.ts";
import { countStatements } from "../statements.ts";
import { fillShop } from "./fill-shop.ts";
import { type JobRun, runJobs } from "./run-jobs.ts";
import { callersOf, SCALE_PATHS, type ScalePath, type Scene, setScene } from "./scale-paths.ts";
import { customerId, planShop, type ShopSize } from "./size.ts";

/** What was measured of a path in one shop. */
export interface PathFigure {
  readonly path: ScalePath;
  readonly load: LoadResult;
  readonly statements: number;
}

/** What was measured in one shop. */
export interface ScaleFigures {
  readonly size: ShopSize;
  readonly paths: readonly PathFigure[];
  readonly jobs: readonly JobRun[];
}

const CALLERS = 4;
const WARM_UP_MS = 400;
const MEASURE_MS = 1_000;
/** As long as that at most where a request may be sent only once, for those end earlier. */
const MEASURE_ONCE_MS = 4_000;
/** How often each path is measured in each shop. */
const ROUNDS = 4;
/** How often statements are counted, and for how many calls. */
const COUNTS = 7;
const CALLS_COUNTED = 8;
/** How often, and how many times at most, it is looked whether what calls set off has come to an end, in ms. */
const SETTLE_MS = 60;
const MOST_LOOKS = 10;

/** A shop that is full and open. */
interface FullShop extends AsyncDisposable {
  readonly running: RunningShop;
  readonly scene: Scene;
}

/**
 * Generates a small shop and a large one, and measures each call in both by turns, so that both find the machine alike.
 * Nothing is remembered between calls, so that each reaches the databases.
 *
 * @param small what the small one holds
 * @param large what the large one holds
 * @param tell is told how far it is
 */
export async function scaleCost(
  small: ShopSize,
  large: ShopSize,
  tell: (line: string) => void,
): Promise<[ScaleFigures, ScaleFigures]> {
  await using few = await openFullShop(small, tell);
  await using many = await openFullShop(large, tell);
  const jobs = await Promise.all([runJobs(few.running), runJobs(many.running)]);
  const figures: [PathFigure[], PathFigure[]] = [[], []];
  for (const path of SCALE_PATHS) {
    const measured = [few, many].map(({ running, scene }) => prepare(running, path, scene));
    for (let round = 0; round < ROUNDS; round++) {
      for (const it of round % 2 === 0 ? measured : measured.toReversed()) await measure(it, round);
    }
    for (const [index, it] of measured.entries()) {
      const figure = await figureOf(it);
      figures[index]?.push(figure);
      const { load, statements } = figure;
      const times = `${load.calls} calls, p50 ${load.p50Ms.toFixed(2)} p99 ${load.p99Ms.toFixed(2)} ms`;
      tell(`${path.name}, ${formatNumber(it.orders)} orders: ${times}, ${statements} statements`);
    }
  }
  return [
    { size: small, paths: figures[0], jobs: jobs[0] },
    { size: large, paths: figures[1], jobs: jobs[1] },
  ];
}

async function openFullShop(size: ShopSize, tell: (line: string) => void): Promise<FullShop> {
  const premises = await makePremises({ SOUK_CACHE_BYTES: "0", GATEWAY_ANSWER_MEMORY_BYTES: "0" });
  const running = await premises.open("colocated").catch((error) => {
    premises.remove();
    throw error;
  });
  const close = async () => {
    await running.stop();
    premises.remove();
  };
  try {
    // The first to register makes auth make the key with which the others' tokens are signed.
    await callShop(running, "/souk.auth.v1.AuthService/Register", {
      email: "bench@example.com",
      password: "correct horse battery",
      firstName: "Ben",
      lastName: "Ch",
    });
    const shop = planShop(size);
    await fillShop(running, shop, tell);
    await doWithoutMemory(running);
    const numbers = callersOf(shop);
    const ids = numbers.map((number) => customerId(shop, number));
    const tokens = await signTokens(running, ids);
    const [staff] = (await signTokens(running, [customerId(shop, 0)], "admin")) as [string];
    const customers = new Map(numbers.map((number, index) => [number, tokens[index] as string]));
    const scene = await setScene(running, shop, { customers, staff });
    return { running, scene, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What is remembered of answers is measured elsewhere. */
async function doWithoutMemory({ config }: RunningShop): Promise<void> {
  const redis = new Redis({ port: config.ports.redis, host: "127.0.0.1", maxRetriesPerRequest: 1 });
  try {
    await redis.config("SET", "maxmemory", "1");
  } finally {
    redis.disconnect();
  }
}

/** A path that is being measured in a shop. */
interface Measured {
  readonly running: RunningShop;
  readonly path: ScalePath;
  readonly orders: number;
  readonly requests: readonly PlannedRequest[];
  /** Those for which statements are counted: some may be sent only once. */
  readonly counted: readonly PlannedRequest[];
  readonly loads: LoadResult[];
}

function prepare(running: RunningShop, path: ScalePath, scene: Scene): Measured {
  const requests = path.plan(scene);
  const counted = requests.splice(0, COUNTS * CALLS_COUNTED);
  return { running, path, orders: scene.shop.orders, requests, counted, loads: [] };
}

async function measure({ running, path, requests, loads }: Measured, round: number): Promise<void> {
  const once = path.once ?? false;
  const share = Math.floor(requests.length / ROUNDS);
  const load = await sendLoad(
    {
      host: "127.0.0.1",
      port: running.config.ports.edge,
      callers: CALLERS,
      warmUpMs: WARM_UP_MS,
      warmUpCalls: 0,
      measureMs: once ? MEASURE_ONCE_MS : MEASURE_MS,
      once,
      requests: once ? requests.slice(round * share, (round + 1) * share) : requests,
    },
    async () => {},
  );
  loads.push(load);
}

async function figureOf({ running, path, counted, loads }: Measured): Promise<PathFigure> {
  // What a cart costs its owner is kept when it is first told.
  if (path.once !== true) await call(running, counted);
  return { path, load: sumLoads(loads), statements: await statementsPerCall(running, counted) };
}

async function call({ config }: RunningShop, requests: readonly PlannedRequest[]): Promise<void> {
  for (const { path, body, headers } of requests) {
    const answer = await fetch(`http://127.0.0.1:${config.ports.edge}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
    await answer.arrayBuffer();
  }
}

/** The least of some counts: events and jobs send some of their own meanwhile. */
async function statementsPerCall(running: RunningShop, requests: readonly PlannedRequest[]): Promise<number> {
  const count = () => countStatements(running, "colocated");
  // To count takes statements, too.
  let toCount = Number.POSITIVE_INFINITY;
  for (let run = 0, last = await count(); run < COUNTS; run++) {
    const now = await count();
    toCount = Math.min(toCount, now - last);
    last = now;
  }
  const counts: number[] = [];
  for (let run = 0; run < COUNTS; run++) {
    let last = await count();
    await call(running, requests.slice(run * CALLS_COUNTED, (run + 1) * CALLS_COUNTED));
    let sent = 0;
    // What calls set off goes on after their answers.
    for (let looks = 0, more = 1; more > 0 && looks <= MOST_LOOKS; looks++) {
      if (looks > 0) await delay(SETTLE_MS);
      const now = await count();
      more = now - last - toCount;
      sent += more;
      last = now;
    }
    counts.push(sent / CALLS_COUNTED);
  }
  return Math.round(Math.min(...counts));
}
