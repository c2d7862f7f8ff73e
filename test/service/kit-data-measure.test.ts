import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { ReservationExpiredSchema } from "#gen/souk/inventory/v1/events_pb.ts";
import { measureBacklog, measurePool } from "#kit/data/measure.ts";
import { callScope, makeDatabase, openBench } from "./kit-bench.ts";
import { startStories } from "./kit-saga-story.ts";

test("operators see what is still to be done, and how old it is", async (t) => {
  const db = openBench(t, await makeDatabase(t));
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  t.teardown(() => provider.shutdown());
  measurePool(provider.getMeter("test"), db.pool);
  measureBacklog(provider.getMeter("test"), db.pool);

  await db.write(callScope(), async (tx) => {
    tx.emit(ReservationExpiredSchema, { reservationId: uuidv7() });
    tx.emit(ReservationExpiredSchema, { reservationId: uuidv7() });
  });
  const open = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const { tell } = startStories(t, db, {
    async at() {
      reached.resolve();
      await open.promise;
    },
  });
  const told = tell("succeeds");
  await reached.promise;
  await reader.forceFlush();
  const [exported] = exporter.getMetrics().at(-1)?.scopeMetrics ?? [];
  const values = Object.fromEntries(
    (exported?.metrics ?? []).flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => [
        `${descriptor.name} ${attributes["state"] ?? ""}`.trim(),
        value,
      ]),
    ),
  );
  t.like(values, { "souk.outbox.events": 2, "souk.sagas running": 1, "souk.sagas compensating": 0 });
  t.is(values["souk.sagas.age compensating"], 0);
  for (const name of ["souk.outbox.age", "souk.sagas.age running", "souk.sql.statements"]) {
    t.true(Number(values[name]) > 0, name);
  }
  open.resolve();
  await told;
});
