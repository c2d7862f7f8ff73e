import pg from "pg";

/** What a server says about itself and about us. */
export interface ServerFacts {
  version: string;
  mayCreateDatabases: boolean;
}

/**
 * Connects to a PostgreSQL server, lets a function work, and disconnects.
 *
 * @throws Error of the driver when the server cannot be reached within 5 seconds or refuses
 */
export async function withConnection<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5000,
    query_timeout: 30_000,
  });
  // A connection that breaks while nothing is asked of it must not end the program.
  client.on("error", () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Asks a PostgreSQL server for its version and whether the user of the URL may create databases. */
export function inspectServer(url: string): Promise<ServerFacts> {
  return withConnection(url, async (client) => {
    const { rows } = await client.query(
      `SELECT current_setting('server_version') AS version, rolcreatedb OR rolsuper AS may_create
         FROM pg_roles WHERE rolname = current_user`,
    );
    return { version: String(rows[0]?.version), mayCreateDatabases: rows[0]?.may_create === true };
  });
}

/**
 * Creates a database unless there is one of that name.
 *
 * @param url any database of the server
 * @returns the URL of the named database
 */
export async function createDatabase(url: string, name: string): Promise<string> {
  await withConnection(url, async (client) => {
    const { rows } = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
    if (rows.length > 0) return;
    try {
      await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
    } catch (error) {
      const duplicateDatabase = "42P04";
      if ((error as { code?: string }).code !== duplicateDatabase) throw error;
    }
  });
  return databaseUrl(url, name);
}

/** Drops a database, and ends the connections to it. Does nothing when there is none of that name. */
export async function dropDatabase(url: string, name: string): Promise<void> {
  await withConnection(url, (client) =>
    client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`),
  );
}

/** The URL of another database of the same server. */
export function databaseUrl(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${encodeURIComponent(name)}`;
  return other.href;
}
