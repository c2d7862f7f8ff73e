import { stopped } from "#kit/error.ts";
import type { Outcome } from "../delivery/channel.ts";
import { whyUnfit } from "./endpoint-url.ts";
import { DELETED } from "./endpoints.ts";
import { postJson } from "./post-json.ts";
import { LeadsInside, lookupPublic } from "./public-address.ts";
import { readRetryAfter } from "./retry-after.ts";
import { goodSecrets } from "./secrets.ts";
import { signMessage, type WebhookMessage } from "./sign-message.ts";
import type { Webhooks } from "./webhooks.ts";

/** How a call differs from the usual. */
export interface CallOptions {
  /** Ends the call: nobody waits for it any more. */
  readonly signal?: AbortSignal;
  /** Calls an endpoint that is out of use, or failing, as well. */
  readonly always?: boolean;
}

const NO_SECRET = "its secret was stored under another key; give it a new one with RotateWebhookSecret";
const GONE = 410;
const TOO_MANY = 429;
const UNAVAILABLE = 503;

/**
 * Tells an endpoint something, once: POST of JSON, signed as Standard Webhooks says (https://www.standardwebhooks.com).
 * No redirect is followed, and outside of development it connects to nothing but public addresses. 2xx is taken; 410
 * puts the endpoint out of use. An endpoint that goes on failing is not called for a while.
 *
 * @param webhooks what it is called with
 * @param endpointId the endpoint
 * @param message what it is told; with the same id each time it is tried
 * @returns what became of it; no reason names the address
 * @throws SoukError CALLER_GONE or DEADLINE_EXCEEDED when the signal ended it
 */
export async function callEndpoint(
  webhooks: Webhooks,
  endpointId: string,
  message: WebhookMessage,
  { signal, always = false }: CallOptions = {},
): Promise<Outcome> {
  const { breakers } = webhooks;
  const endpoint = await findEndpoint(webhooks, endpointId);
  if (endpoint === undefined) {
    breakers.forget(endpointId);
    return outOfUse(DELETED);
  }
  if (!endpoint.enabled && !always) return outOfUse("the endpoint is out of use");
  const secrets = await goodSecrets(webhooks.db, webhooks.seal, endpointId);
  if (secrets.length === 0) return { kind: "unanswered", reason: NO_SECRET };
  const call = async () => {
    const answer = await post(webhooks, endpoint, message, secrets, signal);
    if (signal?.aborted) throw stopped(signal.reason);
    return answer;
  };
  const answer = await (always ? breakers.try(endpoint, call) : breakers.guard(endpoint, call));
  if (answer === undefined) return { kind: "spared", retryAfterMs: breakers.resetMs };
  if (answer.status === GONE) await putOutOfUse(webhooks, endpoint);
  return outcomeOf(answer);
}

/** An endpoint as it is called. */
interface CalledEndpoint {
  readonly id: string;
  readonly url: string;
  readonly enabled: boolean;
  readonly version: number;
}

function findEndpoint({ db }: Webhooks, id: string): Promise<CalledEndpoint | undefined> {
  return db.sql
    .selectFrom("webhook_endpoint")
    .select(["id", "url", "enabled", "version"])
    .where("id", "=", id)
    .executeTakeFirst();
}

/** What an endpoint answered, and whether it does not do what it should, whatever it was told. */
interface Answered {
  /** 0 when there was no answer. */
  readonly status: number;
  readonly retryAfter?: string | undefined;
  /** Why there was none. */
  readonly reason?: string;
  readonly isFailure: boolean;
}

/** Never throws. */
async function post(
  { toPrivate, callMs }: Webhooks,
  endpoint: CalledEndpoint,
  message: WebhookMessage,
  secrets: readonly Buffer[],
  signal: AbortSignal | undefined,
): Promise<Answered> {
  const url = new URL(endpoint.url);
  const unfit = whyUnfit(url, toPrivate);
  if (unfit !== undefined) return { status: 0, reason: `its address ${unfit}`, isFailure: true };
  const timeUp = AbortSignal.timeout(callMs);
  try {
    const answer = await postJson({
      url,
      headers: signMessage(message, new Date(), secrets),
      body: message.body,
      lookup: toPrivate ? undefined : lookupPublic,
      signal: signal === undefined ? timeUp : AbortSignal.any([signal, timeUp]),
    });
    return { ...answer, isFailure: answer.status >= 500 || answer.status === TOO_MANY };
  } catch (thrown) {
    const reason = timeUp.aborted ? `it did not answer within ${callMs / 1_000} s` : whyUnanswered(thrown);
    return { status: 0, reason, isFailure: true };
  }
}

function whyUnanswered(thrown: unknown): string {
  if (thrown instanceof LeadsInside) return thrown.message;
  const { code } = thrown as NodeJS.ErrnoException;
  // The message of a system error names the address.
  return code === undefined ? "the connection broke" : `the connection failed (${code})`;
}

function outcomeOf({ status, reason, retryAfter }: Answered): Outcome {
  if (reason !== undefined) return { kind: "unanswered", reason };
  if (status >= 200 && status < 300) return { kind: "taken", statusCode: status };
  const retryAfterMs = status === TOO_MANY || status === UNAVAILABLE ? readRetryAfter(retryAfter) : undefined;
  return {
    kind: "refused",
    forGood: status === GONE,
    statusCode: status,
    reason: whyRefused(status),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

function whyRefused(status: number): string {
  if (status === GONE) return "it wants no more calls, and was put out of use";
  if (status >= 300 && status < 400) return "it answered with a redirect, which is not followed";
  return "it answered with a status that is not one of success";
}

function outOfUse(reason: string): Outcome {
  return { kind: "refused", forGood: true, statusCode: 0, reason };
}

async function putOutOfUse({ db, log }: Webhooks, { id, version }: CalledEndpoint): Promise<void> {
  // Whoever changed it meanwhile may have moved it: then the answer was somebody else's.
  const changed = await db.sql
    .updateTable("webhook_endpoint")
    .set({ enabled: false, version: version + 1 })
    .where("id", "=", id)
    .where("version", "=", version)
    .where("enabled", "=", true)
    .returning("id")
    .executeTakeFirst();
  if (changed !== undefined) log.warn({ endpoint: id }, "a webhook endpoint is gone and was put out of use");
}
