import type { Meter } from "@opentelemetry/api";
import type { SqlPool } from "./pool.ts";

/**
 * Measures how a pool is used: statements sent, connections open, idle and waited for.
 *
 * @param meter where the measurements go
 * @param pool the pool
 */
export function measurePool(meter: Meter, pool: SqlPool): void {
  meter
    .createObservableCounter("souk.sql.statements", {
      description: "Statements sent, BEGIN and COMMIT included",
    })
    .addCallback((result) => result.observe(pool.statements()));
  meter
    .createObservableGauge("souk.sql.connections", { description: "Connections by what they do" })
    .addCallback((result) => {
      const { open, idle, waiting } = pool.use();
      result.observe(open - idle, { state: "used" });
      result.observe(idle, { state: "idle" });
      result.observe(waiting, { state: "waited for" });
    });
}

/** Counting stops here: how far behind something is, is clear by then. */
const MOST_COUNTED = 100_000;

/**
 * Measures what a database still has to do: events that are not published, and sagas that have not ended.
 *
 * @param meter where the measurements go
 * @param pool the pool
 */
export function measureBacklog(meter: Meter, pool: SqlPool): void {
  const events = meter.createObservableGauge("souk.outbox.events", {
    description: `Events that are not published yet, ${MOST_COUNTED} at most`,
  });
  const eventAge = meter.createObservableGauge("souk.outbox.age", {
    description: "Age of the oldest event that is not published",
    unit: "s",
  });
  const sagas = meter.createObservableGauge("souk.sagas", {
    description: "Sagas that have not ended, by state",
  });
  const sagaAge = meter.createObservableGauge("souk.sagas.age", {
    description: "Age of the oldest saga that has not ended, by state",
    unit: "s",
  });
  meter.addBatchObservableCallback(
    async (result) => {
      // What cannot be counted while the database is away is not shown.
      const rows = await count(pool).catch(() => []);
      for (const { what, number, age } of rows) {
        const [counted, oldest] = what === "events" ? [events, eventAge] : [sagas, sagaAge];
        const attributes = what === "events" ? {} : { state: what };
        result.observe(counted, Number(number), attributes);
        result.observe(oldest, Number(age), attributes);
      }
    },
    [events, eventAge, sagas, sagaAge],
  );
}

async function count(pool: SqlPool): Promise<{ what: string; number: bigint; age: string }[]> {
  const age = (time: string) => `coalesce(extract(epoch from clock_timestamp() - ${time}), 0)`;
  const { rows } = await pool.run(
    `select 'events' as what, count(*) as number, ${age("min(create_time)")} as age
       from (select create_time from mesh.outbox order by seq limit ${MOST_COUNTED}) as event
     union all
     select state, count(saga.id), ${age("min(create_time)")}
       from unnest(array['running', 'compensating']) as state
       left join (select * from mesh.saga where state in ('running', 'compensating')) as saga using (state)
      group by state`,
  );
  return rows;
}
