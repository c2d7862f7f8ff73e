import type { Constructor } from "@mikro-orm/core";
import { Migration, Migrator } from "@mikro-orm/migrations";
import { MikroORM } from "@mikro-orm/postgresql";
import pg from "pg";
import { meshMigrations } from "./mesh-schema.ts";
import type { Migrations, SchemaChange } from "./migrations.ts";

/**
 * Brings a database up to date: makes it when it is missing, then makes the changes that it lacks, all or
 * none. Two that run at once wait for each other.
 *
 * @param url the database
 * @param migrations the service's own changes; the kit's come before them
 * @returns the names of the changes that were made
 */
export async function migrate(url: string, migrations: Migrations): Promise<string[]> {
  await createDatabase(url);
  return withMigrator(url, migrations, async (migrator) => (await migrator.up()).map(({ name }) => name));
}

/**
 * Undoes the changes that were made last.
 *
 * @param url the database
 * @param migrations the service's own changes
 * @param to the name of the change that stays while those after it are undone; 0 undoes all
 * @returns the names of the changes that were undone
 */
export async function migrateDown(url: string, migrations: Migrations, to: string | 0): Promise<string[]> {
  return withMigrator(url, migrations, async (migrator) =>
    (await migrator.down({ to })).map(({ name }) => name),
  );
}

async function withMigrator<T>(
  url: string,
  migrations: Migrations,
  work: (migrator: Migrator) => Promise<T>,
): Promise<T> {
  const lock = new pg.Client({ connectionString: url, application_name: "souk-migrate" });
  await lock.connect();
  try {
    await lock.query("select pg_advisory_lock(hashtext('souk/migrate'))");
    await lock.query("create schema if not exists mesh");
    const orm = new MikroORM({
      clientUrl: url,
      entities: [],
      discovery: { warnWhenNoEntities: false },
      extensions: [Migrator],
      migrations: {
        tableName: "mesh.migration",
        snapshot: false,
        silent: true,
        migrationsList: [...meshMigrations, ...migrations].map((change) => ({
          name: change.name,
          class: migrationOf(change),
        })),
      },
    });
    try {
      return await work(orm.migrator as Migrator);
    } finally {
      await orm.close();
    }
  } finally {
    await lock.end();
  }
}

function migrationOf({ up, down }: SchemaChange): Constructor<Migration> {
  return class extends Migration {
    override up(): void {
      this.addSql(up);
    }
    override down(): void {
      this.addSql(down);
    }
  };
}

async function createDatabase(url: string): Promise<void> {
  const target = new URL(url);
  const name = decodeURIComponent(target.pathname.slice(1));
  target.pathname = "/postgres";
  const client = new pg.Client({ connectionString: target.toString() });
  await client.connect();
  try {
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [name]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
  } catch (error) {
    // Somebody else made it meanwhile: duplicate_database, or unique_violation when both began at once.
    if (!["42P04", "23505"].includes((error as { code?: string }).code ?? "")) throw error;
  } finally {
    await client.end();
  }
}
