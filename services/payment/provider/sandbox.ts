import { setTimeout as sleep } from "node:timers/promises";
import type { Selectable } from "kysely";
import { uuidv7 } from "uuidv7";
import type { Tables } from "#kit/data/tables.ts";
import type { PaymentDatabase } from "../database.ts";
import type { entities } from "../entities.ts";
import type { AuthorizationRequest, Charge, PaymentProvider } from "./provider.ts";

/** What the sandbox does with a token. */
type Behaviour =
  | { readonly kind: "authorize" }
  | { readonly kind: "authorize and lose the answer" }
  | { readonly kind: "decline"; readonly reason: string }
  | { readonly kind: "say nothing" };

/**
 * The tokens of the sandbox:
 *
 * | token | what happens |
 * |---|---|
 * | `tok_visa`, `tok_mastercard` | the money is set aside |
 * | `tok_declined` | declined, `card_declined` |
 * | `tok_insufficient_funds` | declined, `insufficient_funds` |
 * | `tok_expired_card` | declined, `expired_card` |
 * | `tok_timeout` | no answer until the deadline, and no charge |
 * | `tok_answer_lost` | the money is set aside, but the first answer never comes; asking again finds it |
 * | anything else | declined, `unknown_token` |
 */
const BEHAVIOURS: ReadonlyMap<string, Behaviour> = new Map<string, Behaviour>([
  ["tok_visa", { kind: "authorize" }],
  ["tok_mastercard", { kind: "authorize" }],
  ["tok_declined", { kind: "decline", reason: "card_declined" }],
  ["tok_insufficient_funds", { kind: "decline", reason: "insufficient_funds" }],
  ["tok_expired_card", { kind: "decline", reason: "expired_card" }],
  ["tok_timeout", { kind: "say nothing" }],
  ["tok_answer_lost", { kind: "authorize and lose the answer" }],
]);

const UNKNOWN_TOKEN: Behaviour = { kind: "decline", reason: "unknown_token" };

/**
 * Makes a payment provider that moves no money. It stands for an outside system: it keeps books of
 * its own in the schema `sandbox`, each request is a transaction of its own, and it goes on with a
 * request for whose answer nobody waits any more.
 *
 * @param db where it keeps its books
 * @param latencyMs how long it works on each request before it takes effect, in ms
 */
export function sandboxProvider(db: PaymentDatabase, latencyMs: number): PaymentProvider {
  const books = db.sql.withSchema("sandbox");

  async function work(): Promise<void> {
    if (latencyMs > 0) await sleep(latencyMs);
  }

  function find(column: "id" | "idempotency_key", value: string): Promise<ChargeRow | undefined> {
    return books.selectFrom("charge").selectAll().where(column, "=", value).executeTakeFirst();
  }

  async function finish(chargeId: string, status: "captured" | "voided"): Promise<Charge> {
    await work();
    const finished = await books
      .updateTable("charge")
      .set({ status })
      .where("id", "=", chargeId)
      .where("status", "=", "authorized")
      .returningAll()
      .executeTakeFirst();
    const charge = finished ?? (await find("id", chargeId));
    if (charge === undefined) throw new Error(`the sandbox has no charge ${chargeId}`);
    return toCharge(charge);
  }

  return {
    name: "sandbox",

    async authorize(request, signal) {
      const behaviour = BEHAVIOURS.get(request.token) ?? UNKNOWN_TOKEN;
      await work();
      if (behaviour.kind === "say nothing") return silence(signal);
      const made = await books
        .insertInto("charge")
        .values(newCharge(request, behaviour))
        .onConflict((conflict) => conflict.column("idempotency_key").doNothing())
        .returningAll()
        .executeTakeFirst();
      if (made !== undefined && behaviour.kind === "authorize and lose the answer") return silence(signal);
      if (made !== undefined) return toCharge(made);
      const before = await find("idempotency_key", request.idempotencyKey);
      return toCharge(requireSameRequest(before, request));
    },

    capture: (chargeId) => finish(chargeId, "captured"),

    void: (chargeId) => finish(chargeId, "voided"),

    async findByIdempotencyKey(key) {
      await work();
      const found = await find("idempotency_key", key);
      return found && toCharge(found);
    },
  };
}

type ChargeRow = Selectable<Tables<typeof entities>["charge"]>;

function newCharge({ idempotencyKey, amount }: AuthorizationRequest, behaviour: Behaviour) {
  return {
    id: `ch_${uuidv7()}`,
    idempotency_key: idempotencyKey,
    amount_minor: amount.minor,
    currency: amount.currency,
    status: behaviour.kind === "decline" ? ("declined" as const) : ("authorized" as const),
    decline_reason: behaviour.kind === "decline" ? behaviour.reason : null,
  };
}

function requireSameRequest(
  before: ChargeRow | undefined,
  { idempotencyKey, amount }: AuthorizationRequest,
): ChargeRow {
  if (before?.amount_minor === amount.minor && before.currency === amount.currency) return before;
  throw new Error(`the sandbox has a charge of another amount under the idempotency key ${idempotencyKey}`);
}

function toCharge({ id, status, decline_reason }: ChargeRow): Charge {
  return { id, status, declineReason: decline_reason ?? undefined };
}

/** What a caller hears of a request whose answer never comes. */
function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const hangUp = () => reject(signal.reason);
    if (signal.aborted) hangUp();
    else signal.addEventListener("abort", hangUp, { once: true });
  });
}
