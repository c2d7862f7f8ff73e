import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type DescMethod, fromJson, type Message } from "@bufbuild/protobuf";
import test, { type ExecutionContext } from "ava";
import jwt from "jsonwebtoken";
import { contracts } from "#gen/contracts.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { methodName, policyOf } from "#kit/contract.ts";
import { codeName, SoukError } from "#kit/error.ts";
import type { CallOptions } from "#kit/mesh/client.ts";
import { start } from "#kit/run.ts";
import { exampleRequest } from "../../deploy/contracts/example-request.ts";
import { servicePrograms } from "../../deploy/local/service-programs.ts";
import { auth } from "../../services/auth/service.ts";
import { insist } from "../chaos/insist.ts";
import { eventually } from "../eventually.ts";
import { testClient } from "../mesh.ts";
import { type Call, type DataPlane, openPlane, type PlaneIdentity, type PlaneShop } from "./plane-shop.ts";

const METHODS = [...contracts]
  .filter((it) => it.kind === "service")
  .filter((it) => it !== OperationsService)
  .flatMap(({ methods }) => methods);
/** Methods under way at a time. */
const AT_A_TIME = 12;
/** After so long a stream that is open for a caller has shown that it is. */
const STREAM_MS = 300;

/** The reasons with which a call is refused for who makes it. */
type Refusal = "TOKEN_MISSING" | "TOKEN_INVALID" | "PERMISSION_MISSING" | "CALLER_REFUSED";
const CODES: Readonly<Record<Refusal, string>> = {
  TOKEN_MISSING: "UNAUTHENTICATED",
  TOKEN_INVALID: "UNAUTHENTICATED",
  PERMISSION_MISSING: "PERMISSION_DENIED",
  CALLER_REFUSED: "PERMISSION_DENIED",
};

/** Whom the policy of a method lets in. */
interface Open {
  readonly anyone: boolean;
  readonly users: boolean;
  readonly permission: boolean;
  readonly callers: readonly string[];
}

/** Somebody who calls, and what the policy says to that; undefined lets the call through. */
interface Caller {
  readonly title: string;
  readonly identity: PlaneIdentity;
  readonly refusal: Refusal | undefined;
}

// One after the other: each has all services in this process.
for (const plane of ["local", "direct", "envoy"] satisfies DataPlane[]) {
  test.serial(
    `${plane}: every method lets in whom its policy names, and tells all others why not`,
    async (t) => {
      const shop = await openPlane(t, plane);
      if (shop === undefined) return;
      const tokens = { customer: await register(shop), expired: await expiredToken(t, shop) };
      await everyServiceAnswers(shop);
      const complaints = await forEachMethod(METHODS, (method) => complaintsOf(shop.call, method, tokens));
      t.deepEqual(complaints, []);
    },
  );
}

test.serial("every service lets operators operate it, and nobody else", async (t) => {
  const shop = await openPlane(t, "direct");
  if (shop === undefined) return;
  const tokens = { customer: await register(shop), expired: await expiredToken(t, shop) };
  for (const { name } of servicePrograms) {
    const address = `127.0.0.1:${shop.env[`${name.toUpperCase()}_PORT`]}`;
    const call: Call = (service, identity) => {
      const known = identity === "unknown" ? { accessToken: "" } : identity;
      return testClient(t, address, service, known, shop.env);
    };
    const complaints = await forEachMethod(OperationsService.methods, (method) =>
      complaintsOf(call, method, tokens),
    );
    t.deepEqual(complaints, [], name);
  }
});

interface Tokens {
  readonly customer: string;
  readonly expired: string;
}

async function complaintsOf(call: Call, method: DescMethod, tokens: Tokens): Promise<string[]> {
  const complaints: string[] = [];
  for (const { title, identity, refusal } of callersOf(method, tokens)) {
    const [code, reason] = await eventually(async () => {
      const outcome = await outcomeOf(call, method, identity, refusal === undefined);
      assert(
        !outcome.some((it) => UNDECIDED.has(it)),
        `${methodName(method)} answers ${title} with ${outcome.join(" ")}`,
      );
      return outcome;
    });
    const expected =
      refusal === undefined ? isLetIn(code, reason) : reason === refusal && code === CODES[refusal];
    if (!expected) {
      complaints.push(
        `${methodName(method)} answers ${title} with ${code} ${reason}, not ${refusal ?? "work"}`,
      );
    }
  }
  return complaints;
}

/** Everybody who may and may not call a method, as its policy has it. */
function callersOf(method: DescMethod, { customer, expired }: Tokens): Caller[] {
  const { access } = policyOf(method);
  const open: Open = {
    anyone: access.public !== undefined,
    users: access.authenticated !== undefined,
    permission: access.permission !== "",
    callers: access.callers,
  };
  const others = servicePrograms.map(({ name }) => name).filter((name) => !open.callers.includes(name));
  const stranger = others.at(-1) ?? "gateway";
  return [
    { title: "somebody unknown", identity: "unknown", refusal: forNobody(open) },
    { title: "nobody, through the gateway", identity: { accessToken: "" }, refusal: forNobody(open) },
    { title: "an expired token", identity: { accessToken: expired }, refusal: "TOKEN_INVALID" },
    { title: "a customer", identity: { accessToken: customer }, refusal: forCustomer(open) },
    { title: `the service ${stranger}`, identity: { caller: stranger }, refusal: forNobody(open) },
    {
      title: `the service ${stranger} for a customer`,
      identity: { caller: stranger, accessToken: customer },
      refusal: forCustomer(open),
    },
    ...open.callers.map((caller) => ({
      title: `the service ${caller}`,
      identity: { caller },
      refusal: undefined,
    })),
    ...(open.permission
      ? [{ title: "the operator", identity: { caller: "operator" }, refusal: undefined }]
      : []),
  ];
}

