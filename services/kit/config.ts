import { type CleanedEnv, cleanEnv, makeValidator, num, str } from "envalid";

export { num, str };

/** A command line or an environment that cannot be used: the process ends with exit code 78 (sysexits EX_CONFIG). */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}

/** The exit code of a process whose configuration is wrong (sysexits.h, EX_CONFIG). */
export const EXIT_CONFIG = 78;

/** Settings by the name of their environment variable. */
export type Settings = Parameters<typeof cleanEnv>[1];

/** A setting that holds JSON. */
export const jsonText = makeValidator<unknown>(parseJson);

/**
 * Parses JSON that may hold secrets: what is said of a mistake shows nothing of it.
 *
 * @throws Error that only says that it is none
 */
export function parseJson(input: string): unknown {
  try {
    return JSON.parse(input);
  } catch {
    throw new Error("is not JSON");
  }
}

/** A setting that holds a TCP port; 0 lets the system pick one. */
export const port = makeValidator<number>((input) => {
  const value = Number(input);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) throw new Error("must be a port, 0 to 65535");
  return value;
});

/** A setting that holds a secret of 32 characters or more. */
export const secret = makeValidator<string>((input) => {
  if (input.length < 32) throw new Error("must be 32 characters or more");
  return input;
});

/** A setting that holds a number of milliseconds, 1 or more. */
export const milliseconds = makeValidator<number>((input) => {
  const value = Number(input);
  if (!Number.isInteger(value) || value < 1)
    throw new Error("must be a whole number of milliseconds, 1 or more");
  return value;
});

/** A setting that holds several numbers of milliseconds. */
export const millisecondsList = makeValidator<readonly number[]>((input) => {
  const values = input.split(",").map(Number);
  if (values.some((value) => !Number.isInteger(value) || value < 1)) {
    throw new Error("must be whole numbers of milliseconds, separated by commas");
  }
  return values;
});

/** A setting that holds a URL with one of some schemes. */
export function url(...schemes: string[]) {
  return makeValidator<string>((input) => {
    const { protocol } = new URL(input);
    if (!schemes.includes(protocol.slice(0, -1)))
      throw new Error(`must begin with ${schemes.join(":// or ")}://`);
    return input;
  });
}

/** A setting that holds how many there may be, 1 or more. */
export const count = makeValidator<number>((input) => {
  const value = Number(input);
  if (!Number.isInteger(value) || value < 1) throw new Error("must be a whole number, 1 or more");
  return value;
});

const callsPerMinute = makeValidator<number>((input) => {
  const value = Number(input);
  if (!Number.isInteger(value) || value < 0) throw new Error("must be a whole number, 0 or more");
  return value;
});

function rateLimit(calls: number, who: string) {
  return callsPerMinute({
    default: calls,
    desc: `Calls a minute of a caller who is ${who}; 0 for any number`,
  });
}

