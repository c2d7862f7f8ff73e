import type { Attributes, Meter, ObservableResult } from "@opentelemetry/api";
import type { Invalidations } from "./invalidations.ts";
import type { Memory } from "./memory.ts";
import type { Shelf } from "./shelf.ts";

/**
 * Measures what a cache is worth, by method.
 *
 * @param meter where the measurements go
 * @param domain whose answers they are
 * @param memory what the process remembers
 * @param shelves the methods whose answers are remembered
 * @param invalidations whether events are heard
 */
export function measureCache(
  meter: Meter,
  domain: string,
  memory: Memory,
  shelves: readonly Shelf[],
  invalidations: Invalidations,
): void {
  const each = (value: (shelf: Shelf) => number, more: Attributes = {}) => {
    return (result: ObservableResult) => {
      for (const shelf of shelves) result.observe(value(shelf), { method: shelf.name, ...more });
    };
  };
  const answers = meter.createObservableCounter("souk.cache.answers", {
    description: "Answers of methods whose answers are remembered: remembered, stale, or loaded",
  });
  for (const how of ["hit", "stale", "miss"] as const)
    answers.addCallback(each(({ counts }) => counts[how], { how }));
  meter
    .createObservableCounter("souk.cache.overtaken", {
      description: "Remembered answers that were found to be overtaken by events",
    })
    .addCallback(each(({ counts }) => counts.overtaken));
  meter
    .createObservableGauge("souk.cache.bytes", {
      description: "Memory that remembered answers take in this process",
      unit: "By",
    })
    .addCallback(each(({ name }) => memory.bytes(name)));
  meter
    .createObservableGauge("souk.cache.feed", {
      description: "1 while the events are heard that end the life of answers",
    })
    .addCallback((result) => {
      if (shelves.some(({ isTagged }) => isTagged))
        result.observe(invalidations.isHearing() ? 1 : 0, { domain });
    });
}
