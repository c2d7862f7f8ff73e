import test from "ava";
import { uuidv7 } from "uuidv7";
import { type Order, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { ReturnReason, ReturnState } from "#gen/souk/order/v1/return_pb.ts";
import { GiftCardService } from "#gen/souk/payment/v1/gift_card_pb.ts";
import { StoreCreditService } from "#gen/souk/payment/v1/store_credit_pb.ts";
import { money } from "#kit/money.ts";
import { insist } from "../chaos/insist.ts";
import { afterSaleOf, once } from "./order-after-sale.ts";
import { ADDRESS, netShopOf, refusal, shopOf, type TestShop } from "./order-shop.ts";

const shop = shopOf(test);
const netShop = netShopOf(test);
const paymentToken = "tok_visa";

/** What payment says was taken and given back of a payment. */
async function movedOf(at: TestShop, paymentId: string): Promise<(bigint | undefined)[]> {
  const { captured, refunded } = await at.payment(paymentId);
  return [captured?.minor, refunded?.minor];
}

/** Makes a coupon for an eighth of the price, which one order can use. */
async function eighthOff(at: TestShop, code: string) {
  const promotions = at.mesh.as(PromotionService);
  const effect = { case: "percentageOff" as const, value: { ratePpm: 125_000 } };
  const terms = { displayName: "An eighth off", couponCodes: [code], usageLimit: 1n, effect };
  const { promotion } = await promotions.createPromotion({ terms });
  return async () => (await promotions.getPromotion({ id: promotion?.id ?? "" })).promotion?.used;
}

/** Some pieces for 20.00 each that were sent, and are exchanged for as many others, which may be sent first. */
async function exchanged(quantity: bigint, other: bigint) {
  const { staff, sent } = afterSaleOf(shop());
  const { ada, order } = await sent([quantity], 2_000n);
  const lineId = order.lines[0]?.id ?? "";
  const { replacement, ...answer } = await staff.exchangeOrder(
    {
      orderId: order.id,
      returnedItems: [{ lineId, quantity }],
      sentLines: [{ variantId: await shop().offer(other, 10), quantity }],
      shipBeforeReceipt: true,
    },
    once(),
  );
  const returnId = answer.return?.id ?? "";
  const receipt = { id: returnId, items: [{ lineId, restocked: quantity }] };
  const receive = () => staff.receiveReturn(receipt);
  return { ada, order, returnId, replacement: replacement as Order, receive };
}

test.serial(
  "what replaces goods and is edited stays free of shipping and keeps what was taken off the pieces that stay",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const used = await eighthOff(shop(), "EIGHTH");
    const ada = await shop().customer();
    await ada.add(await shop().offer(999n, 10), 3n);
    await ada.cart.applyCoupon({ code: "EIGHTH" });
    const order = await ada.place();
    await staff.shipOrder({ orderId: order.id }, once());
    const exchange = {
      orderId: order.id,
      returnedItems: [{ lineId: order.lines[0]?.id ?? "", quantity: 3n }],
      sentLines: [{ variantId: await shop().offer(999n, 10), quantity: 3n }],
    };
    const { replacement, ...answer } = await staff.exchangeOrder(exchange, once());
    t.is(replacement?.total?.minor, 3n * 999n - 375n);
    const orderId = replacement?.id ?? "";
    const lineId = replacement?.lines[0]?.id ?? "";
    const edit = async (change: object) => {
      const { difference, order: now } = await staff.editOrder({ orderId, ...change }, once());
      return { difference: difference?.minor, total: now?.total?.minor, order: now as Order };
    };
    const costs = async (change: object) => (await edit({ ...change, validateOnly: true })).difference;

    const moved = await edit({ shippingAddress: { ...ADDRESS, city: "Bonn", region: "NRW" } });
    t.like(moved, { difference: 0n, total: 2_622n });
    t.deepEqual(moved.order.lines, replacement?.lines);
    t.deepEqual(moved.order.discounts, replacement?.discounts);
    const fewer = await edit({ lines: [{ lineId, quantity: 2n }] });
    t.like(fewer, { difference: -874n, total: 2n * 999n - 250n });
    const addedLines = [{ variantId: await shop().offer(500n, 10), quantity: 1n }];
    t.like(await edit({ addedLines }), { difference: 500n, total: 2_248n });
    // What other ways and places cost less the 4.90 that the same parcel costs where the goods went.
    t.is(await costs({ shippingMethod: "express" }), 1_290n - 490n);
    t.is(await costs({ shippingMethod: "pick-up" }), 0n);
    const abroad = { shippingAddress: { ...ADDRESS, countryCode: "AT" } };
    t.is(await costs(abroad), 990n - 490n);
    const pickUp = await refusal(costs({ ...abroad, shippingMethod: "pick-up" }));
    t.is(pickUp.reason, "SHIPPING_METHOD_UNAVAILABLE");

    const more = { lines: [{ lineId, quantity: 4n }] };
    const { metadata } = await refusal(edit(more));
    t.is(metadata["missing_minor"], "1624");
    const grown = await edit({ ...more, shippingMethod: "express", paymentToken });
    t.like(grown, { difference: 2n * 999n + 800n, total: 5_046n });
    t.is(grown.order.discounts[0]?.amount?.minor, 250n);
    t.is((await edit({ shippingMethod: "standard" })).total, 4_246n);
    t.is((await edit({ lines: [{ lineId, quantity: 0n }] })).total, 500n);

    t.is(await used(), 1n);
    for (const _ of ["once", "again"]) await ada.orders.cancelOrder({ id: orderId });
    t.is(await used(), 1n);
    const rejected = await staff.rejectReturn({ id: answer.return?.id ?? "", reason: "they never came" });
    t.like(rejected.return, { state: ReturnState.REJECTED, exchangeOrderId: "" });
    t.deepEqual(await movedOf(shop(), order.id), [order.total?.minor, 0n]);
    t.deepEqual(await movedOf(shop(), grown.order.payments[1]?.paymentId ?? ""), [0n, 0n]);
  },
);

