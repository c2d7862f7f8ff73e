import { GiftCardService } from "#gen/souk/payment/v1/gift_card_pb.ts";
import { LedgerService } from "#gen/souk/payment/v1/ledger_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { ReconciliationService } from "#gen/souk/payment/v1/reconciliation_pb.ts";
import { StoreCreditService } from "#gen/souk/payment/v1/store_credit_pb.ts";
import { UserDeletedSchema } from "#gen/souk/user/v1/events_pb.ts";
import { on } from "#kit/events/subscription.ts";
import { job } from "#kit/jobs/job.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService, type Resources } from "#kit/service.ts";
import { checkSomeBooks } from "./check-books.ts";
import { paymentSettings } from "./config.ts";
import { entities } from "./entities.ts";
import { expireAuthorizations } from "./expire-authorizations.ts";
import { giftCodes } from "./gift-codes.ts";
import { forgetWebhooks } from "./handle-webhook.ts";
import { keepBalances } from "./ledger-balances.ts";
import { migrations } from "./migrations/index.ts";
import type { Payments } from "./payment.ts";
import { askProvider } from "./provider/ask-provider.ts";
import { openProvider } from "./provider/open-provider.ts";
import { reconcilePayments } from "./reconcile-payments.ts";
import { reportOnYesterday } from "./reports.ts";
import { giftCardRpc } from "./rpc/gift-card.ts";
import { ledgerRpc } from "./rpc/ledger.ts";
import { paymentRpc } from "./rpc/payment.ts";
import { reconciliationRpc } from "./rpc/reconciliation.ts";
import { storeCreditRpc } from "./rpc/store-credit.ts";
import { forfeitStoreCredit } from "./store-credit.ts";

const HOUR_MS = 3_600_000;
const KEEP_BALANCES_MS = 60_000;

/** Payments of orders, through a payment provider and by gift cards and store credit, and the books of all money. */
export const payment = defineService({
  name: "payment",
  port: 3005,
  settings: paymentSettings,
  data: { entities, migrations },
  serve(resources) {
    const ours = payments(resources);
    return [
      implement(PaymentService, paymentRpc(ours)),
      implement(GiftCardService, giftCardRpc(ours)),
      implement(LedgerService, ledgerRpc(ours)),
      implement(ReconciliationService, reconciliationRpc(ours)),
      implement(StoreCreditService, storeCreditRpc(ours)),
    ];
  },
  consumes: [UserDeletedSchema],
  consume: () => [on(UserDeletedSchema, forfeitStoreCredit)],
  jobs(resources) {
    const ours = payments(resources);
    return [
      job({ name: "reconcile-payments", everyMs: 5_000, run: (scope) => reconcilePayments(ours, scope) }),
      job({
        name: "expire-authorizations",
        everyMs: 5_000,
        run: (scope) => expireAuthorizations(ours, scope),
      }),
      job({ name: "keep-balances", everyMs: KEEP_BALANCES_MS, run: (scope) => keepBalances(ours.db, scope) }),
      job({
        name: "check-books",
        everyMs: HOUR_MS,
        timeoutMs: HOUR_MS / 2,
        run: (scope) => checkSomeBooks(ours.db, scope),
      }),
      job({
        name: "reconcile-books",
        everyMs: HOUR_MS,
        timeoutMs: HOUR_MS / 2,
        run: (scope) => reportOnYesterday(ours, scope),
      }),
      job({ name: "forget-webhooks", everyMs: HOUR_MS, run: () => forgetWebhooks(ours) }),
    ];
  },
});

function payments({ db, settings, log }: Resources<typeof paymentSettings, typeof entities>): Payments {
  const provider = openProvider(settings, db);
  return {
    db,
    provider,
    ask: askProvider(provider, {
      timeoutMs: settings.PAYMENT_PROVIDER_TIMEOUT_MS,
      resetMs: settings.PAYMENT_BREAKER_RESET_MS,
      log,
    }),
    giftCodes: giftCodes(settings.PAYMENT_GIFT_CARD_SECRET),
    reconcileAfterMs: settings.PAYMENT_RECONCILE_AFTER_MS,
  };
}
