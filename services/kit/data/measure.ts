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
