import { num, type Settings, serviceSettings, str } from "#kit/config.ts";

/** The gateway's settings. */
export const gatewaySettings = {
  ...serviceSettings("gateway", 3000),
  GATEWAY_CORS_ORIGINS: str({
    default: "http://localhost:3000,http://localhost:5173,http://localhost:8080",
    desc: "Origins of pages that may call the gateway from a browser, separated by commas; * for any",
  }),
  GATEWAY_MAX_BODY_BYTES: num({ default: 1_048_576, desc: "Largest request taken from outside, in bytes" }),
} satisfies Settings;

/** The gateway's settings, read. */
export interface GatewayConfig {
  readonly port: number;
  readonly operationsPort: number;
  readonly corsOrigins: readonly string[];
  readonly maxBodyBytes: number;
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
  };
}
