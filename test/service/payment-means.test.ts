import test from "ava";
import { money } from "#kit/money.ts";
import type { PaymentDatabase } from "../../services/payment/database.ts";
import { disableGiftCard, getGiftCard } from "../../services/payment/gift-cards.ts";
import { listParts, type Means } from "../../services/payment/parts.ts";
import { findPayment, type StoredPayment } from "../../services/payment/payment.ts";
import { adjustStoreCredit, getStoreCredit } from "../../services/payment/store-credit.ts";
import { afterFile } from "../after-file.ts";
import { booksOf, type Desk, newPaymentId, openDesk, outcomeOf, paymentDatabase } from "./payment-desk.ts";

let db: Awaited<ReturnType<typeof paymentDatabase>>;
let desk: Desk;
const file = afterFile(test);

test.before(async () => {
  db = await paymentDatabase(file);
  desk = openDesk(db);
});

const gift = (code: string, minor: bigint) => ({ kind: "GIFT_CARD", code, minor }) as const;
const credit = (minor: bigint) => ({ kind: "STORE_CREDIT", minor }) as const;

async function customerWith(minor: bigint): Promise<string> {
  const accountId = newPaymentId();
  await adjustStoreCredit(db, desk.scope(), accountId, money(minor, "EUR"), "goodwill");
  return accountId;
}

async function left(cardId: string): Promise<bigint> {
  return (await getGiftCard(db, cardId)).balance_minor;
}

async function creditOf(database: PaymentDatabase, accountId: string): Promise<bigint | undefined> {
  return (await getStoreCredit(database, accountId))[0]?.minor;
}

test("a gift card, store credit and a card pay together, and get back what they paid", async (t) => {
  const [card, accountId, id] = [await desk.giftCard(2000n), await customerWith(1500n), newPaymentId()];
  const means = [gift(card.code, 2000n), credit(1000n)];
  const payment = await desk.authorize(id, "tok_visa", { accountId, means });
  t.like(payment, { state: "AUTHORIZED", amount_minor: 4900n, card_minor: 1900n });
  t.like((await booksOf(db, id)).charges, [{ amount_minor: 1900n }]);
  t.deepEqual([await left(card.id), await creditOf(db, accountId)], [0n, 500n]);
  t.deepEqual(await desk.authorize(id, "tok_visa", { accountId, means }), payment);
  t.is(
    await outcomeOf(desk.authorize(id, "tok_visa", { accountId, means: [credit(3000n)] })),
    "PAYMENT_MISMATCH",
  );

  const partly = { captureId: newPaymentId(), amount: money(2500n, "EUR") };
  t.is((await desk.capture(id, partly)).card_captured_minor, 0n);
  t.is((await desk.capture(id)).state, "CAPTURED");
  // The card gets its money first.
  await desk.refund(id, { minor: 2000n });
  t.deepEqual([await left(card.id), await creditOf(db, accountId)], [0n, 600n]);
  await desk.refund(id);
  t.deepEqual([await left(card.id), await creditOf(db, accountId)], [2000n, 1500n]);
  t.like(await booksOf(db, id), { state: "REFUNDED", charges: [{ refunded_minor: 1900n }] });
});

test("what is given up or declined goes back to the means it came from", async (t) => {
  const [card, accountId] = [await desk.giftCard(2000n), await customerWith(1500n)];
  const means = [gift(card.code, 1999n), credit(1n)];
  for (const token of ["tok_visa", "tok_declined"]) {
    const id = newPaymentId();
    await outcomeOf(desk.authorize(id, token, { accountId, means }));
    await desk.void(id);
    t.deepEqual([await left(card.id), await creditOf(db, accountId)], [2000n, 1500n], token);
  }
});

test("of a payment that is taken in part, the rest goes back to the means it came from, wherever it was taken", async (t) => {
  const [card, accountId] = [await desk.giftCard(2000n), await customerWith(1000n)];
  const means = [gift(card.code, 2000n), credit(1000n)];
  const parts = async (id: string) =>
    (await listParts(db.sql, [(await findPayment(db, id)) as StoredPayment])).map(
      ({ open_minor, captured_minor }) => [open_minor, captured_minor],
    );

  const id = newPaymentId();
  await desk.authorize(id, "tok_visa", { accountId, means });
  await desk.capture(id, { captureId: newPaymentId(), amount: money(500n, "EUR") });
  await desk.void(id);
  t.like(await booksOf(db, id), {
    state: "CAPTURED",
    statuses: ["voided"],
    payment: { captured_minor: 500n },
  });
  t.deepEqual([await left(card.id), await creditOf(db, accountId)], [1500n, 1000n]);

  const elsewhere = newPaymentId();
  const { provider_charge_id } = await desk.authorize(elsewhere, "tok_visa", {
    accountId,
    means: [gift(card.code, 1500n)],
  });
  await desk.capture(elsewhere, { captureId: newPaymentId(), amount: money(500n, "EUR") });
  const console = {
    chargeId: provider_charge_id as string,
    idempotencyKey: newPaymentId(),
    amount: money(3400n, "EUR"),
    final: true,
  };
  await desk.payments.provider.capture(console, new AbortController().signal);
  await desk.void(elsewhere);
  t.deepEqual(await parts(elsewhere), [[0n, 500n]]);
  t.like(await booksOf(db, elsewhere), { state: "CAPTURED", payment: { captured_minor: 3900n } });
  t.is(await left(card.id), 1000n);
});

