import assert from "node:assert/strict";
import { GiftCardService } from "#gen/souk/payment/v1/gift_card_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { StoreCreditService } from "#gen/souk/payment/v1/store_credit_pb.ts";
import { expectPayment } from "./expect.ts";
import type { Model, Order } from "./model.ts";
import { type Balance, booksOf, chargeOf, type Payment } from "./payment-model.ts";
import type { StoryShop } from "./shop.ts";

/**
 * Compares the money of a story with the model: payments with the provider's own list, gift cards, store credit, the
 * books, and the invoices of orders.
 *
 * @param orders all orders of the story
 * @throws AssertionError where they differ
 */
export async function agreeOnMoney(model: Model, shop: StoryShop, orders: readonly Order[]): Promise<void> {
  const payments = [...orders.flatMap(({ paid }) => paid), ...model.payments];
  await agreeOnPayments(shop, payments);
  const credit = model.shoppers.flatMap(({ isGuest, credit: { EUR, USD } }) => (isGuest ? [] : [EUR, USD]));
  await agreeOnBalances(shop, model.giftCards, credit);
  await agreeOnBooks(shop, payments, [...model.giftCards, ...credit]);
  await agreeOnInvoices(shop, orders);
}

/** The payments of orders and those without one, as the provider knows them and as staff sees them. */
async function agreeOnPayments(shop: StoryShop, payments: readonly Payment[]): Promise<void> {
  const list = await shop.ask<{ id: string }>(
    "payment",
    `select idempotency_key as id, amount_minor::text as amount, currency, status,
            captured_minor::text as captured, refunded_minor::text as refunded
     from sandbox.charge where idempotency_key = any ($1)`,
    [payments.map(({ id }) => id)],
  );
  const expected = payments.flatMap((payment) => {
    const charge = chargeOf(payment);
    if (charge === undefined) return [];
    const { amount, captured, refunded } = charge;
    return [{ ...charge, amount: `${amount}`, captured: `${captured}`, refunded: `${refunded}` }];
  });
  const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
  assert.deepEqual(list.sort(byId), expected.sort(byId), "the provider's list");
  const desk = shop.call(PaymentService, { caller: "operator" });
  for (const payment of payments) expectPayment((await desk.getPayment({ id: payment.id })).payment, payment);
}

async function agreeOnBalances(
  shop: StoryShop,
  giftCards: readonly Balance[],
  credit: readonly Balance[],
): Promise<void> {
  const desk = shop.call(GiftCardService, { caller: "operator" });
  for (const { id, minor, code } of giftCards) {
    const { giftCard } = await desk.getGiftCard({ id });
    assert.equal(giftCard?.balance?.minor, minor, `what is left on gift card ${code}`);
  }
  const till = shop.call(StoreCreditService, { caller: "operator" });
  for (const { id, minor, currency } of credit.filter(
    ({ granted, minor }) => granted !== 0n || minor !== 0n,
  )) {
    const { balances } = await till.getStoreCredit({ accountId: id });
    const told = balances.find((balance) => balance.currency === currency);
    assert.equal(told?.minor ?? 0n, minor, `the store credit of ${id}`);
  }
}

async function agreeOnBooks(shop: StoryShop, payments: readonly Payment[], balances: readonly Balance[]) {
  const books = await shop.ask<{ account: string; minor: string }>(
    "payment",
    `select account || ' ' || currency as account, sum(minor)::text as minor from (
       select payment_id, reference_id, debit_account as account, currency, amount_minor as minor
       from ledger_transfer
       union all select payment_id, reference_id, credit_account, currency, -amount_minor from ledger_transfer
     ) as side
     where payment_id = any ($1) or payment_id is null and reference_id = any ($2)
     group by 1 having sum(minor) <> 0`,
    [payments.map(({ id }) => id), balances.map(({ id }) => id)],
  );
  assert.deepEqual(
    Object.fromEntries(books.map(({ account, minor }) => [account, BigInt(minor)])),
    booksOf(payments, balances),
    "the books",
  );
}

/** What was taken of an order is what its invoices come to, and what was given back its credit notes. */
async function agreeOnInvoices(shop: StoryShop, orders: readonly Order[]): Promise<void> {
  const invoices = await shop.ask<{
    id: string;
    captured: string;
    invoiced: string;
    refunded: string;
    noted: string;
  }>(
    "order",
    `select orders.id, captured, refunded,
            coalesce(sum(invoice.total) filter (where kind = 'INVOICE'), 0) as invoiced,
            coalesce(sum(invoice.total) filter (where kind = 'CREDIT_NOTE'), 0) as noted
     from orders left join invoice on order_id = orders.id where orders.id = any ($1) group by orders.id`,
    [orders.map(({ id }) => id)],
  );
  for (const { id, captured, invoiced, refunded, noted } of invoices) {
    assert.deepEqual([invoiced, noted], [captured, refunded], `the invoices and credit notes of order ${id}`);
  }
}
