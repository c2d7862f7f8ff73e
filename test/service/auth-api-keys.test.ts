import assert from "node:assert/strict";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { ApiKeyService } from "#gen/souk/auth/v1/api_key_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { Code } from "#kit/error.ts";
import { inventory } from "../../services/inventory/service.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { reasonOf, refusal } from "../refusal.ts";
import { type AuthDesk, openDesk, type Person } from "./auth-desk.ts";

let desk: AuthDesk;
const file = afterFile(test);

test.before(async () => {
  desk = await openDesk(file, { programs: [inventory] });
});

const keysOf = ({ accessToken }: Pick<Person, "accessToken">) =>
  desk.mesh.withToken(ApiKeyService, accessToken);
const machine = () => desk.mesh.withToken(ApiKeyService, "");
const stockAs = (accessToken: string) => desk.mesh.withToken(InventoryService, accessToken);

async function keyFor(person: Person, ...scopes: string[]) {
  const { apiKey, key } = await keysOf(person).createApiKey({ displayName: "nightly", scopes });
  return { apiKey, id: key?.id ?? "" };
}

test("a key is told once, listed by its beginning, and stored as a hash", async (t) => {
  const ada = await desk.staff("warehouse");
  const { apiKey, id } = await keyFor(ada, "inventory:adjust");
  const { keys } = await keysOf(ada).listApiKeys({});
  t.like(keys, [{ id, displayName: "nightly", scopes: ["inventory:adjust"] }]);
  t.true(apiKey.startsWith(keys[0]?.prefix ?? "?") && apiKey.length > 40);
  const [row] = await desk.run("select * from api_key where id = $1", [id]);
  t.false(JSON.stringify(row).includes(apiKey.slice(12)));
});

test("a key is exchanged for a token that carries its scopes and nothing else", async (t) => {
  const ada = await desk.staff("warehouse");
  const { apiKey } = await keyFor(ada, "inventory:adjust");
  const { accessToken, expiresIn } = await machine().exchangeApiKey({ apiKey });
  t.is(expiresIn, 900);
  t.is(await reasonOf(stockAs(accessToken).adjustStock({})), "INVALID_REQUEST");
  t.is(await reasonOf(stockAs(accessToken).transferStock({})), "PERMISSION_MISSING");

  const own = desk.mesh.withToken(AuthService, accessToken);
  for (const call of [
    own.listSessions({}),
    own.logoutEverywhere({}),
    own.enrollTotp({}),
    own.getSignInMethods({}),
  ]) {
    t.is(await reasonOf(call), "PERMISSION_MISSING", "a machine is not its owner");
  }
  const another = keysOf({ accessToken }).createApiKey({ displayName: "more", scopes: ["orders:ship"] });
  t.is(await reasonOf(another), "PERMISSION_MISSING");
});

test("a key cannot be given what its owner does not hold, and loses what the owner loses", async (t) => {
  const ada = await desk.staff("warehouse");
  const missing = await refusal(
    keysOf(ada).createApiKey({ displayName: "x", scopes: ["inventory:adjust", "orders:refund"] }),
  );
  t.deepEqual([missing.reason, missing.metadata["permission"]], ["SCOPE_NOT_HELD", "orders:refund"]);

  const { apiKey } = await keyFor(ada, "inventory:adjust");
  const { accessToken } = await machine().exchangeApiKey({ apiKey });
  t.is(await reasonOf(stockAs(accessToken).adjustStock({})), "INVALID_REQUEST");
  await desk.operator.revokeRole({ accountId: ada.id, role: "warehouse" });
  await eventually(async () =>
    assert.equal(await reasonOf(stockAs(accessToken).adjustStock({})), "PERMISSION_MISSING"),
  );
});

test("a key that is revoked is worth nothing, nor are its tokens; those of others are not there", async (t) => {
  const [ada, eve] = await Promise.all([desk.staff("warehouse"), desk.staff("warehouse")]);
  const { apiKey, id } = await keyFor(ada, "inventory:adjust");
  const { accessToken } = await machine().exchangeApiKey({ apiKey });
  t.is(await reasonOf(stockAs(accessToken).adjustStock({})), "INVALID_REQUEST");

  const foreign = await refusal(keysOf(eve).revokeApiKey({ id }));
  t.deepEqual([foreign.code, foreign.reason], [Code.NOT_FOUND, "API_KEY_NOT_FOUND"]);
  t.deepEqual((await keysOf(eve).listApiKeys({})).keys, []);

  await keysOf(ada).revokeApiKey({ id });
  await keysOf(ada).revokeApiKey({ id });
  t.is(await reasonOf(machine().exchangeApiKey({ apiKey })), "API_KEY_INVALID");
  await eventually(async () =>
    assert.equal(await reasonOf(stockAs(accessToken).adjustStock({})), "TOKEN_INVALID"),
  );
  t.truthy((await keysOf(ada).listApiKeys({})).keys[0]?.revokeTime);
});

test("a key ends when it was said to, and its tokens with it", async (t) => {
  const ada = await desk.staff("warehouse");
  const create = (ms: number) =>
    keysOf(ada).createApiKey({
      displayName: "short",
      scopes: ["inventory:adjust"],
      expireTime: timestampFromMs(Date.now() + ms),
    });
  t.is(await reasonOf(create(-1_000)), "INVALID_REQUEST");
  const { apiKey, key } = await create(60_000);
  t.true((await machine().exchangeApiKey({ apiKey })).expiresIn <= 60);
  await desk.run("update api_key set expire_time = now() where id = $1", [key?.id]);
  t.is(await reasonOf(machine().exchangeApiKey({ apiKey })), "API_KEY_INVALID");
});

test("keys come in pages, and there is an end to their number", async (t) => {
  const ada = await desk.staff("warehouse");
  for (let n = 0; n < 20; n++) await keyFor(ada, "inventory:adjust");
  const one = keysOf(ada).createApiKey({ displayName: "one more", scopes: ["inventory:adjust"] });
  t.is(await reasonOf(one), "TOO_MANY_API_KEYS");
  const first = await keysOf(ada).listApiKeys({ pageSize: 15 });
  const second = await keysOf(ada).listApiKeys({ pageSize: 15, pageToken: first.nextPageToken });
  t.is(new Set([...first.keys, ...second.keys].map(({ id }) => id)).size, 20);
  t.is(second.nextPageToken, "");
});
