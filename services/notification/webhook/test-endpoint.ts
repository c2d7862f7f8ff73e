import { uuidv7 } from "uuidv7";
import type { Scope } from "#kit/scope.ts";
import { callEndpoint } from "./call-endpoint.ts";
import { requireEndpoint } from "./endpoints.ts";
import type { Webhooks } from "./webhooks.ts";

/** A try to tell an endpoint something. */
export interface Trial {
  readonly startTime: Date;
  readonly durationMs: number;
  /** What it answered; 0 when nothing. */
  readonly statusCode: number;
  /** Why it failed; empty when it did not. */
  readonly error: string;
}

/** What a test is told as; it is no event of the contracts. */
const TEST_EVENT = "souk.notification.v1.WebhookTest";

/**
 * Sends an endpoint a test event now, also one that is out of use or failing.
 *
 * @param id the endpoint
 * @returns the try, whatever became of it
 * @throws SoukError WEBHOOK_ENDPOINT_NOT_FOUND
 */
export async function testEndpoint(webhooks: Webhooks, { signal }: Scope, id: string): Promise<Trial> {
  await requireEndpoint(webhooks.db, id);
  const startTime = new Date();
  const startedAt = performance.now();
  const message = {
    id: uuidv7(),
    body: JSON.stringify({ type: TEST_EVENT, timestamp: startTime.toISOString(), data: {} }),
  };
  const outcome = await callEndpoint(webhooks, id, message, { signal, always: true });
  return {
    startTime,
    durationMs: performance.now() - startedAt,
    statusCode: "statusCode" in outcome ? outcome.statusCode : 0,
    error: "reason" in outcome ? outcome.reason : "",
  };
}
