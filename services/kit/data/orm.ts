import { createRequire } from "node:module";
import type { EntityManager, MikroORM } from "@mikro-orm/postgresql";
import type { Dialect, Kysely } from "kysely";
import type { Entities } from "./tables.ts";

const require = createRequire(import.meta.url);

/**
 * Makes the mapper on first use: it takes 25 MB and a fifth of a second, and many processes never need one.
 *
 * @param dialect the dialect of the pool
 * @param entities what it maps
 * @returns makes an entity manager that works inside a transaction
 */
export function lazyEntityManagers(
  dialect: Dialect,
  entities: Entities,
): (transaction: Kysely<never>) => EntityManager {
  let orm: MikroORM | undefined;
  return (transaction) => {
    orm ??= makeMapper(dialect, entities);
    const em = orm.em.fork() as EntityManager;
    em.setTransactionContext(transaction);
    return em;
  };
}

function makeMapper(dialect: Dialect, entities: Entities): MikroORM {
  const { MikroORM } = require("@mikro-orm/postgresql") as typeof import("@mikro-orm/postgresql");
  return new MikroORM({
    entities: [...entities],
    // It sends nothing by itself: the name only stands where the mapper wants one.
    dbName: "unused",
    driverOptions: dialect,
    ensureDatabase: false,
    allowGlobalContext: false,
  });
}