test.serial(
  "what is sent before the goods are back that it replaces gives nothing of their worth back until they are",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const moneyOf = ({ payments: [first] }: Order) => [first?.amount?.minor, first?.captured?.minor];
    const read = async (id: string) => (await staff.getOrderForStaff({ id })).order as Order;

    const cheaper = await exchanged(1n, 500n);
    const { order: sent } = await staff.shipOrder({ orderId: cheaper.replacement.id }, once());
    t.is(sent?.state, OrderState.SHIPPED);
    t.deepEqual(moneyOf(sent as Order), [2_000n, 500n]);
    t.deepEqual(await movedOf(shop(), cheaper.order.id), [cheaper.order.total?.minor, 0n]);
    for (const _ of ["once", "again"]) t.is((await cheaper.receive()).order?.refunded?.minor, 2_000n);
    t.deepEqual(moneyOf(await read(cheaper.replacement.id)), [500n, 500n]);
    t.deepEqual(await movedOf(shop(), cheaper.order.id), [cheaper.order.total?.minor, 1_500n]);

    const cancelled = await exchanged(2n, 2_000n);
    const orderId = cancelled.replacement.id;
    const items = [{ lineId: cancelled.replacement.lines[0]?.id ?? "", quantity: 1n }];
    await staff.shipOrder({ orderId, items }, once());
    const { order: rest } = await staff.cancelOrderItems({ orderId }, once());
    t.deepEqual(moneyOf(rest as Order), [4_000n, 2_000n]);
    t.deepEqual(await movedOf(shop(), cancelled.order.id), [cancelled.order.total?.minor, 0n]);
    await cancelled.receive();
    t.deepEqual(moneyOf(await read(orderId)), [2_000n, 2_000n]);
    t.deepEqual(await movedOf(shop(), cancelled.order.id), [cancelled.order.total?.minor, 2_000n]);

    // Whichever comes first, it is given back, and once.
    const both = await Promise.all(Array.from({ length: 5 }, () => exchanged(1n, 500n)));
    await Promise.all(
      both.flatMap(({ replacement, receive }) => {
        const key = once();
        return [insist(receive), insist(() => staff.shipOrder({ orderId: replacement.id }, key))];
      }),
    );
    for (const { order, replacement } of both) {
      t.deepEqual(moneyOf(await read(replacement.id)), [500n, 500n]);
      t.deepEqual(await movedOf(shop(), order.id), [order.total?.minor, 1_500n]);
    }
  },
);

