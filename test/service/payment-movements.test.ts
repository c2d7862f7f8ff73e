import test from "ava";
import { money } from "#kit/money.ts";
import type { PaymentProvider } from "../../services/payment/provider/provider.ts";
import { afterFile } from "../after-file.ts";
import {
  away,
  booksOf,
  type Desk,
  letReconcileTimePass,
  newPaymentId,
  openDesk,
  outcomeOf,
  paymentDatabase,
} from "./payment-desk.ts";

let db: Awaited<ReturnType<typeof paymentDatabase>>;
let desk: Desk;
const file = afterFile(test);

test.before(async () => {
  db = await paymentDatabase(file);
  desk = openDesk(db);
});

const eur = (minor: bigint) => money(minor, "EUR");

/** A payment of EUR 49.00 that is captured. */
async function captured(token?: string): Promise<string> {
  const id = newPaymentId();
  await desk.authorize(id, token);
  await desk.capture(id);
  return id;
}

test("money is taken in parts, each once, and never more than is set aside", async (t) => {
  const id = newPaymentId();
  const [first, second] = [newPaymentId(), newPaymentId()];
  await desk.authorize(id);
  t.is((await desk.capture(id, { captureId: first, amount: eur(1000n) })).state, "PARTIALLY_CAPTURED");
  const again = await desk.capture(id, { captureId: first, amount: eur(1000n) });
  t.is(again.captured_minor, 1000n);
  t.is(await outcomeOf(desk.capture(id, { captureId: first, amount: eur(999n) })), "CAPTURE_MISMATCH");
  t.is(await outcomeOf(desk.capture(id, { captureId: second, amount: eur(3901n) })), "CAPTURE_EXCEEDED");
  t.is(
    await outcomeOf(desk.capture(id, { captureId: second, amount: money(1n, "USD") })),
    "CAPTURE_EXCEEDED",
  );
  t.is(await outcomeOf(desk.capture(id, { amount: eur(1n) })), "CAPTURE_ID_MISSING");
  t.like(await desk.capture(id), { state: "CAPTURED", captured_minor: 4900n, card_open_minor: 0n });
  t.is((await desk.capture(id)).captured_minor, 4900n);
  t.is(await outcomeOf(desk.capture(id, { captureId: second, amount: eur(1n) })), "CAPTURE_EXCEEDED");
  t.like(await booksOf(db, id), {
    statuses: ["captured"],
    events: ["PaymentAuthorized", "PaymentCaptured", "PaymentCaptured"],
  });
});

test("what is not taken of a payment is given up, and what is taken stays taken", async (t) => {
  const id = newPaymentId();
  await desk.authorize(id);
  await desk.capture(id, { captureId: newPaymentId(), amount: eur(1000n) });
  await desk.void(id);
  const { payment, statuses, charges } = await booksOf(db, id);
  t.like(payment, { state: "CAPTURED", captured_minor: 1000n, card_open_minor: 0n, expire_time: null });
  t.deepEqual([statuses, charges[0]?.captured_minor], [["captured"], 1000n]);
  t.is(await outcomeOf(desk.void(id)), "PAYMENT_STATE_CONFLICT");
});

test("what was taken is given back in parts, each once, and never more than that", async (t) => {
  const id = await captured();
  const refundId = newPaymentId();
  const refund = await desk.refund(id, { refundId, minor: 900n });
  t.like(refund, { state: "SUCCEEDED", amount_minor: 900n });
  t.deepEqual(await desk.refund(id, { refundId, minor: 900n }), refund);
  t.is(await outcomeOf(desk.refund(id, { refundId, minor: 901n })), "REFUND_MISMATCH");
  t.is((await booksOf(db, id)).state, "PARTIALLY_REFUNDED");
  t.is(await outcomeOf(desk.refund(id, { minor: 4001n })), "REFUND_EXCEEDED");
  t.is((await desk.refund(id)).amount_minor, 4000n);
  t.is(await outcomeOf(desk.refund(id)), "REFUND_EXCEEDED");
  const { state, charges, events } = await booksOf(db, id);
  t.deepEqual([state, charges[0]?.refunded_minor], ["REFUNDED", 4900n]);
  t.deepEqual(events.slice(2), ["PaymentRefunded", "PaymentRefunded"]);
});

test("only what was taken can be given back", async (t) => {
  const id = newPaymentId();
  await desk.authorize(id);
  t.is(await outcomeOf(desk.refund(id)), "PAYMENT_STATE_CONFLICT");
  t.is(await outcomeOf(desk.refund(newPaymentId())), "PAYMENT_NOT_FOUND");
});

