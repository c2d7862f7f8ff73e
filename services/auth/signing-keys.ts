import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  scryptSync,
} from "node:crypto";
import { uuidv7 } from "uuidv7";
import { SigningKeysChangedSchema } from "#gen/souk/auth/v1/events_pb.ts";
import type { PublicJwk } from "#kit/identity/authenticator.ts";
import type { Scope } from "#kit/scope.ts";
import type { AuthDatabase } from "./database.ts";

/** A key that signs access tokens. */
export interface SigningKeyPair {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

/** The keys that sign access tokens; all replicas of auth share them. */
export interface SigningKeys {
  /** The newest key; the first one is made when there is none. */
  current(scope: Scope): Promise<SigningKeyPair>;
  /** The public halves of all keys, newest first. */
  published(scope: Scope): Promise<readonly PublicJwk[]>;
}

/** How long keys are used without asking the database again, in ms. */
const FRESH_MS = 10_000;

interface LoadedKeys {
  readonly at: number;
  readonly current: SigningKeyPair;
  readonly published: readonly PublicJwk[];
}

/**
 * Keeps the signing keys in the database, the private halves encrypted.
 *
 * @param db auth's database
 * @param secret under which they are encrypted
 */
export function signingKeys(db: AuthDatabase, secret: string): SigningKeys {
  const cipherKey = scryptSync(secret, "souk/auth/signing-key", 32);
  let loaded: Promise<LoadedKeys> | undefined;
  let loadedAt = 0;

  async function load(scope: Scope): Promise<LoadedKeys> {
    const stored = await db.sql
      .selectFrom("signing_key")
      .select(["kid", "public_jwk", "private_key"])
      .orderBy("create_time", "desc")
      .orderBy("kid", "desc")
      .execute();
    const [newest] = stored;
    if (newest === undefined) {
      await create(scope);
      return load(scope);
    }
    return {
      at: Date.now(),
      current: { kid: newest.kid, privateKey: decrypt(newest.private_key, cipherKey) },
      published: stored.map(({ kid, public_jwk }) => ({ ...(public_jwk as object), kid })),
    };
  }

  /** Replicas that start at the same time each make a key; all use the newest and publish all. */
  async function create(scope: Scope): Promise<void> {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwk = { ...publicKey.export({ format: "jwk" }), alg: "ES256", use: "sig" };
    const kid = uuidv7();
    await db.write(scope, async (tx) => {
      await tx.sql
        .insertInto("signing_key")
        .values({
          kid,
          public_jwk: JSON.stringify(jwk),
          private_key: encrypt(privateKey, cipherKey),
        })
        .execute();
      tx.emit(SigningKeysChangedSchema, { keyId: kid });
    });
  }

  function keys(scope: Scope): Promise<LoadedKeys> {
    if (loaded === undefined || Date.now() - loadedAt > FRESH_MS) {
      loadedAt = Date.now();
      loaded = load(scope);
      loaded.catch(() => {
        loaded = undefined;
      });
    }
    return loaded;
  }

  return {
    current: async (scope) => (await keys(scope)).current,
    // The answer is remembered until an event ends it, so nothing older may go into it.
    published: async (scope) => (await load(scope)).published,
  };
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM (NIST SP 800-38D): nonce, tag, then the encrypted PKCS #8 key. */
function encrypt(key: KeyObject, cipherKey: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", cipherKey, nonce);
  const sealed = [cipher.update(key.export({ type: "pkcs8", format: "der" })), cipher.final()];
  return Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]);
}

function decrypt(stored: Uint8Array, cipherKey: Buffer): KeyObject {
  const bytes = Buffer.from(stored);
  const decipher = createDecipheriv("aes-256-gcm", cipherKey, bytes.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const opened = [decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()];
  return createPrivateKey({ key: Buffer.concat(opened), format: "der", type: "pkcs8" });
}
