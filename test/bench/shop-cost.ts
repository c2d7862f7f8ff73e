import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runScript } from "../../deploy/local/run-script.ts";
import { writeCatalogue } from "./catalogue.ts";
import { signCustomers } from "./customers.ts";
import { type LoadResult, sendLoad } from "./load.ts";
import { type ByOwner, cpuSeconds, processTree } from "./processes.ts";
import { type Layout, makePremises, type RunningShop } from "./running-shop.ts";
import {
  CART,
  callShop,
  type KnownCatalogue,
  readCatalogue,
  SHOP_PATHS,
  type ShopPath,
} from "./shop-paths.ts";
import { countStatements } from "./statements.ts";

/** What was measured of one path. */
export interface ShopFigure {
  readonly path: ShopPath;
  /** By which way the calls came. */
  readonly way: string;
  readonly load: LoadResult;
  /** Processor time, that of events and mails after the answers included, in seconds. */
  readonly cpu: ByOwner;
  readonly statementsPerCall: number;
}

/** A way by which calls come to a shop. */
interface Way {
  readonly name: string;
  readonly port: number;
}

const PRODUCTS = 1_000;
const CALLERS = 16;
const WARM_UP_MS = 2_000;
const MEASURE_MS = 3_000;
/** More than are served in that time. */
const CUSTOMERS = 8_000;
const LOOK_MS = 300;
/** A shop that takes less of a core than this has nothing left to do. */
const QUIET_CORES = 0.1;
const QUIET_WITHIN_MS = 6_000;

/**
 * Measures paths through a shop of 1,000 products with 3,000 variants, called with JSON by 16 callers:
 * through Envoy, past its edge, without any Envoy, and in one process.
 *
 * @param tell gets each figure when it is there
 */
export async function shopCost(tell: (figure: ShopFigure) => void): Promise<void> {
  const premises = await makePremises();
  const layouts: Layout[] = premises.envoy === undefined ? ["direct"] : ["envoy", "direct"];
  let catalogue: KnownCatalogue | undefined;
  try {
    for (const layout of [...layouts, "colocated"] as const) {
      const shop = await premises.open(layout);
      try {
        catalogue ??= await fillShelves(shop, PRODUCTS);
        await measureLayout(shop, layout, catalogue, tell);
      } finally {
        await shop.stop();
      }
    }
  } finally {
    premises.remove();
  }
}

/**
 * Puts products on sale, and has a first customer register.
 *
 * @param shop the shop
 * @param products how many
 */
export async function fillShelves(shop: RunningShop, products: number): Promise<KnownCatalogue> {
  const file = join(shop.config.dataDir, "bench.csv");
  writeFileSync(file, writeCatalogue(products));
  await runScript("deploy/local/import-catalogue.ts", [file, "EUR"], shop.env);
  // The first to register makes auth make the key with which the others' tokens are signed.
  await callShop(shop, "/souk.auth.v1.AuthService/Register", {
    email: "bench@example.com",
    password: "correct horse battery",
    firstName: "Ben",
    lastName: "Ch",
  });
  return readCatalogue(shop);
}

async function measureLayout(
  shop: RunningShop,
  layout: Layout,
  catalogue: KnownCatalogue,
  tell: (figure: ShopFigure) => void,
): Promise<void> {
  const ways = waysTo(shop, layout);
  const customers = new Map<Way, string[]>();
  for (const way of ways) customers.set(way, await signCustomers(shop, CUSTOMERS));
  for (const path of SHOP_PATHS) {
    for (const way of ways) {
      const tokens = customers.get(way) as string[];
      const figure = await measurePath(shop, layout, way, path, catalogue, tokens);
      if (path === CART) customers.set(way, tokens.slice(0, figure.load.used));
      tell(figure);
    }
  }
}

function waysTo({ config }: RunningShop, layout: Layout): Way[] {
  const { edge, programs } = config.ports;
  if (layout === "direct") return [{ name: "no Envoy", port: edge }];
  if (layout === "colocated") return [{ name: "one process", port: edge }];
  return [
    { name: "Envoy", port: edge },
    { name: "gateway", port: programs["gateway"] as number },
  ];
}

async function measurePath(
  shop: RunningShop,
  layout: Layout,
  way: Way,
  path: ShopPath,
  catalogue: KnownCatalogue,
  tokens: readonly string[],
): Promise<ShopFigure> {
  const read = async () => {
    await untilQuiet(shop);
    return { cpu: cpuSeconds(processTree(shop.pid)), statements: await countStatements(shop, layout) };
  };
  let before = await read();
  const load = await sendLoad(
    {
      host: "127.0.0.1",
      port: way.port,
      callers: CALLERS,
      warmUpMs: WARM_UP_MS,
      warmUpCalls: path.goal.calls / 2,
      measureMs: MEASURE_MS,
      once: path.once,
      requests: path.plan(catalogue, tokens),
    },
    async () => {
      before = await read();
    },
  );
  const after = await read();
  const used = (owner: keyof ByOwner) => after.cpu[owner] - before.cpu[owner];
  return {
    path,
    way: way.name,
    load,
    cpu: { ours: used("ours"), envoy: used("envoy"), stores: used("stores") },
    statementsPerCall: (after.statements - before.statements) / load.calls,
  };
}

/** What calls set off goes on after their answers. */
async function untilQuiet({ pid }: RunningShop): Promise<void> {
  const used = () => Object.values(cpuSeconds(processTree(pid))).reduce((sum, part) => sum + part, 0);
  const until = performance.now() + QUIET_WITHIN_MS;
  for (let before = used(), now = before; performance.now() < until; before = now) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    now = used();
    if (now - before < (QUIET_CORES * LOOK_MS) / 1000) return;
  }
}
