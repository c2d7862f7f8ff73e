import { join } from "node:path";
import test from "ava";
import { Redis } from "ioredis";
import { findOnPath } from "../../../deploy/local/programs.ts";
import { startRedis } from "../../../deploy/local/stores/redis.ts";
import { testStores } from "../../stores.ts";
import { makePlace } from "./place.ts";

const here = findOnPath("redis-server") ?? findOnPath("redis-check-rdb");
const whereRedisIs = here ? test : test.skip;

whereRedisIs("a server of our own answers and keeps nothing on disk", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const env = { PATH: process.env.PATH, SOUK_INSTALL_REDIS: "off" };
  const store = await startRedis({ dataDir: join(dir, "redis"), supervisor, port: 0, env, log: t.log });
  const client = new Redis(store?.url ?? "");
  t.teardown(() => client.disconnect());
  t.is(await client.set("greeting", "hello"), "OK");
  t.is(await client.get("greeting"), "hello");
  t.deepEqual(await client.config("GET", "save"), ["save", ""]);
});

whereRedisIs("a server of the environment is used, one that wants a password is named", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const { redisUrl } = await testStores();
  const env = { SOUK_REDIS_URL: redisUrl };
  const store = await startRedis({ dataDir: dir, supervisor, env, log: t.log });
  t.like(store, { source: "environment", url: redisUrl });

  const wrong = { SOUK_REDIS_URL: redisUrl?.replace("redis://", "redis://nobody:guess@") };
  await t.throwsAsync(startRedis({ dataDir: dir, supervisor, env: wrong, log: t.log }), {
    message: /SOUK_REDIS_URL cannot be used: it answers "WRONGPASS/,
  });
});

test("without a program and with SOUK_INSTALL_REDIS=off the shop runs without it and says so once", async (t) => {
  const { dir, supervisor } = makePlace(t);
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const env = { PATH: "", SOUK_INSTALL_REDIS: "off" };
  t.is(await startRedis({ dataDir: join(dir, "redis"), supervisor, env, log }), undefined);
  t.deepEqual(lines, ["Redis: none on PATH, and SOUK_INSTALL_REDIS is off; going on without it."]);
});