test.serial(
  "goods that never come are given up once what replaces them is sent, which stays paid, and their order has the rest",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const { ada, order, returnId, replacement, receive } = await exchanged(2n, 2_000n);
    const { id: orderId, lines } = replacement;
    const items = [{ lineId: lines[0]?.id ?? "", quantity: 1n }];
    const reject = () => staff.rejectReturn({ id: returnId, reason: "they never came" });
    await staff.shipOrder({ orderId, items }, once());
    const early = await refusal(reject());
    t.like(early, { reason: "RETURN_STATE_CONFLICT", metadata: { exchange_order_id: orderId } });
    await staff.cancelOrderItems({ orderId }, once());
    t.is((await refusal(ada.orders.cancelReturn({ id: returnId }))).reason, "RETURN_STATE_CONFLICT");

    const answers = await Promise.all(Array.from({ length: 5 }, () => insist(reject)));
    for (const it of answers)
      t.like(it.return, { state: ReturnState.REJECTED, exchangeOrderId: orderId, etag: "2" });
    t.is((await refusal(receive())).reason, "RETURN_STATE_CONFLICT");
    const total = order.total?.minor ?? 0n;
    t.deepEqual(await movedOf(shop(), order.id), [total, 0n]);
    const { order: now } = await staff.getOrderForStaff({ id: order.id });
    t.like(now, { refunded: { minor: 2_000n }, payments: [{ refunded: { minor: 2_000n } }] });
    t.deepEqual([now?.refunds.length, now?.invoices.at(-1)?.total?.minor], [1, 2_000n]);

    // Should they come late, they are paid already.
    const wish = [{ lineId: order.lines[0]?.id ?? "", quantity: 2n, reason: ReturnReason.OTHER }];
    const { return: late } = await ada.orders.requestReturn({ orderId: order.id, items: wish }, once());
    await staff.approveReturn({ id: late?.id ?? "" });
    const back = wish.map(({ lineId }) => ({ lineId, restocked: 2n }));
    const { order: home } = await staff.receiveReturn({ id: late?.id ?? "", items: back });
    t.like(home, { state: OrderState.RETURNED, refunded: { minor: 2_000n } });

    const rest = await staff.refundOrder({ orderId: order.id }, once());
    t.is(rest.refund?.amount?.minor, total - 2_000n);
    t.is((await staff.refundOrder({ orderId }, once())).refund?.amount?.minor, 2_000n);
    t.deepEqual(await movedOf(shop(), order.id), [total, total]);
  },
);

