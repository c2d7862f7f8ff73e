import { uuidv7 } from "uuidv7";
import type { Principal } from "#kit/principal.ts";
import type { TimelineKindName } from "./after-sale/after-sale.ts";
import type { OrderSql, OrderTransaction } from "./database.ts";

/** What is written down of something that happened to an order. */
export interface Happening {
  readonly orderId: string;
  readonly kind: TimelineKindName;
  /** In words, for people. */
  readonly text: string;
  /** The account that did it; "" when a guest did, or the shop on its own. */
  readonly actorId: string;
  /** The shipment, return or refund that it is about. */
  readonly referenceId?: string;
  /** Left out, the customer sees it. */
  readonly visibleToCustomer?: boolean;
}

/** An entry of a timeline as it is stored. */
export type StoredEntry = Awaited<ReturnType<typeof readTimeline>>[number];

/**
 * Writes down what happened to an order, with the statement that ends the transaction in which it happened.
 *
 * @param tx the transaction
 * @param happening what happened
 * @returns its entry
 */
export function writeDown(
  tx: OrderTransaction,
  { orderId, kind, text, actorId, referenceId = "", visibleToCustomer = true }: Happening,
): StoredEntry {
  // The time is ours, as in the id, for the row is stored when the transaction ends.
  const entry: StoredEntry = {
    id: uuidv7(),
    order_id: orderId,
    kind,
    text,
    actor_id: actorId,
    reference_id: referenceId,
    visible_to_customer: visibleToCustomer,
    create_time: new Date(),
  };
  tx.finishWith(tx.sql.insertInto("order_timeline").values(entry).compile());
  return entry;
}

/**
 * The account on whose behalf something is done; "" for guests, for the shop itself and for operators' programs.
 *
 * @param scope the work
 */
export function actorOf({ principal }: { readonly principal: Principal }): string {
  return principal.kind === "user" ? principal.id : "";
}

/**
 * What happened to an order, the newest first.
 *
 * @param db where to read
 * @param orderId the order
 * @param filter for whom, how many at most, and the entry after which to go on
 */
export function readTimeline(
  db: OrderSql,
  orderId: string,
  { forStaff, notesOnly = false, limit, before }: TimelineFilter,
) {
  return db
    .selectFrom("order_timeline")
    .selectAll()
    .where("order_id", "=", orderId)
    .$if(!forStaff, (query) => query.where("visible_to_customer", "=", true))
    .$if(notesOnly, (query) => query.where("kind", "=", "NOTE"))
    .$if(before !== undefined, (query) => query.where("id", "<", before as string))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

/** Which part of a timeline is read. */
export interface TimelineFilter {
  readonly forStaff: boolean;
  readonly notesOnly?: boolean;
  readonly limit: number;
  readonly before?: string | undefined;
}
