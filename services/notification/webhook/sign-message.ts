import { createHmac, randomBytes } from "node:crypto";

/** What an endpoint is told. */
export interface WebhookMessage {
  /** Stays the same however often the message is sent: receivers know by it what they had before. */
  readonly id: string;
  /** JSON, byte for byte as it is signed. */
  readonly body: string;
}

/** Between 24 and 64, as the specification asks. */
const SECRET_BYTES = 32;
const PREFIX = "whsec_";

/** Makes the bytes of a secret. */
export function makeSecret(): Buffer {
  return randomBytes(SECRET_BYTES);
}

/** A secret as receivers are told it, and as their libraries take it. */
export function writeSecret(secret: Uint8Array): string {
  return PREFIX + Buffer.from(secret).toString("base64");
}

/**
 * The headers by which a receiver knows that a message is the shop's and new, as Standard Webhooks 1.0.0 says
 * (https://www.standardwebhooks.com, "Webhook Headers" and "Signature scheme"): HMAC-SHA-256 over
 * `<id>.<timestamp>.<body>`, one signature for each secret, separated by spaces.
 *
 * @param message what is sent
 * @param time when it is sent
 * @param secrets that are good now
 */
export function signMessage(
  { id, body }: WebhookMessage,
  time: Date,
  secrets: readonly Uint8Array[],
): Record<string, string> {
  const timestamp = String(Math.floor(time.getTime() / 1_000));
  const signed = `${id}.${timestamp}.${body}`;
  const signatures = secrets.map((it) => `v1,${createHmac("sha256", it).update(signed).digest("base64")}`);
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures.join(" ") };
}
