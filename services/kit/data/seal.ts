import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";

/** Encrypts what must not be read by whoever reads the database. */
export interface Seal {
  /**
   * @param plain what to encrypt
   * @param owner what it belongs to: it opens under the same owner only, so that rows cannot be swapped
   */
  seal(plain: Uint8Array, owner?: string): Buffer;
  /** @throws Error when it was sealed under another secret or for another owner, or was changed */
  open(sealed: Uint8Array, owner?: string): Buffer;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Makes a seal: AES-256-GCM (NIST SP 800-38D), stored as nonce, tag, then the encrypted bytes.
 *
 * @param secret from which its key is derived
 * @param purpose what is sealed with it; each purpose has a key of its own
 */
export function sealUnder(secret: string, purpose: string): Seal {
  const key = scryptSync(secret, purpose, 32);
  return {
    seal(plain, owner = "") {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(owner));
      const sealed = [cipher.update(plain), cipher.final()];
      return Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]);
    },
    open(sealed, owner = "") {
      const bytes = Buffer.from(sealed);
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES), {
        // Of bytes that were cut off, a shorter tag would do, which is soon guessed.
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(owner));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
    },
  };
}
