import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, pino } from "pino";
import { uuidv7 } from "uuidv7";
import { ErrorReason, ErrorReasonSchema } from "#gen/souk/payment/v1/errors_pb.ts";
import { openDatabase } from "#kit/data/database.ts";
import { isRefusal } from "#kit/error.ts";
import { money } from "#kit/money.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import type { Scope } from "#kit/scope.ts";
import { type Authorization, authorizePayment } from "../../services/payment/authorize-payment.ts";
import { type Capture, capturePayment } from "../../services/payment/capture-payment.ts";
import { checkBooks } from "../../services/payment/check-books.ts";
import { confirmPayment } from "../../services/payment/confirm-payment.ts";
import type { PaymentDatabase } from "../../services/payment/database.ts";
import { entities } from "../../services/payment/entities.ts";
import { expireAuthorizations } from "../../services/payment/expire-authorizations.ts";
import { issueGiftCard } from "../../services/payment/gift-cards.ts";
import { giftCodes } from "../../services/payment/gift-codes.ts";
import { handleWebhook } from "../../services/payment/handle-webhook.ts";
import { migrations } from "../../services/payment/migrations/index.ts";
import type { StoredMovement } from "../../services/payment/movements.ts";
import { findPayment, type Payments, type StoredPayment } from "../../services/payment/payment.ts";
import { askProvider } from "../../services/payment/provider/ask-provider.ts";
import type { PaymentProvider } from "../../services/payment/provider/provider.ts";
import { sandboxProvider } from "../../services/payment/provider/sandbox.ts";
import { signSandboxWebhook } from "../../services/payment/provider/sandbox-signature.ts";
import { reconcilePayments } from "../../services/payment/reconcile-payments.ts";
import { refundPayment } from "../../services/payment/refund-payment.ts";
import { syncPayment } from "../../services/payment/sync-payment.ts";
import { voidPayment } from "../../services/payment/void-payment.ts";
import { createMigratedDatabase } from "../migrated-database.ts";
import type { Teardown } from "../stores.ts";

/** What the sandbox signs its webhooks with. */
export const WEBHOOK_SECRET = "a secret between the sandbox and us, for tests";

/** The use cases of payment on a database, with the sandbox provider, as one replica has them. */
export interface Desk {
  readonly payments: Payments;
  /** Work that may take so long, in ms; longer than any test when left out. */
  scope(timeoutMs?: number): Scope;
  authorize(id: string, token?: string, options?: AuthorizeOptions): Promise<StoredPayment>;
  capture(id: string, capture?: Omit<Capture, "id">): Promise<StoredPayment>;
  void(id: string, timeoutMs?: number): Promise<void>;
  /** Gives money back under an id of its own; all of it unless told otherwise. */
  refund(id: string, refund?: RefundOptions): Promise<StoredMovement>;
  confirm(id: string): Promise<StoredPayment>;
  sync(id: string): Promise<StoredPayment>;
  webhook(notice: object, at?: number): Promise<void>;
  expire(): Promise<void>;
  /** Issues a gift card and gives its code. */
  giftCard(minor: bigint): Promise<{ id: string; code: string }>;
  reconcile(): Promise<void>;
}

/** How an authorization differs from one of EUR 49.00 with a card. */
export interface AuthorizeOptions extends Partial<Pick<Authorization, "accountId" | "returnUri" | "means">> {
  readonly minor?: bigint;
  readonly timeoutMs?: number;
}

/** How a refund differs from one of everything. */
export interface RefundOptions {
  readonly refundId?: string;
  readonly minor?: bigint;
  readonly toStoreCredit?: boolean;
}

/** How a desk differs from the default. */
export interface DeskOptions {
  readonly latencyMs?: number;
  /** How long the sandbox sets money aside, in ms; an hour when left out. */
  readonly holdMs?: number;
  readonly timeoutMs?: number;
  readonly resetMs?: number;
  readonly reconcileAfterMs?: number;
  /** Gets the log; silent when left out. */
  readonly log?: Logger;
  /** Stands between the desk and the sandbox. */
  wrap?(provider: PaymentProvider): PaymentProvider;
}

/** Opens a database of payment's that no other test knows. When the test is over, its books must balance. */
export async function paymentDatabase(t: Teardown): Promise<PaymentDatabase & { url: string }> {
  const { url } = await createMigratedDatabase(t, migrations);
  const db = connect(url);
  t.teardown(async () => {
    await checkBooks(db).finally(() => db.close());
  });
  return { ...db, url };
}

/** Connects to a database of payment's. */
export function connect(url: string): PaymentDatabase {
  const log = pino({ level: "silent" });
  return openDatabase({ url, entities, migrations, poolSize: 12, applicationName: "payment-test", log });
}

