import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import { CustomerGroupsChangedSchema, ProfileChangedSchema } from "#gen/souk/user/v1/events_pb.ts";
import { UserService } from "#gen/souk/user/v1/user_pb.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { user } from "../../services/user/service.ts";
import { eventually } from "../eventually.ts";
import { reasonOf, refusal } from "../refusal.ts";
import { type AuthDesk, openDesk, type Person } from "./auth-desk.ts";
import { connectPool } from "./auth-tables.ts";

const ADDRESS = { name: "Ada L", line1: "1 Way", city: "Kiel", postalCode: "24103", countryCode: "DE" };

let desk: AuthDesk;
let support: Person;
let staff: MeshClient<typeof UserService>;
let run: ReturnType<typeof connectPool>;
const closing: (() => Promise<void>)[] = [];

test.before(async () => {
  const t = { teardown: (work: () => Promise<void>) => void closing.unshift(work) };
  desk = await openDesk(t, { programs: [user] });
  run = connectPool(t, desk.mesh.env["USER_DATABASE_URL"] as string);
  support = await desk.staff("support");
  staff = desk.mesh.withToken(UserService, support.accessToken);
});

test.after.always(async () => {
  for (const close of closing) await close();
});

/** A user whose profile is there, found by nobody else's name. */
async function somebody(firstName: string, lastName: string): Promise<Person> {
  const person = await desk.register();
  const mine = desk.mesh.withToken(UserService, person.accessToken);
  const updateMask = { paths: ["first_name", "last_name"] };
  await eventually(() => mine.updateMe({ profile: { firstName, lastName }, updateMask }));
  return person;
}

const idsOf = ({ users }: { users: readonly { id: string }[] }) => users.map(({ id }) => id);

test("users are found by what their address, their name or their family name begins with, newest first", async (t) => {
  const older = await somebody("Grace", "Zz%pper");
  const newer = await somebody("Zz%p", "Hopper");
  await somebody("Grace", "Zzzpper");
  t.deepEqual(idsOf(await staff.listUsers({ query: " zz%P" })), [newer.id, older.id]);
  t.deepEqual(idsOf(await staff.listUsers({ query: "ZZ%p hop" })), [newer.id]);
  t.deepEqual(idsOf(await staff.listUsers({ query: older.email.slice(0, 36).toUpperCase() })), [older.id]);
  t.deepEqual(idsOf(await staff.listUsers({ query: "pper" })), []);
  const greek = await somebody("ΝΙΚΟΣ", "Zervas");
  t.deepEqual(idsOf(await staff.listUsers({ query: "ΝΙΚΟΣ" })), [greek.id]);
});

test("users are listed in pages that hold together, each good for the list that it is of", async (t) => {
  const group = "paged";
  const people: Person[] = [];
  for (let count = 0; count < 5; count++) people.push(await somebody("Page", `No ${count}`));
  for (const { id } of people) {
    await staff.updateUser({
      user: { id, customerGroups: [group] },
      updateMask: { paths: ["customer_groups"] },
    });
  }
  const seen: string[] = [];
  let pageToken = "";
  do {
    const page = await staff.listUsers({ customerGroup: group, pageSize: 2, pageToken });
    seen.push(...idsOf(page));
    pageToken = page.nextPageToken;
    if (seen.length === 2) {
      t.is(await reasonOf(staff.listUsers({ customerGroup: "others", pageToken })), "PAGE_TOKEN_INVALID");
    }
  } while (pageToken !== "");
  t.deepEqual(seen, people.map(({ id }) => id).reverse());
});

