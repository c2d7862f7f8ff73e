import { resolve } from "node:path";
import { count, num, port, readSettings, str } from "#kit/config.ts";
import { gateway, services } from "./shop.ts";

/** The settings of `npm start` beside those of the programs that it runs. */
export const localSettings = {
  SOUK_DATA_DIR: str({ default: ".souk", desc: "Folder for data, logs and tools of npm start" }),
  SOUK_HOST: str({ default: "127.0.0.1", desc: "Address on which servers listen" }),
  SOUK_PORT_OFFSET: num({
    default: 0,
    desc: "Added to every port that is not set, so that two shops fit one machine",
  }),
  SOUK_DEMO: str({
    default: "on",
    choices: ["on", "off"],
    desc: "Whether npm start furnishes a new shop with locations, customers, orders and reviews to look at",
  }),
  SOUK_POSTGRES_PORT: port({
    default: undefined,
    desc: "Port of the PostgreSQL that npm start brings (5432)",
  }),
  SOUK_NATS_PORT: port({ default: undefined, desc: "Port of the NATS that npm start brings (4222)" }),
  SOUK_REDIS_PORT: port({ default: undefined, desc: "Port of the Redis that npm start brings (6379)" }),
  SOUK_EDGE_PORT: port({ default: undefined, desc: "Port for browsers (8080)" }),
  SOUK_EDGE_RATE: count({
    default: 5_000,
    desc: "Requests from outside that Envoy takes in a second, from all callers together",
  }),
  SOUK_MESH_PORT: port({
    default: undefined,
    desc: "Port for gRPC calls to any service, through Envoy (15001)",
  }),
  SOUK_ENVOY_ADMIN_PORT: port({ default: undefined, desc: "Port of Envoy's administration (9901)" }),
  SOUK_SMTP_PORT: port({ default: undefined, desc: "Port on which the mailbox takes mail (1025)" }),
  SOUK_MAILBOX_PORT: port({ default: undefined, desc: "Port on which the mailbox shows it (8025)" }),
};

/** A port of each thing that npm start runs. */
export interface Ports {
  readonly postgres: number;
  readonly nats: number;
  readonly redis: number;
  readonly edge: number;
  readonly mesh: number;
  readonly envoyAdmin: number;
  readonly smtp: number;
  readonly mailbox: number;
  /** Of programs, by name. */
  readonly programs: Readonly<Record<string, number>>;
  /** Health and metrics of programs, by name. */
  readonly operations: Readonly<Record<string, number>>;
}

/** The settings of `npm start`, read. */
export interface LocalConfig {
  readonly dataDir: string;
  readonly host: string;
  /** Whether a new shop gets something to look at. */
  readonly demo: boolean;
  readonly ports: Ports;
  /** Requests from outside that Envoy takes in a second. */
  readonly edgeRate: number;
}

/**
 * Reads the settings of `npm start`.
 *
 * @param env the environment
 * @throws ConfigurationError that lists every problem
 */
export function readLocalConfig(env: NodeJS.ProcessEnv): LocalConfig {
  const settings = readSettings(localSettings, env);
  const offset = settings.SOUK_PORT_OFFSET;
  const programs = [...services, gateway];
  const portsOf = (suffix: string, shift: number) =>
    Object.fromEntries(
      programs.map(({ name, port }) => {
        const set = env[`${name.toUpperCase()}_${suffix}`];
        return [name, set === undefined ? port + shift + offset : Number(set)];
      }),
    );
  return {
    dataDir: resolve(settings.SOUK_DATA_DIR),
    host: settings.SOUK_HOST,
    demo: settings.SOUK_DEMO === "on",
    edgeRate: settings.SOUK_EDGE_RATE,
    ports: {
      postgres: settings.SOUK_POSTGRES_PORT ?? 5432 + offset,
      nats: settings.SOUK_NATS_PORT ?? 4222 + offset,
      redis: settings.SOUK_REDIS_PORT ?? 6379 + offset,
      edge: settings.SOUK_EDGE_PORT ?? 8080 + offset,
      mesh: settings.SOUK_MESH_PORT ?? 15_001 + offset,
      envoyAdmin: settings.SOUK_ENVOY_ADMIN_PORT ?? 9901 + offset,
      smtp: settings.SOUK_SMTP_PORT ?? 1025 + offset,
      mailbox: settings.SOUK_MAILBOX_PORT ?? 8025 + offset,
      programs: portsOf("PORT", 0),
      operations: portsOf("OPERATIONS_PORT", 100),
    },
  };
}
