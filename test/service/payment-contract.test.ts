import { randomBytes } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import test from "ava";
import pg from "pg";
import { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import { AuditResult } from "#gen/souk/auth/v1/audit_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { GiftCardService, GiftCardState } from "#gen/souk/payment/v1/gift_card_pb.ts";
import { LedgerService } from "#gen/souk/payment/v1/ledger_pb.ts";
import { PaymentPartKind, PaymentService, PaymentState } from "#gen/souk/payment/v1/payment_pb.ts";
import { DifferenceKind, ReconciliationService } from "#gen/souk/payment/v1/reconciliation_pb.ts";
import { StoreCreditService } from "#gen/souk/payment/v1/store_credit_pb.ts";
import { auth } from "../../services/auth/service.ts";
import { gateway } from "../../services/gateway/program.ts";
import { signSandboxWebhook } from "../../services/payment/provider/sandbox-signature.ts";
import { payment } from "../../services/payment/service.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { refusal } from "./order-shop.ts";
import { newPaymentId, WEBHOOK_SECRET } from "./payment-desk.ts";

let mesh: TestMesh;
let books: pg.Client;
const file = afterFile(test);
const eur = (minor: bigint) => ({ minor, currency: "EUR" });

test.before(async () => {
  const env = { PAYMENT_SANDBOX_WEBHOOK_SECRET: WEBHOOK_SECRET };
  mesh = await startTestMesh(file, [auth, payment, gateway], { env });
  books = new pg.Client({ connectionString: mesh.env["PAYMENT_DATABASE_URL"] });
  await books.connect();
  file.teardown(() => books.end());
});

const order = () => mesh.as(PaymentService, "order");

async function authorized(minor: bigint, more: object = {}): Promise<string> {
  const paymentId = newPaymentId();
  await order().authorizePayment({ paymentId, amount: eur(minor), token: "tok_visa", ...more });
  return paymentId;
}

test("a payment shows what it is paid with, what was taken and what was given back", async (t) => {
  const accountId = newPaymentId();
  const staff = mesh.as(PaymentService);
  const grant = { accountId, amount: eur(500n), reason: "goodwill" };
  await mesh.as(StoreCreditService).adjustStoreCredit(grant, { idempotencyKey: accountId });
  const means = [{ means: { case: "storeCredit" as const, value: {} }, amountMinor: 500n }];
  const id = await authorized(2000n, { accountId, means });
  const captureId = newPaymentId();
  await order().capturePayment({ paymentId: id, captureId, amount: eur(900n) });
  const refundId = newPaymentId();
  const { refund } = await staff.refundPayment({
    paymentId: id,
    refundId,
    amount: eur(100n),
    toStoreCredit: true,
  });
  t.like(refund, { id: refundId, toStoreCredit: true, amount: eur(100n) });
  const { payment: found } = await staff.getPayment({ id });
  t.like(found, {
    state: PaymentState.PARTIALLY_CAPTURED,
    accountId,
    provider: "sandbox",
    captured: eur(900n),
    refunded: eur(100n),
    captures: [{ id: captureId, amount: eur(900n) }],
    refunds: [{ id: refundId }],
    parts: [
      { kind: PaymentPartKind.STORE_CREDIT, authorized: eur(500n), captured: eur(500n) },
      { kind: PaymentPartKind.PROVIDER, authorized: eur(1500n), captured: eur(400n), refunded: eur(100n) },
    ],
  });
  t.not(found?.authorizationExpireTime, undefined);
  const first = await staff.listPayments({ accountId, pageSize: 1, state: PaymentState.PARTIALLY_CAPTURED });
  t.deepEqual(first.payments, [found]);
  const second = await authorized(1n, { accountId });
  const page = await staff.listPayments({ accountId, pageSize: 1 });
  const rest = await staff.listPayments({ accountId, pageSize: 1, pageToken: page.nextPageToken });
  t.deepEqual(
    [page, rest].map(({ payments }) => payments[0]?.id),
    [second, id],
  );
  t.is(rest.nextPageToken, "");
});

test("what has to be confirmed says where, and order confirms it", async (t) => {
  const paymentId = newPaymentId();
  const returnUri = "https://shop.example/back";
  const asked = await order().authorizePayment({ paymentId, amount: eur(1n), token: "tok_3ds", returnUri });
  t.is(asked.payment?.state, PaymentState.ACTION_REQUIRED);
  t.is(asked.payment?.action?.redirectUri, `${returnUri}?payment_id=${paymentId}`);
  t.is((await order().confirmPayment({ paymentId })).payment?.state, PaymentState.AUTHORIZED);
});

test("staff issue gift cards, anyone with the code sees what is left, and a disabled one pays nothing", async (t) => {
  const staff = mesh.as(GiftCardService);
  const anyone = mesh.withToken(GiftCardService, "");
  const giftCardId = newPaymentId();
  const wanted = { giftCardId, amount: eur(2000n), recipientEmail: "ada@example.com" };
  const { code, giftCard } = await staff.issueGiftCard(wanted);
  t.deepEqual(await staff.issueGiftCard(wanted), await staff.issueGiftCard(wanted));
  t.is((await staff.issueGiftCard(wanted)).code, code);
  t.is((await refusal(staff.issueGiftCard({ ...wanted, amount: eur(1n) }))).reason, "GIFT_CARD_MISMATCH");
  t.like(giftCard, { state: GiftCardState.ACTIVE, codeSuffix: code.slice(-4), balance: eur(2000n) });

  const means = [{ means: { case: "giftCardCode" as const, value: code }, amountMinor: 1500n }];
  const paymentId = await authorized(1500n, { token: "", means });
  t.like(await anyone.checkGiftCard({ code }), { state: GiftCardState.ACTIVE, balance: eur(500n) });
  t.is((await refusal(anyone.checkGiftCard({ code: "GIFT-0000-0000" }))).reason, "GIFT_CARD_NOT_FOUND");
  const { entries } = await staff.getGiftCard({ id: giftCardId });
  t.deepEqual(
    entries.map(({ amount, paymentId: of }) => [amount?.minor, of]),
    [
      [-1500n, paymentId],
      [2000n, ""],
    ],
  );
  const disabled = await staff.disableGiftCard({ id: giftCardId, reason: "lost" });
  t.is(disabled.giftCard?.state, GiftCardState.DISABLED);
  t.deepEqual(await staff.disableGiftCard({ id: giftCardId, reason: "again" }), disabled);
  const { giftCards } = await staff.listGiftCards({
    codeSuffix: code.slice(-4),
    state: GiftCardState.DISABLED,
  });
  t.deepEqual(
    giftCards.map(({ id }) => id),
    [giftCardId],
  );
});

test("customers see their own store credit, and staff cannot take more than is there", async (t) => {
  const account = {
    email: `${randomBytes(8).toString("hex")}@example.com`,
    password: "correct horse battery",
  };
  const registered = await mesh
    .withToken(AuthService, "")
    .register({ ...account, firstName: "Ada", lastName: "Lovelace" });
  const accountId = registered.user?.id ?? "";
  const staff = mesh.as(StoreCreditService);
  const adjust = (minor: bigint, idempotencyKey: string) =>
    staff.adjustStoreCredit({ accountId, amount: eur(minor), reason: `by ${minor}` }, { idempotencyKey });
  t.is((await adjust(1000n, "first")).balance?.minor, 1000n);
  t.is((await adjust(1000n, "first")).balance?.minor, 1000n);
  t.is((await adjust(-400n, "second")).balance?.minor, 600n);
  t.is((await refusal(adjust(-601n, "third"))).reason, "STORE_CREDIT_TOO_LOW");
  t.is((await refusal(adjust(0n, "fourth"))).reason, "INVALID_REQUEST");
  const mine = mesh.withToken(StoreCreditService, registered.tokens?.accessToken ?? "");
  t.like((await mine.getMyStoreCredit({})).balances, [eur(600n)]);
  const { entries, nextPageToken } = await mine.listMyStoreCreditEntries({ pageSize: 1 });
  const rest = await mine.listMyStoreCreditEntries({ pageSize: 1, pageToken: nextPageToken });
  t.deepEqual(
    [...entries, ...rest.entries].map(({ amount, reason }) => [amount?.minor, reason]),
    [
      [-400n, "by -400"],
      [1000n, "by 1000"],
    ],
  );
  t.is((await staff.getStoreCredit({ accountId })).entries.length, 2);
});

test("every movement is in the books twice, and nobody can change what is there", async (t) => {
  const paymentId = await authorized(700n);
  await order().capturePayment({ paymentId });
  await order().refundPayment({ paymentId, refundId: newPaymentId(), amount: eur(200n) });
  const ledger = mesh.as(LedgerService);
  const { entries } = await ledger.listLedgerEntries({ paymentId });
  t.deepEqual(
    entries.map(({ description }) => description),
    ["refunded", "refund asked for", "captured", "authorized"],
  );
  for (const { postings } of entries) {
    t.is(
      postings.reduce((sum, { amount }) => sum + (amount?.minor ?? 0n), 0n),
      0n,
    );
  }
  const { accounts } = await ledger.listLedgerAccounts({});
  const euros = accounts.filter(({ balance }) => balance?.currency === "EUR");
  t.is(
    euros.reduce((sum, { balance }) => sum + (balance?.minor ?? 0n), 0n),
    0n,
  );
  const before = await ledger.listLedgerAccounts({ atTime: timestampFromMs(0) });
  t.deepEqual(before.accounts, []);
  t.deepEqual((await ledger.listLedgerEntries({ endTime: timestampFromMs(-1_000) })).entries, []);
  const one = await ledger.listLedgerEntries({ paymentId, accountCode: "sales", pageSize: 1 });
  t.deepEqual([one.entries.map(({ description }) => description), one.nextPageToken], [["captured"], ""]);
  for (const change of ["update ledger_transfer set amount_minor = 1", "delete from ledger_transfer"]) {
    await t.throwsAsync(books.query(change), { message: /only added to/ });
  }
});

test("each difference to the provider's books is told, and staff note what was done about it", async (t) => {
  const ids = await Promise.all(Array.from({ length: 5 }, () => authorized(1000n)));
  const [amount, state, missing, currency, good] = ids as [string, string, string, string, string];
  const change = (set: string, id: string) =>
    books.query(`update sandbox.charge set ${set} where idempotency_key = $1`, [id]);
  await change("amount_minor = 999", amount);
  await change("status = 'voided'", state);
  await change("currency = 'USD'", currency);
  await books.query("delete from sandbox.charge where idempotency_key = $1", [missing]);
  const unknown = newPaymentId();
  await books.query(
    `insert into sandbox.charge (id, idempotency_key, amount_minor, currency, status)
     values ($1, $2, 77, 'EUR', 'authorized')`,
    [`ch_${unknown}`, unknown],
  );
  const staff = mesh.as(ReconciliationService);
  const reportId = newPaymentId();
  const now = Date.now();
  const wanted = {
    reportId,
    provider: "sandbox",
    startTime: timestampFromMs(now - 600_000),
    endTime: timestampFromMs(now + 600_000),
  };
  const { report } = await staff.runReconciliation(wanted);
  t.deepEqual((await staff.runReconciliation(wanted)).report, report);
  const other = { ...wanted, endTime: timestampFromMs(now) };
  t.is((await refusal(staff.runReconciliation(other))).reason, "REPORT_MISMATCH");
  const { differences } = await staff.getReconciliationReport({ id: reportId, pageSize: 100 });
  t.is(Number(report?.differences), differences.length);
  const kindOf = (paymentId: string) =>
    differences.filter((it) => it.paymentId === paymentId).map(({ kind }) => kind);
  t.deepEqual([amount, state, missing, currency, good].map(kindOf), [
    [DifferenceKind.AMOUNT],
    [DifferenceKind.STATE],
    [DifferenceKind.MISSING_THERE],
    [DifferenceKind.CURRENCY],
    [],
  ]);
  const stranger = differences.find(({ providerChargeId }) => providerChargeId === `ch_${unknown}`);
  t.like(stranger, { kind: DifferenceKind.MISSING_HERE, theirs: eur(77n), resolution: "" });
  const resolve = { id: stranger?.id ?? "", resolution: "made by hand" };
  const { difference } = await staff.resolveDifference(resolve);
  t.deepEqual((await staff.resolveDifference({ ...resolve, resolution: "no" })).difference, difference);
  const left = await staff.getReconciliationReport({ id: reportId, unresolved: true, pageSize: 100 });
  t.is(Number(left.report?.unresolved), differences.length - 1);
  t.false(left.differences.some(({ id }) => id === stranger?.id));
  const { reports } = await staff.listReconciliationReports({});
  t.true(reports.some(({ id }) => id === reportId));
  t.is((await refusal(staff.getReconciliationReport({ id: newPaymentId() }))).reason, "REPORT_NOT_FOUND");
  t.is(
    (await refusal(staff.resolveDifference({ ...resolve, id: newPaymentId() }))).reason,
    "DIFFERENCE_NOT_FOUND",
  );
});

test("a payment that is declined is recorded once, as failed", async (t) => {
  const paymentId = newPaymentId();
  const request = { paymentId, amount: eur(1n), token: "tok_declined" };
  t.is((await refusal(order().authorizePayment(request))).reason, "PAYMENT_DECLINED");
  // What comes after it in the order of this payment.
  await order().voidPayment({ paymentId });
  const found = await eventually(async () => {
    const { records } = await mesh.as(AccessService).listAuditRecords({ objectId: paymentId });
    if (records.length < 2) throw new Error(`there are ${records.length} records`);
    return records;
  });
  t.deepEqual(found.map(({ method, result }) => [method.split("/")[1], result]).sort(), [
    ["AuthorizePayment", AuditResult.FAILED],
    ["VoidPayment", AuditResult.SUCCEEDED],
  ]);
});

test("providers post webhooks to the gateway, byte for byte, and hear whether they were believed", async (t) => {
  const id = await authorized(1000n);
  const { payment: found } = await mesh.as(PaymentService).getPayment({ id });
  await books.query("update sandbox.charge set status = 'voided' where idempotency_key = $1", [id]);
  const body = `{ "id": "${newPaymentId()}",  "type": "charge.voided", "charge": "${found?.providerChargeId}" }`;
  const post = (provider: string, signature: string) =>
    fetch(`http://127.0.0.1:${mesh.port("gateway", "http")}/webhooks/${provider}`, {
      method: "POST",
      headers: { "souk-signature": signature, "content-type": "application/json" },
      body,
    });
  const signature = signSandboxWebhook(WEBHOOK_SECRET, Buffer.from(body), Date.now());
  const forged = await post("sandbox", `${signature.slice(0, -1)}${signature.endsWith("0") ? "1" : "0"}`);
  t.is(forged.status, 401);
  t.like(await forged.json(), { code: "unauthenticated" });
  t.is((await post("sandbox", "")).status, 400);
  t.is((await post("paypal", signature)).status, 404);
  t.is((await mesh.as(PaymentService).getPayment({ id })).payment?.state, PaymentState.AUTHORIZED);
  t.is((await post("sandbox", signature)).status, 200);
  t.is((await mesh.as(PaymentService).getPayment({ id })).payment?.state, PaymentState.VOIDED);
});
