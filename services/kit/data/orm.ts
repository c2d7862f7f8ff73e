import { type EntityManager, MikroORM } from "@mikro-orm/postgresql";
import type { Dialect, Kysely } from "kysely";
import type { Entities } from "./tables.ts";

/**
 * Makes the mapper on first use: many processes never need one.
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
    orm ??= new MikroORM({
      entities: [...entities],
      // It sends nothing by itself: the name only stands where the mapper wants one.
      dbName: "unused",
      driverOptions: dialect,
      ensureDatabase: false,
      allowGlobalContext: false,
    });
    const em = orm.em.fork() as EntityManager;
    em.setTransactionContext(transaction);
    return em;
  };
}
