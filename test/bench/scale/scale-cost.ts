import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { signTokens } from "../customers.ts";
import { type LoadResult, type PlannedRequest, sendLoad } from "../load.ts";
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
const WARM_UP_MS = 600;
const MEASURE_MS = 1_800;
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
 * Generates a small shop and a large one, and measures each call in the one right after the other, so that both find the
 * machine alike. Nothing is remembered between calls, so that each reaches the databases.
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
    for (const [index, { running, scene }] of [few, many].entries()) {
      const figure = await measurePath(running, path, scene);
      figures[index]?.push(figure);
      const { load, statements } = figure;
      const times = `p50 ${load.p50Ms.toFixed(2)} p99 ${load.p99Ms.toFixed(2)} ms`;
      tell(`${path.name}, ${scene.shop.orders} orders: ${times}, ${statements} statements`);
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

async function measurePath(running: RunningShop, path: ScalePath, scene: Scene): Promise<PathFigure> {
  const requests = path.plan(scene);
  // Those that may be sent only once are sent by one or the other.
  const counted = requests.splice(0, COUNTS * CALLS_COUNTED);
  const load = await sendLoad(
    {
      host: "127.0.0.1",
      port: running.config.ports.edge,
      callers: CALLERS,
      warmUpMs: WARM_UP_MS,
      warmUpCalls: 0,
      measureMs: MEASURE_MS,
      once: path.once ?? false,
      requests,
    },
    async () => {},
  );
  // What a cart costs its owner is kept when it is first told.
  if (path.once !== true) await call(running, counted);
  return { path, load, statements: await statementsPerCall(running, counted) };
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

/** The least of some counts: now and then a job sends some of its own meanwhile. */
async function statementsPerCall(running: RunningShop, requests: readonly PlannedRequest[]): Promise<number> {
  const count = () => countStatements(running, "colocated");
  const counts: number[] = [];
  for (let run = 0; run < COUNTS; run++) {
    const before = await count();
    const between = await count();
    // To count takes statements, too.
    const toCount = between - before;
    await call(running, requests.slice(run * CALLS_COUNTED, (run + 1) * CALLS_COUNTED));
    // What calls set off goes on after their answers.
    let [last, after] = [between, await count()];
    let sent = after - between - toCount;
    for (let looks = 0; after - last > toCount && looks < MOST_LOOKS; looks++) {
      await delay(SETTLE_MS);
      [last, after] = [after, await count()];
      sent += after - last - toCount;
    }
    counts.push(Math.round(sent / CALLS_COUNTED));
  }
  return Math.min(...counts);
}
