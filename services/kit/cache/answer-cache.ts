import { createHash } from "node:crypto";
import type { DescFile, DescMethod, DescService } from "@bufbuild/protobuf";
import type { Meter } from "@opentelemetry/api";
import type { Redis } from "ioredis";
import type { Logger } from "pino";
import { policyOf } from "../contract.ts";
import type { OutgoingEvent } from "../data/outbox.ts";
import type { Signal } from "../data/signal.ts";
import type { EventBus } from "../events/bus.ts";
import type { Dependency } from "../health/readiness.ts";
import { type Endings, readEndings } from "./endings.ts";
import { type Entry, readEntry, type Standing, writeEntry } from "./entry.ts";
import { startFeed } from "./feed.ts";
import { createInvalidations, type Verdict } from "./invalidations.ts";
import { measureCache } from "./measure.ts";
import type { Memory } from "./memory.ts";
import { openSharedStore } from "./shared-store.ts";
import { createShelf, type Shelf, type Use, useOf } from "./shelf.ts";
import { shapeOf } from "./tags.ts";

/**
 * The answers of a service that are remembered: in this process, and in Redis, where its replicas share them. A gateway
 * remembers them as well, in its process.
 */
export interface AnswerCache {
  /** Where the answers of a method are; its policy has them remembered. */
  shelf(method: DescMethod): Shelf;
  /** An answer that this process remembers and that is good for something. */
  recall(shelf: Shelf, key: string): { readonly entry: Entry; readonly use: Use } | undefined;
  /** A fresh answer that another process loaded; this one remembers it from then on. */
  fetch(shelf: Shelf, key: string): Promise<Entry | undefined>;
  /** Where an answer stands whose loading begins now. */
  standing(): Standing;
  /** What is known of an answer. */
  judge(entry: Entry): Verdict;
  /** Remembers an answer. */
  keep(shelf: Shelf, key: string, entry: Entry): void;
  /** Takes note that an answer takes more room, for example because it was decoded. */
  grown(shelf: Shelf, key: string, entry: Entry): void;
  readonly dependency: Dependency | undefined;
  stop(): Promise<void>;
}

/** What a cache works with. */
export interface AnswerCacheOptions {
  /** The service whose answers they are. */
  readonly service: string;
  /** What it serves. */
  readonly contracts: readonly DescService[];
  /** The contracts that declare the events of the service. */
  readonly events: readonly DescFile[];
  readonly memory: Memory;
  /** What replicas share answers in; without it nothing is shared. */
  readonly redis: Redis | undefined;
  readonly bus: EventBus;
  /** Tells of the events that this process commits, where it does. */
  readonly outbox?: Signal<readonly OutgoingEvent[]>;
  readonly meter: Meter;
  readonly log: Logger;
}

/**
 * Starts the cache of a service. The events of its own domain end the life of answers, in every replica; see
 * createInvalidations for why none is given for too long.
 *
 * @param options what it works with
 * @throws Error that names a tag of a contract: a field of it is not there, or no event ends it
 */
export function startAnswerCache(options: AnswerCacheOptions): AnswerCache {
  const { service, memory, redis, bus, outbox, meter, log } = options;
  const cached = options.contracts
    .flatMap(({ methods }) => methods)
    .filter((method) => policyOf(method).cache !== undefined);
  const shelves = new Map(cached.map((method) => [method, createShelf(method)]));
  const tagged = [...shelves.values()].filter(({ isTagged }) => isTagged);
  const invalidations = createInvalidations();
  const endings = readEndings(options.events);
  for (const { name, policy } of tagged) requireEnded(name, policy.tags, endings);
  const longestLifeMs = Math.max(...tagged.map(({ lifeMs }) => lifeMs));
  const feed =
    tagged.length === 0
      ? undefined
      : startFeed({ domain: service, bus, endings, invalidations, longestLifeMs, log });
  const unheed = outbox?.heed((events) => {
    if (feed === undefined) return;
    const ending = events.map(({ id, type, payload }) => ({ id, tags: endings.tagsOf(type, payload) }));
    invalidations.committed(ending.filter(({ tags }) => tags.length > 0));
  });
  const shared =
    redis === undefined || shelves.size === 0
      ? undefined
      : openSharedStore(redis, `${bus.namespace}:${service}:answer:`);
  measureCache(meter, service, memory, [...shelves.values()], invalidations);

  /** Other replicas are believed only by who hears of what changes. */
  const mayShare = ({ isTagged }: Shelf) => !isTagged || invalidations.isHearing();

  return {
    shelf: (method) => shelves.get(method) as Shelf,
    recall(shelf, key) {
      const entry = memory.get(key);
      if (entry === undefined) return undefined;
      const verdict = invalidations.judge(entry);
      const use = useOf(entry, verdict, shelf.policy);
      if (use !== undefined) return { entry, use };
      if (verdict === "overtaken") shelf.counts.overtaken++;
      memory.drop(key);
      return undefined;
    },
    async fetch(shelf, key) {
      if (shared === undefined || !mayShare(shelf)) return undefined;
      const bytes = await shared.get(nameOf(shelf, key));
      const entry = bytes && readEntry(bytes);
      if (entry === undefined) return undefined;
      const use = useOf(entry, invalidations.judge(entry), shelf.policy);
      if (use === "fresh" || (use !== undefined && memory.get(key) === undefined)) {
        memory.put(shelf.name, key, entry);
      }
      return use === "fresh" ? entry : undefined;
    },
    standing: () => invalidations.standing(),
    judge: (entry) => invalidations.judge(entry),
    keep(shelf, key, entry) {
      if (invalidations.judge(entry) === "overtaken") return;
      memory.put(shelf.name, key, entry);
      if (mayShare(shelf)) shared?.put(nameOf(shelf, key), writeEntry(entry), shelf.lifeMs);
    },
    grown(shelf, key, entry) {
      if (memory.get(key) === entry) memory.put(shelf.name, key, entry);
    },
    dependency: shared?.dependency,
    async stop() {
      unheed?.();
      await feed?.stop();
    },
  };
}

function requireEnded(name: string, tags: readonly string[], { shapes }: Endings): void {
  const endless = tags.find((tag) => !shapes.has(shapeOf(tag)));
  if (endless === undefined) return;
  throw new Error(
    `no event ends the tag "${endless}" of ${name}; name the contract with the service's events in its definition`,
  );
}

/** What answers are shared under. With other tags the method has others: those of an older release lack what ends them. */
function nameOf({ policy }: Shelf, key: string): string {
  return createHash("sha256").update(`${policy.tags}\n${key}`).digest("base64url");
}
