import { type Selectable, sql } from "kysely";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import type { Tables } from "#kit/data/tables.ts";
import { money } from "#kit/money.ts";
import type { Scope } from "#kit/scope.ts";
import type { entities } from "./entities.ts";
import { findPayment, type Payments, type StoredPayment } from "./payment.ts";
import { CREATE_MICROSECONDS, placeOf } from "./payment-order.ts";
import type { Charge } from "./provider/provider.ts";
import { lookUp } from "./sync-payment.ts";

/** A difference as it is stored. */
export type StoredDifference = Selectable<Tables<typeof entities>["reconciliation_difference"]>;

/** Something on which the provider's books and ours differ. */
export interface Difference {
  readonly kind: StoredDifference["kind"];
  readonly paymentId?: string | undefined;
  readonly chargeId?: string | undefined;
  readonly ours?: Money | undefined;
  readonly theirs?: Money | undefined;
}

/** What a comparison came to. */
export interface Comparison {
  readonly compared: bigint;
  readonly differences: readonly Difference[];
}

const BATCH = 100;
const LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";
/** A payment that is found with another state is looked at again: it may have moved while we looked. */
const LOOKS = 2;

/**
 * Compares the charges that a provider lists for a time with our payments, both ways.
 *
 * @param from the time, from here
 * @param until to before here
 * @throws SoukError PROVIDER_UNAVAILABLE
 */
export async function compareBooks(
  payments: Payments,
  scope: Scope,
  from: Date,
  until: Date,
): Promise<Comparison> {
  const differences: Difference[] = [];
  const listed = new Set<string>();
  for await (const charges of inBatches(payments.provider.list(from, until))) {
    const ours = await paymentsOf(payments, charges);
    for (const charge of charges) {
      listed.add(charge.id as string);
      differences.push(...(await compare(payments, scope, charge, ours.get(charge.id as string))));
    }
  }
  const missing = await findMissing(payments, scope, from, until, listed);
  return {
    compared: BigInt(listed.size) + missing.compared,
    differences: [...differences, ...missing.differences],
  };
}

