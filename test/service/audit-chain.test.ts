import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import pg from "pg";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { start } from "#kit/run.ts";
import { hashLink } from "../../services/auth/audit/chain.ts";
import { verifyChain } from "../../services/auth/audit/verify.ts";
import { auth } from "../../services/auth/service.ts";
import { eventually } from "../eventually.ts";
import { testClient, testEnvironment } from "../mesh.ts";

const RECORDS = 12;

/** A chain that two replicas of auth made, and a connection of somebody who may do anything to it. */
async function chainOf(t: ExecutionContext) {
  const env = await testEnvironment(t, [auth]);
  const replicas = await Promise.all([start([auth], env), start([auth], env)]);
  const clients = replicas.map(({ programs }) =>
    testClient(t, `127.0.0.1:${programs[0]?.ports["grpc"]}`, AuthService, { accessToken: "" }, env),
  );
  await Promise.all(
    Array.from({ length: RECORDS }, (_, n) =>
      clients[n % 2]?.register({
        email: `${randomBytes(8).toString("hex")}@example.com`,
        password: "correct horse battery",
        firstName: "Ada",
        lastName: "Lovelace",
      }),
    ),
  );
  const client = new pg.Client({ connectionString: env["AUTH_DATABASE_URL"] });
  await client.connect();
  await eventually(async () => {
    const { rows } = await client.query("select seq from audit_head");
    if (Number(rows[0].seq) < RECORDS) throw new Error(`${rows[0].seq} records are there`);
  });
  await Promise.all(replicas.map((replica) => replica.stop()));
  t.teardown(() => client.end());
  const { keys } = JSON.parse(env["SOUK_TRUST_BUNDLE"] ?? "");
  const verify = (kept?: string) =>
    verifyChain((text, values) => client.query(text, [...values]), keys, kept);
  return {
    env,
    client,
    verify,
    /** What is said of the chain after something was done to it with no trigger in the way; then it is undone. */
    async afterTampering(work: () => Promise<unknown>, kept?: string): Promise<string | undefined> {
      await client.query("begin");
      await client.query(
        "alter table audit_record disable trigger all; alter table audit_head disable trigger all",
      );
      await work();
      const { fault } = await verify(kept);
      await client.query("rollback");
      return fault;
    },
  };
}

test("the chain of two replicas is whole, and whatever somebody changes in it is found", async (t) => {
  const { client, verify, afterTampering } = await chainOf(t);
  const { sound, head, fault } = await verify();
  t.is(fault, undefined);
  t.is(sound, BigInt(RECORDS));
  t.is((await verify(head)).fault, undefined);

  const run = (sql: string, values: unknown[] = []) => client.query(sql, values);
  /** Makes the hashes from a record on anew, as who knows how would. */
  const chainAnew = async (from: number) => {
    const { rows } = await run("select * from audit_record where seq >= $1 order by seq", [from - 1]);
    let { hash } = rows[0];
    for (const row of rows.slice(1)) {
      hash = hashLink(hash, { ...row, seq: BigInt(row.seq) });
      await run("update audit_record set hash = $2 where seq = $1", [row.seq, hash]);
    }
    return hash;
  };
  const cases: [what: string, work: () => Promise<unknown>, says: RegExp, kept?: string][] = [
    ["a column", () => run("update audit_record set object_id = 'x' where seq = 7"), /^record 7 \(.*changed/],
    ["a hash", () => run("update audit_record set hash = '\\x00' where seq = 7"), /^record 7 \(/],
    [
      "a row less",
      () => run("delete from audit_record where seq = 7"),
      /^record 7 is missing; the next one is record 8/,
    ],
    ["the first row less", () => run("delete from audit_record where seq = 1"), /^record 1 is missing/],
    [
      "two rows in each other's place",
      () =>
        run(
          "update audit_record set seq = case seq when 7 then -8 else -7 end where seq in (7, 8); update audit_record set seq = -seq where seq < 0",
        ),
      /^record 7 \(/,
    ],
    [
      "the last rows less",
      () => run("delete from audit_record where seq > 9"),
      /^the records from 10 to 12 are missing/,
    ],
    [
      "a row more",
      () =>
        run(
          "insert into audit_record select seq + 1, gen_random_uuid(), service, method, account_id, caller, object_id, result, reason, client_address, request_id, start_time, count, hash from audit_record where seq = 12",
        ).then(() => chainAnew(13)),
      /^the records after 12 were not added by auth/,
    ],
    [
      "a column, and every hash behind it",
      async () => {
        await run("update audit_record set object_id = 'x' where seq = 7");
        await chainAnew(7);
      },
      /^record 12 has another hash than auth signed/,
    ],
    [
      "a column, every hash behind it and the head",
      async () => {
        await run("update audit_record set object_id = 'x' where seq = 7");
        await run("update audit_head set hash = $1", [await chainAnew(7)]);
      },
      /^auth did not sign that the chain ends with record 12/,
    ],
    ["everything", () => run("truncate audit_record"), /^the records from 1 to 12 are missing/],
    ["the head", () => run("delete from audit_head"), /chain ends is gone/],
    [
      "everything, the head set back to the beginning",
      () =>
        run(
          "truncate audit_record; update audit_head set seq = 0, hash = decode(repeat('00', 32), 'hex'), signature = ''",
        ),
      /^the chain does not hold 12:/,
      head,
    ],
  ];
  for (const [what, work, says, kept] of cases) {
    t.regex((await afterTampering(work, kept)) ?? "nothing was found", says, what);
  }
  t.is((await verify(head)).fault, undefined);
});

test("the database itself refuses to change a record or to set the chain back", async (t) => {
  const { client } = await chainOf(t);
  for (const sql of [
    "update audit_record set object_id = 'x'",
    "delete from audit_record",
    "truncate audit_record",
    "delete from audit_head",
    "truncate audit_head",
    "update audit_head set seq = seq - 1",
  ]) {
    await t.throwsAsync(client.query(sql), { message: /only ever added/ }, sql);
  }
});

test("audit:verify tells that the chain is whole, or what is broken, and then ends with another exit code", async (t) => {
  const { client, env } = await chainOf(t);
  const verify = (...args: string[]) =>
    promisify(execFile)(process.execPath, ["deploy/local/verify-audit.ts", ...args], {
      env: { PATH: process.env["PATH"], ...env },
    });
  const { stdout } = await verify();
  t.regex(stdout, /^12 records, an unbroken chain\. Its head, to be kept elsewhere: 12:[0-9a-f]{64}\n$/);
  await client.query("alter table audit_record disable trigger all");
  await client.query("update audit_record set object_id = '' where seq = 5");
  const failure = await t.throwsAsync(verify());
  t.like(failure, { code: 1 });
  t.regex(String(failure?.["stderr" as never]), /^The chain is broken after 4 records: record 5 \(/);
});
