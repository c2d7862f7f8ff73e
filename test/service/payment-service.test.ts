import test from "ava";
import { PaymentService, PaymentState } from "#gen/souk/payment/v1/payment_pb.ts";
import type { SoukError } from "#kit/error.ts";
import { payment } from "../../services/payment/service.ts";
import { afterFile } from "../after-file.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { newPaymentId, until } from "./payment-desk.ts";

let mesh: TestMesh;
const file = afterFile(test);

test.before(async () => {
  const env = { PAYMENT_RECONCILE_AFTER_MS: "1" };
  mesh = await startTestMesh(file, [payment], { env });
});

test("order authorizes, captures and voids payments, and staff read them", async (t) => {
  const order = mesh.as(PaymentService, "order");
  const staff = mesh.as(PaymentService);
  const [captured, voided] = [newPaymentId(), newPaymentId()];
  const amount = { minor: 12_345n, currency: "JPY" };

  const authorized = await order.authorizePayment({ paymentId: captured, amount, token: "tok_visa" });
  t.like(authorized.payment, { id: captured, state: PaymentState.AUTHORIZED, amount, declineReason: "" });
  t.not(authorized.payment?.providerChargeId, "");
  t.is((await order.capturePayment({ paymentId: captured })).payment?.state, PaymentState.CAPTURED);
  await order.voidPayment({ paymentId: voided });

  const read = (await staff.getPayment({ id: captured })).payment;
  t.like(read, { state: PaymentState.CAPTURED, providerChargeId: authorized.payment?.providerChargeId });
  t.true((read?.createTime?.seconds ?? 0n) > 0n);
  const tombstone = (await staff.getPayment({ id: voided })).payment;
  t.is(tombstone?.state, PaymentState.VOIDED);
  t.is(tombstone?.amount, undefined);
});

test("refusals carry the contract's reasons", async (t) => {
  const order = mesh.as(PaymentService, "order");
  const paymentId = newPaymentId();
  const amount = { minor: 100n, currency: "EUR" };
  const reasonOf = async (call: Promise<unknown>) => (await t.throwsAsync<SoukError>(call))?.reason;

  t.is(
    await reasonOf(order.authorizePayment({ paymentId, amount, token: "tok_declined" })),
    "PAYMENT_DECLINED",
  );
  t.is(await reasonOf(order.capturePayment({ paymentId })), "PAYMENT_STATE_CONFLICT");
  t.is(await reasonOf(order.capturePayment({ paymentId: newPaymentId() })), "PAYMENT_NOT_FOUND");
  t.is(await reasonOf(mesh.as(PaymentService).getPayment({ id: newPaymentId() })), "PAYMENT_NOT_FOUND");
  const free = { minor: 0n, currency: "EUR" };
  t.is(
    await reasonOf(order.authorizePayment({ paymentId, amount: free, token: "tok_visa" })),
    "INVALID_REQUEST",
  );
});

test("only order may move money, and only staff may look", async (t) => {
  const id = newPaymentId();
  const request = { paymentId: id, amount: { minor: 1n, currency: "EUR" }, token: "tok_visa" };
  const reasonOf = async (call: Promise<unknown>) => (await t.throwsAsync<SoukError>(call))?.reason;

  t.is(await reasonOf(mesh.as(PaymentService).authorizePayment(request)), "CALLER_REFUSED");
  t.is(await reasonOf(mesh.as(PaymentService, "inventory").voidPayment({ paymentId: id })), "CALLER_REFUSED");
  t.is(await reasonOf(mesh.withToken(PaymentService, "").getPayment({ id })), "TOKEN_MISSING");
  t.is(await reasonOf(mesh.as(PaymentService, "inventory").getPayment({ id })), "TOKEN_MISSING");
});

test("what became of a charge whose answer was lost is found out without anybody asking", async (t) => {
  const id = newPaymentId();
  const request = { paymentId: id, amount: { minor: 1n, currency: "EUR" }, token: "tok_answer_lost" };
  await t.throwsAsync(mesh.as(PaymentService, "order").authorizePayment(request));
  const staff = mesh.as(PaymentService);
  await until(async () => (await staff.getPayment({ id })).payment?.state === PaymentState.AUTHORIZED);
  t.pass();
});
