import { randomUUID } from "node:crypto";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { order } from "../../services/order/service.ts";
import { createMigratedDatabase } from "../migrated-database.ts";
import type { Teardown } from "../stores.ts";
import type { Auditor, Books } from "./books.ts";
import { insist } from "./insist.ts";
import { describe, isEnd, type Moment } from "./moments.ts";
import { type KillableProcess, startProcess } from "./process.ts";
import { type Customer, type Shop, type Visit, visit } from "./shop.ts";

/** A saga that lost its process is taken over after so long, in ms. */
const LEASE_MS = 500;

/** Where tills stand. */
export interface Premises {
  readonly shop: Shop;
  readonly books: Auditor;
  /** Something on sale of which nothing was sold before. */
  newVariant(): string;
}

/** An order service in a process and with a database of its own, as one test sees it. */
export interface Till {
  /** The shop that it is of. */
  readonly shop: Shop;
  /** Something on sale of which nothing was sold before. */
  newVariant(): string;
  /** The URL of its database. */
  readonly database: string;
  /** Where it is now, as "host:port". */
  address(): string;
  /** Lets a customer in as it is now. */
  visit(customer: Customer): Visit;
  /** Waits until nothing of it is under way any more. */
  settled(): Promise<void>;
  /** What the books of all services say of one of its orders. */
  read(orderId: string, variantId: string): Promise<Books>;
  /**
   * Makes a call, kills the process when the saga of the call is at the moment of the test, and starts it again.
   *
   * @throws what the caller was told, or Error when the saga did not come to the moment
   */
  dieDuring(call: () => Promise<unknown>): Promise<never>;
}

/** Some order services of one shop, whose processes are killed. */
export interface Tills {
  /**
   * Does something with a till as soon as one is free.
   *
   * @param moment when its process is killed
   * @param work calls `dieDuring` once
   */
  use(moment: Moment, work: (till: Till) => Promise<void>): Promise<void>;
}

/** A test that waits for a till. */
interface Guest {
  readonly moment: Moment;
  readonly work: (till: Till) => Promise<void>;
  fail(error: unknown): void;
}

/** A till that goes on for as long as there are guests. */
interface Counter {
  readonly till: Omit<Till, "dieDuring">;
  process(): KillableProcess;
  /** Kills the process unless it is dead, and starts another one. */
  revive(): Promise<void>;
}

/**
 * Opens order services of a shop. To start a process costs most, so many tests share its death: their sagas stand still
 * one after another, each at its moment, until the last one's kills the process. Several tills, because a saga that lost
 * its process is taken over only when its lease has ended: while one waits for that, others are killed.
 *
 * @param t the test after which they are killed
 * @param premises where
 * @param most how many
 * @param env more settings
 */
export function openTills(
  t: Teardown,
  premises: Premises,
  most: number,
  env?: Readonly<Record<string, string>>,
): Tills {
  const waiting: Guest[] = [];
  const free: Counter[] = [];
  let open = 0;

  async function take(): Promise<Counter> {
    const counter = free.pop();
    if (counter !== undefined) return counter;
    open++;
    return openCounter(t, premises, env);
  }

  async function serve(): Promise<void> {
    if (waiting.length === 0 || (free.length === 0 && open === most)) return;
    const round = takeRound(waiting);
    try {
      const counter = await take();
      await serveRound(counter, round);
      free.push(counter);
    } catch (error) {
      open--;
      for (const guest of round) guest.fail(error);
    }
    await serve();
  }

  return {
    use: (moment, work) =>
      new Promise((resolve, reject) => {
        waiting.push({ moment, work: (till) => work(till).then(resolve, reject), fail: reject });
        // The tests of a file begin together: those that come at the same time share a round.
        setImmediate(serve);
      }),
  };
}

/**
 * Who shares a death. After its end a saga cannot stand still: what it tells of would be sent meanwhile. So whose saga is
 * killed there is the last one.
 */
function takeRound(waiting: Guest[]): Guest[] {
  const last = waiting.findIndex(({ moment }) => isEnd(moment));
  return waiting.splice(0, last === -1 ? waiting.length : last + 1);
}

async function serveRound(counter: Counter, round: readonly Guest[]): Promise<void> {
  const ready = round.map(() => Promise.withResolvers<void>());
  const turns = round.map(() => Promise.withResolvers<void>());
  const all = (steps: typeof turns) => Promise.all(steps.map(({ promise }) => promise));
  const revived = all(turns).then(() => counter.revive());
  revived.catch(() => {});

  async function serveGuest({ moment, work }: Guest, index: number): Promise<void> {
    const turn = turns[index];
    async function dieDuring(call: () => Promise<unknown>): Promise<never> {
      ready[index]?.resolve();
      await all(ready);
      await turns[index - 1]?.promise;
      const fate = index === round.length - 1 ? "die" : "stand still";
      const { reached } = await counter.process().arm(moment, fate);
      if (fate === "stand still") void reached.then(() => turn?.resolve());
      const told = await call().then(
        () => new Error("the call was answered"),
        (error: unknown) => error,
      );
      turn?.resolve();
      await revived;
      if (!(await reached)) throw new Error(`no saga was ${describe(moment)}`, { cause: told });
      throw told;
    }
    try {
      await work({ ...counter.till, dieDuring });
    } finally {
      // Nobody waits for a test that failed.
      ready[index]?.resolve();
      turn?.resolve();
    }
  }

  await Promise.all(round.map(serveGuest));
  await revived;
}

async function openCounter(
  t: Teardown,
  { shop, books, newVariant }: Premises,
  env: Readonly<Record<string, string>> = {},
): Promise<Counter> {
  const { url: database } = await createMigratedDatabase(t, order.migrations);
  const settings = { ...env, ORDER_DATABASE_URL: database, SOUK_SAGA_LEASE_MS: String(LEASE_MS) };
  const run = () => startProcess(t, "order", shop.env(settings));
  let process: KillableProcess = await run();
  const address = () => `127.0.0.1:${process.ports["grpc"]}`;
  // Each order uses it, so that its count shows whether one was used twice or not given back.
  const terms = {
    displayName: "For everyone",
    usageLimit: 1_000n,
    usageLimitPerCustomer: 10n,
    effect: { case: "percentageOff" as const, value: { ratePpm: 100_000 } },
  };
  const idempotencyKey = randomUUID();
  const promotions = shop.call(PromotionService, { caller: "operator" }, address());
  await insist(() => promotions.createPromotion({ terms }, { idempotencyKey }));
  return {
    till: {
      shop,
      newVariant,
      database,
      address,
      visit: (customer) => visit(shop, customer, address()),
      settled: () => books.settled(database),
      read: (orderId, variantId) => books.read(orderId, variantId, database),
    },
    process: () => process,
    async revive() {
      await process.kill();
      process = await run();
    },
  };
}
