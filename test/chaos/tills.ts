import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { migrate } from "#kit/data/migrate.ts";
import type { SagaMoment } from "#kit/saga/run-saga.ts";
import { order } from "../../services/order/service.ts";
import { createDatabase, type Teardown } from "../stores.ts";
import { type KillableProcess, startProcess } from "./process.ts";
import type { Shop } from "./shop.ts";

/** An order service in a process and with a database of its own, to be killed and started again. */
export interface Till {
  /** The URL of its database. */
  readonly database: string;
  /** Where it is now, as "host:port". */
  address(): string;
  /** Has it kill itself at a moment of the next saga that comes there. */
  killItselfAt(moment: Pick<SagaMoment, "step" | "phase" | "direction">): Promise<void>;
  /** Waits until it has died, and starts it again. */
  revive(): Promise<void>;
}

/** Some order services of one shop, each used by one test at a time. */
export interface Tills {
  /** Does something with a till as soon as one is free. */
  use<R>(work: (till: Till) => Promise<R>): Promise<R>;
}

/**
 * Opens order services of a shop. Several, because a saga that lost its process is taken over only when its lease
 * has ended: while one waits for that, others are killed.
 *
 * @param t the test after which they are killed
 * @param shop the shop
 * @param most how many
 * @param env more settings
 */
export function openTills(
  t: Teardown,
  shop: Shop,
  most: number,
  env: Readonly<Record<string, string>>,
): Tills {
  const free: Till[] = [];
  const waiting: ((till: Till) => void)[] = [];
  let opened = 0;

  async function take(): Promise<Till> {
    const till = free.pop();
    if (till !== undefined) return till;
    if (opened < most) {
      opened++;
      return openTill(t, shop, env);
    }
    return new Promise((resolve) => waiting.push(resolve));
  }

  function giveBack(till: Till): void {
    const next = waiting.shift();
    if (next === undefined) free.push(till);
    else next(till);
  }

  return {
    async use(work) {
      const till = await take();
      try {
        return await work(till);
      } finally {
        giveBack(till);
      }
    },
  };
}

async function openTill(t: Teardown, shop: Shop, env: Readonly<Record<string, string>>): Promise<Till> {
  const { url: database } = await createDatabase(t);
  await migrate(database, order.migrations);
  const run = () => startProcess(t, "order", shop.env({ ...env, ORDER_DATABASE_URL: database }));
  let process: KillableProcess = await run();
  const address = () => `127.0.0.1:${process.ports["grpc"]}`;
  // Each order uses it, so that its count shows whether one was used twice or not given back.
  await shop.call(PromotionService, { caller: "operator" }, address()).createPromotion({
    terms: {
      displayName: "For everyone",
      usageLimit: 1_000n,
      usageLimitPerCustomer: 10n,
      effect: { case: "percentageOff", value: { ratePpm: 100_000 } },
    },
  });
  return {
    database,
    address,
    killItselfAt: (moment) => process.killItselfAt(moment),
    async revive() {
      await process.died();
      process = await run();
    },
  };
}
