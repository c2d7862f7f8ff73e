import { num, type Settings, secret, serviceSettings, str } from "#kit/config.ts";
import type { TrustedProxies } from "./client-address.ts";

/** The gateway's settings. */
export const gatewaySettings = {
  ...serviceSettings("gateway", 3000),
  GATEWAY_CORS_ORIGINS: str({
    default: "http://localhost:3000,http://localhost:5173,http://localhost:8080",
    desc: "Origins of pages that may call the gateway from a browser, separated by commas; * for any",
  }),
  GATEWAY_MAX_BODY_BYTES: num({ default: 1_048_576, desc: "Largest request taken from outside, in bytes" }),
  GATEWAY_ANSWER_MEMORY_BYTES: num({
    default: 33_554_432,
    desc: "How many bytes of public answers one process keeps in JSON, so that it need not write the same ones again",
  }),
  GATEWAY_TRUSTED_PROXIES: num({
    default: 0,
    desc: "How many proxies stand between callers and the gateway: that many addresses from the right, X-Forwarded-For names the caller; 0 takes the address of the connection",
  }),
  GATEWAY_PROXY_SECRET: secret({
    default: undefined,
    desc: "Secret, 32 characters or more, that the nearest proxy sends as souk-proxy-secret: without it, X-Forwarded-For is not believed; needed where others than that proxy can reach the gateway",
  }),
} satisfies Settings;

/** The gateway's settings, read. */
export interface GatewayConfig {
  readonly port: number;
  readonly operationsPort: number;
  readonly corsOrigins: readonly string[];
  readonly maxBodyBytes: number;
  readonly answerMemoryBytes: number;
  readonly proxies: TrustedProxies;
}

/**
 * Picks the gateway's settings out of all.
 *
 * @param settings what the process was started with
 */
export function readGatewayConfig(settings: Readonly<Record<string, unknown>>): GatewayConfig {
  return {
    port: settings["GATEWAY_PORT"] as number,
    operationsPort: settings["GATEWAY_OPERATIONS_PORT"] as number,
    corsOrigins: (settings["GATEWAY_CORS_ORIGINS"] as string).split(",").map((origin) => origin.trim()),
    maxBodyBytes: settings["GATEWAY_MAX_BODY_BYTES"] as number,
    answerMemoryBytes: settings["GATEWAY_ANSWER_MEMORY_BYTES"] as number,
    proxies: {
      count: settings["GATEWAY_TRUSTED_PROXIES"] as number,
      secret: settings["GATEWAY_PROXY_SECRET"] as string | undefined,
    },
  };
}
