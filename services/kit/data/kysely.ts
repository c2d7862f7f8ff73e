import {
  type CompiledQuery,
  type DatabaseConnection,
  DefaultQueryExecutor,
  type Dialect,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from "kysely";
import type { SqlPool, SqlResult } from "./pool.ts";

/** Sends a statement somewhere: to any connection, or to the one of a transaction. */
export type Run = (text: string, values: readonly unknown[]) => Promise<SqlResult>;

/** Makes the dialect through which both the query builder and the mapper reach the pool. */
export function poolDialect(pool: SqlPool): Dialect {
  return {
    createDriver: () => driver(pool),
    createAdapter: () => adapter,
    createQueryCompiler: () => compiler,
    createIntrospector: (db) => new PostgresIntrospector(db),
  };
}

/**
 * Makes a query builder whose statements all go one way. It costs two small objects, so that each
 * transaction can have its own.
 *
 * @param dialect the dialect of the pool
 * @param run sends a statement
 */
export function queryBuilder<Tables>(dialect: Dialect, run: Run): Kysely<Tables> {
  const connection = connectionOf(run);
  const executor = new DefaultQueryExecutor(compiler, adapter, {
    provideConnection: (consumer) => consumer(connection),
  });
  return new Kysely<Tables>({ config: { dialect }, dialect, driver: noDriver, executor });
}

const adapter = new PostgresAdapter();
const compiler = new PostgresQueryCompiler();

function connectionOf(run: Run): DatabaseConnection {
  return {
    executeQuery: async <R>(query: CompiledQuery): Promise<QueryResult<R>> => {
      const { rows, rowCount, command } = await run(query.sql, query.parameters);
      return changes.has(command) ? { rows, numAffectedRows: BigInt(rowCount) } : { rows };
    },
    streamQuery: () => refuse("Rows are not streamed; read them in pages."),
  };
}

const changes: ReadonlySet<string> = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);

function driver(pool: SqlPool): Driver {
  const connection = connectionOf((text, values) => pool.run(text, values));
  return { ...noDriver, acquireConnection: async () => connection };
}

const noTransaction = async () => refuse("Transactions are made by Database.write alone.");

const noDriver: Driver = {
  init: async () => {},
  acquireConnection: noTransaction,
  beginTransaction: noTransaction,
  commitTransaction: noTransaction,
  rollbackTransaction: noTransaction,
  releaseConnection: async () => {},
  // The pool is closed by the database that owns it.
  destroy: async () => {},
};

function refuse(message: string): never {
  throw new Error(message);
}