test("gift cards and store credit alone need no card, and the provider hears nothing of them", async (t) => {
  const card = await desk.giftCard(4900n);
  const id = newPaymentId();
  t.is((await desk.authorize(id, "", { means: [gift(card.code, 4900n)] })).state, "AUTHORIZED");
  t.is((await desk.capture(id)).state, "CAPTURED");
  t.is((await desk.refund(id, { minor: 100n })).state, "SUCCEEDED");
  t.is(await left(card.id), 100n);
  t.deepEqual((await booksOf(db, id)).charges, []);
  const given = newPaymentId();
  await desk.authorize(given, "", { minor: 100n, means: [gift(card.code, 100n)] });
  await desk.void(given);
  t.is(await left(card.id), 100n);
});

test("a refund becomes store credit where that is asked for, also of what a card paid", async (t) => {
  const [card, accountId, id] = [await desk.giftCard(2000n), newPaymentId(), newPaymentId()];
  await desk.authorize(id, "tok_visa", { accountId, means: [gift(card.code, 2000n)] });
  await desk.capture(id);
  t.is((await desk.refund(id, { toStoreCredit: true })).state, "SUCCEEDED");
  t.deepEqual([await left(card.id), await creditOf(db, accountId)], [0n, 4900n]);
  t.like(await booksOf(db, id), { state: "REFUNDED", charges: [{ refunded_minor: 0n }] });
  const guest = newPaymentId();
  await desk.authorize(guest);
  await desk.capture(guest);
  t.is(await outcomeOf(desk.refund(guest, { toStoreCredit: true })), "CUSTOMER_MISSING");
});

test("means that cannot pay refuse the payment as a whole, and say why", async (t) => {
  const [card, off] = [await desk.giftCard(2000n), await desk.giftCard(2000n)];
  const accountId = await customerWith(10n);
  await disableGiftCard(db, desk.scope(), off.id, "lost");
  const pay = (...means: Means[]) =>
    outcomeOf(desk.authorize(newPaymentId(), "tok_visa", { accountId, means }));
  t.is(await pay(gift(card.code, 2001n)), "GIFT_CARD_UNUSABLE");
  t.is(await pay(gift(off.code, 1n)), "GIFT_CARD_UNUSABLE");
  t.is(await pay(gift("GIFT-NONE-SUCH", 1n)), "GIFT_CARD_NOT_FOUND");
  t.is(await pay(gift(card.code, 2000n), credit(11n)), "STORE_CREDIT_TOO_LOW");
  t.is(await left(card.id), 2000n);
  const guest = desk.authorize(newPaymentId(), "tok_visa", { means: [credit(1n)] });
  t.is(await outcomeOf(guest), "CUSTOMER_MISSING");
});

test("of 50 callers who want the last cents of a gift card, as many get them as there are", async (t) => {
  const [card, accountId] = [await desk.giftCard(100n), await customerWith(100n)];
  const pay = (means: Means) =>
    outcomeOf(desk.authorize(newPaymentId(), "", { minor: 7n, accountId, means: [means] }));
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, caller) => pay(caller % 2 === 0 ? gift(card.code, 7n) : credit(7n))),
  );
  t.is(outcomes.filter((outcome) => outcome === "GIFT_CARD_UNUSABLE").length, 11);
  t.is(outcomes.filter((outcome) => outcome === "STORE_CREDIT_TOO_LOW").length, 11);
  t.deepEqual([await left(card.id), await creditOf(db, accountId)], [2n, 2n]);
});

test("the code of a gift card is kept nowhere but on its way to whom it is for", async (t) => {
  const { code } = await desk.giftCard(100n);
  for (const table of ["gift_card", "ledger_transfer"]) {
    const { rows } = await db.pool.run(`select count(*)::int as n from ${table} as t where t::text like $1`, [
      `%${code}%`,
    ]);
    t.deepEqual(rows, [{ n: 0 }], table);
  }
});
