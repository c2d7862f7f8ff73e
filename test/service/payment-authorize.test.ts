import { inspect } from "node:util";
import test, { type ExecutionContext } from "ava";
import { pino } from "pino";
import { SoukError } from "#kit/error.ts";
import { afterFile } from "../after-file.ts";
import {
  away,
  booksOf,
  connect,
  type Desk,
  losingAnswers,
  newPaymentId,
  openDesk,
  outcomeOf,
  paymentDatabase,
  until,
} from "./payment-desk.ts";

let db: Awaited<ReturnType<typeof paymentDatabase>>;
let desk: Desk;
const file = afterFile(test);

test.before(async () => {
  db = await paymentDatabase(file);
  desk = openDesk(db);
});

for (const token of ["tok_visa", "tok_mastercard"]) {
  test(`${token} is authorized, charged once, and told once`, async (t) => {
    const id = newPaymentId();
    const payment = await desk.authorize(id, token);
    t.like(payment, { id, state: "AUTHORIZED", amount_minor: 4900n, currency: "EUR", decline_reason: null });
    const { charges, events } = await booksOf(db, id);
    t.like(charges, [
      { id: payment.provider_charge_id, status: "authorized", amount_minor: 4900n, currency: "EUR" },
    ]);
    t.deepEqual(events, ["PaymentAuthorized"]);
  });
}

for (const [token, reason] of [
  ["tok_declined", "card_declined"],
  ["tok_insufficient_funds", "insufficient_funds"],
  ["tok_expired_card", "expired_card"],
  ["tok_of_nobody", "unknown_token"],
  ["constructor", "unknown_token"],
] as const) {
  test(`${token} is declined as ${reason}, and again when it is repeated`, async (t) => {
    const id = newPaymentId();
    const refused = await t.throwsAsync<SoukError>(desk.authorize(id, token), { instanceOf: SoukError });
    t.is(refused.reason, "PAYMENT_DECLINED");
    t.deepEqual(refused.metadata, { payment_id: id, decline_reason: reason });
    const again = await t.throwsAsync<SoukError>(desk.authorize(id, "tok_visa"), { instanceOf: SoukError });
    t.deepEqual(again.metadata, refused.metadata);
    const { state, statuses, events } = await booksOf(db, id);
    t.deepEqual({ state, statuses, events }, { state: "DECLINED", statuses: ["declined"], events: [] });
  });
}

test("tok_timeout leaves the answer open in time for the caller, and makes no charge", async (t) => {
  const id = newPaymentId();
  const asked = openDesk(db).authorize(id, "tok_timeout", { timeoutMs: 3_000 });
  const refused = await t.throwsAsync<SoukError>(asked, { instanceOf: SoukError });
  t.is(refused.reason, "PROVIDER_UNAVAILABLE");
  const waitedMs = Number(/no answer within (\d+) ms/.exec(String(refused.cause))?.[1]);
  t.true(waitedMs <= 2_700, `the provider had ${waitedMs} ms of the caller's 3000`);
  t.like(await booksOf(db, id), { state: "PENDING", charges: [], events: [] });
});

test("tok_answer_lost makes one charge, which the next attempt finds", async (t) => {
  const id = newPaymentId();
  const first = openDesk(db, { timeoutMs: 500 }).authorize(id, "tok_answer_lost");
  t.is(await outcomeOf(first), "PROVIDER_UNAVAILABLE");
  await until(async () => (await booksOf(db, id)).charges.length === 1);
  t.like(await booksOf(db, id), { state: "PENDING", statuses: ["authorized"], events: [] });
  t.is((await desk.authorize(id, "tok_answer_lost")).state, "AUTHORIZED");
  t.like(await booksOf(db, id), { statuses: ["authorized"], events: ["PaymentAuthorized"] });
});

test("a caller without time for the provider is told so before the provider is asked", async (t) => {
  const id = newPaymentId();
  t.is(await outcomeOf(desk.authorize(id, "tok_visa", { timeoutMs: 300 })), "PROVIDER_UNAVAILABLE");
  t.like(await booksOf(db, id), { state: "PENDING", charges: [] });
});

test("the same payment again answers as before, without asking the provider", async (t) => {
  const id = newPaymentId();
  const first = await desk.authorize(id);
  const own = ownConnection(t);
  t.deepEqual(await openDesk(own).authorize(id), first);
  t.is(own.pool.statements(), 2);
  t.like(await booksOf(db, id), { statuses: ["authorized"], events: ["PaymentAuthorized"] });
});

test("another amount for the same payment is refused, whatever became of it", async (t) => {
  const id = newPaymentId();
  await desk.authorize(id);
  t.is(await outcomeOf(desk.authorize(id, "tok_visa", { minor: 4901n })), "PAYMENT_MISMATCH");
  const declined = newPaymentId();
  await outcomeOf(desk.authorize(declined, "tok_declined"));
  t.is(await outcomeOf(desk.authorize(declined, "tok_visa", { minor: 1n })), "PAYMENT_MISMATCH");
  const pending = newPaymentId();
  await outcomeOf(openDesk(db, { wrap: away }).authorize(pending));
  t.is(await outcomeOf(desk.authorize(pending, "tok_visa", { minor: 1n })), "PAYMENT_MISMATCH");
});

test("an authorization costs three statements, the provider's own one included", async (t) => {
  const own = ownConnection(t);
  await openDesk(own).authorize(newPaymentId());
  t.is(own.pool.statements(), 3);
});

test("the token of a card is kept nowhere", async (t) => {
  const id = newPaymentId();
  await outcomeOf(desk.authorize(id, "tok_secret_of_a_card"));
  await desk.authorize(newPaymentId(), "tok_mastercard");
  for (const table of ["payment", "sandbox.charge", "mesh.outbox"]) {
    const { rows } = await db.pool.run(
      `select count(*)::int as found from ${table} as t where t::text ~ 'tok_(secret|mastercard)'`,
    );
    t.deepEqual(rows, [{ found: 0 }], table);
  }
});

test("the token of a card is in no line of the log, and in no error", async (t) => {
  const lines: string[] = [];
  const log = pino({ level: "trace" }, { write: (line: string) => lines.push(line) });
  const tokens = ["tok_visa", "tok_declined", "tok_timeout", "tok_answer_lost", "tok_of_nobody"];
  for (const wrap of [undefined, away, losingAnswers]) {
    const own = openDesk(db, { log, wrap, timeoutMs: 100 });
    for (const token of tokens) {
      const id = newPaymentId();
      const error = await own.authorize(id, token).catch((thrown: unknown) => thrown);
      await outcomeOf(own.void(id));
      lines.push(inspect(error, { depth: 10 }));
    }
  }
  t.true(lines.length > 15);
  t.deepEqual(
    lines.filter((line) => tokens.some((token) => line.includes(token))),
    [],
  );
});

/** A connection on which only one test counts statements. */
function ownConnection(t: ExecutionContext) {
  const own = connect(db.url);
  t.teardown(() => own.close());
  return own;
}
