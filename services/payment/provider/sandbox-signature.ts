import { createHmac, timingSafeEqual } from "node:crypto";
import { WebhookRefused } from "./provider.ts";

/** For so long a signature is believed, in s. */
const TOLERANCE_S = 300;

/**
 * Signs what the sandbox sends: the time and, under it, a keyed hash of both.
 *
 * @param secret the secret that the sandbox and we share
 * @param body the body, byte for byte
 * @param at when, in ms since the epoch
 */
export function signSandboxWebhook(secret: string, body: Uint8Array, at: number): string {
  const seconds = Math.floor(at / 1_000);
  return `t=${seconds},v1=${hashOf(secret, seconds, body).toString("hex")}`;
}

/**
 * Checks that the sandbox signed a body, and not long ago.
 *
 * @param secret the secret that the sandbox and we share
 * @throws WebhookRefused
 */
export function checkSandboxSignature(secret: string, body: Uint8Array, signature: string): void {
  const [, time = "", hash = ""] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
  if (hash === "") throw new WebhookRefused('the signature does not look like "t=<seconds>,v1=<hash>"');
  const seconds = Number(time);
  if (!timingSafeEqual(Buffer.from(hash, "hex"), hashOf(secret, seconds, body))) {
    throw new WebhookRefused("the signature is not that of the body");
  }
  if (Math.abs(Date.now() / 1_000 - seconds) > TOLERANCE_S) {
    throw new WebhookRefused(`the signature is not from the last ${TOLERANCE_S} s`);
  }
}

function hashOf(secret: string, seconds: number, body: Uint8Array): Buffer {
  return createHmac("sha256", secret).update(`${seconds}.`).update(body).digest();
}