/** Opens a desk. Several on one database are replicas. */
export function openDesk(db: PaymentDatabase, options: DeskOptions = {}): Desk {
  const log = options.log ?? pino({ level: "silent" });
  const scopes = rootScopes(log, () => {
    throw new Error("payment calls no other service");
  });
  const sandbox = sandboxProvider(db, {
    latencyMs: options.latencyMs ?? 0,
    holdMs: options.holdMs ?? 3_600_000,
    webhookSecret: WEBHOOK_SECRET,
  });
  const provider = options.wrap?.(sandbox) ?? sandbox;
  const payments: Payments = {
    db,
    provider,
    giftCodes: giftCodes("a secret of which gift cards are made, for tests"),
    ask: askProvider(provider, {
      timeoutMs: options.timeoutMs ?? 60_000,
      resetMs: options.resetMs ?? 30_000,
      log,
    }),
    reconcileAfterMs: options.reconcileAfterMs ?? 60_000,
  };
  const scope = (timeoutMs = 120_000) => scopes({ timeoutMs });
  return {
    payments,
    scope,
    authorize: (id, token = "tok_visa", { minor = 4900n, timeoutMs, ...rest } = {}) =>
      authorizePayment(payments, scope(timeoutMs), { id, token, amount: money(minor, "EUR"), ...rest }),
    capture: (id, capture) => capturePayment(payments, scope(), { id, ...capture }),
    void: (id, timeoutMs) => voidPayment(payments, scope(timeoutMs), id),
    reconcile: () => reconcilePayments(payments, scope()),
    async refund(id, { refundId = uuidv7(), minor, toStoreCredit = false } = {}) {
      const amount = minor === undefined ? undefined : money(minor, "EUR");
      const wanted = { id, refundId, amount, toStoreCredit, reason: "" };
      return (await refundPayment(payments, scope(), wanted)).refund;
    },
    confirm: (id) => confirmPayment(payments, scope(), id),
    sync: (id) => syncPayment(payments, scope(), id),
    webhook(notice, at = Date.now()) {
      const body = Buffer.from(JSON.stringify(notice));
      const signature = signSandboxWebhook(WEBHOOK_SECRET, body, at);
      return handleWebhook(payments, scope(), { provider: "sandbox", body, signature });
    },
    expire: () => expireAuthorizations(payments, scope()),
    async giftCard(minor) {
      const order = {
        id: uuidv7(),
        amount: money(minor, "EUR"),
        recipientEmail: "",
        message: "",
        reason: "",
      };
      const { card, code } = await issueGiftCard(db, payments.giftCodes, scope(), order);
      return { id: card.id, code };
    },
  };
}

/** Loses the answers of authorizations: the provider is done, but nobody hears of it. */
export function losingAnswers(provider: PaymentProvider): PaymentProvider {
  return {
    ...provider,
    async authorize(request, signal) {
      await provider.authorize(request, signal);
      throw new Error("connection reset");
    },
  };
}

/** Keeps requests from the provider. */
export function away(provider: PaymentProvider): PaymentProvider {
  const refuse = () => Promise.reject(new Error("connection refused"));
  return {
    ...provider,
    authorize: refuse,
    capture: refuse,
    void: refuse,
    refund: refuse,
    get: refuse,
    findByIdempotencyKey: refuse,
  };
}

/** A payment id that no other test uses. */
export const newPaymentId = uuidv7;

/** What the books say of a payment: ours, the provider's, and the events that were told, in order. */
export async function booksOf(db: PaymentDatabase, id: string) {
  const payment = await findPayment(db, id);
  const charges = await db.sql
    .withSchema("sandbox")
    .selectFrom("charge")
    .selectAll()
    .where("idempotency_key", "=", id)
    .execute();
  const { rows } = await db.pool.run("select type from mesh.outbox where aggregate_id = $1 order by seq", [
    id,
  ]);
  return {
    state: payment?.state,
    payment,
    charges,
    statuses: charges.map(({ status }) => status),
    events: rows.map(({ type }) => String(type).replace("souk.payment.v1.", "")),
  };
}

/** Moves the moment at which payments are reconciled to now. */
export async function letReconcileTimePass(db: PaymentDatabase): Promise<void> {
  await db.pool.run("update payment set reconcile_time = now() where reconcile_time is not null");
}

/** The reason with which a call is refused, or what it gives. */
export async function outcomeOf<T>(call: Promise<T>): Promise<T | string> {
  try {
    return await call;
  } catch (error) {
    const reason = Object.entries(ErrorReason).find(([, value]) =>
      isRefusal(error, ErrorReasonSchema, value as ErrorReason),
    );
    if (reason === undefined) throw error;
    return reason[0];
  }
}

/** Waits for a condition; the test's own time limit ends it. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await sleep(5);
}
