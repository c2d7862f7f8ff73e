import type { DevelopmentSecrets } from "./secrets.ts";
import { databaseName, gateway, services } from "./shop.ts";

/** What the programs of the shop are told of their surroundings. */
export interface Surroundings {
  readonly host: string;
  readonly dataPlane: "envoy" | "direct" | "local";
  readonly postgresUrl: string;
  readonly natsUrl: string;
  readonly redisUrl: string | undefined;
  readonly smtpUrl: string;
  readonly meshAddress: string;
  readonly secrets: DevelopmentSecrets;
  readonly keySecret: string;
}

/**
 * The settings under which the programs of the shop run; what the caller's environment says wins,
 * but for the addresses of what was started here.
 *
 * @param surroundings what runs here
 * @param env the caller's environment
 */
export function shopEnvironment(surroundings: Surroundings, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { secrets, host } = surroundings;
  const own: NodeJS.ProcessEnv = {
    SOUK_HOST: host,
    SOUK_DATA_PLANE: surroundings.dataPlane,
    SOUK_MESH_ADDRESS: surroundings.meshAddress,
    SOUK_MESH_DIRECTORY: services
      .map(({ name, port }) => `${name}=${host}:${portOf(name, port, env)}`)
      .join(","),
    SOUK_POSTGRES_URL: surroundings.postgresUrl,
    SOUK_NATS_URL: surroundings.natsUrl,
    SOUK_TRUST_BUNDLE: secrets.trustBundle,
    AUTH_KEY_SECRET: surroundings.keySecret,
    NOTIFICATION_SMTP_URL: surroundings.smtpUrl,
  };
  if (surroundings.redisUrl !== undefined) own.SOUK_REDIS_URL = surroundings.redisUrl;
  for (const { name } of [...services, gateway]) {
    own[`${name.toUpperCase()}_SERVICE_KEY`] = JSON.stringify(secrets.privateKeys[name]);
  }
  return { ...env, ...own };
}

/**
 * The port of a program.
 *
 * @param name the program
 * @param port its own default
 * @param env where `<NAME>_PORT` may stand
 */
export function portOf(name: string, port: number, env: NodeJS.ProcessEnv): number {
  return Number(env[`${name.toUpperCase()}_PORT`] ?? port);
}

/** The databases of all services. */
export const databases: readonly string[] = services.map(({ name }) => databaseName(name));
