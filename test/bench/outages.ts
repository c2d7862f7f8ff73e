import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { sendSignal } from "../../deploy/local/process.ts";
import { type Faults, openBooks } from "./audit-shop.ts";
import { type Attempt, type Purchase, sendBuyers } from "./buyers.ts";
import { signCustomers } from "./customers.ts";
import { makePremises, type RunningShop } from "./running-shop.ts";
import { fillShelves } from "./shop-cost.ts";

/** A part of the shop that was away for a while, and what customers noticed. */
export interface Outage {
  readonly part: string;
  readonly awayMs: number;
  /** Calls that had to be repeated, from when it went until the next one did. */
  readonly repeated: number;
  /** Orders that were confirmed while it was away. */
  readonly confirmed: number;
  /** From when its process ran again to the first order that was asked for and confirmed since; undefined: never. */
  readonly againMs: number | undefined;
}

/** What came of it all. */
export interface OutagesResult {
  readonly outages: readonly Outage[];
  readonly purchases: readonly Purchase[];
  readonly faults: Faults;
}

const PARTS = ["redis", "nats", "payment", "inventory", "order"];
const PRODUCTS = 20;
/** More than come in that time. */
const CUSTOMERS = 2_000;
const CALM_MS = 2_000;
const AWAY_MS = 3_000;
/** How long it may take until it runs, and until the next order is confirmed, in ms. */
const AGAIN_WITHIN_MS = 20_000;
const LOOK_MS = 10;
/** An open breaker lets nothing through for so long, in ms; left at its 30 s, these outages would last minutes. */
export const BREAKER_MS = 2_000;

/**
 * Kills parts of a shop of one process each while customers order: each is killed again whenever its supervisor has
 * started it, for some seconds. Then the books are compared.
 */
export async function outages(): Promise<OutagesResult> {
  const premises = await makePremises({ SOUK_BREAKER_RESET_MS: String(BREAKER_MS) });
  try {
    const shop = await premises.open("direct");
    try {
      return await breakParts(shop);
    } finally {
      await shop.stop();
    }
  } finally {
    premises.remove();
  }
}

async function breakParts(shop: RunningShop): Promise<OutagesResult> {
  const { variantIds } = await fillShelves(shop, PRODUCTS);
  const tokens = await signCustomers(shop, CUSTOMERS);
  const books = await openBooks(shop, variantIds);
  const buyers = sendBuyers(shop, variantIds, tokens);
  try {
    const found: Outage[] = [];
    for (const part of PARTS) {
      await delay(CALM_MS);
      found.push(await breakPart(shop, part, buyers.attempts));
    }
    await delay(CALM_MS);
    await buyers.stop();
    return {
      outages: found,
      purchases: buyers.purchases,
      faults: await books.audit(buyers.purchases),
    };
  } finally {
    await buyers.stop();
    await books.close();
  }
}

async function breakPart(shop: RunningShop, part: string, attempts: readonly Attempt[]): Promise<Outage> {
  const first = attempts.length;
  const goneAt = performance.now();
  while (performance.now() < goneAt + AWAY_MS) {
    const pid = pidOf(shop, part);
    if (pid !== undefined) sendSignal(pid, "SIGKILL");
    await delay(LOOK_MS);
  }
  while (pidOf(shop, part) === undefined && performance.now() < goneAt + AWAY_MS + AGAIN_WITHIN_MS)
    await delay(LOOK_MS);
  const backAt = performance.now();
  const again = () => attempts.find(({ startedAt, confirmed }) => confirmed && startedAt >= backAt);
  while (again() === undefined && performance.now() < backAt + AGAIN_WITHIN_MS) await delay(LOOK_MS);
  const since = attempts.slice(first);
  const success = again();
  return {
    part,
    awayMs: backAt - goneAt,
    repeated: since.filter(({ failed }) => failed).length,
    confirmed: since.filter(
      ({ confirmed, startedAt, endedAt }) => confirmed && startedAt >= goneAt && endedAt < backAt,
    ).length,
    againMs: success === undefined ? undefined : success.endedAt - backAt,
  };
}

/** The process of a part of the shop; undefined while there is none. */
function pidOf({ config }: RunningShop, part: string): number | undefined {
  try {
    return JSON.parse(readFileSync(join(config.dataDir, "run", `${part}.pid`), "utf8")).pid;
  } catch {
    // It is removed when the process has died, and may be read while it is written.
    return undefined;
  }
}
