import test, { type ExecutionContext } from "ava";
import type { SoukError } from "#kit/error.ts";
import { money } from "#kit/money.ts";
import { authorizePayment } from "../../services/payment/authorize-payment.ts";
import type { PaymentProvider } from "../../services/payment/provider/provider.ts";
import { away, newPaymentId, openDesk, outcomeOf, paymentDatabase, until } from "./payment-desk.ts";

test("a provider that keeps failing is left alone, and tried again after a while", async (t) => {
  const db = await paymentDatabase(t);
  let broken = true;
  let asked = 0;
  const desk = openDesk(db, {
    resetMs: 500,
    wrap: (provider) => counting(switching(provider), () => asked++),
  });
  function switching(provider: PaymentProvider): PaymentProvider {
    const dead = away(provider);
    return { ...provider, authorize: (...args) => (broken ? dead : provider).authorize(...args) };
  }

  await until(async () => {
    const before = asked;
    t.is(await outcomeOf(desk.authorize(newPaymentId())), "PROVIDER_UNAVAILABLE");
    return asked === before;
  });
  t.true(asked >= 10, "the breaker opens after ten questions at the earliest");

  broken = false;
  await until(async () => (await outcomeOf(desk.authorize(newPaymentId()))) !== "PROVIDER_UNAVAILABLE");
  t.like(await desk.authorize(newPaymentId()), { state: "AUTHORIZED" });
});

test("declined cards say nothing against the provider", async (t) => {
  const desk = openDesk(await paymentDatabase(t));
  for (let n = 0; n < 30; n++)
    t.is(await outcomeOf(desk.authorize(newPaymentId(), "tok_declined")), "PAYMENT_DECLINED");
  t.like(await desk.authorize(newPaymentId()), { state: "AUTHORIZED" });
});

test("a provider that takes too long is not waited for, and its late failure harms nobody", async (t) => {
  const late = Promise.withResolvers<never>();
  const desk = openDesk(await paymentDatabase(t), {
    timeoutMs: 20,
    wrap: (provider) => ({ ...provider, authorize: () => late.promise }),
  });
  const error = await refusal(t, desk.authorize(newPaymentId()));
  t.is(error.reason, "PROVIDER_UNAVAILABLE");
  t.regex(String(error.cause), /no answer within 20 ms/);
  late.reject(new Error("gateway timeout"));
});

test("the charge and the intent outlive a caller who hangs up", async (t) => {
  const db = await paymentDatabase(t);
  const held = Promise.withResolvers<void>();
  const desk = openDesk(db, {
    wrap: (provider) => ({
      ...provider,
      async authorize(request, signal) {
        await held.promise;
        t.false(signal.aborted);
        return provider.authorize(request, signal);
      },
    }),
  });
  const caller = new AbortController();
  const id = newPaymentId();
  const scope = { ...desk.scope(), signal: caller.signal };
  const answer = authorizePayment(desk.payments, scope, {
    id,
    amount: money(100n, "EUR"),
    token: "tok_visa",
  });
  caller.abort();
  held.resolve();
  t.like(await answer, { state: "AUTHORIZED" });
});

function counting(provider: PaymentProvider, count: () => void): PaymentProvider {
  return {
    ...provider,
    authorize(...args) {
      count();
      return provider.authorize(...args);
    },
  };
}

async function refusal(t: ExecutionContext, call: Promise<unknown>): Promise<SoukError> {
  return (await t.throwsAsync<SoukError>(call)) as SoukError;
}
