import type { Secret } from "./secrets-of.ts";

/** A secret that turned up. */
export interface Finding {
  readonly secret: Secret;
  /** What stands around it, without the secret. */
  readonly around: string;
}

/** Looks for secrets in a text. */
export type FindSecrets = (text: Buffer) => Finding[];

/** Secrets are looked up by so many of their first bytes. */
const KEY_BYTES = 4;
const BLOOM_BITS = 24;
const AROUND = 120;

/**
 * Makes the function that looks for any of many secrets in texts of any length: it reads each byte once and looks
 * closer only where the first bytes of a secret may stand.
 *
 * @param secrets each as it is, and as JSON and lower case write it
 */
export function secretFinder(secrets: readonly Secret[]): FindSecrets {
  const byKey = new Map<number, { readonly bytes: Buffer; readonly secret: Secret }[]>();
  const bloom = new Uint8Array(2 ** (BLOOM_BITS - 3));
  for (const secret of secrets) {
    for (const form of formsOf(secret.value)) {
      const bytes = Buffer.from(form);
      const key = bytes.readInt32BE(0);
      const bit = bitOf(key);
      bloom[bit >>> 3] = (bloom[bit >>> 3] as number) | (1 << (bit & 7));
      byKey.set(key, [...(byKey.get(key) ?? []), { bytes, secret }]);
    }
  }
  return (text) => {
    const found = new Map<Secret, Finding>();
    for (let key = 0, end = 0; end < text.length; end++) {
      key = (key << 8) | (text[end] as number);
      const bit = bitOf(key);
      if (((bloom[bit >>> 3] as number) & (1 << (bit & 7))) === 0) continue;
      const start = end - KEY_BYTES + 1;
      for (const { bytes, secret } of byKey.get(key) ?? []) {
        if (start < 0 || found.has(secret)) continue;
        if (!text.subarray(start, start + bytes.length).equals(bytes)) continue;
        const before = text.subarray(Math.max(0, start - AROUND), start);
        const after = text.subarray(start + bytes.length, start + bytes.length + AROUND);
        found.set(secret, { secret, around: `${before} <here> ${after}` });
      }
    }
    return [...found.values()];
  };
}

function formsOf(value: string): Set<string> {
  const escaped = JSON.stringify(value).slice(1, -1);
  return new Set([value, escaped, value.toLowerCase(), escaped.toLowerCase()]);
}

function bitOf(key: number): number {
  return Math.imul(key, 0x9e3779b1) >>> (32 - BLOOM_BITS);
}
