import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect as connectNats } from "@nats-io/transport-node";
import test, { type ExecutionContext } from "ava";
import pg from "pg";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { AccountRegisteredSchema } from "#gen/souk/auth/v1/events_pb.ts";
import { OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { UserService } from "#gen/souk/user/v1/user_pb.ts";
import { isMeshRefusal, MeshReason } from "#kit/error.ts";
import { on } from "#kit/events/subscription.ts";
import { defineService } from "#kit/service.ts";
import { auth } from "../../services/auth/service.ts";
import { user } from "../../services/user/service.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, testClient, testEnvironment } from "../mesh.ts";
import { startNats } from "../stores.ts";
import { startProcess } from "./process.ts";

const ADA = { email: "ada@example.com", password: "correct horse battery", firstName: "Ada", lastName: "L" };

test.serial("while NATS is away calls go on, and their events arrive when it is back", async (t) => {
  const nats = await startNats(t);
  const mesh = await startTestMesh(t, [auth, user], { env: { SOUK_NATS_URL: nats.url } });
  await nats.stop();
  const tokens = await Promise.all(
    Array.from({ length: 5 }, async (_, index) => {
      const { tokens } = await mesh
        .withToken(AuthService, "")
        .register({ ...ADA, email: `ada${index}@example.com` });
      return tokens?.accessToken ?? "";
    }),
  );
  await nats.start();
  for (const token of tokens) {
    const { profile } = await eventually(() => mesh.withToken(UserService, token).getMe({}));
    t.is(profile?.firstName, "Ada");
  }
});

test.serial("an event whose process was killed before it was published arrives once", async (t) => {
  const nats = await startNats(t);
  const env: Record<string, string> = {
    ...(await testEnvironment(t, [auth])),
    SOUK_NATS_URL: nats.url,
    SOUK_DATA_PLANE: "direct",
  };
  const first = await startProcess(t, "auth", env);
  await nats.stop();
  const { tokens } = await callerOf(t, env, first.ports["grpc"]).register(ADA);
  t.truthy(tokens?.accessToken);
  // Beside it wait the record of the call and news of the first signing key.
  t.is(await count(env["AUTH_DATABASE_URL"], REGISTRATIONS), 1);
  await first.kill();
  await nats.start();

  const heard = await listen(t, env);
  await startProcess(t, "auth", env);
  await eventually(() => assert.equal(heard.length, 1));
  await eventually(async () => assert.equal(await count(env["AUTH_DATABASE_URL"], "mesh.outbox"), 0));
  t.deepEqual(heard, ["ada@example.com"]);
});

test.serial("an event whose process was killed after it was published takes effect once", async (t) => {
  const env: Record<string, string> = { ...(await testEnvironment(t, [auth])), SOUK_DATA_PLANE: "direct" };
  const heard = await listen(t, env);
  const first = await startProcess(t, "auth", env);
  // Rows of the outbox can be added and read but not removed: the relay stands still between
  // publishing an event and forgetting it.
  const holder = await connect(t, env["AUTH_DATABASE_URL"]);
  await holder.query(`create function keep() returns trigger language plpgsql as $$
    begin perform pg_advisory_xact_lock(4711); return old; end $$`);
  await holder.query("create trigger keep before delete on mesh.outbox for each row execute function keep()");
  await holder.query("select pg_advisory_lock(4711)");
  await callerOf(t, env, first.ports["grpc"]).register(ADA);
  await eventually(() => assert.deepEqual(heard, ["ada@example.com"]));
  await first.kill();
  t.is(await count(env["AUTH_DATABASE_URL"], REGISTRATIONS), 1);
  await holder.query("select pg_advisory_unlock(4711)");

  await startProcess(t, "auth", env);
  await eventually(async () => assert.equal(await count(env["AUTH_DATABASE_URL"], "mesh.outbox"), 0));
  t.deepEqual(heard, ["ada@example.com"]);
});

test.serial(
  "an event whose consumer was killed between its effect and the acknowledgement takes effect once",
  async (t) => {
    const nats = await startNats(t);
    const env: Record<string, string> = {
      ...(await testEnvironment(t, [auth, user])),
      SOUK_NATS_URL: nats.url,
      SOUK_DATA_PLANE: "direct",
    };
    const source = await startProcess(t, "auth", env);
    const consumer = await startProcess(t, "user", env);
    // The handler stands still before its transaction ends, until NATS is gone and cannot hear the
    // acknowledgement.
    const holder = await connect(t, env["USER_DATABASE_URL"]);
    await holder.query("create table effect (id uuid)");
    await holder.query(`create function hold() returns trigger language plpgsql as $$
    begin insert into effect values (new.id); perform pg_advisory_xact_lock(4711); return new; end $$`);
    await holder.query("create trigger hold before insert on profile for each row execute function hold()");
    await holder.query("select pg_advisory_lock(4711)");
    await callerOf(t, env, source.ports["grpc"]).register(ADA);
    await eventually(async () => {
      const { rows } = await holder.query(
        "select count(*)::int as n from pg_locks where not granted and objid = 4711",
      );
      assert.equal(rows[0].n, 1);
    });
    await nats.stop();
    await holder.query("select pg_advisory_unlock(4711)");
    await eventually(async () => assert.equal(await count(env["USER_DATABASE_URL"], "profile"), 1));
    await consumer.kill();
    await nats.start();

    await startProcess(t, "user", env);
    const stream = await consumerOf(t, env);
    await eventually(async () => assert.equal(await stream.unacknowledged(), 0));
    t.is(await count(env["USER_DATABASE_URL"], "effect"), 1);
  },
);

test.serial(
  "an event that cannot be handled ends among the dead letters, and those behind it go on",
  async (t) => {
    let broken = true;
    const handled: string[] = [];
    const probe = defineService({
      name: "notification",
      port: 0,
      settings: {},
      data: { entities: [], migrations: [] },
      serve: () => [],
      consumes: [AccountRegisteredSchema],
      consume: () => [
        on(AccountRegisteredSchema, async ({ email }) => {
          if (broken && email.startsWith("poison")) throw new Error("cannot stomach it");
          handled.push(email);
        }),
      ],
    });
    const mesh = await startTestMesh(t, [auth, probe], { env: { SOUK_EVENT_RETRY_DELAYS_MS: "10,20" } });
    const client = mesh.withToken(AuthService, "");
    await client.register({ ...ADA, email: "poison@example.com" });
    await client.register({ ...ADA, email: "behind@example.com" });
    await eventually(() => assert.deepEqual(handled, ["behind@example.com"]));

    const operations = mesh.at(OperationsService, "notification");
    const { deadLetters } = await eventually(async () => {
      const answer = await operations.listDeadLetters({});
      assert.equal(answer.deadLetters.length, 1);
      return answer;
    });
    const [letter] = deadLetters;
    t.like(letter, { error: "Error: cannot stomach it", attempts: 3 });

    // It is among the dead letters before NATS is told that it is done with.
    await eventually(async () => {
      const metrics = await fetch(`http://127.0.0.1:${mesh.port("notification", "operations")}/metrics`);
      const text = await metrics.text();
      assert.match(text, /^souk_dead_letters\{[^}]*otel_scope_name="notification"[^}]*\} 1$/m);
      assert.match(text, /^souk_consumer_events\{[^}]*domain="auth"[^}]*\} 0$/m);
      assert.match(text, /^souk_outbox_events\{[^}]*otel_scope_name="auth"[^}]*\} 0$/m);
    });

    const refusal = await t.throwsAsync(operations.replayDeadLetter({ id: letter?.id ?? "" }));
    t.true(isMeshRefusal(refusal, MeshReason.EVENT_NOT_HANDLED), refusal?.message);
    const [again, ...others] = (await operations.listDeadLetters({})).deadLetters;
    t.like(again, { id: letter?.id, eventId: letter?.eventId, subject: letter?.subject, attempts: 4 });
    t.is(others.length, 0);
    broken = false;
    await operations.replayDeadLetter({ id: letter?.id ?? "" });
    t.deepEqual(handled, ["behind@example.com", "poison@example.com"]);
    t.is((await operations.listDeadLetters({})).deadLetters.length, 0);
  },
);

