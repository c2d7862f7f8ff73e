import pg from "pg";
import type { Logger } from "pino";
import { MeshReason, refuseMesh } from "../error.ts";
import { requestCancel, type Session } from "./cancel.ts";
import { isStalePlan, toDataError } from "./failure.ts";
import { typeParsers } from "./types.ts";

/** What a statement gave back. */
export interface SqlResult {
  // biome-ignore lint/suspicious/noExplicitAny: the columns are known where the statement is written.
  readonly rows: any[];
  /** How many rows were read or changed. */
  readonly rowCount: number;
  /** The command that was carried out, for example "UPDATE". */
  readonly command: string;
}

/** A connection that was taken from the pool. */
export interface SqlConnection {
  /**
   * Sends a statement behind those sent before, without waiting for their results. What is sent in one go leaves
   * in one packet.
   *
   * @throws SoukError when the database is away or the statement took too long
   * @throws DatabaseError of the driver for every other failure
   */
  run(text: string, values?: readonly unknown[]): Promise<SqlResult>;
  /** Ends what the server is doing for this connection, if anything; its statements fail. */
  cancel(): void;
  /** Gives the connection back; one that broke, was cancelled, or holds plans of an old schema, is closed instead. */
  release(): void;
}

/** A bounded set of connections to one database. */
export interface SqlPool {
  /**
   * Takes a connection.
   *
   * @param deadline until when to wait for one, in ms since the epoch
   * @throws SoukError when the database is away or the deadline passed
   */
  acquire(deadline?: number): Promise<SqlConnection>;
  /** Runs one statement on any connection. */
  run(text: string, values?: readonly unknown[]): Promise<SqlResult>;
  /** How many statements were sent so far, BEGIN and COMMIT included. */
  statements(): number;
  /** How many connections are open, idle, and waited for. */
  use(): { open: number; idle: number; waiting: number };
  /** Closes all connections, after those in use were given back. */
  close(): Promise<void>;
}

/** Where and how to connect. */
export interface PoolOptions {
  /** For example "postgres://user:password@127.0.0.1:5432/order". */
  readonly url: string;
  /** How many connections at most. */
  readonly size: number;
  /** What the server shows as the owner of the connections. */
  readonly applicationName: string;
  readonly log: Logger;
}

const connectWithinMs = 3_000;
const idleForMs = 60_000;
/** The server ends a statement, a wait for a lock, or a transaction nobody goes on with after these times. */
const statementMs = 15_000;
const lockMs = 5_000;
const idleInTransactionMs = 20_000;
/** After this the server itself is taken for frozen. */
const answerWithinMs = statementMs + 5_000;

/**
 * Opens a pool. Connections are made when they are needed, so the database may be away.
 *
 * @param options where and how to connect
 */
export function openPool(options: PoolOptions): SqlPool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.size,
    application_name: options.applicationName,
    connectionTimeoutMillis: connectWithinMs,
    idleTimeoutMillis: idleForMs,
    statement_timeout: statementMs,
    lock_timeout: lockMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    query_timeout: answerWithinMs,
    keepAlive: true,
    pipeline: true,
    types: typeParsers,
  });
  const broken = (error: Error) => options.log.warn({ err: error }, "a database connection broke");
  pool.on("error", broken);
  // While a connection is in use the pool does not listen for its errors; its statements fail with them.
  pool.on("connect", (client) => client.on("error", () => {}));
  let statements = 0;
  const open = (client: pg.PoolClient) => useConnection(client, () => statements++);

  async function acquire(deadline = Number.POSITIVE_INFINITY): Promise<SqlConnection> {
    const left = deadline - Date.now();
    if (left <= 0) throw tooLate();
    try {
      // Where a connection is free, or a new one takes less time than is left, no timer is needed.
      if (pool.idleCount > 0 || left > connectWithinMs) return open(await pool.connect());
      return open(await connectWithin(pool, left));
    } catch (error) {
      throw toDataError(error);
    }
  }

  return {
    acquire,
    run: async (text, values) => {
      // Each connection that was open before a migration may hold a plan that is of no use any more.
      for (let stale = 0; ; stale++) {
        const connection = await acquire();
        try {
          return await connection.run(text, values);
        } catch (error) {
          if (!isStalePlan(error) || stale > options.size) throw error;
        } finally {
          connection.release();
        }
      }
    },
    statements: () => statements,
    use: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => pool.end(),
  };
}

function useConnection(client: pg.PoolClient, count: () => void): SqlConnection {
  const { stream } = client.connection;
  let stale = false;
  let running = 0;
  let held = false;

  function holdForOthers(): void {
    if (held) return;
    held = true;
    stream.cork();
    process.nextTick(() => {
      held = false;
      stream.uncork();
    });
  }

  return {
    run: async (text, values) => {
      count();
      running++;
      holdForOthers();
      try {
        const parameters = values as unknown[] | undefined;
        const result = await client.query({ name: statementName(text, values), text, values: parameters });
        return result as SqlResult;
      } catch (error) {
        if (isStalePlan(error)) stale = true;
        throw toDataError(error);
      } finally {
        running--;
      }
    },
    cancel: () => {
      if (running === 0) return;
      // The request may come late: nobody else's statement must be there for it to hit.
      stale = true;
      requestCancel(client as unknown as Session);
    },
    release: () => client.release(stale),
  };
}

async function connectWithin(pool: pg.Pool, ms: number): Promise<pg.PoolClient> {
  let timer: NodeJS.Timeout | undefined;
  let late = false;
  const connecting = pool.connect();
  const timeUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late = true;
      reject(tooLate());
    }, ms);
  });
  connecting.then(
    (client) => late && client.release(),
    () => {},
  );
  try {
    return await Promise.race([connecting, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}

/** In a statement: its best plan depends on the values that it comes with, so that it is never kept prepared. */
export const PLANNED_EACH_TIME = "/* planned each time */";

const names = new Map<string, string>();
const uses = new Map<string, number>();
/** So often a statement is sent before it gets a name. */
const USES_BEFORE_NAME = 5;
/** Each connection of the server keeps what is prepared, so that there must not be too much of it. */
const MOST_NAMES = 500;
const MOST_COUNTED = 1_000;

/**
 * The name under which connections keep a statement prepared, which spares the server to parse and plan it.
 * Texts without parameters, and those that are made up each time, get none.
 */
function statementName(text: string, values: readonly unknown[] | undefined): string | undefined {
  const name = names.get(text);
  if (name !== undefined || values === undefined || values.length === 0 || names.size >= MOST_NAMES)
    return name;
  if (text.includes(PLANNED_EACH_TIME)) return undefined;
  const used = (uses.get(text) ?? 0) + 1;
  if (used < USES_BEFORE_NAME) {
    if (uses.size >= MOST_COUNTED) uses.clear();
    uses.set(text, used);
    return undefined;
  }
  uses.delete(text);
  const fresh = `s${names.size}`;
  names.set(text, fresh);
  return fresh;
}

function tooLate() {
  return refuseMesh(
    MeshReason.DEADLINE_EXCEEDED,
    "the time of the call was up before a database connection was free",
  );
}
