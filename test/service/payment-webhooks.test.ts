import test from "ava";
import { money } from "#kit/money.ts";
import { handleWebhook } from "../../services/payment/handle-webhook.ts";
import type { PaymentProvider } from "../../services/payment/provider/provider.ts";
import { afterFile } from "../after-file.ts";
import {
  away,
  booksOf,
  type Desk,
  losingAnswers,
  newPaymentId,
  openDesk,
  outcomeOf,
  paymentDatabase,
} from "./payment-desk.ts";

let db: Awaited<ReturnType<typeof paymentDatabase>>;
let desk: Desk;
let sandbox: PaymentProvider;
const file = afterFile(test);
const returnUri = "https://shop.example/back";
const never = new AbortController().signal;

test.before(async () => {
  db = await paymentDatabase(file);
  desk = openDesk(db);
  sandbox = desk.payments.provider;
});

async function authorized(): Promise<{ id: string; chargeId: string }> {
  const id = newPaymentId();
  const { provider_charge_id } = await desk.authorize(id);
  return { id, chargeId: provider_charge_id as string };
}

const notice = (charge: string, id = newPaymentId()) => ({ id, type: "charge.changed", charge });

test("what is done at the provider without us is taken over, in any order and any number", async (t) => {
  const { id, chargeId } = await authorized();
  const own = { chargeId, amount: money(1000n, "EUR"), final: true };
  await sandbox.capture({ ...own, idempotencyKey: newPaymentId() }, never);
  await sandbox.refund({ ...own, amount: money(400n, "EUR"), idempotencyKey: newPaymentId() }, never);
  const [first, second] = [notice(chargeId), notice(chargeId)];
  await Promise.all([second, first, second, first, first].map((each) => desk.webhook(each)));
  const { payment, events } = await booksOf(db, id);
  t.like(payment, {
    state: "PARTIALLY_REFUNDED",
    captured_minor: 1000n,
    refunded_minor: 400n,
    card_open_minor: 0n,
  });
  t.deepEqual(events, ["PaymentAuthorized", "PaymentCaptured", "PaymentRefunded"]);
});

test("between a webhook and callers one wins, and the money moves once", async (t) => {
  const { id, chargeId } = await authorized();
  await Promise.all([
    ...Array.from({ length: 10 }, () => desk.capture(id)),
    ...Array.from({ length: 10 }, () => desk.webhook(notice(chargeId))),
  ]);
  t.like(await booksOf(db, id), {
    state: "CAPTURED",
    payment: { captured_minor: 4900n },
    events: ["PaymentAuthorized", "PaymentCaptured"],
  });
});

test("a webhook brings the answer that was lost", async (t) => {
  const id = newPaymentId();
  await outcomeOf(openDesk(db, { wrap: losingAnswers }).authorize(id));
  const { charges } = await booksOf(db, id);
  await desk.webhook({ ...notice(charges[0]?.id ?? ""), idempotencyKey: id });
  t.like(await booksOf(db, id), { state: "AUTHORIZED", events: ["PaymentAuthorized"] });
});

test("a webhook that cannot take effect now takes effect when it is told again", async (t) => {
  const { id, chargeId } = await authorized();
  await sandbox.void(chargeId, never);
  const told = notice(chargeId);
  t.is(await outcomeOf(openDesk(db, { wrap: away }).webhook(told)), "PROVIDER_UNAVAILABLE");
  t.is((await booksOf(db, id)).state, "AUTHORIZED");
  await desk.webhook(told);
  t.is((await booksOf(db, id)).state, "VOIDED");
});

test("what is not about a payment of ours is kept and does nothing", async (t) => {
  const told = { id: newPaymentId(), type: "payout.paid" };
  await desk.webhook(told);
  await desk.webhook(notice("ch_of_somebody_else"));
  const { rows } = await db.pool.run(
    "select type, payment_id, handle_time is not null as handled from webhook_event where id = $1",
    [told.id],
  );
  t.deepEqual(rows, [{ type: "payout.paid", payment_id: null, handled: true }]);
});

