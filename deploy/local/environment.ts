import type { DevelopmentSecrets } from "./secrets.ts";
import type { LocalConfig } from "./settings.ts";
import { gateway, services } from "./shop.ts";
import { hostAndPort, reachableHost } from "./stores/store.ts";

/** What the programs of the shop find around them. */
export interface Surroundings {
  readonly dataPlane: "envoy" | "direct" | "local";
  readonly postgresUrl: string;
  readonly natsUrl: string;
  readonly redisUrl: string | undefined;
  readonly smtpUrl: string;
  readonly secrets: DevelopmentSecrets;
}

/**
 * The settings under which the programs of the shop run: the caller's, and over them the addresses
 * of what runs here.
 *
 * @param config how the shop is laid out
 * @param surroundings what runs here
 * @param env the caller's environment
 */
export function shopEnvironment(
  { host, ports }: LocalConfig,
  surroundings: Surroundings,
  env: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const { secrets } = surroundings;
  const address = (port: number | undefined) => hostAndPort(reachableHost(host), port ?? 0);
  const found: NodeJS.ProcessEnv = {
    ...env,
    SOUK_HOST: host,
    SOUK_DATA_PLANE: surroundings.dataPlane,
    SOUK_MESH_ADDRESS: address(ports.mesh),
    SOUK_MESH_DIRECTORY: services.map(({ name }) => `${name}=${address(ports.programs[name])}`).join(","),
    SOUK_POSTGRES_URL: surroundings.postgresUrl,
    SOUK_NATS_URL: surroundings.natsUrl,
    SOUK_TRUST_BUNDLE: secrets.trustBundle,
    // Each is a private key, so that it is as secret and as lasting as that.
    AUTH_KEY_SECRET: env["AUTH_KEY_SECRET"] ?? JSON.stringify(secrets.privateKeys["auth"]),
    PAYMENT_GIFT_CARD_SECRET:
      env["PAYMENT_GIFT_CARD_SECRET"] ?? JSON.stringify(secrets.privateKeys["payment"]),
    NOTIFICATION_KEY_SECRET:
      env["NOTIFICATION_KEY_SECRET"] ?? JSON.stringify(secrets.privateKeys["notification"]),
    // Who tries webhooks out listens on the machine of the shop.
    NOTIFICATION_WEBHOOKS_TO_PRIVATE: env["NOTIFICATION_WEBHOOKS_TO_PRIVATE"] ?? "on",
    NOTIFICATION_SMTP_URL: env["NOTIFICATION_SMTP_URL"] ?? surroundings.smtpUrl,
  };
  if (surroundings.dataPlane === "envoy") {
    // Others on this machine reach the gateway, too, and must not say whence they come.
    found["GATEWAY_TRUSTED_PROXIES"] = env["GATEWAY_TRUSTED_PROXIES"] ?? "1";
    found["GATEWAY_PROXY_SECRET"] = env["GATEWAY_PROXY_SECRET"] ?? secrets.proxySecret;
  }
  if (surroundings.redisUrl !== undefined) found["SOUK_REDIS_URL"] = surroundings.redisUrl;
  for (const { name } of [...services, gateway]) {
    const prefix = name.toUpperCase();
    found[`${prefix}_SERVICE_KEY`] = JSON.stringify(secrets.privateKeys[name]);
    found[`${prefix}_PORT`] = String(ports.programs[name]);
    found[`${prefix}_OPERATIONS_PORT`] = String(ports.operations[name]);
  }
  return found;
}
