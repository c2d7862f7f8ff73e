import type { Logger } from "pino";
import { type Changes, listenForChanges } from "#kit/data/changes.ts";
import type { Signal } from "#kit/data/signal.ts";

/** Tells those who wait that an order changed. */
export type OrderChanges = Changes;

/** The net under it: how often an order is looked at anyway by those who wait, in ms. */
export const POLL_MS = 1_000;

/**
 * Opens the one ear of a process for changes of orders.
 *
 * @param url order's database
 * @param bell rings for the orders that this process changed
 * @param log told when the connection breaks
 */
export function listenForOrderChanges(url: string, bell: Signal<string>, log: Logger): OrderChanges {
  return listenForChanges(url, "order_changed", bell, log);
}