test("webhooks that are not the provider's, or too old, are refused and change nothing", async (t) => {
  const { chargeId } = await authorized();
  const told = notice(chargeId);
  t.is(await outcomeOf(desk.webhook(told, Date.now() - 301_000)), "WEBHOOK_REFUSED");
  t.is(await outcomeOf(desk.webhook(told, Date.now() + 301_000)), "WEBHOOK_REFUSED");
  const body = Buffer.from(JSON.stringify(told));
  for (const signature of ["", "t=1,v1=00", `t=${Math.floor(Date.now() / 1000)},v1=${"0".repeat(64)}`]) {
    const forged = handleWebhook(desk.payments, desk.scope(), { provider: "sandbox", body, signature });
    t.is(await outcomeOf(forged), "WEBHOOK_REFUSED");
  }
  const other = handleWebhook(desk.payments, desk.scope(), { provider: "paypal", body, signature: "" });
  t.is(await outcomeOf(other), "PROVIDER_NOT_FOUND");
  const { rows } = await db.pool.run("select count(*)::int as n from webhook_event where id = $1", [told.id]);
  t.deepEqual(rows, [{ n: 0 }]);
});

test("a payment that its customer has to confirm says where, and is authorized when that is done", async (t) => {
  const id = newPaymentId();
  const asked = await desk.authorize(id, "tok_3ds", { returnUri });
  t.like(asked, { state: "ACTION_REQUIRED", action_uri: `${returnUri}?payment_id=${id}` });
  t.true((asked.expire_time?.getTime() ?? 0) > Date.now());
  t.deepEqual(await desk.authorize(id, "tok_3ds", { returnUri }), asked);
  t.is(await outcomeOf(desk.capture(id)), "PAYMENT_STATE_CONFLICT");
  const confirmed = await desk.confirm(id);
  t.like(confirmed, { state: "AUTHORIZED", action_uri: null });
  t.deepEqual(await desk.confirm(id), confirmed);
  t.deepEqual((await booksOf(db, id)).events, ["PaymentAuthorized", "PaymentConfirmed"]);
  t.is((await desk.capture(id)).state, "CAPTURED");
});

test("of callers and webhooks that confirm at once, one is told", async (t) => {
  const id = newPaymentId();
  const { provider_charge_id } = await desk.authorize(id, "tok_3ds", { returnUri });
  await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      n % 2 === 0 ? desk.confirm(id) : desk.webhook(notice(provider_charge_id as string)),
    ),
  );
  t.deepEqual((await booksOf(db, id)).events, ["PaymentAuthorized", "PaymentConfirmed"]);
});

test("while its customer has not decided a payment waits, and it is declined when the customer fails", async (t) => {
  const [waiting, refused, nowhere] = [newPaymentId(), newPaymentId(), newPaymentId()];
  await desk.authorize(waiting, "tok_3ds_waiting", { returnUri });
  t.is(await outcomeOf(desk.confirm(waiting)), "CONFIRMATION_PENDING");
  await desk.void(waiting);
  t.is(await outcomeOf(desk.confirm(waiting)), "PAYMENT_STATE_CONFLICT");
  await desk.authorize(refused, "tok_3ds_refused", { returnUri });
  t.is(await outcomeOf(desk.confirm(refused)), "PAYMENT_DECLINED");
  t.is(await outcomeOf(desk.confirm(refused)), "PAYMENT_DECLINED");
  t.deepEqual((await booksOf(db, refused)).events, ["PaymentConfirmed"]);
  t.is(await outcomeOf(desk.authorize(nowhere, "tok_3ds")), "PAYMENT_DECLINED");
});

test("money that is not taken in time is free again, at the provider, too", async (t) => {
  const own = await paymentDatabase(t);
  const calm = openDesk(own, { holdMs: 1 });
  const [open, part, asked, gifted] = Array.from({ length: 4 }, newPaymentId) as [
    string,
    string,
    string,
    string,
  ];
  const card = await calm.giftCard(1000n);
  await calm.authorize(open);
  await calm.authorize(part);
  await calm.capture(part, { captureId: newPaymentId(), amount: money(900n, "EUR") });
  await calm.authorize(asked, "tok_3ds_waiting", { returnUri });
  await calm.authorize(gifted, "tok_visa", { means: [{ kind: "GIFT_CARD", code: card.code, minor: 1000n }] });
  await own.pool.run("update payment set expire_time = now() where expire_time is not null");
  await calm.expire();
  for (const id of [open, asked, gifted]) {
    t.like(await booksOf(own, id), { state: "EXPIRED", statuses: ["voided"] });
    t.is((await booksOf(own, id)).events.at(-1), "AuthorizationExpired");
  }
  t.like(await booksOf(own, part), { state: "CAPTURED", statuses: ["captured"] });
  t.is(await outcomeOf(calm.capture(open)), "AUTHORIZATION_EXPIRED");
  const { rows } = await own.pool.run("select balance_minor from gift_card");
  t.deepEqual(rows, [{ balance_minor: 1000n }]);
  await calm.void(open);
});