test.serial(
  "goods exchanged, edited, exchanged again and returned agree to the cent, with taxes on top and a gift card that pays",
  async (t) => {
    const { staff } = afterSaleOf(netShop());
    await eighthOff(netShop(), "NETEIGHTH");
    const cards = netShop().mesh.as(GiftCardService);
    const credit = netShop().mesh.as(StoreCreditService);
    const ada = await netShop().customer();
    const giftCardId = uuidv7();
    const { code } = await cards.issueGiftCard({ giftCardId, amount: money(1_500n, "EUR") });
    const given = { accountId: ada.id, amount: money(700n, "EUR"), reason: "goodwill" };
    await credit.adjustStoreCredit(given, once());
    await ada.add(await netShop().offer(999n, 10), 3n);
    await ada.cart.applyCoupon({ code: "NETEIGHTH" });
    const { order } = await ada.checkout.placeOrder(
      {
        shippingAddress: ADDRESS,
        shippingMethod: "standard",
        payment: { token: paymentToken },
        giftCards: [{ code }],
        storeCredit: {},
      },
      once(),
    );
    t.is(order?.total?.minor, 2_622n + 498n + 490n + 93n);
    const firstId = order?.id ?? "";
    await staff.shipOrder({ orderId: firstId }, once());
    const exchange = async ({ id, lines: [line] }: Order, quantity: bigint, minor: bigint) => {
      const items = [{ lineId: line?.id ?? "", quantity }];
      const sentLines = [{ variantId: await netShop().offer(minor, 10), quantity }];
      const request = { orderId: id, returnedItems: items, sentLines, shipBeforeReceipt: true, paymentToken };
      const { replacement, difference, ...answer } = await staff.exchangeOrder(request, once());
      const back = [{ lineId: line?.id ?? "", writtenOff: quantity }];
      const receive = () => staff.receiveReturn({ id: answer.return?.id ?? "", items: back });
      return { replacement: replacement as Order, difference: difference?.minor, receive };
    };

    const second = await exchange(order as Order, 2n, 1_200n);
    t.deepEqual([second.difference, second.replacement.total?.minor], [479n, 2_559n]);
    const secondId = second.replacement.id;
    const lineId = second.replacement.lines[0]?.id ?? "";
    const fewer = await staff.editOrder({ orderId: secondId, lines: [{ lineId, quantity: 1n }] }, once());
    t.deepEqual([fewer.difference?.minor, fewer.order?.total?.minor], [-1_280n, 1_279n]);
    const addedLines = [{ variantId: await netShop().offer(800n, 10), quantity: 1n }];
    const added = await staff.editOrder({ orderId: secondId, addedLines }, once());
    t.deepEqual([added.difference?.minor, added.order?.payments.length], [952n, 2]);
    await staff.shipOrder({ orderId: secondId, items: [{ lineId, quantity: 1n }] }, once());
    const { order: shortened } = await staff.cancelOrderItems({ orderId: secondId }, once());
    t.like(shortened, { captured: { minor: 1_279n }, cancelled: { minor: 952n } });
    t.deepEqual(await movedOf(netShop(), secondId), [0n, 0n]);
    t.deepEqual(await movedOf(netShop(), firstId), [3_703n, 0n]);
    await second.receive();
    t.deepEqual(await movedOf(netShop(), firstId), [3_703n, 801n]);

    const third = await exchange(second.replacement, 1n, 1_500n);
    t.deepEqual([third.difference, third.replacement.total?.minor], [357n, 1_636n]);
    const thirdId = third.replacement.id;
    const shippingAddress = { ...ADDRESS, city: "Bonn" };
    const moved = await staff.editOrder({ orderId: thirdId, shippingAddress }, once());
    t.is(moved.difference?.minor, 0n);
    await third.receive();
    await staff.shipOrder({ orderId: thirdId }, once());
    const items = [{ lineId: third.replacement.lines[0]?.id ?? "", quantity: 1n }];
    const wish = items.map((it) => ({ ...it, reason: ReturnReason.UNWANTED }));
    const { return: asked } = await ada.orders.requestReturn({ orderId: thirdId, items: wish }, once());
    await staff.approveReturn({ id: asked?.id ?? "" });
    const back = items.map((it) => ({ lineId: it.lineId, restocked: 1n }));
    const { order: last } = await staff.receiveReturn({ id: asked?.id ?? "", items: back });
    t.like(last, { state: OrderState.RETURNED, refunded: { minor: 1_636n } });
    t.deepEqual(await movedOf(netShop(), thirdId), [357n, 357n]);
    t.deepEqual(await movedOf(netShop(), firstId), [3_703n, 801n + 1_279n]);

    const { refund } = await staff.refundOrder({ orderId: firstId }, once());
    t.is(refund?.amount?.minor, 3_703n - 2_080n);
    t.deepEqual(await movedOf(netShop(), firstId), [3_703n, 3_703n]);
    t.is((await cards.getGiftCard({ id: giftCardId })).giftCard?.balance?.minor, 1_500n);
    t.is((await credit.getStoreCredit({ accountId: ada.id })).balances[0]?.minor, 700n);
  },
);
