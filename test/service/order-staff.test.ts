import { timestampNow } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { InvoiceKind } from "#gen/souk/order/v1/invoice_pb.ts";
import { OrderService, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { formatMoney } from "../../services/order/documents/format-money.ts";
import { afterSaleOf, once } from "./order-after-sale.ts";
import { ADDRESS, refusal, shopOf } from "./order-shop.ts";
import { textsOf } from "./pdf-text.ts";

const shop = shopOf(test);

test.serial(
  "staff finds orders by state, customer, number, e-mail and recipient, page by page",
  async (t) => {
    const { staff, order: place, sent } = afterSaleOf(shop());
    const [waiting, gone] = [await place([1n]), await sent([1n])];
    const found = async (request: Parameters<typeof staff.listOrders>[0]) =>
      (await staff.listOrders(request)).orders.map(({ id }) => id);
    t.deepEqual(await found({ customerId: waiting.ada.id }), [waiting.order.id]);
    t.deepEqual(await found({ states: [OrderState.SHIPPED] }), [gone.order.id]);
    t.deepEqual(await found({ query: gone.order.number.toLowerCase().slice(0, 8) }), [gone.order.id]);
    t.deepEqual(await found({ query: waiting.ada.email.toUpperCase() }), [waiting.order.id]);
    t.deepEqual(await found({ query: "ada love" }), [gone.order.id, waiting.order.id]);
    t.deepEqual(await found({ query: "%" }), []);
    const { createTime: time = timestampNow() } = gone.order;
    t.deepEqual(await found({ startTime: time }), [gone.order.id]);
    t.deepEqual(await found({ endTime: time }), [waiting.order.id]);
    const first = await staff.listOrders({ pageSize: 1 });
    t.deepEqual(first.orders, [gone.order]);
    const second = await staff.listOrders({ pageSize: 1, pageToken: first.nextPageToken });
    t.deepEqual(second.orders, [waiting.order]);
    t.is(second.nextPageToken, "");
    t.is((await refusal(waiting.ada.orders.listOrders({}))).reason, "PERMISSION_MISSING");
  },
);

test.serial(
  "a guest's order is found by number and e-mail; a wrong one of either is answered alike",
  async (t) => {
    const nobody = shop().mesh.withToken(OrderService, "");
    const cart = shop().mesh.withToken(CartService, "");
    const { cartToken } = await cart.createGuestCart({});
    await cart.addItem({ cartToken, variantId: await shop().offer(100n, 5), quantity: 1n });
    const payment = { token: "tok_visa" };
    const { order } = await shop().mesh.withToken(CheckoutService, "").placeOrder(
      {
        cartToken,
        email: "Bob@example.com",
        shippingAddress: ADDRESS,
        shippingMethod: "standard",
        payment,
      },
      once(),
    );
    const number = order?.number ?? "";
    const found = await nobody.findGuestOrder({ number: number.toLowerCase(), email: "bob@EXAMPLE.com" });
    t.deepEqual(found.order, order);
    t.not(found.orderToken, "");
    const { ada, order: hers } = await afterSaleOf(shop()).order([1n]);
    const refusals = await Promise.all(
      [
        { number, email: "eve@example.com" },
        { number: "00000-00000", email: "bob@example.com" },
        { number: hers.number, email: ada.email },
      ].map((knowledge) => refusal(nobody.findGuestOrder(knowledge))),
    );
    for (const { reason, message } of refusals) {
      t.is(reason, "ORDER_NOT_FOUND");
      t.is(message, refusals[0]?.message ?? "");
    }
  },
);

test.serial("a watcher is told each change within a second, and goes on after a break", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { ada, order } = await place([2n]);
  const watch = ada.orders.watchOrder({ id: order.id })[Symbol.asyncIterator]();
  t.deepEqual((await watch.next()).value?.order, order);
  const items = [{ lineId: order.lines[0]?.id ?? "", quantity: 1n }];
  const { order: partial } = await staff.shipOrder({ orderId: order.id, items }, once());
  t.deepEqual((await watch.next()).value?.order, partial);
  await watch.return?.();

  const resumed = ada.orders.watchOrder({ id: order.id, etag: partial?.etag ?? "" })[Symbol.asyncIterator]();
  const next = resumed.next();
  const { order: whole } = await staff.shipOrder({ orderId: order.id }, once());
  t.deepEqual((await next).value?.order, whole);
  await resumed.return?.();

  const behind = ada.orders.watchOrder({ id: order.id, etag: partial?.etag ?? "" })[Symbol.asyncIterator]();
  t.deepEqual((await behind.next()).value?.order, whole);
  await behind.return?.();
});

test.serial("an invoice says how prices, discounts and taxes come to its total", async (t) => {
  const terms = {
    displayName: "Tenth off",
    couponCodes: ["TENTH-OFF"],
    effect: { case: "percentageOff" as const, value: { ratePpm: 100_000 } },
  };
  await shop().mesh.as(PromotionService).createPromotion({ terms });
  const { staff } = afterSaleOf(shop());
  const invoiceOf = async (countryCode: string, vatId: string) => {
    const ada = await shop().customer();
    await ada.add(await shop().offer(2_380n, 5), 3n);
    await ada.cart.applyCoupon({ code: "TENTH-OFF" });
    const { order } = await ada.checkout.placeOrder(
      {
        shippingAddress: { ...ADDRESS, countryCode },
        shippingMethod: "standard",
        vatId,
        payment: { token: "tok_visa" },
      },
      once(),
    );
    const orderId = order?.id ?? "";
    await staff.shipOrder({ orderId }, once());
    const texts = textsOf((await ada.orders.getInvoice({ orderId })).pdf);
    return texts.slice(texts.indexOf("Amount") + 1, -1);
  };
  const goods = (await invoiceOf("DE", "")).slice(2);
  t.deepEqual(goods, [
    ...["3", "EUR 23.80", "EUR 71.40"],
    ...["Shipping", "EUR 0.00"],
    ...["Tenth off", "EUR -7.14"],
    ...["Total", "EUR 64.26"],
    ...["contains VAT 19 % of EUR 54.00", "EUR 10.26"],
  ]);
  // (64.26 + 9.90 for shipping) * 100 / 120 = 61.80
  t.deepEqual((await invoiceOf("AT", "ATU13585627")).slice(-7), [
    ...["Tenth off", "EUR -7.14"],
    ...["less VAT 20 % contained in these prices", "EUR -12.36"],
    ...["Total", "EUR 61.80"],
    "Reverse charge: the recipient owes the tax.",
  ]);
});

