import type { DescFile, DescMethod, Message } from "@bufbuild/protobuf";
import { type AnswerCache, type AnswerCacheOptions, startAnswerCache } from "#kit/cache/answer-cache.ts";
import { type Entry, readStanding, STANDING_HEADER } from "#kit/cache/entry.ts";
import { methodName, policyOf } from "#kit/contract.ts";
import type { Answer, AnswerHeaders } from "#kit/mesh/transport.ts";
import { payerAt, type Rates } from "#kit/policy/rate.ts";
import { asBuffer } from "#kit/rpc/status.ts";
import { passHeaders } from "../passed-headers.ts";
import { type Body, type KeptBody, keptBody } from "./answer-bodies.ts";

/** A call that is the same for everybody who makes it. */
export interface Question {
  readonly method: DescMethod;
  /** Whether it is asked in protobuf's binary format, or else in JSON. */
  readonly binary: boolean;
  /** The bytes of the request. */
  readonly bytes: Uint8Array;
}

/** The answers that a gateway gives again without asking the service. */
export interface RememberedAnswers {
  /**
   * Gives an answer that the service would give again, and counts the call as the service would.
   *
   * @param question the call; nobody signed in for it
   * @param clientAddress where it came from
   * @param headers gets what is said beside the answer
   * @returns nothing when the service has to be asked
   * @throws SoukError RATE_LIMITED; by rejection
   */
  give(question: Question, clientAddress: string, headers: Record<string, string>): Promise<Body> | undefined;
  /**
   * Remembers what a service answered, where it says how that stands to its events.
   *
   * @param question the call
   * @param request its message
   * @param answer the answer
   * @param sent what came along with the answer
   * @param body the answer as it leaves
   */
  keep(question: Question, request: Message, answer: Answer, sent: AnswerHeaders, body: Body): void;
  stop(): Promise<void>;
}

/** What answers are remembered with. */
export interface RememberedAnswersOptions
  extends Pick<AnswerCacheOptions, "bus" | "memory" | "meter" | "log"> {
  /** The contracts whose answers are remembered, and those that declare the events that end them. */
  readonly files: readonly DescFile[];
  /** The budgets that calls count against. */
  readonly rates: Rates;
}

/** Longer requests are seldom the same ones again, in bytes. */
const LONGEST_REQUEST = 2_000;
/** What is said of one call and not of the answer. */
const OF_ONE_CALL: ReadonlySet<string> = new Set(["age", "ratelimit", "ratelimit-policy", "retry-after"]);

interface Kept extends Entry {
  readonly beside: KeptBody;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Remembers the answers that are the same for everybody, so that most calls of those who look around go no further
 * than the gateway. As in a service, events end the life of the answers that they overtake. Each answer stands where
 * the service loaded it, which the service says, and not where it came here: so it does not matter whether the service
 * or the gateway hears of a change first.
 *
 * @param options what they are remembered with
 */
export function rememberAnswers(options: RememberedAnswersOptions): RememberedAnswers {
  const { files, rates } = options;
  const caches = new Map<DescMethod, AnswerCache>();
  for (const [service, own] of Map.groupBy(files, domainOf)) {
    const contracts = own.flatMap((file) => file.services);
    const methods = contracts.flatMap((it): readonly DescMethod[] => it.methods).filter(isForAll);
    if (methods.length === 0) continue;
    const cache = startAnswerCache({ ...options, service, contracts, events: own, redis: undefined });
    for (const method of methods) caches.set(method, cache);
  }

  return {
    give(question, clientAddress, headers) {
      const { method } = question;
      const cache = caches.get(method);
      if (cache === undefined || question.bytes.length > LONGEST_REQUEST) return undefined;
      const shelf = cache.shelf(method);
      const found = cache.recall(shelf, keyOf(question));
      if (found?.use !== "fresh") return undefined;
      shelf.counts.hit++;
      const { beside, headers: known, loadTime } = found.entry as Kept;
      const tell = (name: string, value: string) => {
        headers[name] = value;
      };
      return rates.charge("anonymous", payerAt(clientAddress), policyOf(method).cost, tell).then(() => {
        Object.assign(headers, known);
        const age = Math.floor((Date.now() - loadTime) / 1_000);
        if (age > 0) headers["age"] = String(age);
        return beside;
      });
    },
    keep(question, request, answer, sent, body) {
      const { method } = question;
      const cache = caches.get(method);
      const stands = readStanding(sent.get(STANDING_HEADER) ?? "");
      if (cache === undefined || stands === undefined || question.bytes.length > LONGEST_REQUEST) return;
      const shelf = cache.shelf(method);
      const key = keyOf(question);
      const bytes = alone(body.bytes);
      const headers: Record<string, string> = {};
      passHeaders(sent, (name, value) => {
        if (!OF_ONE_CALL.has(name)) headers[name] = value;
      });
      const entry: Kept = {
        ...stands,
        encoded: bytes,
        etag: headers["etag"] ?? "",
        tags: shelf.tagsOf(answer.message, request),
        beside: keptBody(bytes, () => cache.grown(shelf, key, entry)),
        headers,
      };
      shelf.counts.miss++;
      cache.keep(shelf, key, entry);
    },
    async stop() {
      await Promise.all([...new Set(caches.values())].map((cache) => cache.stop()));
    },
  };
}

function domainOf(file: DescFile): string {
  return file.proto.package.split(".")[1] ?? file.name;
}

function isForAll(method: DescMethod): boolean {
  const { access, cache } = policyOf(method);
  const isSame = access.public !== undefined && cache !== undefined && !cache.perPrincipal;
  return isSame && method.methodKind === "unary";
}

/** Of a chunk of the network, or of Node's pool, only the answer is to be held. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength === bytes.byteLength ? bytes : Uint8Array.prototype.slice.call(bytes);
}

function keyOf({ method, binary, bytes }: Question): string {
  return `${methodName(method)} ${binary ? "proto" : "json"} ${asBuffer(bytes).toString("latin1")}`;
}