/** The settings that every process of the mesh has. */
export const meshSettings = {
  SOUK_HOST: str({ default: "127.0.0.1", desc: "Address on which servers listen" }),
  SOUK_LOG_LEVEL: str({
    default: "info",
    choices: ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    desc: "Least severe level that is logged",
  }),
  SOUK_LOG_FILE: str({
    default: undefined,
    desc: "File to which the log is appended; standard output when it is not set",
  }),
  SOUK_DATA_PLANE: str({
    default: "direct",
    choices: ["envoy", "direct", "local"],
    desc: "What carries calls between services: the Envoy proxy, gRPC channels straight to each service, or nothing where all run in one process",
  }),
  SOUK_MESH_ADDRESS: str({ default: "127.0.0.1:15001", desc: "Envoy's mesh listener, for data plane envoy" }),
  SOUK_MESH_DIRECTORY: str({
    default: "",
    desc: "Where each service is, for data plane direct, as name=address:port,name=address:port; a service with several replicas is named several times",
  }),
  SOUK_TRUST_BUNDLE: jsonText({
    desc: 'Public keys of all services, as a JSON Web Key Set; a key id is "<service>:<anything>"',
  }),
  SOUK_POSTGRES_URL: url(
    "postgres",
    "postgresql",
  )({
    default: "postgres://postgres@127.0.0.1:5432",
    desc: "PostgreSQL server; each service has the database souk_<service> there",
  }),
  SOUK_NATS_URL: url("nats", "tls")({ default: "nats://127.0.0.1:4222", desc: "NATS server with JetStream" }),
  SOUK_REDIS_URL: url(
    "redis",
    "rediss",
  )({ default: undefined, desc: "Redis server, by which replicas share remembered answers" }),
  SOUK_REDIS_TIMEOUT_MS: milliseconds({
    default: 50,
    desc: "How long Redis may take to answer before a process does without it",
  }),
  SOUK_CACHE_BYTES: num({
    default: 32 * 1024 * 1024,
    desc: "Memory for remembered answers, of all programs of a process together, in bytes",
  }),
  SOUK_EVENT_NAMESPACE: str({
    default: "souk",
    desc: "First part of event subjects, stream names and keys in Redis",
  }),
  SOUK_EVENT_RETRY_DELAYS_MS: millisecondsList({
    default: [200, 1_000, 5_000, 15_000, 60_000],
    desc: "Pauses before an event that could not be handled is tried again, separated by commas; then it goes to the dead letters",
  }),
  SOUK_ACCESS_POLL_MS: milliseconds({
    default: 10_000,
    desc: "How often each process asks what access tokens stand for: changes of roles and ended sessions take effect within this time and a second",
  }),
  SOUK_BREAKER_RESET_MS: milliseconds({
    default: 30_000,
    desc: "How long an open circuit breaker refuses calls before it tries one",
  }),
  SOUK_MAX_CALLS: count({
    default: 1_000,
    desc: "Calls that one service, or the gateway, works on at a time at most; it takes fewer while they slow each other down",
  }),
  SOUK_MAX_STREAMS: count({
    default: 100,
    desc: "Streams that a caller has open at a time at most, at each replica of a service and of the gateway: a user, or an address of those who are not signed in",
  }),
  SOUK_RATE_ANONYMOUS: rateLimit(100, "not signed in, by its address"),
  SOUK_RATE_AUTHENTICATED: rateLimit(1_000, "signed in"),
  SOUK_RATE_PREMIUM: rateLimit(5_000, "signed in and has the role premium"),
  SOUK_SAGA_LEASE_MS: milliseconds({
    default: 10_000,
    desc: "How long after the death of a process another one takes over its sagas",
  }),
} satisfies Settings;

/** The settings that every process of the mesh has, read. */
export type MeshSettings = CleanedEnv<typeof meshSettings>;

/**
 * The settings that one service has beside the mesh's.
 *
 * @param name the service's name
 * @param defaultPort its port unless another one is set
 */
export function serviceSettings(name: string, defaultPort: number) {
  const prefix = name.toUpperCase();
  return {
    [`${prefix}_PORT`]: port({ default: defaultPort, desc: `Port of the ${name} service; 0 picks one` }),
    [`${prefix}_OPERATIONS_PORT`]: port({
      default: defaultPort + 100,
      desc: `Port for health and metrics of the ${name} service; 0 picks one`,
    }),
    [`${prefix}_SERVICE_KEY`]: jsonText({
      desc: `Private key of the ${name} service, as a JSON Web Key (ES256)`,
    }),
  } satisfies Settings;
}

/** The settings of a service that keeps data. */
export function databaseSettings(name: string) {
  const prefix = name.toUpperCase();
  return {
    [`${prefix}_DATABASE_URL`]: url(
      "postgres",
      "postgresql",
    )({
      default: undefined,
      desc: `Database of the ${name} service; SOUK_POSTGRES_URL/souk_${name} when it is not set`,
    }),
    [`${prefix}_POOL_SIZE`]: num({ default: 10, desc: `Database connections of one ${name} process` }),
  } satisfies Settings;
}

/**
 * The database of a service: the one that is set for it, or souk_<service> on the mesh's server.
 *
 * @param name the service's name
 * @param settings the settings that were read
 */
export function databaseUrl(name: string, settings: Readonly<Record<string, unknown>>): string {
  const own = settings[`${name.toUpperCase()}_DATABASE_URL`];
  if (typeof own === "string") return own;
  const url = new URL(String(settings["SOUK_POSTGRES_URL"]));
  url.pathname = `/souk_${name}`;
  return url.toString();
}

/**
 * Reads settings from the environment.
 *
 * @param settings what to read
 * @param env the environment
 * @throws ConfigurationError that lists every problem at once, each with what the setting is for
 */
export function readSettings<S extends Settings>(settings: S, env: NodeJS.ProcessEnv): CleanedEnv<S> {
  const problems: string[] = [];
  const read = cleanEnv(env, settings, {
    reporter({ errors }) {
      for (const [name, error] of Object.entries(errors)) {
        const { desc } = settings[name as keyof S] as { desc?: string };
        const why =
          env[name] === undefined
            ? "is not set"
            : ((error as Error | undefined)?.message ?? "cannot be read");
        problems.push(`${name} ${why}. It is: ${desc ?? ""}`);
      }
    },
  });
  if (problems.length > 0) throw new ConfigurationError(problems.join("\n"));
  return read;
}
