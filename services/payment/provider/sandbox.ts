import { setTimeout as sleep } from "node:timers/promises";
import { type RawBuilder, type Selectable, sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { violates } from "#kit/data/failure.ts";
import type { Tables } from "#kit/data/tables.ts";
import { uuidBefore } from "#kit/data/uuid-before.ts";
import { money } from "#kit/money.ts";
import type { PaymentDatabase } from "../database.ts";
import type { entities } from "../entities.ts";
import type {
  AuthorizationRequest,
  CaptureRequest,
  Charge,
  PaymentProvider,
  RefundRequest,
  WebhookNotice,
} from "./provider.ts";
import { WebhookRefused } from "./provider.ts";
import { checkSandboxSignature } from "./sandbox-signature.ts";
import { type Behaviour, behaviourOf } from "./sandbox-tokens.ts";

/** How the sandbox works. */
export interface SandboxOptions {
  /** How long it works on each request before it takes effect, in ms. */
  readonly latencyMs: number;
  /** How long it sets money aside, in ms. */
  readonly holdMs: number;
  /** What it signs its webhooks with. */
  readonly webhookSecret: string;
}

/** How long its customers have to confirm, in ms. */
const CONFIRM_MS = 3_600_000;
const PAGE = 500;

/**
 * Makes a payment provider that moves no money. It stands for an outside system: it keeps books of
 * its own in the schema `sandbox`, each request is one statement, and it goes on with a request for
 * whose answer nobody waits any more.
 *
 * @param db where it keeps its books
 * @param options how it works
 */
export function sandboxProvider(db: PaymentDatabase, options: SandboxOptions): PaymentProvider {
  const books = db.sql.withSchema("sandbox");

  async function work(): Promise<void> {
    if (options.latencyMs > 0) await sleep(options.latencyMs);
  }

  function find(column: "id" | "idempotency_key", value: string): Promise<ChargeRow | undefined> {
    return books.selectFrom("charge").selectAll().where(column, "=", value).executeTakeFirst();
  }

  async function need(chargeId: string): Promise<ChargeRow> {
    const charge = await find("id", chargeId);
    if (charge === undefined) throw new Error(`the sandbox has no charge ${chargeId}`);
    return charge;
  }

  function findMovement(key: string) {
    return books.selectFrom("movement").selectAll().where("idempotency_key", "=", key).executeTakeFirst();
  }

  /** Changes a charge and notes it, in one statement; of equal requests at once, one does. */
  async function move(
    kind: "capture" | "refund",
    { chargeId, idempotencyKey, amount }: CaptureRequest | RefundRequest,
    change: RawBuilder<unknown>,
  ): Promise<boolean> {
    // A capture and a refund may be named alike.
    const key = `${kind}/${idempotencyKey}`;
    if ((await findMovement(key)) !== undefined) return true;
    try {
      const { numAffectedRows } = await sql`with changed as (${change} returning id)
        insert into sandbox.movement (idempotency_key, charge_id, kind, amount_minor)
        select ${key}, ${chargeId}, ${kind}, ${amount.minor} from changed`.execute(books);
      // Of equal requests at once, the others find nothing left to change.
      return numAffectedRows === 1n || (await findMovement(key)) !== undefined;
    } catch (error) {
      if (violates(error, "movement_pkey")) return true;
      throw error;
    }
  }

  return {
    name: "sandbox",

    async authorize(request, signal) {
      const behaviour = behaviourOf(request.token, request.returnUri);
      await work();
      if (behaviour.kind === "say nothing") return silence(signal);
      const made = await books
        .insertInto("charge")
        .values(newCharge(request, behaviour, options.holdMs))
        .onConflict((conflict) => conflict.column("idempotency_key").doNothing())
        .returningAll()
        .executeTakeFirst();
      if (made !== undefined && behaviour.kind === "authorize and lose the answer") return silence(signal);
      if (made !== undefined) return toCharge(made);
      const before = await find("idempotency_key", request.idempotencyKey);
      return toCharge(requireSameRequest(before, request));
    },

    async capture(request) {
      const { chargeId, amount, final } = request;
      await work();
      const taken = await move(
        "capture",
        request,
        sql`update sandbox.charge
          set captured_minor = captured_minor + ${amount.minor},
              status = case when ${final}::boolean or captured_minor + ${amount.minor} = amount_minor
                            then 'captured' else 'partially_captured' end
          where id = ${chargeId} and status in ('authorized', 'partially_captured')
            and captured_minor + ${amount.minor} <= amount_minor`,
      );
      return { charge: toCharge(await need(chargeId)), taken };
    },

    async void(chargeId) {
      await work();
      const finished = await books
        .updateTable("charge")
        .set({
          status: sql<ChargeRow["status"]>`case when captured_minor = 0 then 'voided' else 'captured' end`,
        })
        .where("id", "=", chargeId)
        .where("status", "in", ["action_required", "authorized", "partially_captured"])
        .returningAll()
        .executeTakeFirst();
      return toCharge(finished ?? (await need(chargeId)));
    },

    async refund(request) {
      const { chargeId, amount } = request;
      await work();
      if ((await need(chargeId)).refunds_fail) return { status: "failed", failureReason: "account_closed" };
      const given = await move(
        "refund",
        request,
        sql`update sandbox.charge set refunded_minor = refunded_minor + ${amount.minor}
          where id = ${chargeId} and refunded_minor + ${amount.minor} <= captured_minor`,
      );
      return given ? { status: "succeeded" } : { status: "failed", failureReason: "charge_already_refunded" };
    },

    async get(chargeId) {
      await work();
      const decided = await books
        .updateTable("charge")
        .set({
          status: sql<
            ChargeRow["status"]
          >`case customer when 'confirms' then 'authorized' else 'declined' end`,
          decline_reason: sql<string | null>`case customer when 'refuses' then 'authentication_failed' end`,
          expire_time: sql<Date>`now() + ${options.holdMs} * interval '1 millisecond'`,
        })
        .where("id", "=", chargeId)
        .where("status", "=", "action_required")
        .where("customer", "in", ["confirms", "refuses"])
        .returningAll()
        .executeTakeFirst();
      return toCharge(decided ?? (await need(chargeId)));
    },

    async findByIdempotencyKey(key) {
      await work();
      const found = await find("idempotency_key", key);
      return found && toCharge(found);
    },

    async *list(from, until) {
      // Its ids are in the order of time.
      let after = `ch_${uuidBefore(from.getTime())}`;
      for (;;) {
        const page = await books
          .selectFrom("charge")
          .selectAll()
          .where("id", ">", after)
          .where("id", "<", `ch_${uuidBefore(until.getTime())}`)
          .orderBy("id")
          .limit(PAGE)
          .execute();
        yield* page.map(toCharge);
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE) return;
        after = last.id;
      }
    },

    readWebhook(body, signature) {
      checkSandboxSignature(options.webhookSecret, body, signature);
      return readNotice(body);
    },
  };
}

