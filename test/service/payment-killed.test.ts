import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import {
  booksOf,
  type Desk,
  letReconcileTimePass,
  newPaymentId,
  openDesk,
  outcomeOf,
  paymentDatabase,
} from "./payment-desk.ts";

const victim = fileURLToPath(new URL("payment-victim.ts", import.meta.url));

/** What is done before a process is killed in the deed, and how it looks when everything has settled. */
const DEEDS = {
  authorize: {
    before: async () => {},
    again: (desk: Desk, id: string, code: string) => desk.authorize(id, "tok_visa", { means: [gift(code)] }),
    settled: { state: "AUTHORIZED", events: ["PaymentAuthorized"], card: 0n },
    charge: { status: "authorized", captured_minor: 0n, refunded_minor: 0n },
  },
  capture: {
    before: (desk: Desk, id: string, code: string) => authorize(desk, id, code),
    again: (desk: Desk, id: string) => desk.capture(id),
    settled: { state: "CAPTURED", events: ["PaymentAuthorized", "PaymentCaptured"], card: 0n },
    charge: { status: "captured", captured_minor: 3900n, refunded_minor: 0n },
  },
  refund: {
    async before(desk: Desk, id: string, code: string) {
      await authorize(desk, id, code);
      await desk.capture(id);
    },
    again: (desk: Desk, id: string) => desk.refund(id, { refundId: id }),
    settled: {
      state: "REFUNDED",
      events: ["PaymentAuthorized", "PaymentCaptured", "PaymentRefunded"],
      card: 1000n,
    },
    charge: { status: "captured", captured_minor: 3900n, refunded_minor: 3900n },
  },
  void: {
    before: (desk: Desk, id: string, code: string) => authorize(desk, id, code),
    again: (desk: Desk, id: string) => desk.void(id),
    settled: { state: "VOIDED", events: ["PaymentAuthorized", "PaymentVoided"], card: 1000n },
    charge: { status: "voided", captured_minor: 0n, refunded_minor: 0n },
  },
  confirm: {
    before: (desk: Desk, id: string, code: string) => authorize(desk, id, code, "tok_3ds"),
    again: (desk: Desk, id: string) => desk.confirm(id),
    settled: { state: "AUTHORIZED", events: ["PaymentAuthorized", "PaymentConfirmed"], card: 0n },
    charge: { status: "authorized", captured_minor: 0n, refunded_minor: 0n },
  },
  expire: {
    async before(desk: Desk, id: string, code: string) {
      await authorize(desk, id, code);
      await desk.payments.db.pool.run("update payment set expire_time = now()");
    },
    again: (desk: Desk) => desk.expire(),
    settled: { state: "EXPIRED", events: ["PaymentAuthorized", "AuthorizationExpired"], card: 1000n },
    charge: { status: "voided", captured_minor: 0n, refunded_minor: 0n },
  },
} as const;

for (const deed of Object.keys(DEEDS) as (keyof typeof DEEDS)[]) {
  for (const moment of ["before", "after"] as const) {
    test(`killed ${moment} the provider's part of ${deed}, nothing is lost and nothing happens twice`, async (t) => {
      const { before, again, settled, charge } = DEEDS[deed];
      const db = await paymentDatabase(t);
      const desk = openDesk(db);
      const id = newPaymentId();
      const { code } = await desk.giftCard(1000n);
      await before(desk, id, code);
      await killWhenItHangs(t, [db.url, deed, id, moment, code]);
      await letReconcileTimePass(db);
      await desk.reconcile();
      // Whoever asked comes again, and once more.
      await again(desk, id, code);
      await outcomeOf<unknown>(again(desk, id, code));
      const { state, events, charges } = await booksOf(db, id);
      const { rows } = await db.pool.run("select balance_minor from gift_card");
      t.deepEqual({ state, events, card: rows[0].balance_minor }, settled);
      t.is(charges.length, 1);
      t.like(charges[0], { ...charge, amount_minor: 3900n });
    });
  }
}

const gift = (code: string) => ({ kind: "GIFT_CARD", code, minor: 1000n }) as const;

async function authorize(desk: Desk, id: string, code: string, token = "tok_visa"): Promise<void> {
  await desk.authorize(id, token, { means: [gift(code)], returnUri: "https://shop.example/back" });
}

async function killWhenItHangs(t: ExecutionContext, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [victim, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  t.teardown(async () => {
    child.kill("SIGKILL");
    await exit;
  });
  await Promise.race([
    once(child.stdout, "data"),
    exit.then(() => {
      throw new Error("the process ended before it could be killed");
    }),
  ]);
  child.kill("SIGKILL");
  await exit;
}
