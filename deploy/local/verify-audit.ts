import { existsSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { ConfigurationError, databaseUrl } from "#kit/config.ts";
import { verifyChain } from "../../services/auth/audit/verify.ts";
import { runTool } from "./run-tool.ts";
import { developmentSecrets, secretsFile } from "./secrets.ts";
import { readLocalConfig } from "./settings.ts";
import { keepPassword, superuser } from "./stores/postgres-cluster.ts";

/**
 * Walks the chain of audit records and ends with exit code 1 where it is broken:
 *   node deploy/local/verify-audit.ts [head]
 * The head that it prints is kept elsewhere and given the next time. The chain is that of the shop that runs here,
 * or the one that AUTH_DATABASE_URL or SOUK_POSTGRES_URL names, with SOUK_TRUST_BUNDLE for its keys.
 */
await runTool(async () => {
  const [kept] = process.argv.slice(2);
  const { dataDir, ports } = readLocalConfig(process.env);
  const { AUTH_DATABASE_URL, SOUK_POSTGRES_URL } = process.env;
  const isElsewhere = AUTH_DATABASE_URL !== undefined || SOUK_POSTGRES_URL !== undefined;
  const client = new pg.Client(
    isElsewhere ? databaseUrl("auth", process.env) : addressHere(dataDir, ports.postgres),
  );
  const trustBundle =
    process.env["SOUK_TRUST_BUNDLE"] ?? developmentSecrets(secretsFile(dataDir), []).trustBundle;
  await client.connect();
  try {
    await client.query("begin isolation level repeatable read read only");
    const { sound, head, fault } = await verifyChain(
      (text, values) => client.query(text, [...values]),
      JSON.parse(trustBundle).keys,
      kept,
    );
    if (fault !== undefined) throw new Error(`The chain is broken after ${sound} records: ${fault}.`);
    process.stdout.write(`${sound} records, an unbroken chain. Its head, to be kept elsewhere: ${head}\n`);
  } finally {
    await client.end();
  }
});

/** The database of the shop that runs here. */
function addressHere(dataDir: string, port: number): string {
  const folder = join(dataDir, "postgres");
  if (!existsSync(folder))
    throw new ConfigurationError(
      `no shop is in ${dataDir}: npm start makes one, and AUTH_DATABASE_URL names the database of another`,
    );
  const password = keepPassword(folder);
  return databaseUrl("auth", { SOUK_POSTGRES_URL: `postgres://${superuser}:${password}@127.0.0.1:${port}` });
}
