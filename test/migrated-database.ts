import { createHash } from "node:crypto";
import { meshMigrations } from "#kit/data/mesh-schema.ts";
import type { Migrations } from "#kit/data/migrations.ts";
import { withConnection } from "../deploy/local/stores/databases.ts";
import { createDatabase, type Teardown, type TestDatabase, testStores } from "./stores.ts";

/** The templates that are there, by name. */
const templates = new Map<string, Promise<void>>();

/**
 * Makes a database that no other test knows and that has been through migrations. They are made once in a run, in a
 * template: to copy it costs a tenth.
 *
 * @param t the test after which the database is dropped
 * @param migrations the service's own; the kit's come before them
 */
export async function createMigratedDatabase(t: Teardown, migrations: Migrations): Promise<TestDatabase> {
  const { templatePrefix } = await testStores();
  const changes = JSON.stringify([...meshMigrations, ...migrations]);
  const template = templatePrefix + createHash("sha256").update(changes).digest("hex").slice(0, 16);
  let made = templates.get(template);
  if (made === undefined) {
    made = makeTemplate(template, migrations);
    templates.set(template, made);
  }
  await made;
  return createDatabase(t, template);
}

async function makeTemplate(name: string, migrations: Migrations): Promise<void> {
  const { postgresUrl } = await testStores();
  await withConnection(postgresUrl, async (client) => {
    // Of the processes that want it at the same time, one makes it.
    await client.query("SELECT pg_advisory_lock(hashtext($1))", [name]);
    const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
    if (rowCount !== 0) return;
    // Loads half of the mapper, which most test processes do without.
    const { migrate } = await import("#kit/data/migrate.ts");
    const draft = await createDatabase();
    await migrate(draft.url, migrations);
    await client.query(`ALTER DATABASE ${draft.name} RENAME TO ${name}`);
  });
}