type ChargeRow = Selectable<Tables<typeof entities>["charge"]>;

function newCharge(
  { idempotencyKey, amount, returnUri }: AuthorizationRequest,
  behaviour: Behaviour,
  holdMs: number,
) {
  const asks = behaviour.kind === "ask the customer";
  const declines = behaviour.kind === "decline";
  return {
    id: `ch_${uuidv7()}`,
    idempotency_key: idempotencyKey,
    amount_minor: amount.minor,
    currency: amount.currency,
    status: asks ? ("action_required" as const) : declines ? ("declined" as const) : ("authorized" as const),
    decline_reason: declines ? behaviour.reason : null,
    customer: asks ? behaviour.customer : null,
    return_uri: asks ? (returnUri ?? null) : null,
    refunds_fail: behaviour.kind === "authorize" && behaviour.refundsFail === true,
    captured_minor: 0n,
    refunded_minor: 0n,
    expire_time: declines ? null : new Date(Date.now() + (asks ? CONFIRM_MS : holdMs)),
  };
}

function requireSameRequest(
  before: ChargeRow | undefined,
  { idempotencyKey, amount }: AuthorizationRequest,
): ChargeRow {
  if (before?.amount_minor === amount.minor && before.currency === amount.currency) return before;
  throw new Error(`the sandbox has a charge of another amount under the idempotency key ${idempotencyKey}`);
}

function toCharge(row: ChargeRow): Charge {
  return {
    id: row.id,
    idempotencyKey: row.idempotency_key,
    status: row.status,
    amount: money(row.amount_minor, row.currency),
    captured: row.captured_minor,
    refunded: row.refunded_minor,
    declineReason: row.decline_reason ?? undefined,
    actionUri: row.status === "action_required" ? pageOf(row) : undefined,
    expireTime: row.expire_time ?? undefined,
  };
}

/** Its customers decide without a page: they are sent straight back. */
function pageOf({ return_uri, idempotency_key }: ChargeRow): string {
  const uri = new URL(return_uri as string);
  uri.searchParams.set("payment_id", idempotency_key);
  return uri.toString();
}

/** What the sandbox sends is JSON: {"id": ..., "type": ..., "charge": ..., "idempotencyKey": ...}. */
function readNotice(body: Uint8Array): WebhookNotice {
  let notice: Record<string, unknown> | null;
  try {
    notice = JSON.parse(Buffer.from(body).toString());
  } catch (cause) {
    throw new WebhookRefused("the body is not JSON", { cause });
  }
  const { id, type, charge, idempotencyKey } = notice ?? {};
  if (typeof id !== "string" || typeof type !== "string") {
    throw new WebhookRefused('the body has no "id" and "type"');
  }
  const textOf = (value: unknown) => (typeof value === "string" ? value : undefined);
  return { id, type, chargeId: textOf(charge), idempotencyKey: textOf(idempotencyKey) };
}

/** What a caller hears of a request whose answer never comes. */
function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const hangUp = () => reject(signal.reason);
    if (signal.aborted) hangUp();
    else signal.addEventListener("abort", hangUp, { once: true });
  });
}
