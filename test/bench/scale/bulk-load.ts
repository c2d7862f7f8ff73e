import pg from "pg";

/** Part of the protocol of PostgreSQL that pg speaks for itself and does not offer (PostgreSQL, 53.2.6). */
interface CopyConnection {
  readonly stream: { readonly writableNeedDrain: boolean; once(event: "drain", go: () => void): void };
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
}

/** Rows are sent in pieces of about this many bytes. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Sends rows into a table with COPY.
 *
 * @param client a connection
 * @param target the table and its columns, for example "t (a, b)"
 * @param rows their columns in COPY's text format
 * @throws DatabaseError of the driver
 */
export function copyRows(
  client: pg.Client,
  target: string,
  rows: Iterable<readonly string[]>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const send = async (connection: CopyConnection) => {
    try {
      for (const chunk of chunksOf(rows)) {
        connection.sendCopyFromChunk(chunk);
        if (connection.stream.writableNeedDrain)
          await new Promise<void>((go) => connection.stream.once("drain", go));
      }
      connection.endCopyFrom();
    } catch (error) {
      connection.sendCopyFail(String(error));
    }
  };
  const ignore = () => {};
  client.query({
    submit: (connection: CopyConnection) => connection.query(`copy ${target} from stdin`),
    handleCopyInResponse: (connection: CopyConnection) => void send(connection),
    handleError: reject,
    handleReadyForQuery: () => resolve(),
    handleRowDescription: ignore,
    handleDataRow: ignore,
    handleCommandComplete: ignore,
    handleEmptyQuery: ignore,
    handlePortalSuspended: ignore,
    handleCopyData: ignore,
  } as unknown as pg.Submittable);
  return promise;
}

function* chunksOf(rows: Iterable<readonly string[]>): Generator<Buffer> {
  let text = "";
  for (const columns of rows) {
    text += `${columns.join("\t")}\n`;
    if (text.length < CHUNK_BYTES) continue;
    yield Buffer.from(text);
    text = "";
  }
  yield Buffer.from(text);
}

/** A text in COPY's text format. */
export function copyText(text: string): string {
  return text.replace(/[\\\t\n\r]/g, (sign) => `\\${ESCAPES[sign]}`);
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\", "\t": "t", "\n": "n", "\r": "r" };

/** Bytes in COPY's text format. */
export function copyBytes(bytes: Uint8Array): string {
  return `\\\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`;
}

/**
 * Fills a database: nothing of it is checked and no trigger runs, and indexes that no constraint needs are made anew
 * when all is there, which takes less time than to keep them up to date.
 *
 * @param url the database, as its superuser
 * @param fill puts rows into its tables
 */
export async function fillDatabase(url: string, fill: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  // When the shop ends under it, its statements tell.
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query(
      `set session_replication_role = replica; set synchronous_commit = off; set work_mem = '256MB';
       set maintenance_work_mem = '512MB'; set max_parallel_maintenance_workers = 1`,
    );
    const { rows: indexes } = await client.query<{ name: string; definition: string }>(
      `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
         from pg_index join pg_class on pg_class.oid = indexrelid
        where relnamespace in ('public'::regnamespace, to_regnamespace('sandbox'))
          and not exists (select from pg_constraint where conindid = indexrelid)`,
    );
    for (const { name } of indexes) await client.query(`drop index ${name}`);
    await fill(client);
    for (const { definition } of indexes) await client.query(definition);
    await client.query("drop schema if exists bench cascade");
    await client.query("vacuum (analyze)");
  } finally {
    await client.end();
  }
}
