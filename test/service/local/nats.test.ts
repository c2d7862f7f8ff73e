import { createServer } from "node:net";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import test from "ava";
import { waitUntil } from "../../../deploy/local/process.ts";
import { startNats } from "../../../deploy/local/stores/nats.ts";
import { startNats as startTestNats, testStores } from "../../stores.ts";
import { makePlace } from "./place.ts";

async function publish(url: string, text: string): Promise<void> {
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "kept", subjects: ["kept.>"] });
  await jetstream(connection).publish("kept.one", text);
  await connection.close();
}

async function storedMessages(url: string): Promise<number> {
  const connection = await connect({ servers: url });
  try {
    const manager = await jetstreamManager(connection);
    return (await manager.streams.info("kept")).state.messages;
  } finally {
    await connection.close();
  }
}

test("what JetStream stored survives a restart", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const options = { dataDir: join(dir, "nats"), supervisor, port: 0, env: {}, log: t.log };
  const first = await startNats(options);
  await publish(first.url, "hello");
  await first.stop();
  const second = await startNats(options);
  t.is(await storedMessages(second.url), 1);
  t.is(second.source, "npm package");
});

test("a server that is killed comes back at the same address with its messages", async (t) => {
  const { dir, supervisor, reports } = makePlace(t);
  const store = await startNats({ dataDir: join(dir, "nats"), supervisor, port: 0, env: {}, log: t.log });
  await publish(store.url, "hello");
  const [child] = supervisor.children();
  process.kill(child?.pid() as number, "SIGKILL");
  t.true(
    await waitUntil(async () => (await storedMessages(store.url)) === 1 && child?.restarts() === 1, 30_000),
  );
  t.regex(reports[0] ?? "", /^nats was ended by SIGKILL/);
});

test("a test can stop a server of its own and start it again where it was", async (t) => {
  const nats = await startTestNats(t);
  await publish(nats.url, "hello");
  await nats.stop();
  await t.throwsAsync(connect({ servers: nats.url, reconnect: false }));
  await nats.start();
  t.is(await storedMessages(nats.url), 1);
});

test("a server of the environment is used", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const { natsUrl } = await testStores();
  const store = await startNats({ dataDir: dir, supervisor, env: { SOUK_NATS_URL: natsUrl }, log: t.log });
  t.like(store, { source: "environment", url: natsUrl });
  t.regex(store.version, /^2\.\d+/);
});

async function greet(t: { teardown(work: () => void): void }, greeting: string): Promise<string> {
  const server = createServer((socket) => socket.end(greeting));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => void server.close());
  return `nats://127.0.0.1:${(server.address() as { port: number }).port}`;
}

test("a server of the environment that is too old is refused", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const url = await greet(t, 'INFO {"version":"2.9.10","jetstream":true}\r\n');
  await t.throwsAsync(startNats({ dataDir: dir, supervisor, env: { SOUK_NATS_URL: url }, log: t.log }), {
    message: /SOUK_NATS_URL is version 2\.9\.10; Souk needs 2\.11 or later/,
  });
});

test("a server of the environment without JetStream is refused", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const url = await greet(t, 'INFO {"version":"2.14.0"}\r\n');
  await t.throwsAsync(startNats({ dataDir: dir, supervisor, env: { SOUK_NATS_URL: url }, log: t.log }), {
    message: /runs without JetStream/,
  });
});

test("an address where something else answers is refused", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const url = await greet(t, "220 mail.example ESMTP\r\n");
  await t.throwsAsync(startNats({ dataDir: dir, supervisor, env: { SOUK_NATS_URL: url }, log: t.log }), {
    message: /What answers there is not NATS/,
  });
});