/** Calls auth at a port, as nobody. */
function callerOf(t: ExecutionContext, env: Record<string, string>, port: number | undefined) {
  return testClient(t, `127.0.0.1:${port}`, AuthService, { accessToken: "" }, env);
}

/** A service of this test that hears of registrations: the addresses it heard, in order. */
async function listen(t: ExecutionContext, env: Record<string, string>): Promise<string[]> {
  const heard: string[] = [];
  const listener = defineService({
    name: "notification",
    port: 0,
    settings: {},
    data: { entities: [], migrations: [] },
    serve: () => [],
    consumes: [AccountRegisteredSchema],
    consume: () => [
      on(AccountRegisteredSchema, async ({ email }) => {
        heard.push(email);
      }),
    ],
  });
  const { SOUK_EVENT_NAMESPACE, SOUK_NATS_URL } = env as {
    SOUK_EVENT_NAMESPACE: string;
    SOUK_NATS_URL: string;
  };
  await startTestMesh(t, [listener], { env: { SOUK_EVENT_NAMESPACE, SOUK_NATS_URL } });
  return heard;
}

/** The consumer of the user service, as NATS sees it. */
async function consumerOf(t: ExecutionContext, env: Record<string, string>) {
  const connection = await connectNats({ servers: env["SOUK_NATS_URL"] as string });
  t.teardown(() => connection.close());
  const manager = await jetstreamManager(connection);
  return {
    async unacknowledged(): Promise<number> {
      const info = await manager.consumers.info(`${env["SOUK_EVENT_NAMESPACE"]}-auth`, "user");
      return info.num_ack_pending + info.num_pending;
    },
  };
}

async function connect(t: ExecutionContext, url: string | undefined): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.teardown(() => client.end());
  return client;
}

const REGISTRATIONS = "mesh.outbox where type = 'souk.auth.v1.AccountRegistered'";

async function count(url: string | undefined, table: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(`select count(*)::int as n from ${table}`);
    return rows[0].n;
  } finally {
    await client.end();
  }
}
