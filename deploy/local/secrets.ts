import { createHash, createHmac, generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigurationError } from "#kit/config.ts";
import type { PublicJwk } from "#kit/identity/authenticator.ts";
import { writeFileAtomically } from "./files.ts";

/** A key in the form of RFC 7517. */
export type Key = JsonWebKey & { kid: string; alg: "ES256"; use: "sig" };

/** The keys with which the programs of a development machine prove who they are. */
export interface DevelopmentSecrets {
  /** The public keys of all names, a JWK Set (RFC 7517, section 5) as JSON. */
  trustBundle: string;
  /** The private key of each name. */
  privateKeys: Record<string, Key>;
  /** With what Envoy proves to the gateway that a call came by it. */
  proxySecret: string;
}

/**
 * Reads the development keys from a file and makes those that are missing: one ES256 key pair for each
 * name and one for "operator". A key's `kid` is `<name>:<thumbprint>` (RFC 7638), so that who verifies a
 * signature can tell whose key made it.
 *
 * @param file where the keys are kept, readable by their owner alone
 * @param names the names of the services
 * @param env the environment
 * @throws ConfigurationError in production
 * @throws Error when the file is there but cannot be read as keys
 */
export function developmentSecrets(
  file: string,
  names: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): DevelopmentSecrets {
  refuseProduction(env, names);
  const privateKeys = readKeys(file);
  const missing = [...names, "operator"].filter((name) => !Object.hasOwn(privateKeys, name));
  for (const name of missing) privateKeys[name] = makeKey(name);
  if (missing.length > 0) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileAtomically(file, `${JSON.stringify(privateKeys, null, 2)}\n`, 0o600);
  }
  const keys = Object.values(privateKeys).map(({ d: _private, ...publicKey }) => publicKey);
  // Derived from a private key, so that it is as secret and as lasting as that.
  const proxySecret = createHmac("sha256", JSON.stringify(privateKeys["operator"]))
    .update("proxy")
    .digest("hex");
  return { trustBundle: JSON.stringify({ keys }), privateKeys, proxySecret };
}

/**
 * Keeps what is for development out of production: keys that lie in a file, data that everybody knows.
 *
 * @param env the environment
 * @param names the names of the services that would need keys
 * @throws ConfigurationError that names the settings to set instead, when NODE_ENV is "production"
 */
export function refuseProduction(env: NodeJS.ProcessEnv, names: readonly string[]): void {
  if (env["NODE_ENV"] !== "production") return;
  const keys = [...names, "operator"].map((name) => `${name.toUpperCase()}_SERVICE_KEY`);
  const secrets = ["AUTH_KEY_SECRET", "PAYMENT_GIFT_CARD_SECRET", "NOTIFICATION_KEY_SECRET"];
  throw new ConfigurationError(
    `This uses keys that are made for development, and NODE_ENV is production. Set keys of your own instead: ${[...keys, "SOUK_TRUST_BUNDLE", ...secrets].join(", ")}. Start services with node services/<name>/main.ts.`,
  );
}

/**
 * The key with which tools call as the operator: the one in OPERATOR_SERVICE_KEY, or else that of the
 * shop that runs on this machine for development.
 *
 * @param dataDir the shop's data folder
 * @param env the environment
 * @throws ConfigurationError when the key cannot be read, or there is none in production
 */
export function operatorKey(dataDir: string, env: NodeJS.ProcessEnv = process.env): PublicJwk {
  const given = env["OPERATOR_SERVICE_KEY"];
  if (given === undefined) {
    const { privateKeys } = developmentSecrets(secretsFile(dataDir), [], env);
    return privateKeys["operator"] as PublicJwk;
  }
  try {
    return JSON.parse(given) as PublicJwk;
  } catch {
    throw new ConfigurationError("OPERATOR_SERVICE_KEY is not a JSON Web Key");
  }
}

function readKeys(file: string): Record<string, Key> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${file} does not hold keys. Remove it, and new ones are made at the next start.`);
  }
}

function makeKey(name: string): Key {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = privateKey.export({ format: "jwk" });
  const required = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y });
  const thumbprint = createHash("sha256").update(required).digest("base64url");
  return { ...jwk, kid: `${name}:${thumbprint}`, alg: "ES256", use: "sig" };
}

/**
 * The file in which the development keys of a shop are kept.
 *
 * @param dataDir the shop's data folder
 */
export function secretsFile(dataDir: string): string {
  return join(dataDir, "secrets.json");
}