test.serial("a credit note names every invoice that the order had until then", async (t) => {
  const { staff, order: place } = afterSaleOf(shop());
  const { ada, order } = await place([2n]);
  const orderId = order.id;
  const items = [{ lineId: order.lines[0]?.id ?? "", quantity: 1n }];
  await staff.shipOrder({ orderId, items }, once());
  await staff.shipOrder({ orderId }, once());
  const { order: now } = await staff.refundOrder({ orderId, items }, once());
  const [first, second, credit] = now?.invoices ?? [];
  const texts = textsOf((await ada.orders.getInvoice({ orderId, invoiceId: credit?.id ?? "" })).pdf);
  t.is(texts[texts.indexOf("To invoice") + 1], `${first?.number}, ${second?.number}`);
  t.false(texts.includes("Unit price"));
  t.deepEqual(texts.slice(texts.indexOf("Given back"), -1), [
    ...["Given back", "EUR 25.00"],
    ...["contains VAT 19 % of EUR 21.01", "EUR 3.99"],
  ]);
});

test.serial(
  "the tax that a credit note takes back and what it is reckoned on come to the cent",
  async (t) => {
    const { staff } = afterSaleOf(shop());
    const ada = await shop().customer();
    await ada.add(await shop().offer(999n, 5), 2n);
    const { order } = await ada.checkout.placeOrder(
      {
        shippingAddress: { ...ADDRESS, countryCode: "AT" },
        shippingMethod: "standard",
        payment: { token: "tok_visa" },
      },
      once(),
    );
    const orderId = order?.id ?? "";
    await staff.shipOrder({ orderId }, once());
    const items = [{ lineId: order?.lines[0]?.id ?? "", quantity: 1n }];
    const { order: now } = await staff.refundOrder({ orderId, items }, once());
    const texts = textsOf(
      (await ada.orders.getInvoice({ orderId, invoiceId: now?.invoices[1]?.id ?? "" })).pdf,
    );
    t.deepEqual(texts.slice(texts.indexOf("Given back"), -1), [
      ...["Given back", "EUR 9.99"],
      // 9.99 / 6 = 1.665
      ...["contains VAT 20 % of EUR 8.32", "EUR 1.67"],
    ]);
  },
);

test("amounts on documents have the decimals of ISO 4217", (t) => {
  t.is(formatMoney(150_000n, "HUF"), "HUF 1500.00");
  t.is(formatMoney(-5n, "EUR"), "EUR -0.05");
  t.is(formatMoney(4_900n, "JPY"), "JPY 4900");
});

test.serial(
  "invoices and packing slips are PDF files, the same each time; numbers follow each other",
  async (t) => {
    const { staff, order: place, sent } = afterSaleOf(shop());
    const { ada, order } = await place([2n]);
    const orderId = order.id;
    t.is((await refusal(ada.orders.getInvoice({ orderId }))).reason, "INVOICE_NOT_FOUND");
    const { shipment } = await staff.shipOrder({ orderId }, once());
    const { refund } = await staff.refundOrder({ orderId, amount: { minor: 100n, currency: "EUR" } }, once());
    t.is(refund?.amount?.minor, 100n);
    const invoice = await ada.orders.getInvoice({ orderId });
    t.is(invoice.invoice?.kind, InvoiceKind.INVOICE);
    t.deepEqual(invoice.invoice?.total, order.total);
    t.is(invoice.filename, `${invoice.invoice?.number}.pdf`);
    t.is(Buffer.from(invoice.pdf.subarray(0, 5)).toString(), "%PDF-");
    t.deepEqual(await ada.orders.getInvoice({ orderId }), invoice);
    const { order: now } = await ada.orders.getOrder({ id: orderId });
    const credit = now?.invoices.find(({ kind }) => kind === InvoiceKind.CREDIT_NOTE);
    t.deepEqual((await ada.orders.getInvoice({ orderId, invoiceId: credit?.id ?? "" })).invoice, credit);
    const slip = await staff.getPackingSlip({ shipmentId: shipment?.id ?? "" });
    t.is(slip.filename, `packing-slip-${order.number}-1.pdf`);
    t.is(Buffer.from(slip.pdf.subarray(0, 5)).toString(), "%PDF-");
    const bob = await shop().customer();
    t.is((await refusal(bob.orders.getInvoice({ orderId }))).reason, "ORDER_NOT_FOUND");

    await Promise.all(Array.from({ length: 4 }, () => sent([1n])));
    const { orders } = await staff.listOrders({ pageSize: 100 });
    const numbers = orders
      .flatMap(({ invoices }) => invoices)
      .filter(({ kind }) => kind === InvoiceKind.INVOICE)
      .map((it) => Number(it.number.slice(2)))
      .sort((a, b) => a - b);
    t.deepEqual(
      numbers,
      Array.from(numbers, (_, index) => index + 1),
    );
  },
);
