import type { Meter } from "@opentelemetry/api";
import type { Consumer } from "./consumer.ts";

/**
 * Measures how far a consumer is behind.
 *
 * @param meter where the measurements go
 * @param consumer the consumer
 */
export function measureConsumer(meter: Meter, consumer: Consumer): void {
  meter
    .createObservableGauge("souk.consumer.events", {
      description: "Events that did not take effect yet, by domain",
    })
    .addCallback(async (result) => {
      // What cannot be asked for while NATS is away is not shown.
      const backlog = await consumer.backlog().catch(() => []);
      for (const { domain, events } of backlog) result.observe(events, { domain });
    });
}
