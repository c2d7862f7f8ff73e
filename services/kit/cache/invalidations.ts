import { randomUUID } from "node:crypto";
import type { Entry, Standing } from "./entry.ts";

/** An event that ends the life of answers. */
export interface Ending {
  /** The id of the event. */
  readonly id: string;
  readonly tags: readonly string[];
}

/**
 * What is known of an answer: nothing that it tells of has changed, something has, or changes would not be heard of
 * now.
 */
export type Verdict = "good" | "overtaken" | "unsure";

/** Knows which answers were overtaken by events. */
export interface Invalidations {
  /** Where an answer stands whose loading begins now. */
  standing(): Standing;
  judge(entry: Entry): Verdict;
  /** This process committed what the events tell of; they are still to come by the stream. */
  committed(events: readonly Ending[]): void;
  /** The next event came by the stream. */
  heard(sequence: number, event: Ending): void;
  /** What came by the stream cannot be read, and may have ended anything. */
  heardNoise(sequence: number): void;
  /**
   * The events of a stream are about to be followed.
   *
   * @param stream what tells it from one that is made anew under its name
   * @param last its last event
   * @returns the event after which to go on; 0 when none of the stream was heard
   */
  follow(stream: string, last: number): number;
  /** All events up to this one have been heard, and those to come will be at once. */
  hearing(sequence: number): void;
  /** Events are no longer heard. */
  deaf(): void;
  isHearing(): boolean;
}

/** How long what this process loaded is taken for good while events are not heard, in ms since it began to load. */
const DEAF_MS = 1_000;
/** How many tags are remembered with their last event. What begins before a forgotten one is taken for overtaken. */
const MOST_TAGS = 20_000;
/** How many events of this process may be on their way to the stream and be told apart. */
const MOST_AWAITED = 10_000;
/** An event may come by the stream a moment before it is known here that it was committed. */
const MOST_EARLY = 2_000;

/**
 * Keeps, for each tag, the last event that ended it. An answer is good as long as none of its tags was ended by an
 * event that its loader had not heard of before it began to load, so that it matters neither in which order a change
 * and a load end nor whether the answer was away, in Redis, when the event came.
 *
 * What this process changes itself counts at once. Until the event comes by the stream it is not known which answers
 * of other processes it overtook, so none with its tags is taken for good.
 */
export function createInvalidations(): Invalidations {
  const ended = new Map<string, number>();
  const awaited = new Map<string, readonly string[]>();
  const awaitedTags = new Map<string, { count: number; moment: number }>();
  const early = new Set<string>();
  /** While set, so many events are awaited that they are not told apart. */
  let flood: { readonly lastId: string; readonly moment: number } | undefined;
  let followed = "";
  let stream = "";
  let sequence = 0;
  let forgotten = 0;
  let moment = 0;
  let hears = false;

  function isOvertaken({ tags, standing }: Entry): boolean {
    if (standing.stream !== stream || standing.sequence < forgotten) return true;
    if (flood !== undefined && standing.moment <= flood.moment) return true;
    for (const tag of tags) {
      if ((ended.get(tag) ?? 0) > standing.sequence) return true;
      const own = awaitedTags.get(tag);
      if (own !== undefined && standing.moment <= own.moment) return true;
    }
    return false;
  }

  function settle(tags: readonly string[]): void {
    for (const tag of tags) {
      const own = awaitedTags.get(tag);
      if (own === undefined) continue;
      own.count--;
      if (own.count === 0) awaitedTags.delete(tag);
    }
  }

  function forgetOldest(): void {
    for (const [tag, last] of ended) {
      if (ended.size <= MOST_TAGS) break;
      ended.delete(tag);
      forgotten = last;
    }
  }

  return {
    standing: () => ({ stream, sequence, moment: ++moment }),

    judge(entry) {
      if (entry.tags.length === 0) return "good";
      if (isOvertaken(entry)) return "overtaken";
      if (hears) return "good";
      return entry.standing.moment > 0 && Date.now() - entry.loadTime < DEAF_MS ? "good" : "unsure";
    },

    committed(events) {
      moment++;
      for (const { id, tags } of events) {
        if (early.delete(id)) continue;
        awaited.set(id, tags);
        for (const tag of tags) {
          const count = (awaitedTags.get(tag)?.count ?? 0) + 1;
          awaitedTags.set(tag, { count, moment });
        }
      }
      if (awaited.size <= MOST_AWAITED) return;
      flood = { lastId: [...awaited.keys()].at(-1) as string, moment };
      awaited.clear();
      awaitedTags.clear();
    },

    heard(at, { id, tags }) {
      sequence = at;
      for (const tag of tags) {
        ended.delete(tag);
        ended.set(tag, at);
      }
      forgetOldest();
      if (id === flood?.lastId) flood = undefined;
      const own = awaited.get(id);
      if (own !== undefined) {
        awaited.delete(id);
        settle(own);
        return;
      }
      early.add(id);
      if (early.size > MOST_EARLY) early.delete(early.values().next().value as string);
    },

    heardNoise(at) {
      sequence = at;
      forgotten = at;
    },

    follow(name, last) {
      if (name !== followed || last < sequence) {
        // A server that lost its latest events counts on from an earlier one: nobody else calls the stream like this.
        stream = name === followed ? `${name} ${randomUUID()}` : name;
        followed = name;
        ended.clear();
        forgotten = 0;
        sequence = 0;
      }
      return sequence;
    },

    hearing(upTo) {
      sequence = Math.max(sequence, upTo);
      hears = true;
    },

    deaf() {
      hears = false;
    },

    isHearing: () => hears,
  };
}
