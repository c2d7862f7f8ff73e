import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "pino";

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
  /** Waits until the server is there, for ever if need be; rejects once the bus is closed. */
  streams(): Promise<Streams>;
  /**
   * Makes sure that there is a stream for the events of a domain.
   *
   * @param domain for example "order", or "dead" for the dead letters
   * @returns the stream's name
   */
  ensureStream(domain: string): Promise<string>;
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
  let opened: Promise<Streams> | undefined;
  const ensured = new Map<string, Promise<string>>();

  async function open(): Promise<Streams> {
    const connection = await connect({
      servers: options.url,
      name: options.clientName,
      reconnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 100,
      waitOnFirstConnect: true,
      pingInterval: 10_000,
    });
    if (closing.signal.aborted) await connection.close();
    closing.signal.throwIfAborted();
    requireServer(connection);
    void tell(connection, log);
    const manager = await jetstreamManager(connection, { checkAPI: false });
    return { connection, client: jetstream(connection), manager };
  }

  function streams(): Promise<Streams> {
    closing.signal.throwIfAborted();
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  }

  async function makeStream(domain: string): Promise<string> {
    const { manager } = await streams();
    const name = `${namespace}-${domain}`;
    const config = {
      subjects: [`${namespace}.${domain}.>`],
      max_age: domain === "dead" ? 0 : MAX_AGE_NS,
      duplicate_window: DUPLICATE_WINDOW_NS,
    };
    try {
      await manager.streams.update(name, config);
    } catch {
      await manager.streams.add({ name, storage: "file", ...config });
    }
    return name;
  }

  return {
    namespace,
    streams,
    ensureStream(domain) {
      let made = ensured.get(domain);
      if (made === undefined) {
        made = makeStream(domain);
        made.catch(() => ensured.delete(domain));
        ensured.set(domain, made);
      }
      return made;
    },
    async check() {
      const { connection } = await streams();
      await connection.rtt();
    },
    async close() {
      closing.abort(new Error("the event bus is closed"));
      const connection = await opened?.then((it) => it.connection).catch(() => undefined);
      await connection?.close();
    },
  };
}

function requireServer(connection: NatsConnection): void {
  const version = connection.info?.version ?? "";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_SERVER;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  void connection.close();
  throw new Error(`NATS ${version} is too old; ${OLDEST_SERVER.join(".")} or later is needed`);
}

async function tell(connection: NatsConnection, log: Logger): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type === "disconnect") log.warn("NATS is away; events wait in the outbox");
    if (type === "reconnect") log.info("NATS is back");
  }
}