test("of an open payment, what was taken can be given back before the rest is taken", async (t) => {
  const id = newPaymentId();
  await desk.authorize(id);
  await desk.capture(id, { captureId: newPaymentId(), amount: eur(1000n) });
  await desk.refund(id);
  t.like((await booksOf(db, id)).payment, { state: "PARTIALLY_CAPTURED", refunded_minor: 1000n });
  t.is((await desk.capture(id)).state, "PARTIALLY_REFUNDED");
});

test("a refund that the provider refuses fails, is told, and takes nothing from what is left", async (t) => {
  const id = await captured("tok_refund_fails");
  t.like(await desk.refund(id), { state: "FAILED", failure_reason: "account_closed" });
  t.like((await booksOf(db, id)).payment, { state: "CAPTURED", refunded_minor: 0n });
  t.is((await booksOf(db, id)).events.at(-1), "PaymentRefunded");
});

test("of 50 callers who give back or take at once, as many succeed as there is money for", async (t) => {
  const taken = await captured();
  const refunds = await Promise.all(
    Array.from({ length: 50 }, () => outcomeOf(desk.refund(taken, { minor: 700n }))),
  );
  t.is(refunds.filter((outcome) => outcome === "REFUND_EXCEEDED").length, 43);
  t.like(await booksOf(db, taken), { state: "REFUNDED", charges: [{ refunded_minor: 4900n }] });

  const open = newPaymentId();
  await desk.authorize(open);
  const captures = await Promise.all(
    Array.from({ length: 50 }, () =>
      outcomeOf(desk.capture(open, { captureId: newPaymentId(), amount: eur(490n) })),
    ),
  );
  t.is(captures.filter((outcome) => outcome === "CAPTURE_EXCEEDED").length, 40);
  t.like(await booksOf(db, open), { state: "CAPTURED", charges: [{ captured_minor: 4900n }] });
});

test("50 callers with the same refund give it back once, and all hear the same", async (t) => {
  const id = await captured();
  const refundId = newPaymentId();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => desk.refund(id, { refundId, minor: 100n })),
  );
  t.true(answers.every(({ state, amount_minor }) => state === "SUCCEEDED" && amount_minor === 100n));
  const { payment, charges, events } = await booksOf(db, id);
  t.deepEqual([payment?.refunded_minor, charges[0]?.refunded_minor], [100n, 100n]);
  t.is(events.filter((event) => event === "PaymentRefunded").length, 1);
});

for (const deed of ["capture", "refund"] as const) {
  test(`a ${deed} whose answer was lost is found by its id, and not made twice`, async (t) => {
    const own = await paymentDatabase(t);
    const calm = openDesk(own);
    const id = newPaymentId();
    await calm.authorize(id);
    if (deed === "refund") await calm.capture(id);
    const lossy = openDesk(own, { wrap: (provider) => losing(provider, deed) });
    t.is(await outcomeOf<unknown>(lossy[deed](id)), "PROVIDER_UNAVAILABLE");
    t.is((await booksOf(own, id)).state, deed === "refund" ? "CAPTURED" : "AUTHORIZED");
    await letReconcileTimePass(own);
    await calm.reconcile();
    const { state, charges, payment } = await booksOf(own, id);
    t.is(state, deed === "refund" ? "REFUNDED" : "CAPTURED");
    t.is(charges[0]?.[deed === "refund" ? "refunded_minor" : "captured_minor"], 4900n);
    t.is(payment?.reconcile_time, null);
  });

  test(`a ${deed} that never reached the provider is asked for again`, async (t) => {
    const own = await paymentDatabase(t);
    const calm = openDesk(own);
    const id = newPaymentId();
    await calm.authorize(id);
    if (deed === "refund") await calm.capture(id);
    t.is(await outcomeOf<unknown>(openDesk(own, { wrap: away })[deed](id)), "PROVIDER_UNAVAILABLE");
    await letReconcileTimePass(own);
    await calm.reconcile();
    t.is((await booksOf(own, id)).state, deed === "refund" ? "REFUNDED" : "CAPTURED");
  });
}

function losing(provider: PaymentProvider, deed: "capture" | "refund"): PaymentProvider {
  return {
    ...provider,
    async [deed](request: never, signal: AbortSignal) {
      await provider[deed](request, signal);
      throw new Error("connection reset");
    },
  };
}