test("staff sees a user with the address book, and changes what the mask names and nothing else", async (t) => {
  const { id, email, accessToken } = await somebody("Ada", "Byron");
  const mine = desk.mesh.withToken(UserService, accessToken);
  await mine.createMyAddress({ address: ADDRESS });
  const nowhere = { ...ADDRESS, countryCode: "ZZ" };
  t.is(await reasonOf(mine.createMyAddress({ address: nowhere })), "INVALID_REQUEST");
  t.is((await mine.getMe({})).profile?.lastName, "Byron");
  const { user: before, addresses } = await staff.getUser({ id });
  t.like(before, {
    email,
    firstName: "Ada",
    lastName: "Byron",
    customerGroups: [],
    vatId: "",
    staffNote: "",
  });
  t.like(addresses, [{ default: true, address: ADDRESS }]);

  const wanted = {
    id,
    etag: before?.etag ?? "",
    firstName: "Wilhelmina",
    lastName: "Lovelace",
    customerGroups: ["wholesale"],
    vatId: "DE123456789",
    staffNote: "Asks for paper invoices",
  };
  const updateMask = { paths: ["last_name", "customer_groups", "vat_id", "staff_note"] };
  const { user: after } = await staff.updateUser({ user: wanted, updateMask });
  const { etag: _, firstName: __, ...named } = wanted;
  t.like(after, { ...named, firstName: "Ada", email });
  t.deepEqual((await staff.getUser({ id })).user, after);
  t.is(await reasonOf(staff.updateUser({ user: wanted, updateMask })), "ETAG_MISMATCH");
  await eventually(async () => {
    assert.equal((await mine.getMe({})).profile?.lastName, "Lovelace", "the remembered profile is ended");
  });
});

test("a change of groups is told with the groups, other changes are not", async (t) => {
  const { id } = await somebody("Group", "Ie");
  await run("create table if not exists told as select * from mesh.outbox limit 0");
  await run(`create or replace function keep() returns trigger language plpgsql as
    $$ begin insert into told select new.*; return new; end $$`);
  await run(
    "create or replace trigger keep before insert on mesh.outbox for each row execute function keep()",
  );
  const paths = ["customer_groups"];
  await staff.updateUser({ user: { id, staffNote: "x" }, updateMask: { paths: ["staff_note"] } });
  await staff.updateUser({ user: { id, customerGroups: ["b2b", "vip"] }, updateMask: { paths } });
  await staff.updateUser({ user: { id, customerGroups: ["vip", "b2b"] }, updateMask: { paths } });
  const told = await run("select type, payload from told where aggregate_id = $1", [id]);
  const payloads = Map.groupBy(told, ({ type }) => type);
  t.is(payloads.get(ProfileChangedSchema.typeName)?.length, 3);
  const [change, ...more] = payloads.get(CustomerGroupsChangedSchema.typeName) ?? [];
  t.deepEqual(more, []);
  const { customerGroups } = fromBinary(CustomerGroupsChangedSchema, change?.["payload"] as Buffer);
  t.deepEqual(customerGroups, ["b2b", "vip"]);
});

test("who is not there, who may not, and what is wrong are refused with a reason", async (t) => {
  const nobody = uuidv7();
  t.is(await reasonOf(staff.getUser({ id: nobody })), "USER_NOT_FOUND");
  const change = { user: { id: nobody, vatId: "x" }, updateMask: { paths: ["vat_id"] } };
  t.is(await reasonOf(staff.updateUser(change)), "USER_NOT_FOUND");
  const bad = await refusal(staff.updateUser({ user: { id: "me" }, updateMask: { paths: ["email"] } }));
  t.is(bad.reason, "INVALID_REQUEST");
  t.regex(bad.message, /user\.id/);
  t.regex(bad.message, /update_mask/);
  const etag = { user: { id: support.id, etag: "old" }, updateMask: { paths: ["vat_id"] } };
  t.regex((await refusal(staff.updateUser(etag))).message, /user\.etag/);
  const locale = { user: { id: support.id, locale: "German" }, updateMask: { paths: ["locale"] } };
  t.regex((await refusal(staff.updateUser(locale))).message, /user\.locale/);

  const customer = desk.mesh.withToken(UserService, (await desk.register()).accessToken);
  for (const call of [
    customer.listUsers({}),
    customer.getUser({ id: support.id }),
    customer.updateUser(change),
  ]) {
    t.is(await reasonOf(call), "PERMISSION_MISSING");
  }
});

test("who changed whom is recorded", async (t) => {
  const { id } = await somebody("Au", "Dit");
  await staff.updateUser({ user: { id, vatId: "DE1" }, updateMask: { paths: ["vat_id"] } });
  await eventually(async () => {
    const { records } = await desk.mesh
      .as(AccessService)
      .listAuditRecords({ objectId: id, accountId: support.id });
    assert.deepEqual(
      records.map(({ method, accountId }) => [method.split("/")[1], accountId]),
      [["UpdateUser", support.id]],
    );
  });
  t.pass();
});
