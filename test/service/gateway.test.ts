import { Code, type ConnectError, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import test from "ava";
import { Health } from "#gen/health/v1/health_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { auth } from "../../services/auth/service.ts";
import { gateway } from "../../services/gateway/program.ts";
import { user } from "../../services/user/service.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";

const ADA = { email: "ada@example.com", password: "correct horse battery", firstName: "Ada", lastName: "L" };

/** One gateway before auth and user for all tests here, which only need it to be there. */
let mesh: TestMesh;
const file = afterFile(test);

test.before(async () => {
  const env = { GATEWAY_CORS_ORIGINS: "https://shop.example", SOUK_MAX_STREAMS: "2" };
  mesh = await startTestMesh(file, [auth, user, gateway], { env });
});

function urlOf(path = ""): string {
  return `http://127.0.0.1:${mesh.port("gateway", "http")}${path}`;
}

async function post(
  method: string,
  body: string | Buffer<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  const response = await fetch(urlOf(`/${method}`), {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? {} : JSON.parse(text) };
}

test("JSON goes in and comes out as the contract says", async (t) => {
  const { status, body } = await post("souk.auth.v1.AuthService/Register", JSON.stringify(ADA));
  t.is(status, 200);
  t.is(body.user.email, "ada@example.com");
  t.is(body.tokens.expiresIn, 900);
});

test("Connect, gRPC-Web and gRPC reach the same methods on one port", async (t) => {
  const transports = {
    connect: createConnectTransport({ baseUrl: urlOf(), httpVersion: "1.1" }),
    connect2: createConnectTransport({ baseUrl: urlOf(), httpVersion: "2" }),
    grpcWeb: createGrpcWebTransport({ baseUrl: urlOf(), httpVersion: "1.1" }),
    grpc: createGrpcTransport({ baseUrl: urlOf() }),
  };
  for (const [name, transport] of Object.entries(transports)) {
    const { user: account } = await createClient(AuthService, transport).register({
      ...ADA,
      email: `${name}@example.com`,
    });
    t.is(account?.email, `${name.toLowerCase()}@example.com`);
  }
});

test("a method without side effects can be asked with GET", async (t) => {
  const response = await fetch(
    urlOf(`/souk.auth.v1.AuthService/GetKeySet?connect=v1&encoding=json&message=%7B%7D`),
  );
  t.is(response.status, 200);
  const { jwksJson } = (await response.json()) as { jwksJson: string };
  t.is(JSON.parse(jwksJson).keys.length, 1);
});

test("a refusal keeps its code, reason and the fields that are to blame", async (t) => {
  const twice = JSON.stringify({ ...ADA, email: "twice@example.com" });
  await post("souk.auth.v1.AuthService/Register", twice);
  const { status, body } = await post("souk.auth.v1.AuthService/Register", twice);
  t.is(status, 409);
  t.is(body.code, "already_exists");
  const types = body.details.map((detail: { type: string }) => detail.type);
  t.deepEqual(types, ["google.rpc.ErrorInfo", "google.rpc.BadRequest"]);
  const [info, bad] = body.details.map((detail: { debug: unknown }) => detail.debug);
  t.deepEqual(info, { reason: "EMAIL_TAKEN", domain: "souk.auth.v1" });
  t.is(bad.fieldViolations[0].field, "email");
});

test("of JSON that is no message, the field that is to blame is named as rules name it", async (t) => {
  const orders = "souk.order.v1.OrderService";
  const promotions = "souk.order.v1.PromotionService";
  for (const [method, body, field] of [
    [`${orders}/ListOrders`, '{"pageSize":"many"}', "page_size"],
    [`${orders}/ListOrders`, '{"states":["ORDER_STATE_SHIPPED","LOST"]}', "states[1]"],
    [`${orders}/ListOrders`, '{"pageSize":5,"endTime":"tomorrow"}', "end_time"],
    [`${orders}/RefundOrder`, '{"amount":{"currency":"EUR","minor":"1.5"}}', "amount.minor"],
    [`${orders}/RefundOrder`, '{"items":[{"quantity":"1"},{"quantity":"x"}]}', "items[1].quantity"],
    [`${promotions}/CreatePromotion`, '{"terms":{"name":"Spring"}}', "terms.name"],
    [`${promotions}/CreatePromotion`, '{"terms":{"freeShipping":{},"amountOff":{}}}', "terms"],
    [`${orders}/ListOrders`, "[]", "request"],
    // To look for it in a long text is not worth the time.
    [`${orders}/RefundOrder`, `{"items":[${'{"quantity":"1"},'.repeat(2_000)}{"quantity":"x"}]}`, "request"],
  ] as const) {
    const answer = await post(method, body);
    t.is(answer.status, 400, body);
    t.is(answer.body.details[1].debug.fieldViolations[0].field, field, body);
  }
});

const BAD_BODIES: Record<string, { body: string | Buffer<ArrayBuffer>; names: string }> = {
  "text that is no JSON": { body: "{", names: "souk.auth.v1.RegisterRequest" },
  "JSON that is no object": { body: "[1]", names: "souk.auth.v1.RegisterRequest" },
  "a field that the contract lacks": { body: JSON.stringify({ ...ADA, admin: true }), names: "admin" },
  "a field of another type": { body: JSON.stringify({ ...ADA, email: 7 }), names: "email" },
  "a field that is missing": { body: JSON.stringify({ ...ADA, password: undefined }), names: "password" },
  "a field that breaks its rule": { body: JSON.stringify({ ...ADA, email: "nobody" }), names: "email" },
  "half a surrogate pair": { body: `{"email":"\\ud800"}`, names: "email" },
  "bytes that are no UTF-8": {
    body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
    names: "souk.auth.v1.RegisterRequest",
  },
};

for (const [what, { body, names }] of Object.entries(BAD_BODIES)) {
  test(`${what} is the caller's mistake, and the answer names it`, async (t) => {
    const answer = await post("souk.auth.v1.AuthService/Register", body);
    t.is(answer.status, 400, JSON.stringify(answer.body));
    t.is(answer.body.code, "invalid_argument");
    t.true(answer.body.message.includes(names), answer.body.message);
  });
}

test("a body that is too large is refused before it is read", async (t) => {
  const { status, body } = await post(
    "souk.auth.v1.AuthService/Register",
    JSON.stringify({ email: "x".repeat(2_000_000) }),
  );
  t.true(status >= 400 && status < 500, String(status));
  t.is(body.code, "resource_exhausted");
});

test("unknown methods, and methods for services only, are not there", async (t) => {
  for (const method of [
    "souk.auth.v1.AuthService/Nonsense",
    "nonsense",
    "souk.inventory.v1.InventoryService/ReserveStock",
  ]) {
    const { status, body } = await post(method, "{}");
    t.is(status, 404, method);
    t.is(body.code, "unimplemented", method);
  }
});

test("nobody has more streams open than one may that the gateway answers itself; one that ends makes room", async (t) => {
  const open = async () => {
    const transport = createGrpcTransport({ baseUrl: urlOf() });
    const hangUp = new AbortController();
    const stream = createClient(Health, transport).watch({}, { signal: hangUp.signal });
    await stream[Symbol.asyncIterator]().next();
    t.teardown(() => hangUp.abort());
    return hangUp;
  };
  const first = await open();
  await open();
  const refusal = await t.throwsAsync<ConnectError>(open());
  t.is(refusal?.code, Code.ResourceExhausted);

  first.abort();
  await eventually(open);
});

test("a token from outside cannot pretend to come from a service", async (t) => {
  const { status } = await post("souk.user.v1.UserService/GetMe", "{}", { "souk-service-token": "anything" });
  t.is(status, 401);
});

test("pages of allowed origins may call, others may not, and answers carry security headers", async (t) => {
  const preflight = await fetch(urlOf(`/souk.user.v1.UserService/GetMe`), {
    method: "OPTIONS",
    headers: {
      origin: "https://shop.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type,idempotency-key",
    },
  });
  t.is(preflight.headers.get("access-control-allow-origin"), "https://shop.example");
  t.true(preflight.headers.get("access-control-allow-headers")?.includes("idempotency-key"));
  const other = await post("souk.auth.v1.AuthService/GetKeySet", "{}", { origin: "https://evil.example" });
  t.is(other.headers.get("access-control-allow-origin"), null);
  t.is(other.headers.get("x-content-type-options"), "nosniff");
  t.regex(other.headers.get("x-request-id") ?? "", /^[\w.:-]+$/);
});
