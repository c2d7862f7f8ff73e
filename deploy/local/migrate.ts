import { databaseUrl } from "#kit/config.ts";
import { migrate } from "#kit/data/migrate.ts";
import { servicePrograms } from "./service-programs.ts";

/** Brings the databases of all services up to date. */
for (const { name, migrations } of servicePrograms) {
  const url = databaseUrl(name, { SOUK_POSTGRES_URL: "", ...process.env });
  const made = await migrate(url, migrations);
  if (made.length > 0) process.stdout.write(`${name}: ${made.join(", ")}\n`);
}