async function* inBatches(charges: AsyncIterable<Charge>): AsyncIterable<Charge[]> {
  let batch: Charge[] = [];
  for await (const charge of charges) {
    if (charge.id !== undefined) batch.push(charge);
    if (batch.length === BATCH) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

async function paymentsOf(
  { db, provider }: Payments,
  charges: readonly Charge[],
): Promise<Map<string, StoredPayment>> {
  const rows = await db.sql
    .selectFrom("payment")
    .selectAll()
    .where("provider", "=", provider.name)
    .where(
      "provider_charge_id",
      "in",
      charges.map(({ id }) => id as string),
    )
    .execute();
  return new Map(rows.map((row) => [row.provider_charge_id as string, row]));
}

async function compare(
  payments: Payments,
  scope: Scope,
  listed: Charge,
  known: StoredPayment | undefined,
): Promise<Difference[]> {
  let [charge, payment] = [listed, known];
  for (let look = 1; ; look++) {
    const found = await differencesOf(payments, charge, payment);
    if (found.length === 0 || look === LOOKS) return found;
    charge = await payments.ask(scope, (provider, signal) => provider.get(charge.id as string, signal));
    [payment] = [...(await paymentsOf(payments, [charge])).values()];
  }
}

async function differencesOf(
  payments: Payments,
  charge: Charge,
  payment: StoredPayment | undefined,
): Promise<Difference[]> {
  const chargeId = charge.id;
  if (payment === undefined) {
    // Nothing moved, so there is nothing to know of it.
    if (charge.status === "declined" || charge.status === "voided") return [];
    return [{ kind: "MISSING_HERE", chargeId, theirs: charge.amount }];
  }
  const currency = payment.currency as string;
  const about = { paymentId: payment.id, chargeId };
  const differ = (kind: Difference["kind"], ours: bigint, theirs: bigint): Difference => ({
    ...about,
    kind,
    ours: money(ours, currency),
    theirs: money(theirs, charge.amount.currency),
  });
  if (currency !== charge.amount.currency) {
    return [differ("CURRENCY", payment.card_minor, charge.amount.minor)];
  }
  const found: Difference[] = [];
  const [captured, refunded] = [payment.card_captured_minor, await refundedByProvider(payments, payment.id)];
  if (payment.card_minor !== charge.amount.minor) {
    found.push(differ("AMOUNT", payment.card_minor, charge.amount.minor));
  }
  if (captured !== charge.captured) found.push(differ("AMOUNT", captured, charge.captured));
  if (refunded !== charge.refunded) found.push(differ("AMOUNT", -refunded, -charge.refunded));
  if (found.length === 0 && statusOf(payment) !== charge.status) {
    found.push(differ("STATE", payment.card_minor, charge.amount.minor));
  }
  return found;
}

/** What of a payment went back to the card, or is on its way there. */
async function refundedByProvider({ db }: Payments, paymentId: string): Promise<bigint> {
  const { minor } = await db.sql
    .selectFrom("payment_movement")
    .select(sql<bigint>`coalesce(sum(split[1]), 0)::bigint`.as("minor"))
    .where("payment_id", "=", paymentId)
    .where("kind", "=", "REFUND")
    .where("state", "<>", "FAILED")
    .where("to_store_credit", "=", false)
    .executeTakeFirstOrThrow();
  return minor;
}

/** How the charge of a payment should be at the provider. */
function statusOf({
  state,
  card_open_minor,
  card_captured_minor,
}: StoredPayment): Charge["status"] | undefined {
  switch (state) {
    case "PENDING":
      return undefined;
    case "ACTION_REQUIRED":
      return "action_required";
    case "DECLINED":
      return "declined";
    case "VOIDED":
    case "EXPIRED":
      return "voided";
    default:
      if (card_captured_minor === 0n) return card_open_minor > 0n ? "authorized" : "voided";
      return card_open_minor > 0n ? "partially_captured" : "captured";
  }
}

/** Payments of a time that were not among the charges: the clocks differ, so the provider is asked for each. */
async function findMissing(
  payments: Payments,
  scope: Scope,
  from: Date,
  until: Date,
  listed: ReadonlySet<string>,
): Promise<Comparison> {
  const { db, provider } = payments;
  const differences: Difference[] = [];
  let compared = 0n;
  let after = placeOf(String(BigInt(from.getTime()) * 1_000n - 1n), LAST_ID);
  for (;;) {
    const rows = await db.sql
      .selectFrom("payment")
      .select(["id", "provider_charge_id"])
      .select(CREATE_MICROSECONDS.as("time"))
      .where("provider", "=", provider.name)
      .where(sql<boolean>`(create_time, id) > ${after}`)
      .where("create_time", "<", until)
      .orderBy("create_time")
      .orderBy("id")
      .limit(BATCH)
      .execute();
    for (const { id, provider_charge_id } of rows) {
      if (provider_charge_id === null || listed.has(provider_charge_id)) continue;
      compared++;
      const payment = await findPayment(db, id);
      if (payment !== undefined) differences.push(...(await compareUnlisted(payments, scope, payment)));
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < BATCH) return { compared, differences };
    after = placeOf(String(last.time), last.id);
  }
}

async function compareUnlisted(
  payments: Payments,
  scope: Scope,
  payment: StoredPayment,
): Promise<Difference[]> {
  const charge = await lookUp(payments, scope, { ...payment, provider_charge_id: null });
  if (charge !== undefined) return compare(payments, scope, charge, payment);
  return [
    {
      kind: "MISSING_THERE",
      paymentId: payment.id,
      chargeId: payment.provider_charge_id ?? undefined,
      ours: money(payment.card_minor, payment.currency as string),
    },
  ];
}
