import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import test from "ava";
import fc from "fast-check";
import { AccountRegisteredSchema } from "#gen/souk/auth/v1/events_pb.ts";
import {
  OrderCancelledSchema,
  OrderConfirmedSchema,
  OrderDeliveredSchema,
  OrderEditedSchema,
  OrderExchangedSchema,
  OrderKeptWaitingSchema,
  OrderRefundedSchema,
  OrderShippedSchema,
  ReturnChangedSchema,
} from "#gen/souk/order/v1/events_pb.ts";
import { OrderSchema, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { ReturnState } from "#gen/souk/order/v1/return_pb.ts";
import { money } from "#kit/money.ts";
import { formatMoney } from "../../services/notification/templates/format-money.ts";
import { html } from "../../services/notification/templates/html.ts";
import type { Message } from "../../services/notification/templates/message.ts";
import { orderCancelled } from "../../services/notification/templates/order-cancelled.ts";
import { orderConfirmed } from "../../services/notification/templates/order-confirmed.ts";
import { orderDelivered } from "../../services/notification/templates/order-delivered.ts";
import { orderEdited } from "../../services/notification/templates/order-edited.ts";
import { orderExchanged } from "../../services/notification/templates/order-exchanged.ts";
import { orderRefunded } from "../../services/notification/templates/order-refunded.ts";
import { orderShipped } from "../../services/notification/templates/order-shipped.ts";
import { orderWaits } from "../../services/notification/templates/order-waits.ts";
import { returnChanged } from "../../services/notification/templates/return-changed.ts";
import { welcome } from "../../services/notification/templates/welcome.ts";
import { findByUse } from "../../services/notification/wording/catalogue.ts";
import type { Notice } from "../../services/notification/wording/notice.ts";
import { writeMessage } from "../../services/notification/wording/write-message.ts";
import { SEED } from "../seed.ts";
import { eur, someOrder } from "./notification-post.ts";

const shop = { name: "Souk & Sons", url: undefined };

/** What an event is told with, in the words that come with the shop. */
function tell<E>(notice: Notice<E>, event: NoInfer<E>): Message {
  return writeMessage(notice, event, shop, (topic, way) => findByUse(topic, way).template);
}

for (const [minor, currency, written] of [
  [123_450n, "EUR", "€1,234.50"],
  [5n, "EUR", "€0.05"],
  [0n, "USD", "$0.00"],
  [-1_99n, "GBP", "-£1.99"],
  [4_900n, "JPY", "¥4,900"],
  [1_234n, "KWD", "KWD 1.234"],
  [12_345n, "CLF", "CLF 1.2345"],
  [150_000n, "HUF", "HUF 1,500.00"],
  [9_223_372_036_854_775_807n, "EUR", "€92,233,720,368,547,758.07"],
] as const) {
  test(`${minor} minor units of ${currency} read ${written}`, (t) => {
    t.is(formatMoney(money(minor, currency)).replaceAll("\u00a0", " "), written);
  });
}

test("a formatted amount loses no digit", (t) => {
  const property = fc.property(
    fc.bigInt({ min: -(2n ** 63n - 1n), max: 2n ** 63n - 1n }),
    fc.constantFrom("EUR", "JPY", "BHD", "CLF", "HUF", "XOF"),
    (minor, currency) => BigInt(formatMoney(money(minor, currency)).replace(/[^\d-]/g, "")) === minor,
  );
  fc.assert(property, { seed: SEED });
  t.pass();
});

test("what comes from outside is escaped in HTML, what is HTML is not", (t) => {
  const list = [html`<li>${"<b>"}</li>`, html`<li>${"&"}</li>`];
  const { html: page } = html`<ul title="${`"'`}">${list}</ul>`;
  t.is(page, '<ul title="&quot;&#39;"><li>&lt;b&gt;</li><li>&amp;</li></ul>');
});

test("a confirmed order is told with its lines and sums, and without address and notes", (t) => {
  const order = someOrder();
  const event = { orderId: order.id, customerId: "", email: "ada@example.com", order };
  const message = tell(orderConfirmed, create(OrderConfirmedSchema, event));
  t.like(message, {
    topic: "order-confirmed",
    title: "Order 7K3MW-9QXD2 is confirmed",
    subjectId: order.id,
    mail: { subject: "Order 7K3MW-9QXD2 is confirmed" },
  });
  t.is(
    message.mail.text,
    `Hello,

Thank you for your order. It is confirmed:

2 × Linen shirt (blue, M): €98.00
1 × Tea cup <small> & “fine”: €12.50

Subtotal: €110.50
Shipping: €4.90
Total: €115.40
Tax included: €18.43

Souk & Sons
`,
  );
  const page = message.mail.html;
  t.true(page.includes("<td>Tea cup &lt;small&gt; &amp; “fine”</td>"));
  t.true(page.includes("<p>Souk &amp; Sons</p>"));
  for (const amount of ["€98.00", "€12.50", "€110.50", "€4.90", "€115.40", "€18.43"])
    t.true(page.includes(amount));
  t.notRegex(JSON.stringify(message), /Grace|Hopper|Navy|Arlington|aunt|ada@example/);

  for (const line of order.lines.slice(0, 1)) line.backOrder = true;
  const later = tell(orderConfirmed, create(OrderConfirmedSchema, event));
  t.true(later.mail.text.includes("\n\nWaits for new stock: Linen shirt (blue, M).\n"));
  t.regex(later.body, /^Thank you .* Waits for new stock: Linen shirt \(blue, M\)\.$/);
});

test("the sums of an order come to its total, whatever promotions and taxes do to it", (t) => {
  const sumsOf = (differences: MessageInitShape<typeof OrderSchema>) => {
    const order = create(OrderSchema, { ...someOrder(), ...differences } as typeof differences);
    const event = { orderId: order.id, email: "ada@example.com", order };
    const { text } = tell(orderConfirmed, create(OrderConfirmedSchema, event)).mail;
    return text.slice(text.indexOf("Subtotal"), text.indexOf("\n\nSouk")).split("\n");
  };
  const discounts = [
    { displayName: "Tenth off", amount: eur(1_105n) },
    { displayName: "Free shipping", amount: eur(0n) },
  ];
  t.deepEqual(sumsOf({ discounts, total: eur(10_435n) }), [
    ...["Subtotal: €110.50", "Tenth off: -€11.05", "Shipping: €4.90", "Total: €104.35"],
    "Tax included: €18.43",
  ]);
  const onTop = { displayName: "VAT 19 %", amount: eur(2_193n) };
  t.deepEqual(sumsOf({ taxes: [onTop], total: eur(13_733n), taxIncluded: eur(0n) }), [
    ...["Subtotal: €110.50", "Shipping: €4.90", "VAT 19 %: €21.93", "Total: €137.33"],
  ]);
  const owed = { displayName: "VAT 20 %", amount: eur(0n), reverseCharge: true };
  t.deepEqual(sumsOf({ taxes: [owed], total: eur(9_617n), taxIncluded: eur(0n) }), [
    ...["Subtotal: €110.50", "Shipping: €4.90", "Tax that you owe yourself: -€19.23", "Total: €96.17"],
  ]);
});

test("who keeps an order waiting is told where to confirm the payment, and until when", (t) => {
  const order = someOrder(OrderState.AWAITING_PAYMENT);
  const confirmUri = "https://pay.example/3ds?charge=1&step=2";
  const expireTime = timestampFromDate(new Date("2026-11-26T20:15:00Z"));
  const event = { orderId: order.id, email: "ada@example.com", confirmUri, expireTime, order };
  const message = tell(orderWaits, create(OrderKeptWaitingSchema, event));
  t.like(message, {
    topic: "order-awaits-payment",
    title: "Order 7K3MW-9QXD2 waits for you to confirm the payment",
    body: "Please confirm the payment by November 26, 2026 at 20:15 UTC. Otherwise the order is cancelled, and you pay nothing.",
    subjectId: order.id,
  });
  t.true(message.mail.text.includes(`\n\nConfirm it here: ${confirmUri}\n\n`));
  t.regex(message.mail.text, /Total: €115\.40/);
  const link = "https://pay.example/3ds?charge=1&amp;step=2";
  t.true(message.mail.html.includes(`<p>Confirm it here: <a href="${link}">${link}</a></p>`));
  t.notRegex(JSON.stringify(message), /Grace|Hopper|Navy|Arlington|aunt|ada@example/);

  const pageless = tell(orderWaits, create(OrderKeptWaitingSchema, { ...event, confirmUri: "" }));
  t.true(pageless.mail.text.includes("\n\nGo on where you ordered.\n\n"));
  t.notRegex(pageless.mail.html, /href/);
  t.throws(() => tell(orderWaits, create(OrderKeptWaitingSchema, { orderId: "1", order })), {
    message: /lacks/,
  });
});

test("a cancelled order is told with what was cancelled", (t) => {
  const order = someOrder(OrderState.CANCELLED);
  const event = { orderId: order.id, customerId: "", email: "ada@example.com", order };
  const message = tell(orderCancelled, create(OrderCancelledSchema, event));
  t.like(message, { topic: "order-cancelled", title: "Order 7K3MW-9QXD2 is cancelled", subjectId: order.id });
  t.regex(message.mail.text, /You pay nothing for it\./);
  t.regex(message.mail.text, /Total: €115\.40/);
  t.regex(message.mail.html, /You pay nothing for it\./);
  t.notRegex(JSON.stringify(message), /Grace|Hopper|Navy|Arlington|aunt|ada@example/);
});

test("a shipment is told with what is in it and where to follow it", (t) => {
  const order = someOrder(OrderState.PARTIALLY_SHIPPED);
  const event = { orderId: order.id, email: "ada@example.com", shipmentId: "parcel", order };
  const message = tell(orderShipped, create(OrderShippedSchema, event));
  t.like(message, {
    topic: "order-partially-shipped",
    title: "Part of order 7K3MW-9QXD2 is on its way",
    body: "A part of your order is on its way. The rest follows. DHL 00340434161094022115.",
    subjectId: order.id,
  });
  t.is(
    message.mail.text,
    `Hello,

A part of your order is on its way. The rest follows.

2 × Linen shirt (blue, M)

DHL 00340434161094022115

https://track.example/00340434161094022115?a=1&b=2

Souk & Sons
`,
  );
  const link = "https://track.example/00340434161094022115?a=1&amp;b=2";
  t.true(message.mail.html.includes(`<p><a href="${link}">${link}</a></p>`));
  t.notRegex(JSON.stringify(message), /Grace|Hopper|Navy|Arlington|aunt|ada@example/);

  const all = someOrder(OrderState.SHIPPED);
  t.like(tell(orderShipped, create(OrderShippedSchema, { ...event, order: all })), {
    topic: "order-shipped",
    title: "Order 7K3MW-9QXD2 is on its way",
  });
});

test("what staff typed in is a link only where it is an address of the web", (t) => {
  const order = someOrder(OrderState.SHIPPED);
  const [parcel] = order.shipments;
  if (parcel !== undefined) Object.assign(parcel, { carrier: "", trackingUri: "javascript:alert('1')" });
  const event = { orderId: order.id, shipmentId: "parcel", order };
  const { body, mail } = tell(orderShipped, create(OrderShippedSchema, event));
  t.is(body, "Your order is on its way. Tracking number 00340434161094022115.");
  t.true(mail.html.includes("<p>javascript:alert(&#39;1&#39;)</p>"));
  t.notRegex(mail.html, /href/);
});

test("an arrival is told as a part until all of the order is there", (t) => {
  for (const [state, topic, title] of [
    [OrderState.SHIPPED, "order-partially-delivered", "Part of order 7K3MW-9QXD2 has arrived"],
    [OrderState.DELIVERED, "order-delivered", "Order 7K3MW-9QXD2 has arrived"],
  ] as const) {
    const order = someOrder(state);
    const event = { orderId: order.id, shipmentId: "parcel", order };
    const message = tell(orderDelivered, create(OrderDeliveredSchema, event));
    t.like(message, { topic, title, subjectId: order.id });
    t.regex(message.mail.text, /^2 × Linen shirt \(blue, M\)$/m);
    t.true(message.mail.html.includes("<li>2 × Linen shirt (blue, M)</li>"));
  }
});

test("a refund is told with its amount, what it is for and where it goes", (t) => {
  const order = someOrder(OrderState.SHIPPED);
  const refund = {
    amount: eur(5_390n),
    shipping: eur(490n),
    lines: [{ lineId: "shirts", quantity: 1n, amount: eur(4_900n) }],
    reason: "for my aunt",
  };
  const message = tell(orderRefunded, create(OrderRefundedSchema, { orderId: order.id, order, refund }));
  t.like(message, {
    topic: "order-refunded",
    title: "You get €53.90 back for order 7K3MW-9QXD2",
    subjectId: order.id,
  });
  t.regex(
    message.mail.text,
    /the way that you paid.*\n\nIt is for:\n\n1 × Linen shirt \(blue, M\)\n\nOf it, €4\.90 is for/,
  );
  t.regex(
    message.mail.html,
    /<li>1 × Linen shirt \(blue, M\)<\/li>[\s\S]*<p>Of it, €4\.90 is for shipping\.<\/p>/,
  );
  t.notRegex(JSON.stringify(message), /Grace|aunt/);

  const credit = { amount: eur(500n), shipping: eur(0n), toStoreCredit: true };
  const { body, mail } = tell(orderRefunded, create(OrderRefundedSchema, { order, refund: credit }));
  t.is(body, "We have added €5.00 to your store credit.");
  t.notRegex(mail.text, /It is for|shipping/);
});

test("each step of a return is told, with what staff wrote to it", (t) => {
  const order = someOrder(OrderState.DELIVERED);
  const lines = [{ lineId: "cup", quantity: 1n }];
  const told = (state: ReturnState, texts: { instructions?: string; rejectReason?: string } = {}) => {
    const event = { orderId: order.id, order, return: { state, lines, note: "for my aunt", ...texts } };
    return tell(returnChanged, create(ReturnChangedSchema, event));
  };
  for (const [state, topic, title] of [
    [ReturnState.REQUESTED, "return-requested", "Your return of order 7K3MW-9QXD2 was asked for"],
    [ReturnState.APPROVED, "return-approved", "Your return of order 7K3MW-9QXD2 is approved"],
    [ReturnState.REJECTED, "return-rejected", "Your return of order 7K3MW-9QXD2 is refused"],
    [ReturnState.CANCELLED, "return-cancelled", "Your return of order 7K3MW-9QXD2 is withdrawn"],
    [ReturnState.RECEIVED, "return-received", "Your return of order 7K3MW-9QXD2 has arrived"],
  ] as const) {
    const message = told(state);
    t.like(message, { topic, title, subjectId: order.id, mail: { subject: title } });
    t.true(message.mail.text.includes("1 × Tea cup <small> & “fine”"));
    t.true(message.mail.html.includes("<li>1 × Tea cup &lt;small&gt; &amp; “fine”</li>"));
    t.notRegex(JSON.stringify(message), /Grace|aunt/);
  }
  const approved = told(ReturnState.APPROVED, { instructions: "Wrap it well.\n\nSend it to <Kiel>." });
  t.is(approved.body, "You may send it back now. Wrap it well. Send it to <Kiel>.");
  t.true(approved.mail.html.includes("<p>Wrap it well.</p>\n<p>Send it to &lt;Kiel&gt;.</p>"));
  t.is(told(ReturnState.REJECTED, { rejectReason: "Worn" }).body, "We cannot take it back. Worn");
  t.throws(() => told(ReturnState.UNSPECIFIED), { message: /which tells nothing/ });
});

test("an event without the order or without an amount is told to nobody", (t) => {
  const { total: _, ...broken } = someOrder();
  t.throws(() => tell(orderConfirmed, create(OrderConfirmedSchema, { orderId: "1" })), {
    message: /lacks the order/,
  });
  t.throws(() => tell(orderCancelled, create(OrderCancelledSchema, { orderId: "1", order: broken })), {
    message: /lacks an amount/,
  });
  const order = someOrder(OrderState.SHIPPED);
  const lines = [{ lineId: "gone", quantity: 1n }];
  for (const telling of [
    () => tell(orderShipped, create(OrderShippedSchema, { orderId: "1", shipmentId: "gone", order })),
    () => tell(orderDelivered, create(OrderDeliveredSchema, { orderId: "1", shipmentId: "gone", order })),
    () => tell(orderRefunded, create(OrderRefundedSchema, { orderId: "1", order, refund: { lines } })),
    () => tell(returnChanged, create(ReturnChangedSchema, { orderId: "1", order })),
    () => tell(orderRefunded, create(OrderRefundedSchema, { order, refund: { amount: eur(1n), lines } })),
  ])
    t.throws(telling, { message: /lacks/ });
});

test("a new user is greeted by name", (t) => {
  for (const firstName of ["Ada", "Zoë", "Anne-Marie", "D’Arcy", "O'Neil", "María José", "明", "Нина"]) {
    const { mail } = greet(firstName);
    t.true(mail.text.startsWith(`Hello ${firstName},\n`), firstName);
  }
  t.like(greet("Ada"), { topic: "welcome", title: "Welcome to Souk & Sons", subjectId: "1" });
});

test("a name that carries a message is left out", (t) => {
  for (const firstName of [
    "",
    "Visit https://evil.example",
    "evil.example",
    "<script>",
    "a@b.c",
    "A".repeat(51),
    "x\ny",
  ]) {
    const { mail } = greet(firstName);
    t.true(mail.text.startsWith("Hello,\n"), firstName);
    t.true(mail.html.includes("<p>Hello,</p>"), firstName);
  }
});

function greet(firstName: string) {
  return tell(welcome, create(AccountRegisteredSchema, { accountId: "1", firstName }));
}

test("a changed order is told with what the change costs, and an exchange with what is sent instead", (t) => {
  const order = someOrder();
  const event = { orderId: order.id, customerId: "", email: "ada@example.com" };
  const edited = (minor: bigint) =>
    tell(orderEdited, create(OrderEditedSchema, { ...event, order, difference: money(minor, "EUR") }));
  t.like(edited(-1_250n), {
    topic: "order-edited",
    title: "Order 7K3MW-9QXD2 was changed",
    body: "The change costs you €12.50 less.",
    subjectId: order.id,
  });
  t.is(edited(5n).body, "The change costs you €0.05 more.");
  const exchanged = create(OrderExchangedSchema, {
    ...event,
    orderId: "the first",
    replacement: order,
    difference: money(0n, "EUR"),
  });
  const message = tell(orderExchanged, exchanged);
  t.like(message, {
    topic: "order-exchanged",
    title: "Your goods are exchanged with order 7K3MW-9QXD2",
    body: "The exchange costs you nothing.",
    subjectId: "the first",
  });
  t.true(message.mail.text.includes(`${order.lines[0]?.quantity} × ${order.lines[0]?.title}`));
  t.throws(() => tell(orderEdited, create(OrderEditedSchema, { ...event, order })));
});
