import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { AnswerCache } from "../cache/answer-cache.ts";
import { type Entry, etagOf, freeze, messageOf, STANDING_HEADER, writeStanding } from "../cache/entry.ts";
import { createFlights, type Departure } from "../cache/flights.ts";
import type { Shelf } from "../cache/shelf.ts";
import { Code, SoukError } from "../error.ts";
import { principalKey } from "../principal.ts";
import {
  type Encoded,
  type Interceptor,
  isEncoded,
  isStream,
  type OpenCall,
  type Payload,
} from "../rpc/call.ts";
import { asBuffer } from "../rpc/status.ts";
import { deadlineExceeded } from "./deadline.ts";
import { GATEWAY } from "./identity.ts";

export type { AnswerCache };

/** Requests that are larger are not worth remembering, in bytes. */
const LARGEST_REQUEST = 8 * 1024;
/** Which part of its time a call waits for a new answer before it is given an old one. */
const PATIENCE = 0.8;
/** What callers are told of an answer that is no longer fresh (RFC 7234, 5.5). */
const BEING_FETCHED = '110 - "Response is Stale"';
const NOT_TO_BE_HAD = '111 - "Revalidation Failed"';
const OUTAGES: ReadonlySet<Code> = new Set([Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED]);

type Request = Message | Encoded;

/**
 * Gives remembered answers, as the policy of the method allows: fresh ones; stale ones while a new one is fetched; old
 * ones where a new one cannot be had. Who comes with bytes is given the bytes as they were stored, a caller in this
 * process one message that all of them share. Those who ask for the same at the same time share one load, which ends
 * only when none of them waits any more.
 *
 * @param answers where they are remembered
 */
export function cache(answers: AnswerCache): Interceptor {
  return (next) => {
    const flights = createFlights<Entry>();

    async function answer(call: OpenCall, request: Request, shelf: Shelf, key: string): Promise<Payload> {
      const known = answers.recall(shelf, key);
      if (known?.use === "fresh") return give(call, request, shelf, key, known.entry, "hit");
      const begin = () => depart(call, request, shelf, key);
      if (known?.use === "stale") {
        const renewed = flights.board(key, begin).ride();
        renewed.catch((error) => call.log.debug({ err: error }, "a stale answer could not be renewed"));
        call.responseHeaders.set("warning", BEING_FETCHED);
        return give(call, request, shelf, key, known.entry, "stale");
      }
      try {
        const loaded = await waitFor(call, key, begin, known !== undefined);
        return give(call, request, shelf, key, loaded, "miss");
      } catch (thrown) {
        const spare = isOutage(thrown) && !call.signal.aborted ? answers.recall(shelf, key) : undefined;
        if (spare === undefined) throw thrown;
        call.responseHeaders.set("warning", NOT_TO_BE_HAD);
        return give(call, request, shelf, key, spare.entry, "stale");
      }
    }

    /** What was begun before this call came may be overtaken by what its caller has already been told of. */
    async function waitFor(
      call: OpenCall,
      key: string,
      begin: () => Departure<Entry>,
      hasSpare: boolean,
    ): Promise<Entry> {
      const { moment } = answers.standing();
      while (true) {
        const flight = flights.board(key, begin);
        const ride = flight.ride(call.signal);
        const entry = await (hasSpare ? patiently(ride, call) : ride);
        if (flight.moment > moment || answers.judge(entry) === "good") return entry;
      }
    }

    function depart(call: OpenCall, request: Request, shelf: Shelf, key: string): Departure<Entry> {
      const { timeoutMs } = call.policy;
      const own = call.fork(Date.now() + timeoutMs);
      const { moment } = answers.standing();
      const expiry = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        const error = deadlineExceeded(own);
        own.abort(error);
        expiry.reject(error);
      }, timeoutMs);
      const result = Promise.race([load(own, request, shelf, key), expiry.promise]);
      return {
        moment,
        result: result.finally(() => clearTimeout(timer)),
        abandon: () => own.abort(new SoukError(Code.CANCELLED, "nobody waits for the answer any more")),
      };
    }

    async function load(own: OpenCall, request: Request, shelf: Shelf, key: string): Promise<Entry> {
      const shared = await answers.fetch(shelf, key);
      if (shared !== undefined) return shared;
      const standing = answers.standing();
      const loadTime = Date.now();
      const reply = (await next(own, request)) as Request;
      const { output } = own.method;
      const encoded = isEncoded(reply) ? reply.encoded : toBinary(output, reply);
      const message = isEncoded(reply) ? (reply.message ?? fromBinary(output, encoded)) : reply;
      const entry: Entry = {
        encoded,
        etag: etagOf(encoded),
        loadTime,
        tags: shelf.tagsOf(message, request),
        standing,
        ...(!isEncoded(request) && { message: freeze(message) }),
      };
      answers.keep(shelf, key, entry);
      return entry;
    }

    function give(
      { responseHeaders, caller }: OpenCall,
      request: Request,
      shelf: Shelf,
      key: string,
      entry: Entry,
      how: "hit" | "stale" | "miss",
    ): Payload {
      shelf.counts[how]++;
      for (const [name, value] of shelf.headers) responseHeaders.set(name, value);
      responseHeaders.set("etag", `"${entry.etag}"`);
      const age = Math.floor((Date.now() - entry.loadTime) / 1000);
      if (age > 0) responseHeaders.set("age", String(age));
      if (caller === GATEWAY && how !== "stale") responseHeaders.set(STANDING_HEADER, writeStanding(entry));
      if (isEncoded(request)) return entry;
      const isNew = entry.message === undefined;
      const message = messageOf(entry, shelf.method.output);
      if (isNew) answers.grown(shelf, key, entry);
      return message;
    }

    return async (call, request) => {
      if (call.policy.cache === undefined || isStream(request)) return next(call, request);
      const bytes = isEncoded(request) ? request.encoded : toBinary(call.method.input, request);
      if (bytes.byteLength > LARGEST_REQUEST) return next(call, request);
      const shelf = answers.shelf(call.method);
      return answer(call, request, shelf, keyOf(call, shelf, bytes));
    };
  };
}

/** What the answer depends on. No part but the last holds a line break. */
function keyOf({ principal }: OpenCall, { name, policy }: Shelf, request: Uint8Array): string {
  const who = policy.perPrincipal ? principalKey(principal) : "";
  return `${name}\n${who}\n${asBuffer(request).toString("latin1")}`;
}

/** Where there is an old answer, so much time is left that it can be given. */
async function patiently(ride: Promise<Entry>, call: OpenCall): Promise<Entry> {
  const enough = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => enough.reject(deadlineExceeded(call)),
    (call.deadline - Date.now()) * PATIENCE,
  );
  try {
    return await Promise.race([ride, enough.promise]);
  } finally {
    clearTimeout(timer);
    ride.catch(() => {});
  }
}

function isOutage(thrown: unknown): boolean {
  return thrown instanceof SoukError && OUTAGES.has(thrown.code);
}
