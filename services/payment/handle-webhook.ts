import { sql } from "kysely";
import { UUID } from "#kit/data/page-token.ts";
import type { Scope } from "#kit/scope.ts";
import { ErrorReason, refuse } from "./errors.ts";
import type { Payments, StoredPayment } from "./payment.ts";
import { type PaymentProvider, type WebhookNotice, WebhookRefused } from "./provider/provider.ts";
import { syncPayment } from "./sync-payment.ts";

/** What was sent. */
export interface Webhook {
  /** The provider, as the address that it called names it. */
  readonly provider: string;
  /** The body, byte for byte. */
  readonly body: Uint8Array;
  readonly signature: string;
}

/**
 * Takes what a provider tells of its own accord. It only says that a charge changed: how the charge is now is asked
 * for, so that it does not matter in which order it is told, how often, or whether a caller was first. What is not
 * about a payment of ours is kept and does nothing.
 *
 * @throws SoukError PROVIDER_NOT_FOUND, WEBHOOK_REFUSED, or PROVIDER_UNAVAILABLE: then the provider tells it again
 */
export async function handleWebhook(payments: Payments, scope: Scope, webhook: Webhook): Promise<void> {
  const { db, provider } = payments;
  if (webhook.provider !== provider.name) {
    throw refuse(
      ErrorReason.PROVIDER_NOT_FOUND,
      `there is no provider ${webhook.provider} here, only ${provider.name}`,
    );
  }
  const notice = read(provider, webhook);
  const payment = await findPaymentOf(payments, notice);
  const isNew = await keep(payments, scope, notice, payment);
  if (!isNew || payment === undefined) return;
  await syncPayment(payments, scope, payment.id);
  await db.sql
    .updateTable("webhook_event")
    .set({ handle_time: sql<Date>`now()` })
    .where("provider", "=", provider.name)
    .where("id", "=", notice.id)
    .execute();
}

function read(provider: PaymentProvider, { body, signature }: Webhook): WebhookNotice {
  try {
    return provider.readWebhook(body, signature);
  } catch (cause) {
    if (!(cause instanceof WebhookRefused)) throw cause;
    throw refuse(ErrorReason.WEBHOOK_REFUSED, `the webhook is not believed: ${cause.message}`, { cause });
  }
}

/** By its charge or, while we have no answer about that, by the key under which it was made. */
async function findPaymentOf(
  { db, provider }: Payments,
  { chargeId, idempotencyKey }: WebhookNotice,
): Promise<StoredPayment | undefined> {
  if (chargeId === undefined) return undefined;
  const own = db.sql.selectFrom("payment").selectAll().where("provider", "=", provider.name);
  const found = await own.where("provider_charge_id", "=", chargeId).executeTakeFirst();
  if (found !== undefined || idempotencyKey === undefined || !UUID.test(idempotencyKey)) return found;
  return own.where("id", "=", idempotencyKey).where("provider_charge_id", "is", null).executeTakeFirst();
}

/** @returns whether it has yet to take effect */
function keep(
  { db, provider }: Payments,
  scope: Scope,
  { id, type }: WebhookNotice,
  payment: StoredPayment | undefined,
): Promise<boolean> {
  return db.write(scope, async (tx) => {
    if (payment !== undefined) tx.about(payment.id);
    await tx.sql
      .insertInto("webhook_event")
      .values({
        provider: provider.name,
        id,
        type,
        payment_id: payment?.id ?? null,
        handle_time: payment === undefined ? sql<Date>`now()` : null,
      })
      .onConflict((conflict) => conflict.columns(["provider", "id"]).doNothing())
      .execute();
    const { handle_time } = await tx.sql
      .selectFrom("webhook_event")
      .select("handle_time")
      .where("provider", "=", provider.name)
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    return handle_time === null;
  });
}

/** How long what providers told is kept, in ms; longer than any of them tells the same again. */
const KEEP_MS = 30 * 24 * 3_600_000;
const BATCH = 5_000;

/** Forgets what providers told long ago. */
export async function forgetWebhooks({ db }: Payments): Promise<void> {
  for (;;) {
    const { rowCount } = await db.pool.run(
      `delete from webhook_event where ctid = any (array(
         select ctid from webhook_event where receive_time < now() - $1 * interval '1 millisecond' limit $2))`,
      [KEEP_MS, BATCH],
    );
    if (rowCount < BATCH) return;
  }
}
