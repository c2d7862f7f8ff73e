import { GiftCardService } from "#gen/souk/payment/v1/gift_card_pb.ts";
import { LedgerService } from "#gen/souk/payment/v1/ledger_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { ReconciliationService } from "#gen/souk/payment/v1/reconciliation_pb.ts";
import { StoreCreditService } from "#gen/souk/payment/v1/store_credit_pb.ts";
import { job } from "#kit/jobs/job.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService, type Resources } from "#kit/service.ts";
import { paymentSettings } from "./config.ts";
import { entities } from "./entities.ts";
import { migrations } from "./migrations/index.ts";
import type { Payments } from "./payment.ts";
import { askProvider } from "./provider/ask-provider.ts";
import { sandboxProvider } from "./provider/sandbox.ts";
import { reconcilePayments } from "./reconcile-payments.ts";
import { paymentRpc } from "./rpc/payment.ts";

/** Payments of orders, through a payment provider. */
export const payment = defineService({
  name: "payment",
  port: 3005,
  settings: paymentSettings,
  data: { entities, migrations },
  serve: (resources) => [
    implement(PaymentService, paymentRpc(payments(resources)), [
      "confirmPayment",
      "refundPayment",
      "listPayments",
      "syncPayment",
      "handleWebhook",
    ]),
    implement(GiftCardService, {}, [
      "checkGiftCard",
      "issueGiftCard",
      "getGiftCard",
      "listGiftCards",
      "disableGiftCard",
    ]),
    implement(LedgerService, {}, ["listLedgerAccounts", "listLedgerEntries"]),
    implement(ReconciliationService, {}, [
      "runReconciliation",
      "getReconciliationReport",
      "listReconciliationReports",
      "resolveDifference",
    ]),
    implement(StoreCreditService, {}, [
      "getMyStoreCredit",
      "listMyStoreCreditEntries",
      "getStoreCredit",
      "adjustStoreCredit",
    ]),
  ],
  jobs: (resources) => {
    const ours = payments(resources);
    return [
      job({ name: "reconcile-payments", everyMs: 5_000, run: (scope) => reconcilePayments(ours, scope) }),
    ];
  },
});

function payments({ db, settings, log }: Resources<typeof paymentSettings, typeof entities>): Payments {
  return {
    db,
    ask: askProvider(sandboxProvider(db, settings.PAYMENT_SANDBOX_LATENCY_MS), {
      timeoutMs: settings.PAYMENT_PROVIDER_TIMEOUT_MS,
      resetMs: settings.PAYMENT_BREAKER_RESET_MS,
      log,
    }),
    reconcileAfterMs: settings.PAYMENT_RECONCILE_AFTER_MS,
  };
}
