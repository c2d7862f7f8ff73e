import { randomBytes, randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import test, { type ExecutionContext } from "ava";
import { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import {
  type AuditRecord,
  AuditResult,
  type ListAuditRecordsRequestSchema,
} from "#gen/souk/auth/v1/audit_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import type { Program } from "#kit/program.ts";
import { start } from "#kit/run.ts";
import { auth } from "../../services/auth/service.ts";
import { inventory } from "../../services/inventory/service.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh, testClient, testEnvironment } from "../mesh.ts";
import { connectPool } from "./auth-tables.ts";
import { makeKnown } from "./inventory-known.ts";
import { refusal, shopOf } from "./order-shop.ts";

const ADJUST = "souk.inventory.v1.InventoryService/AdjustStock";
const LOGIN = "souk.auth.v1.AuthService/Login";
const REFRESH = "souk.auth.v1.AuthService/Refresh";
const PASSWORD = "correct horse battery";
const { SUCCEEDED, DENIED, FAILED } = AuditResult;

const shop = shopOf(test);

type Filter = Omit<MessageInitShape<typeof ListAuditRecordsRequestSchema>, "$typeName">;

/** Waits until there are as many records as expected of what is asked for, and gives them, the oldest first. */
async function records(mesh: Pick<TestMesh, "as">, filter: Filter, expected: number): Promise<AuditRecord[]> {
  return eventually(async () => {
    const { records: found } = await mesh.as(AccessService).listAuditRecords({ pageSize: 100, ...filter });
    if (found.length < expected) throw new Error(`there are ${found.length} records`);
    return found.reverse();
  });
}

async function register(mesh: TestMesh) {
  const account = { email: `${randomBytes(8).toString("hex")}@example.com`, password: PASSWORD };
  const client = mesh.withToken(AuthService, "");
  const { user, tokens } = await client.register({ ...account, firstName: "Ada", lastName: "Lovelace" });
  return { ...account, id: user?.id ?? "", refreshToken: tokens?.refreshToken ?? "", client };
}

test("a change is recorded: who made it, what it was, on which object, when, and for which request", async (t) => {
  const mesh = await startTestMesh(t, [auth, inventory]);
  const variantId = randomUUID();
  await makeKnown(connectPool(t, mesh.env["INVENTORY_DATABASE_URL"] as string), variantId);
  const before = Date.now();
  const delivery = { variantId, delta: 5n, reason: "a delivery" };
  for (const _ of ["once", "again under the same key"]) {
    await mesh.as(InventoryService).adjustStock(delivery, { idempotencyKey: variantId });
  }
  const [record, ...more] = await records(mesh, { objectId: variantId }, 1);
  t.like(record, {
    service: "inventory",
    method: ADJUST,
    accountId: "",
    caller: "operator",
    objectId: variantId,
    result: SUCCEEDED,
    reason: "",
    count: 1,
  });
  t.regex(record?.requestId ?? "", /^[0-9a-f-]{36}$/);
  const seconds = Number(record?.createTime?.seconds);
  t.true(seconds >= Math.floor(before / 1000) && seconds <= Date.now() / 1000);
  t.is(more.length, 0, "a repetition changes nothing and is not recorded again");
});

test("what is refused is recorded with its reason, and no record tells of a change that was undone", async (t) => {
  const mesh = await startTestMesh(t, [auth, inventory]);
  const variantId = randomUUID();
  const theft = { variantId, delta: -5n, reason: "a theft" };
  await refusal(mesh.as(InventoryService).adjustStock(theft, { idempotencyKey: "theft" }));
  const found = await records(mesh, { objectId: variantId }, 1);
  t.deepEqual(
    found.map(({ result, reason }) => [result, reason]),
    [[FAILED, "VARIANT_NOT_FOUND"]],
  );
});

test("a sign-in is recorded with the account, a wrong password as a denial, and neither with what was sent", async (t) => {
  const mesh = await startTestMesh(t, [auth]);
  const { id, email, client } = await register(mesh);
  await client.login({ email, password: PASSWORD });
  await refusal(client.login({ email, password: "wrong horse" }));
  const found = await records(mesh, { method: LOGIN }, 2);
  t.deepEqual(
    found.map(({ result, reason, objectId }) => [result, reason, objectId]),
    [
      [SUCCEEDED, "", id],
      [DENIED, "CREDENTIALS_INVALID", ""],
    ],
  );
  const text = JSON.stringify(found, (_, it) => (typeof it === "bigint" ? String(it) : it));
  for (const secret of [email, PASSWORD, "wrong horse"]) t.false(text.includes(secret), secret);
});

test("the end of a session whose token came twice is recorded with the refusal, in one record", async (t) => {
  const mesh = await startTestMesh(t, [auth]);
  const { id, refreshToken, client } = await register(mesh);
  const second = (await client.refresh({ refreshToken })).tokens?.refreshToken ?? "";
  t.is((await refusal(client.refresh({ refreshToken }))).reason, "REFRESH_TOKEN_REUSED");
  t.is((await refusal(client.refresh({ refreshToken: second }))).reason, "REFRESH_TOKEN_INVALID");
  const found = await records(mesh, { method: REFRESH }, 3);
  t.deepEqual(
    found.map(({ result, reason, objectId }) => [result, reason, objectId]),
    [
      [SUCCEEDED, "", id],
      [DENIED, "REFRESH_TOKEN_REUSED", id],
      [DENIED, "REFRESH_TOKEN_INVALID", ""],
    ],
  );
});

test("denials of every method are recorded, equal ones are counted, and a flood of them stays small", async (t) => {
  const env = await testEnvironment(t, [auth, inventory]);
  const clients = await startAlone(t, auth, env);
  const stock = await startAlone(t, inventory, env);
  const reading = stock.of(InventoryService, "").reserveStock({ reservationId: randomUUID() });
  t.is((await refusal(reading)).reason, "CALLER_REFUSED");
  const badToken = stock.of(InventoryService, "not.a.token").getStock({ variantIds: [] });
  t.is((await refusal(badToken)).reason, "TOKEN_INVALID");
  const FLOOD = 300;
  const REPEATED = 20;
  const known = randomUUID();
  const deny = (variantId: string) =>
    refusal(stock.of(InventoryService, "").adjustStock({ variantId, delta: 1n, reason: "none" }));
  for (let n = 0; n < REPEATED; n++) t.is((await deny(known)).reason, "TOKEN_MISSING");
  for (let n = 0; n < FLOOD; n++) await deny(randomUUID());
  // What was counted is recorded at the latest when the service stops, and told when it starts again.
  await stock.stop();
  await startAlone(t, inventory, env);

  const mesh = { as: (service: never) => clients.of(service, undefined) } as Pick<TestMesh, "as">;
  const repeated = await records(mesh, { objectId: known }, 2);
  t.deepEqual(
    repeated.map(({ result, reason, count }) => [result, reason, count]),
    [
      [DENIED, "TOKEN_MISSING", 1],
      [DENIED, "TOKEN_MISSING", REPEATED - 1],
    ],
  );
  const others = await eventually(async () => {
    const { records: page } = await clients
      .of(AccessService, undefined)
      .listAuditRecords({ method: ADJUST, pageSize: 100 });
    const last = page.filter(({ objectId }) => objectId === "");
    if (last.length < 2) throw new Error("what came beyond is not recorded yet");
    return last;
  });
  const unnamed = others.reduce((sum, { count }) => sum + count, 0);
  t.true(unnamed > FLOOD - 100 && unnamed < FLOOD, `${unnamed} denials are counted without their object`);
  for (const [method, reason] of [
    ["ReserveStock", "CALLER_REFUSED"],
    ["GetStock", "TOKEN_INVALID"],
  ]) {
    const [record] = await records(mesh, { method: `souk.inventory.v1.InventoryService/${method}` }, 1);
    t.like(record, { result: DENIED, reason });
  }
});

test("records are found by account, object, method, result and time, in pages, and looking is recorded", async (t) => {
  const mesh = await startTestMesh(t, [auth, inventory]);
  const staff = mesh.as(AccessService);
  const variants = Array.from({ length: 7 }, () => randomUUID());
  await makeKnown(connectPool(t, mesh.env["INVENTORY_DATABASE_URL"] as string), ...variants);
  for (const variantId of variants) {
    const delivery = { variantId, delta: 1n, reason: "a delivery" };
    await mesh.as(InventoryService).adjustStock(delivery, { idempotencyKey: variantId });
  }
  await records(mesh, { method: ADJUST }, 7);
  const found: string[] = [];
  let pageToken = "";
  do {
    const page = await staff.listAuditRecords({ method: ADJUST, pageSize: 3, pageToken });
    found.push(...page.records.map(({ objectId }) => objectId));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  t.deepEqual(found, variants.toReversed(), "newest first");

  const count = async (filter: Filter) =>
    (await staff.listAuditRecords({ method: ADJUST, ...filter })).records.length;
  t.is(await count({ result: SUCCEEDED }), 7);
  t.is(await count({ result: DENIED }), 0);
  t.is(await count({ accountId: randomUUID() }), 0);
  t.is(await count({ objectId: variants[3] ?? "" }), 1);
  const soon = { seconds: BigInt(Math.ceil(Date.now() / 1000) + 1), nanos: 0 } as never;
  t.is(await count({ startTime: soon }), 0);
  t.is(await count({ endTime: soon }), 7);
  const looks = await records(mesh, { method: "souk.auth.v1.AccessService/ListAuditRecords" }, 1);
  t.like(looks[0], { caller: "operator", result: SUCCEEDED });
});

test("an order is recorded when it is decided: as placed, or as refused, each once", async (t) => {
  const method = "souk.order.v1.CheckoutService/PlaceOrder";
  const customer = await shop().customer();
  await customer.add(await shop().offer(500n));
  const { id: objectId } = await customer.place();
  await customer.add(await shop().offer(500n));
  t.is((await refusal(customer.place({ token: "tok_declined" }))).reason, "PAYMENT_DECLINED");

  const { mesh } = shop();
  const found = await records(mesh, { accountId: customer.id, method }, 2);
  t.deepEqual(
    found.map(({ result, reason }) => [result, reason]),
    [
      [SUCCEEDED, ""],
      [FAILED, "PAYMENT_DECLINED"],
    ],
  );
  t.is(found[0]?.objectId, objectId);
  const [refused] = (await customer.orders.listMyOrders({})).orders;
  t.is(found[1]?.objectId, refused?.id);
});

/** Starts one program of a mesh whose others run elsewhere. */
async function startAlone(t: ExecutionContext, program: Program, env: Record<string, string>) {
  const running = await start([program], env);
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= running.stop());
  t.teardown(stop);
  const address = `127.0.0.1:${running.programs[0]?.ports["grpc"]}`;
  return {
    stop,
    /** A client of it: with an access token, as nobody with "", as the operator with none. */
    of: <S extends Parameters<typeof testClient>[2]>(service: S, accessToken: string | undefined) =>
      testClient<S>(
        t,
        address,
        service,
        accessToken === undefined ? { caller: "operator" } : { accessToken },
        env,
      ),
  };
}
