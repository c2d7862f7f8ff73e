import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  fromJson,
  type JsonValue,
} from "@bufbuild/protobuf";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { contracts } from "#gen/contracts.ts";
import { methodName, policyOf } from "#kit/contract.ts";
import { Code, codeName, SoukError } from "#kit/error.ts";
import type { CallOptions } from "#kit/mesh/client.ts";
import { exampleRequest } from "../../deploy/contracts/example-request.ts";
import { servicePrograms } from "../../deploy/local/service-programs.ts";
import { afterFile } from "../after-file.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { CALLBACK, startProvider } from "./auth-openid-provider.ts";
import { type Belonging, belongings, COMMON, type Customer, putOnSale, register } from "./shop-belongings.ts";

/** Every method that a customer may call and that takes an id, with the fields that hold one. */
const METHODS: readonly [DescMethod, DescField[][]][] = [...contracts]
  .filter((it) => it.kind === "service")
  .flatMap(({ methods }) => methods)
  .filter(
    (method) => policyOf(method).access.permission === "" && policyOf(method).access.callers.length === 0,
  )
  .map((method): [DescMethod, DescField[][]] => [method, idFieldsOf(method.input)])
  .filter(([, fields]) => fields.length > 0);

/** A stream that has not refused by then goes on. */
const STREAM_MS = 2_000;

let mesh: TestMesh;
let owner: Customer;
let stranger: Customer;
let variantId = "";
let known: Readonly<Record<string, Belonging>>;
const file = afterFile(test);

test.before(async () => {
  const provider = await startProvider(file);
  known = belongings(provider);
  const env = {
    NOTIFICATION_SMTP_URL: "smtp://127.0.0.1:1",
    AUTH_OPENID_PROVIDERS: provider.setting,
    AUTH_OPENID_REDIRECT_URIS: CALLBACK,
  };
  mesh = await startTestMesh(file, servicePrograms, { env });
  [owner, stranger] = await Promise.all([register(mesh), register(mesh)]);
  variantId = await putOnSale(mesh);
});

for (const [method, fields] of METHODS) {
  const names = fields.map((path) => nameOf(method, path)).filter((name) => !COMMON.test(name));
  if (names.length === 0) continue;
  test.serial(`${methodName(method)}: what belongs to somebody else is not there`, async (t) => {
    const unknown = Object.fromEntries(names.map((name) => [name, uuidv7()]));
    const answerToNothing = await call(stranger, method, fields, unknown);
    const theirs = await makeEach(names);
    const answer = await call(stranger, method, fields, idsOf(theirs));
    t.is(answer, answerToNothing, "whether it is there for somebody else is not told");
    if (!answer.startsWith("NOT_FOUND")) {
      t.is(answer, "OK", "one that is not there is passed over, or told of");
      for (const { belonging, id } of Object.values(theirs)) {
        assert(
          belonging.isUntouched,
          `${methodName(method)} passes over what is not there; say how to see it`,
        );
        t.true(await belonging.isUntouched(owner, id));
      }
    }
    t.notRegex(
      await call(owner, method, fields, idsOf(theirs)),
      /^(NOT_FOUND|UNAUTHENTICATED|INTERNAL|UNKNOWN)/,
    );
  });
}

test("there are methods of each kind of belonging that customers can reach", (t) => {
  const names = METHODS.flatMap(([method, fields]) => fields.map((path) => nameOf(method, path)));
  for (const [what, { fields }] of Object.entries(known))
    t.true(
      names.some((it) => fields.test(it)),
      what,
    );
});

interface Made {
  readonly belonging: Belonging;
  readonly id: string;
}

async function makeEach(names: readonly string[]): Promise<Record<string, Made>> {
  const made: Record<string, Made> = {};
  for (const name of names) {
    const belonging = Object.values(known).find(({ fields }) => fields.test(name));
    assert(
      belonging,
      `${name} holds the id of something: say in shop-belongings.ts whose, and how to make one`,
    );
    const id = await belonging.make(owner, variantId, (service) => mesh.as(service));
    assert(id !== "", name);
    made[name] = { belonging, id };
  }
  return made;
}

function idsOf(made: Record<string, Made>): Record<string, string> {
  return Object.fromEntries(Object.entries(made).map(([name, { id }]) => [name, id]));
}

type Send = (request: unknown, options: CallOptions) => Promise<unknown> | AsyncIterable<unknown>;

/** How a call with some ids is answered: the code and the reason. */
async function call(
  as: Customer,
  method: DescMethod,
  fields: readonly DescField[][],
  ids: Readonly<Record<string, string>>,
): Promise<string> {
  let json: JsonValue = exampleRequest(method.input);
  for (const path of fields) {
    const id = ids[nameOf(method, path)];
    if (id !== undefined) json = withId(json, path, id);
  }
  const client = as(method.parent) as unknown as Record<string, Send>;
  const send = client[method.localName] as Send;
  const isStream = method.methodKind !== "unary";
  try {
    const answer = send(fromJson(method.input, json), {
      idempotencyKey: randomUUID(),
      ...(isStream && { signal: AbortSignal.timeout(STREAM_MS) }),
    });
    if (Symbol.asyncIterator in answer) for await (const _ of answer) break;
    else await answer;
    return "OK";
  } catch (thrown) {
    assert(thrown instanceof SoukError, `${thrown}`);
    if (isStream && thrown.code === Code.CANCELLED) return "OK";
    return `${codeName(thrown.code)} ${thrown.reason}`;
  }
}

function withId(json: JsonValue, [field, ...rest]: readonly DescField[], id: string): JsonValue {
  if (field === undefined) return id;
  if (Array.isArray(json)) return json.map((item) => withId(item, [field, ...rest], id));
  const holder = (json ?? {}) as Record<string, JsonValue>;
  const isList = field.fieldKind === "list" && rest.length === 0;
  const inner = withId(holder[field.jsonName] ?? {}, rest, id);
  return { ...holder, [field.jsonName]: isList ? [id] : inner };
}

function idFieldsOf(message: DescMessage, depth = 0): DescField[][] {
  return message.fields.flatMap((field) => [
    ...(/(^|_)ids?$/.test(field.name) ? [[field]] : []),
    ...(field.message && depth < 3 && !field.message.typeName.startsWith("google.")
      ? idFieldsOf(field.message, depth + 1).map((path) => [field, ...path])
      : []),
  ]);
}

function nameOf(method: DescMethod, path: readonly DescField[]): string {
  return `${method.parent.name}/${method.name}.${path.map(({ name }) => name).join(".")}`;
}
