import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { SigningKeysChangedSchema } from "#gen/souk/auth/v1/events_pb.ts";
import { sealUnder } from "#kit/data/seal.ts";
import type { PublicJwk } from "#kit/identity/authenticator.ts";
import type { Scope } from "#kit/scope.ts";
import { aside } from "./aside.ts";
import type { AuthDatabase, AuthTransaction } from "./database.ts";

/** A key that signs access tokens. */
export interface SigningKeyPair {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

/** How long keys serve, in ms. */
export interface KeyTimes {
  /** How long a key signs before the next one does. */
  readonly rotateMs: number;
  /** How long a key is published before it signs, so that everybody knows it by then. */
  readonly publishMs: number;
  /** How long what a key signed is good for. */
  readonly accessMs: number;
}

/** The keys that sign access tokens; all replicas of auth share them. */
export interface SigningKeys {
  /** The newest key whose time to sign has come; the first one is made when there is none. */
  current(scope: Scope): Promise<SigningKeyPair>;
  /** The public halves of all keys, newest first. */
  published(scope: Scope): Promise<readonly PublicJwk[]>;
  /**
   * Publishes the next key when the newest one has signed for long enough, and removes those whose
   * last token has expired. Nobody is signed out by it.
   */
  rotate(scope: Scope): Promise<void>;
}

/** How long keys are used without asking the database again, in ms, at most. */
const FRESH_MS = 10_000;

interface LoadedKey extends SigningKeyPair {
  readonly publicJwk: PublicJwk;
  /** In ms since the epoch. */
  readonly signFrom: number;
}

/**
 * Keeps the signing keys in the database, the private halves encrypted.
 *
 * @param db auth's database
 * @param secret under which they are encrypted
 * @param times how long they serve
 */
export function signingKeys(db: AuthDatabase, secret: string, times: KeyTimes): SigningKeys {
  const seal = sealUnder(secret, "souk/auth/signing-key");
  // A replica must have read a key before its time to sign comes.
  const freshMs = Math.min(FRESH_MS, times.publishMs / 2);
  let loaded: Promise<readonly LoadedKey[]> | undefined;
  let loadedAt = 0;

  async function load(scope: Scope): Promise<readonly LoadedKey[]> {
    const stored = await db.sql
      .selectFrom("signing_key")
      .select(["kid", "public_jwk", "private_key", "sign_from_time"])
      .orderBy("sign_from_time", "desc")
      .orderBy("kid", "desc")
      .execute();
    if (stored.length === 0) {
      // Replicas that start at the same time each make a key; all use the newest and publish all.
      await db.write(aside(scope), (tx) => create(tx, 0));
      return load(scope);
    }
    return stored.map(({ kid, public_jwk, private_key, sign_from_time }) => ({
      kid,
      privateKey: createPrivateKey({ key: seal.open(private_key), format: "der", type: "pkcs8" }),
      publicJwk: { ...(public_jwk as object), kid },
      signFrom: sign_from_time.getTime(),
    }));
  }

  async function create(tx: AuthTransaction, signInMs: number): Promise<void> {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwk = { ...publicKey.export({ format: "jwk" }), alg: "ES256", use: "sig" };
    const kid = uuidv7();
    await tx.sql
      .insertInto("signing_key")
      .values({
        kid,
        public_jwk: JSON.stringify(jwk),
        private_key: seal.seal(privateKey.export({ type: "pkcs8", format: "der" })),
        sign_from_time: inMs(signInMs),
      })
      .execute();
    tx.emit(SigningKeysChangedSchema, { keyId: kid });
  }

  function keys(scope: Scope): Promise<readonly LoadedKey[]> {
    if (loaded === undefined || Date.now() - loadedAt > freshMs) {
      loadedAt = Date.now();
      loaded = load(scope);
      loaded.catch(() => {
        loaded = undefined;
      });
    }
    return loaded;
  }

  return {
    async current(scope) {
      const all = await keys(scope);
      return (all.find(({ signFrom }) => signFrom <= Date.now()) ?? all.at(-1)) as LoadedKey;
    },
    // The answer is remembered until an event ends it, so nothing older may go into it.
    published: async (scope) => (await load(scope)).map(({ publicJwk }) => publicJwk),
    async rotate(scope) {
      await db.write(scope, async (tx) => {
        const newest = await tx.sql
          .selectFrom("signing_key")
          .select(sql<boolean>`sign_from_time <= ${inMs(-times.rotateMs)}`.as("old"))
          .orderBy("sign_from_time", "desc")
          .limit(1)
          .executeTakeFirst();
        if (newest?.old === true) await create(tx, times.publishMs);
        // A replica may sign with a key a little longer, until it has read that the next one is there.
        const overSince = inMs(-times.accessMs - times.publishMs);
        const gone = await tx.sql
          .deleteFrom("signing_key")
          .where(({ exists, selectFrom }) =>
            exists(
              selectFrom("signing_key as next")
                .select("next.kid")
                .whereRef("next.sign_from_time", ">", "signing_key.sign_from_time")
                .where("next.sign_from_time", "<=", overSince),
            ),
          )
          .returning("kid")
          .execute();
        for (const { kid } of gone) tx.emit(SigningKeysChangedSchema, { keyId: kid });
      });
    },
  };
}

function inMs(ms: number) {
  return sql<Date>`now() + ${ms} * interval '1 millisecond'`;
}
