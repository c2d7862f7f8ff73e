import { setTimeout as delay } from "node:timers/promises";
import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "pino";
import { MeshReason, refuseMesh } from "../error.ts";

/** JetStream as it was found on the server. */
export interface Streams {
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
}

/** The event bus of one program. */
export interface EventBus {
  /** First part of subjects and stream names. */
  readonly namespace: string;
  /**
   * JetStream, when the server is there.
   *
   * @throws SoukError DEPENDENCY_UNAVAILABLE while it is away
   */
  streams(): Streams;
  /** Whether the server is away. */
  isAway(): boolean;
  /**
   * Works with the stream of a domain, which is made where it is missing. Where the work fails it is looked again
   * whether it is there: operators delete streams, and servers lose what they stored.
   *
   * @param domain for example "order", or "dead" for the dead letters
   * @param work told the stream's name
   * @throws SoukError DEPENDENCY_UNAVAILABLE while the server is away, or whatever the work throws
   */
  withStream<R>(domain: string, work: (stream: string, streams: Streams) => Promise<R>): Promise<R>;
  /** @throws Error when the server is away */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Older servers lack what the streams and consumers here ask for, or pass over it in silence. */
const OLDEST_SERVER = [2, 10] as const;
/** How long events are kept for consumers that are yet to come, in ns. */
const MAX_AGE_NS = 30 * 24 * 3_600 * 1e9;
/** Within this time the server drops an event that is published again, in ns. */
const DUPLICATE_WINDOW_NS = 120 * 1e9;
const CONNECT_MS = 2_000;
const RETRY_MS = 250;

/**
 * Connects to NATS in the background and for ever: the server may be away at any time.
 *
 * @param options where it is, and what to call oneself there
 */
export function openEventBus(options: {
  url: string;
  namespace: string;
  clientName: string;
  log: Logger;
}): EventBus {
  const { namespace, log } = options;
  const closing = new AbortController();
  const ensured = new Map<string, Promise<string>>();
  let found: Streams | undefined;
  let away = true;

  /** Goes on until the bus is closed; once there is a connection, it mends itself. */
  async function keepConnected(): Promise<void> {
    for (let told = false; !closing.signal.aborted; told = true) {
      try {
        found = await open(options);
        away = false;
        await watch(found.connection);
      } catch (error) {
        if (!told) log.warn({ err: error }, "NATS is away; events wait in the outbox");
      }
      found = undefined;
      away = true;
      ensured.clear();
      await delay(RETRY_MS, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  async function watch(connection: NatsConnection): Promise<void> {
    if (closing.signal.aborted) await connection.close();
    for await (const { type } of connection.status()) {
      if (type === "disconnect") {
        away = true;
        log.warn("NATS is away; events wait in the outbox");
      }
      if (type === "reconnect") {
        away = false;
        // The server may come back without what it had.
        ensured.clear();
        log.info("NATS is back");
      }
    }
  }

  function streams(): Streams {
    if (found !== undefined && !away) return found;
    throw refuseMesh(MeshReason.DEPENDENCY_UNAVAILABLE, "NATS cannot be reached; try again in a moment", {
      retryAfterMs: 1_000,
    });
  }

  async function makeStream(domain: string): Promise<string> {
    const { manager } = streams();
    const name = `${namespace}-${domain}`;
    const config = {
      subjects: [`${namespace}.${domain}.>`],
      duplicate_window: DUPLICATE_WINDOW_NS,
      // Dead letters stay until somebody sees to them; of each there is the latest state.
      ...(domain === "dead" ? { max_age: 0, max_msgs_per_subject: 1 } : { max_age: MAX_AGE_NS }),
    };
    try {
      await manager.streams.update(name, config);
    } catch {
      await manager.streams.add({ name, storage: "file", ...config });
    }
    return name;
  }

  async function withStream<R>(
    domain: string,
    work: (stream: string, streams: Streams) => Promise<R>,
  ): Promise<R> {
    const known = ensured.get(domain);
    const made = known ?? makeStream(domain);
    ensured.set(domain, made);
    try {
      return await work(await made, streams());
    } catch (error) {
      if (ensured.get(domain) === made) ensured.delete(domain);
      if (known !== undefined && isMissing(error)) return withStream(domain, work);
      throw error;
    }
  }

  const connected = keepConnected();
  return {
    namespace,
    streams,
    isAway: () => away,
    withStream,
    async check() {
      await streams().connection.rtt();
    },
    async close() {
      closing.abort();
      await found?.connection.close();
      await connected;
    },
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}

async function open({ url, clientName }: { url: string; clientName: string }): Promise<Streams> {
  const connection = await connect({
    servers: url,
    name: clientName,
    maxReconnectAttempts: -1,
    // A server that is set up anew may refuse for a while who is right.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RETRY_MS,
    reconnectJitter: RETRY_MS / 2,
    pingInterval: 10_000,
    timeout: CONNECT_MS,
    // Each message would make an error, to have its stack at hand should it fail.
    noAsyncTraces: true,
  });
  try {
    requireServer(connection);
    const manager = await jetstreamManager(connection, { checkAPI: false });
    return { connection, client: jetstream(connection), manager };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function requireServer(connection: NatsConnection): void {
  const version = connection.info?.version ?? "";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_SERVER;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new Error(`NATS ${version} is too old; ${OLDEST_SERVER.join(".")} or later is needed`);
}
