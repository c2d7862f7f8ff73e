import type { Meter } from "@opentelemetry/api";
import type { Consumer } from "./consumer.ts";
import type { DeadLetters } from "./dead-letters.ts";

/**
 * Measures how far a consumer is behind, and what it gave up.
 *
 * @param meter where the measurements go
 * @param consumer the consumer
 * @param deadLetters those of its service
 */
export function measureConsumer(meter: Meter, consumer: Consumer, deadLetters: DeadLetters): void {
  // What cannot be asked for while NATS is away is not shown.
  meter
    .createObservableGauge("souk.consumer.events", {
      description: "Events that did not take effect yet, by domain",
    })
    .addCallback(async (result) => {
      const backlog = await consumer.backlog().catch(() => []);
      for (const { domain, events } of backlog) result.observe(events, { domain });
    });
  meter
    .createObservableGauge("souk.dead_letters", { description: "Events that were given up" })
    .addCallback(async (result) => {
      const letters = await deadLetters.count().catch(() => undefined);
      if (letters !== undefined) result.observe(letters);
    });
}