function forNobody({ anyone, users, permission }: Open): Refusal | undefined {
  if (anyone) return undefined;
  return users || permission ? "TOKEN_MISSING" : "CALLER_REFUSED";
}

function forCustomer({ anyone, users, permission }: Open): Refusal | undefined {
  if (anyone || users) return undefined;
  return permission ? "PERMISSION_MISSING" : "CALLER_REFUSED";
}

/** Whether a call came through to the work itself: whatever became of that, it was not for who called. */
function isLetIn(code: string, reason: string): boolean {
  if (reason === "") return code === "OK" || code === "CANCELLED";
  return !(reason in CODES) && !FAILURES.has(reason);
}

const FAILURES: ReadonlySet<string> = new Set(["UNEXPECTED", "BREAKER_OPEN", "DEPENDENCY_UNAVAILABLE"]);
/** What says nothing of who called: the machine was too busy to find out. */
const UNDECIDED: ReadonlySet<string> = new Set([
  "DEADLINE_EXCEEDED",
  "BREAKER_OPEN",
  "DEPENDENCY_UNAVAILABLE",
]);

type Send = (request: unknown, options: CallOptions) => Promise<unknown> | AsyncIterable<unknown>;

async function outcomeOf(
  call: Call,
  method: DescMethod,
  identity: PlaneIdentity,
  letIn: boolean,
): Promise<[code: string, reason: string]> {
  const client = call(method.parent, identity) as unknown as Record<string, Send>;
  const isStream = method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
  const options = {
    idempotencyKey: randomUUID(),
    ...(isStream && letIn && { signal: AbortSignal.timeout(STREAM_MS) }),
  };
  const request = fromJson(method.input, exampleRequest(method.input));
  try {
    await answerOf(method, client[method.localName] as Send, request, options);
    return ["OK", ""];
  } catch (thrown) {
    assert(thrown instanceof SoukError, `${thrown}`);
    return [codeName(thrown.code), thrown.reason];
  }
}

async function answerOf(
  { methodKind }: DescMethod,
  send: Send,
  request: Message,
  options: CallOptions,
): Promise<void> {
  const isTaken = methodKind === "client_streaming" || methodKind === "bidi_streaming";
  const answer = send(isTaken ? alone(request) : request, options);
  if (methodKind === "unary" || methodKind === "client_streaming") return void (await answer);
  for await (const _ of answer as AsyncIterable<unknown>) return;
}

async function* alone(message: Message): AsyncIterable<Message> {
  yield message;
}

async function forEachMethod(
  methods: readonly DescMethod[],
  work: (method: DescMethod) => Promise<string[]>,
): Promise<string[]> {
  const waiting = [...methods];
  const found: string[] = [];
  const workOff = async () => {
    for (let method = waiting.pop(); method !== undefined; method = waiting.pop())
      found.push(...(await work(method)));
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, workOff));
  return found;
}

/** Envoy begins to send calls to a service when it has seen it healthy. */
async function everyServiceAnswers({ call }: PlaneShop): Promise<void> {
  const firsts = new Map(METHODS.map((method) => [method.parent.file.proto.package, method]));
  for (const method of firsts.values()) {
    await eventually(async () => {
      const [code, reason] = await outcomeOf(call, method, "unknown", false);
      assert(reason !== "" || code === "OK", `${methodName(method)}: ${code}`);
    });
  }
}

async function register({ call }: PlaneShop): Promise<string> {
  const { tokens } = await insist(() => call(AuthService, { accessToken: "" }).register(newcomer()));
  return tokens?.accessToken ?? "";
}

/** A token that was good: from an auth of the same shop whose tokens live for a moment. */
async function expiredToken(t: ExecutionContext, { env }: PlaneShop): Promise<string> {
  const hasty = await start([auth], {
    ...env,
    SOUK_DATA_PLANE: "local",
    AUTH_PORT: "0",
    AUTH_ACCESS_TOKEN_MS: "1",
  });
  t.teardown(() => hasty.stop());
  const address = `127.0.0.1:${hasty.programs[0]?.ports["grpc"]}`;
  const nobody = testClient(t, address, AuthService, { accessToken: "" }, env);
  const { tokens } = await insist(() => nobody.register(newcomer()));
  const token = tokens?.accessToken ?? "";
  const { exp = 0 } = jwt.decode(token) as jwt.JwtPayload;
  await eventually(() => assert(Date.now() >= exp * 1000 + 1));
  return token;
}

function newcomer() {
  return {
    email: `${randomUUID()}@example.com`,
    password: "correct horse battery",
    firstName: "Ada",
    lastName: "Lovelace",
  };
}
