import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runScript } from "../../deploy/local/run-script.ts";
import { writeCatalogue } from "./catalogue.ts";
import { signCustomers } from "./customers.ts";
import { type LoadResult, type PlannedRequest, sendLoad } from "./load.ts";
import { type ByOwner, cpuSeconds, processTree } from "./processes.ts";
import { type Layout, makePremises, type RunningShop } from "./running-shop.ts";
import {
  cartRequests,
  type KnownCatalogue,
  orderRequests,
  post,
  readCatalogue,
  readingRequests,
  SHOP_PATHS,
  type ShopPath,
} from "./shop-paths.ts";
import { countStatements } from "./statements.ts";

/** What was measured of one path by one way to it. */
export interface ShopFigure {
  readonly path: ShopPath;
  /** By which way the calls came. */
  readonly way: string;
  readonly load: LoadResult;
  /** Processor time, what came after the answers included, in seconds. */
  readonly cpu: ByOwner;
  readonly statementsPerCall: number;
}

const PRODUCTS = 1_000;
const CALLERS = 16;
const WARM_UP_MS = Number(process.env["BENCH_WARM_UP_MS"] ?? 1_000);
const MEASURE_MS = Number(process.env["BENCH_MS"] ?? 3_000);
/** More than are served in the time of warm-up and measurement. */
const CUSTOMERS = Number(process.env["BENCH_CUSTOMERS"] ?? 6_000);
const QUIET_CORES = 0.1;
const QUIET_WITHIN_MS = 10_000;

/**
 * Measures five paths through a shop of 1,000 products with 3,000 variants, called over JSON: through
 * Envoy, past its edge straight to the gateway, without any Envoy, and in one process.
 */
export async function measureShop(told: (figure: ShopFigure) => void, only?: string, layouts?: string[]): Promise<void> {
  const premises = await makePremises();
  try {
    let catalogue: KnownCatalogue | undefined;
    for (const layout of ["envoy", "direct", "colocated"] as const) {
      if (layout === "envoy" && premises.envoy === undefined) continue;
      if (layouts && !layouts.includes(layout)) continue;
      const shop = await premises.open(layout);
      try {
        catalogue ??= await stock(shop);
        await measureLayout(shop, layout, catalogue, told, only);
      } finally {
        await shop.stop();
      }
    }
  } finally {
    premises.remove();
  }
}

async function stock(shop: RunningShop): Promise<KnownCatalogue> {
  const file = join(shop.config.dataDir, "bench.csv");
  writeFileSync(file, writeCatalogue(PRODUCTS));
  await runScript("deploy/local/import-catalogue.ts", [file, "EUR"], shop.env);
  await post(shop, "/souk.auth.v1.AuthService/Register", {
    ...{ email: "bench@example.com", password: "correct horse battery" },
    ...{ firstName: "Ben", lastName: "Ch" },
  });
  return readCatalogue(shop);
}

async function measureLayout(
  shop: RunningShop,
  layout: Layout,
  catalogue: KnownCatalogue,
  told: (figure: ShopFigure) => void,
  only?: string,
): Promise<void> {
  const { edge, programs } = shop.config.ports;
  const ways =
    layout === "envoy"
      ? [
          { way: "Envoy", port: edge },
          { way: "gateway", port: programs["gateway"] as number },
        ]
      : [{ way: layout, port: edge }];
  const customers = new Map<string, string[]>();
  for (const { way } of ways) customers.set(way, await signCustomers(shop, CUSTOMERS));
  for (const path of SHOP_PATHS) {
    if (only && path.name !== only && !(only === "order" && path.name === "cart")) continue;
    for (const { way, port } of ways) {
      const tokens = customers.get(way) as string[];
      const requests = requestsOf(path, catalogue, tokens);
      const figure = await measure(shop, layout, way, port, path, requests);
      // Who has a cart now can order.
      if (path.name === "cart") customers.set(way, tokens.slice(0, figure.load.used));
      told(figure);
    }
  }
}

function requestsOf({ name }: ShopPath, catalogue: KnownCatalogue, tokens: readonly string[]): PlannedRequest[] {
  if (name === "cart") return cartRequests(tokens, catalogue);
  if (name === "order") return orderRequests(tokens);
  return readingRequests(name, catalogue);
}

async function measure(
  shop: RunningShop,
  layout: Layout,
  way: string,
  port: number,
  path: ShopPath,
  requests: readonly PlannedRequest[],
): Promise<ShopFigure> {
  let before = { cpu: cpuSeconds([]), statements: 0 };
  const reading = async () => {
    await untilQuiet(shop);
    return { cpu: cpuSeconds(processTree(shop.pid)), statements: await countStatements(shop, layout) };
  };
  const load = await sendLoad(
    {
      ...{ host: "127.0.0.1", port, callers: CALLERS, warmUpMs: WARM_UP_MS, measureMs: MEASURE_MS },
      ...{ once: path.once, requests },
    },
    async () => {
      before = await reading();
    },
  );
  const after = await reading();
  return {
    path,
    way,
    load,
    cpu: {
      ours: after.cpu.ours - before.cpu.ours,
      envoy: after.cpu.envoy - before.cpu.envoy,
      stores: after.cpu.stores - before.cpu.stores,
    },
    statementsPerCall: (after.statements - before.statements) / load.calls,
  };
}

/** What calls set off, events and mails, goes on after their answers; it counts as well. */
async function untilQuiet({ pid }: RunningShop): Promise<void> {
  const until = performance.now() + QUIET_WITHIN_MS;
  const used = () => Object.values(cpuSeconds(processTree(pid))).reduce((sum, part) => sum + part, 0);
  for (let before = used(), now: number; performance.now() < until; before = now) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    now = used();
    if (now - before < QUIET_CORES * 0.3) return;
  }
}
