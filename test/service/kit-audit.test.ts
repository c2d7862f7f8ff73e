import assert from "node:assert/strict";
import { create, fromBinary } from "@bufbuild/protobuf";
import test, { type ExecutionContext } from "ava";
import { uuidv7 } from "uuidv7";
import { AuditRecordedSchema, AuditResult } from "#gen/souk/mesh/v1/audit_pb.ts";
import { startAuditRecorder } from "#kit/audit/recorder.ts";
import { standing } from "#kit/data/audit.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import { audit } from "#kit/policy/audit.ts";
import type { Call } from "#kit/rpc/call.ts";
import { openCall } from "#kit/rpc/open-call.ts";
import { eventually } from "../eventually.ts";
import {
  answer,
  type BenchDatabase,
  makeDatabase,
  method,
  openBench,
  rootScope,
  silent,
} from "./kit-bench.ts";
import { GOOD_END, startStories, truthOf } from "./kit-saga-story.ts";

const { SUCCEEDED, FAILED } = AuditResult;

/** Answers a call of an audited method as a service does, and gives what is recorded of it. */
function bench(t: ExecutionContext, db: BenchDatabase) {
  const recorder = startAuditRecorder({ service: "bench", db, rootScope, log: silent });
  t.teardown(() => recorder.stop());
  return {
    async answer(work: (call: Call) => Promise<void>): Promise<void> {
      const call = openCall({ method, headers: new Map(), deadline: Date.now() + 30_000 }, silent, () => {
        throw new Error("the bench calls no other service");
      });
      const handler = audit(recorder)(async () => {
        await work(call);
        return answer("info");
      });
      await handler(call, create(method.input, { level: "debug" }));
    },
    async records(expected: number) {
      return eventually(async () => {
        const { rows } = await db.pool.run("select payload from mesh.outbox where type = $1 order by seq", [
          AuditRecordedSchema.typeName,
        ]);
        assert.equal(rows.length, expected);
        return rows.map(({ payload }) => {
          const { result, reason, objectId, count } = fromBinary(AuditRecordedSchema, payload);
          return [result, reason, objectId, count];
        });
      });
    },
  };
}

const refusal = () => refuseMesh(MeshReason.NOT_FOUND, "there is none");
const writeNote = (db: BenchDatabase, call: Call, text: string) =>
  db.write(call, async (tx) => void (await tx.sql.insertInto("note").values({ text }).execute()));

test("a change and its record are one: both are there, or neither", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const { answer, records } = bench(t, db);
  await answer((call) => writeNote(db, call, "done"));
  const undone = answer((call) =>
    db.write(call, async (tx) => {
      await tx.sql.insertInto("note").values({ text: "undone" }).execute();
      throw refusal();
    }),
  );
  await t.throwsAsync(undone, { message: "there is none" });
  t.deepEqual(await records(2), [
    [SUCCEEDED, "", "debug", 1],
    [FAILED, "NOT_FOUND", "debug", 1],
  ]);
  t.is((await db.pool.run("select from note")).rowCount, 1);
});

test("a refusal whose change stays is recorded with the change, as a refusal", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const { answer, records } = bench(t, db);
  const refused = answer((call) =>
    db.write(call, async (tx) => {
      await tx.sql.insertInto("note").values({ text: "stays" }).execute();
      tx.about("what-it-told");
      throw standing(refusal());
    }),
  );
  await t.throwsAsync(refused, { message: "there is none" });
  t.deepEqual(await records(1), [[FAILED, "NOT_FOUND", "what-it-told", 1]]);
  t.is((await db.pool.run("select from note")).rowCount, 1);
});

test("a call that fails after its change leaves two records: that it changed something, and how it ended", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const { answer, records } = bench(t, db);
  const failed = answer(async (call) => {
    await db.write(call, async (tx) => void (await tx.sql.selectFrom("note").select("text").execute()));
    await writeNote(db, call, "first");
    await writeNote(db, call, "second");
    throw refusal();
  });
  await t.throwsAsync(failed, { message: "there is none" });
  t.deepEqual(
    (await records(2)).map(([result]) => result),
    [SUCCEEDED, FAILED],
  );
});

test("what changes nothing is recorded before it is answered, and fails where it cannot be", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const { answer, records } = bench(t, db);
  await answer(async () => {});
  t.deepEqual(await records(1), [[SUCCEEDED, "", "debug", 1]]);
  await db.pool.run("alter table mesh.outbox rename to elsewhere");
  await t.throwsAsync(
    answer(async () => {}),
    { message: /elsewhere|mesh\.outbox/ },
  );
});

test("a call that starts a saga is recorded once, by whoever ends the saga, as what it came to", async (t) => {
  const url = await makeDatabase(t);
  const [here, there] = [openBench(t, url), openBench(t, url)];
  const { answer, records } = bench(t, here);
  const reached = Promise.withResolvers<void>();
  const hung = Promise.withResolvers<void>();
  const leaving = startStories(t, here, {
    async at(step, direction) {
      if (step !== "charge" || direction !== "run") return;
      reached.resolve();
      await hung.promise;
    },
  });
  const id = uuidv7();
  const told = answer(async (call) => void (await leaving.tell("succeeds", { id, scope: call })));
  await reached.promise;
  t.deepEqual(await records(0), [], "it is not known yet how it ends");
  await leaving.sagas.stop(10);
  const staying = startStories(t, there);
  await eventually(async () => assert.deepEqual(await truthOf(there, id), GOOD_END));
  t.deepEqual(await records(1), [[SUCCEEDED, "", "debug", 1]]);
  hung.resolve();
  await told;
  await t.throwsAsync(answer(async (call) => void (await staying.tell("declined", { scope: call }))));
  t.deepEqual((await records(2))[1], [FAILED, "NOT_FOUND", "debug", 1]);
});
