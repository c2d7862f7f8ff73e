import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type ExecutionContext } from "ava";
import Stripe from "stripe";
import { money } from "#kit/money.ts";
import { pickFreePort } from "../../deploy/local/ports.ts";
import { findOnPath } from "../../deploy/local/programs.ts";
import { type PaymentProvider, WebhookRefused } from "../../services/payment/provider/provider.ts";
import { stripeProvider } from "../../services/payment/provider/stripe.ts";
import { toCharge, toStripeAmount } from "../../services/payment/provider/stripe-charge.ts";
import { requireTool } from "../tools.ts";
import { newPaymentId, until } from "./payment-desk.ts";

const never = new AbortController().signal;
const WEBHOOK_SECRET = "whsec_for_tests_only";

function providerAt(url: string): PaymentProvider {
  return stripeProvider({ secretKey: "sk_test_123", webhookSecret: WEBHOOK_SECRET, url, timeoutMs: 5_000 });
}

/** A server that speaks Stripe's API and checks each request against its description: stripe-mock. */
async function stripeMock(t: ExecutionContext): Promise<PaymentProvider | undefined> {
  const program = requireTool(t, "stripe-mock", findOnPath("stripe-mock"));
  if (program === undefined) return undefined;
  const port = await pickFreePort();
  const child = spawn(program, ["-http-port", String(port)], { stdio: "ignore" });
  t.teardown(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  const url = `http://127.0.0.1:${port}`;
  await until(() =>
    fetch(url).then(
      () => true,
      () => false,
    ),
  );
  return providerAt(url);
}

/** Its lists never end. */
async function* firstOf<T>(all: AsyncIterable<T>): AsyncIterable<T> {
  for await (const each of all) {
    yield each;
    return;
  }
}

test("every request is one that Stripe's API takes, and its answers become charges", async (t) => {
  const stripe = await stripeMock(t);
  if (stripe === undefined) return;
  const amount = money(4900n, "EUR");
  for (const [token, returnUri] of [
    ["tok_visa", undefined],
    ["pm_card_visa", "https://shop.example/back"],
  ] as const) {
    const charge = await stripe.authorize(
      { idempotencyKey: newPaymentId(), amount, token, returnUri },
      never,
    );
    t.regex(charge.id ?? "", /^pi_/);
  }
  const own = { chargeId: "pi_123", idempotencyKey: newPaymentId(), amount };
  t.true((await stripe.capture({ ...own, final: false }, never)).taken);
  t.true((await stripe.capture({ ...own, final: true }, never)).taken);
  t.regex((await stripe.void("pi_123", never)).id ?? "", /^pi_/);
  t.regex((await stripe.get("pi_123", never)).id ?? "", /^pi_/);
  t.is((await stripe.refund(own, never)).status, "succeeded");
  await stripe.findByIdempotencyKey(newPaymentId(), never);
  const [listed] = await Array.fromAsync(firstOf(stripe.list(new Date(0), new Date())));
  t.regex(listed?.id ?? "", /^pi_/);
});

test("what Stripe says of a card that it declines is an answer, and everything else is not", async (t) => {
  const answers: [status: number, error: object][] = [
    [
      402,
      {
        type: "card_error",
        code: "card_declined",
        decline_code: "insufficient_funds",
        payment_intent: { id: "pi_9", object: "payment_intent" },
      },
    ],
    [402, { type: "card_error", code: "authentication_required" }],
    [400, { type: "invalid_request_error", code: "resource_missing", param: "payment_method" }],
    [400, { type: "invalid_request_error", code: "parameter_invalid_integer" }],
    [401, { type: "invalid_request_error" }],
    [429, { type: "invalid_request_error", code: "rate_limit" }],
    [500, { type: "api_error" }],
  ];
  const keys: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers["idempotency-key"] as string | undefined);
    const [status, error] = answers[keys.length - 1] as [number, object];
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ error }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const stripe = providerAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const request = { idempotencyKey: newPaymentId(), amount: money(100n, "EUR"), token: "pm_card" };
  const declined = { status: "declined", idempotencyKey: request.idempotencyKey };
  t.like(await stripe.authorize(request, never), {
    ...declined,
    id: "pi_9",
    declineReason: "insufficient_funds",
  });
  t.like(await stripe.authorize(request, never), {
    ...declined,
    id: undefined,
    declineReason: "authentication_required",
  });
  t.like(await stripe.authorize(request, never), { ...declined, declineReason: "resource_missing" });
  for (let n = 3; n < answers.length; n++) await t.throwsAsync(stripe.authorize(request, never));
  // Once each: whoever asks again comes with the same key.
  t.deepEqual(
    keys,
    answers.map(() => request.idempotencyKey),
  );
});

test("webhooks are believed when Stripe signed them lately", async (t) => {
  const stripe = providerAt("http://127.0.0.1:1");
  const sign = (payload: string, options: object = {}) =>
    Stripe.webhooks.generateTestHeaderString({ payload, secret: WEBHOOK_SECRET, ...options });
  const event = (object: object) =>
    JSON.stringify({ id: "evt_1", object: "event", type: "payment_intent.succeeded", data: { object } });
  const read = (payload: string, signature = sign(payload)) =>
    stripe.readWebhook(Buffer.from(payload), signature);
  const intent = event({ object: "payment_intent", id: "pi_1", metadata: { payment_id: "ours" } });
  t.like(read(intent), { id: "evt_1", chargeId: "pi_1", idempotencyKey: "ours" });
  t.like(read(event({ object: "refund", id: "re_1", payment_intent: "pi_2" })), { chargeId: "pi_2" });
  t.is(read(event({ object: "payout", id: "po_1" })).chargeId, undefined);
  const longAgo = sign(intent, { timestamp: Math.floor(Date.now() / 1000) - 301 });
  for (const [payload, signature] of [
    [intent, longAgo],
    [intent, sign(`${intent} `)],
    [intent, sign(intent, { secret: "whsec_of_somebody" })],
    [intent, ""],
  ] as const) {
    t.throws(() => read(payload, signature), { instanceOf: WebhookRefused });
  }
});

test("Stripe's states and amounts become ours", (t) => {
  const charge = (status: string, more: object = {}) =>
    toCharge({
      id: "pi_1",
      status,
      amount: 4900,
      amount_received: 0,
      currency: "eur",
      created: 1,
      ...more,
    } as never);
  const states = ["requires_action", "requires_capture", "succeeded", "canceled", "requires_payment_method"];
  t.deepEqual(
    states.map((status) => charge(status).status),
    ["action_required", "authorized", "captured", "voided", "declined"],
  );
  t.is(charge("requires_capture", { amount_received: 1 }).status, "partially_captured");
  const uri = "https://hooks.stripe.com/3ds";
  const asked = charge("requires_action", { next_action: { redirect_to_url: { url: uri } } });
  t.is(asked.actionUri, uri);
  const latest_charge = { captured: true, amount_refunded: 100 };
  t.like(charge("succeeded", { amount_received: 4900, latest_charge }), { captured: 4900n, refunded: 100n });
  t.deepEqual([money(1n, "ISK"), money(1n, "JPY"), money(1n, "EUR")].map(toStripeAmount), [100, 1, 1]);
});
