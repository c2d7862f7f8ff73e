import test from "ava";
import fc from "fast-check";
import type { PaymentDatabase } from "../../services/payment/database.ts";
import type { PaymentProvider } from "../../services/payment/provider/provider.ts";
import { SEED } from "../seed.ts";
import {
  booksOf,
  connect,
  type Desk,
  letReconcileTimePass,
  losingAnswers,
  newPaymentId,
  openDesk,
  outcomeOf,
  paymentDatabase,
} from "./payment-desk.ts";

test("many callers who authorize the same payment get the same answer and make one charge", async (t) => {
  const db = await paymentDatabase(t);
  const replica = connect(db.url);
  t.teardown(() => replica.close());
  const desks = [openDesk(db), openDesk(replica)];
  for (let round = 0; round < 3; round++) {
    const id = newPaymentId();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, caller) => (desks[caller % 2] as Desk).authorize(id)),
    );
    const { charges, events } = await booksOf(db, id);
    t.is(charges.length, 1);
    t.deepEqual(events, ["PaymentAuthorized"]);
    for (const answer of answers) t.like(answer, { state: "AUTHORIZED", provider_charge_id: charges[0]?.id });
  }
});

test("of many callers with different amounts one charge is made, and the others are refused", async (t) => {
  const db = await paymentDatabase(t);
  const desk = openDesk(db);
  const id = newPaymentId();
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, n) => outcomeOf(desk.authorize(id, "tok_visa", { minor: BigInt(n + 1) }))),
  );
  t.is(outcomes.filter((outcome) => outcome === "PAYMENT_MISMATCH").length, 19);
  t.deepEqual((await booksOf(db, id)).statuses, ["authorized"]);
});

test("many callers who authorize, capture and void the same payment leave it in one piece", async (t) => {
  const db = await paymentDatabase(t);
  const desk = openDesk(db);
  for (let round = 0; round < 5; round++) {
    const id = newPaymentId();
    const deeds = Array.from({ length: 24 }, (_, n) => DEEDS[(n * 7 + round) % DEEDS.length] as Deed);
    const outcomes = await Promise.all(deeds.map((deed) => perform(desk, deed, id)));
    await requireConsistent(db, desk, id, deeds, outcomes);
  }
  t.pass();
});

test("in whatever order a provider's answers come, ours and its books agree", async (t) => {
  const db = await paymentDatabase(t);
  const property = fc.asyncProperty(
    fc.scheduler(),
    fc.boolean(),
    fc.array(fc.constantFrom(...DEEDS), { minLength: 2, maxLength: 6 }),
    async (scheduler, authorizedBefore, deeds) => {
      const id = newPaymentId();
      if (authorizedBefore) await openDesk(db).authorize(id);
      const desk = openDesk(db, { wrap: (provider) => scheduled(provider, scheduler) });
      const lossy = openDesk(db, { wrap: (provider) => losingAnswers(scheduled(provider, scheduler)) });
      const outcomes = await scheduler.waitFor(
        Promise.all(
          deeds.map(async (deed) => {
            await scheduler.schedule(Promise.resolve(), deed);
            return perform(deed === "authorize and lose the answer" ? lossy : desk, deed, id);
          }),
        ),
      );
      await requireConsistent(db, openDesk(db), id, deeds, outcomes);
    },
  );
  await fc.assert(property, { seed: SEED, numRuns: 100 });
  t.pass();
});

const DEEDS = [
  "authorize",
  "authorize and lose the answer",
  "decline",
  "capture",
  "void",
  "reconcile",
] as const;
type Deed = (typeof DEEDS)[number];

async function perform(desk: Desk, deed: Deed, id: string): Promise<string> {
  switch (deed) {
    case "authorize":
    case "authorize and lose the answer":
      return done(desk.authorize(id));
    case "decline":
      return done(desk.authorize(id, "tok_declined"));
    case "capture":
      return done(desk.capture(id));
    case "void":
      return done(desk.void(id));
    case "reconcile":
      await letReconcileTimePass(desk.payments.db);
      return done(desk.reconcile());
  }
}

async function done(deed: Promise<unknown>): Promise<string> {
  const outcome = await outcomeOf(deed);
  return typeof outcome === "string" ? outcome : "done";
}

/**
 * Compares our books with the provider's and with what callers heard. Where an answer was lost, the books may
 * differ until they are reconciled.
 */
async function requireConsistent(
  db: PaymentDatabase,
  desk: Desk,
  id: string,
  deeds: readonly Deed[],
  outcomes: readonly string[],
): Promise<void> {
  if (!deeds.includes("authorize and lose the answer")) requireLegal(deeds, await booksOf(db, id));
  await letReconcileTimePass(db);
  await desk.reconcile();
  const books = await booksOf(db, id);
  requireLegal(deeds, books);
  const { state, events } = books;
  deeds.forEach((deed, n) => {
    if (outcomes[n] !== "done") return;
    const kept =
      (deed === "void" && (state === "VOIDED" || state === "DECLINED")) ||
      (deed === "capture" && state === "CAPTURED") ||
      (deed.startsWith("authorize") && events[0] === "PaymentAuthorized") ||
      (deed === "decline" && events[0] === "PaymentAuthorized") ||
      deed === "reconcile";
    if (!kept) throw new Error(`${deed} was done, yet ${deeds} ended in ${state}`);
  });
}

type Books = Awaited<ReturnType<typeof booksOf>>;

function requireLegal(deeds: readonly Deed[], { state, statuses, events }: Books): void {
  const story = [state, statuses, events].map((it) => JSON.stringify(it)).join(" ");
  if (!LEGAL.has(story)) throw new Error(`${deeds} ended in ${story}`);
}

/** How a payment may end: our state, the provider's charges, and the events in between. */
const LEGAL = new Set([
  " [] []",
  '"PENDING" [] []',
  '"AUTHORIZED" ["authorized"] ["PaymentAuthorized"]',
  '"CAPTURED" ["captured"] ["PaymentAuthorized","PaymentCaptured"]',
  '"VOIDED" ["voided"] ["PaymentAuthorized","PaymentVoided"]',
  '"VOIDED" ["voided"] ["PaymentVoided"]',
  '"VOIDED" ["declined"] ["PaymentVoided"]',
  '"VOIDED" [] ["PaymentVoided"]',
  '"VOIDED" [] []',
  '"DECLINED" ["declined"] []',
]);

function scheduled(provider: PaymentProvider, scheduler: fc.Scheduler): PaymentProvider {
  const around =
    <A extends unknown[], T>(name: string, ask: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      await scheduler.schedule(Promise.resolve(), `${name} asked`);
      const answer = await ask(...args);
      await scheduler.schedule(Promise.resolve(), `${name} answered`);
      return answer;
    };
  return {
    ...provider,
    authorize: around("authorize", provider.authorize),
    capture: around("capture", provider.capture),
    void: around("void", provider.void),
    refund: around("refund", provider.refund),
    get: around("get", provider.get),
    findByIdempotencyKey: around("find", provider.findByIdempotencyKey),
  };
}
