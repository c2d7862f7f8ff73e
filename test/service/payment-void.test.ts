import test from "ava";
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
const file = afterFile(test);

test.before(async () => {
  db = await paymentDatabase(file);
  desk = openDesk(db);
});

test("an authorized payment is captured once, however often that is asked for", async (t) => {
  const id = newPaymentId();
  await desk.authorize(id);
  const captured = await desk.capture(id);
  t.is(captured.state, "CAPTURED");
  t.deepEqual(await desk.capture(id), captured);
  t.is((await desk.authorize(id)).state, "CAPTURED");
  t.like(await booksOf(db, id), { statuses: ["captured"], events: ["PaymentAuthorized", "PaymentCaptured"] });
});

test("only an authorized payment can be captured", async (t) => {
  t.is(await outcomeOf(desk.capture(newPaymentId())), "PAYMENT_NOT_FOUND");
  const declined = newPaymentId();
  await outcomeOf(desk.authorize(declined, "tok_declined"));
  t.is(await outcomeOf(desk.capture(declined)), "PAYMENT_STATE_CONFLICT");
  const pending = newPaymentId();
  await outcomeOf(openDesk(db, { wrap: away }).authorize(pending));
  t.is(await outcomeOf(desk.capture(pending)), "PAYMENT_STATE_CONFLICT");
  const given = newPaymentId();
  await desk.void(given);
  t.is(await outcomeOf(desk.capture(given)), "PAYMENT_STATE_CONFLICT");
});

test("an authorized payment is voided once, and then neither captured nor authorized", async (t) => {
  const id = newPaymentId();
  await desk.authorize(id);
  await desk.void(id);
  await desk.void(id);
  t.is(await outcomeOf(desk.capture(id)), "PAYMENT_STATE_CONFLICT");
  t.is(await outcomeOf(desk.authorize(id)), "PAYMENT_STATE_CONFLICT");
  t.like(await booksOf(db, id), {
    state: "VOIDED",
    statuses: ["voided"],
    events: ["PaymentAuthorized", "PaymentVoided"],
  });
});

test("a captured payment is not voided", async (t) => {
  const id = newPaymentId();
  await desk.authorize(id);
  await desk.capture(id);
  t.is(await outcomeOf(desk.void(id)), "PAYMENT_STATE_CONFLICT");
  t.like(await booksOf(db, id), { state: "CAPTURED", statuses: ["captured"] });
});

test("voiding a declined payment changes nothing", async (t) => {
  const id = newPaymentId();
  await outcomeOf(desk.authorize(id, "tok_declined"));
  await desk.void(id);
  t.like(await booksOf(db, id), { state: "DECLINED", statuses: ["declined"], events: [] });
});

test("voiding a payment that is not known leaves a tombstone, which a late authorization meets", async (t) => {
  const id = newPaymentId();
  await desk.void(id);
  t.is(await outcomeOf(desk.authorize(id)), "PAYMENT_STATE_CONFLICT");
  await desk.void(id);
  t.like(await booksOf(db, id), {
    state: "VOIDED",
    charges: [],
    payment: { amount_minor: null, currency: null },
  });
});

test("voiding a payment whose answer was lost finds the charge and gives it back", async (t) => {
  const id = newPaymentId();
  await outcomeOf(openDesk(db, { wrap: losingAnswers }).authorize(id));
  t.deepEqual((await booksOf(db, id)).statuses, ["authorized"]);
  await desk.void(id);
  const { state, statuses, events, payment, charges } = await booksOf(db, id);
  t.deepEqual(
    { state, statuses, events },
    { state: "VOIDED", statuses: ["voided"], events: ["PaymentVoided"] },
  );
  t.is(payment?.provider_charge_id, charges[0]?.id);
  t.is(payment?.reconcile_time, null);
});

test("voiding a payment without an answer and without a charge watches for a late one", async (t) => {
  const id = newPaymentId();
  await outcomeOf(openDesk(db, { wrap: away }).authorize(id));
  await desk.void(id);
  const { state, events, payment } = await booksOf(db, id);
  t.deepEqual({ state, events }, { state: "VOIDED", events: ["PaymentVoided"] });
  t.true(payment?.reconcile_time instanceof Date);
});

test("a charge that is made and recorded while voiding looks for one is given back", async (t) => {
  const id = newPaymentId();
  await outcomeOf(openDesk(db, { wrap: away }).authorize(id));
  const looking = openDesk(db, {
    wrap: (provider) => ({
      ...provider,
      async findByIdempotencyKey(key, signal) {
        const found = await provider.findByIdempotencyKey(key, signal);
        await desk.authorize(id);
        return found;
      },
    }),
  });
  await looking.void(id);
  t.like(await booksOf(db, id), {
    state: "VOIDED",
    statuses: ["voided"],
    events: ["PaymentAuthorized", "PaymentVoided"],
  });
});

test("a charge that is made while its payment is given up is given back", async (t) => {
  const id = newPaymentId();
  const slow = openDesk(db, {
    wrap: (provider) => ({
      ...provider,
      async authorize(request, signal) {
        await desk.void(id);
        return provider.authorize(request, signal);
      },
    }),
  });
  t.is(await outcomeOf(slow.authorize(id)), "PAYMENT_STATE_CONFLICT");
  t.like(await booksOf(db, id), { state: "VOIDED", statuses: ["voided"], events: ["PaymentVoided"] });
});

test("while the provider is away nothing is voided, and voiding it again later helps", async (t) => {
  const authorized = newPaymentId();
  await desk.authorize(authorized);
  const pending = newPaymentId();
  await outcomeOf(openDesk(db, { wrap: losingAnswers }).authorize(pending));
  t.is(await outcomeOf(openDesk(db, { wrap: away }).void(authorized)), "PROVIDER_UNAVAILABLE");
  t.is(await outcomeOf(openDesk(db, { wrap: away }).void(pending)), "PROVIDER_UNAVAILABLE");
  t.is((await booksOf(db, authorized)).state, "AUTHORIZED");
  t.is((await booksOf(db, pending)).state, "PENDING");
  await desk.void(authorized);
  await desk.void(pending);
  t.like(await booksOf(db, authorized), { state: "VOIDED", statuses: ["voided"] });
  t.like(await booksOf(db, pending), { state: "VOIDED", statuses: ["voided"] });
});
