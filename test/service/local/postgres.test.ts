import test from "ava";
import { withConnection } from "../../../deploy/local/stores/databases.ts";
import { createDatabase } from "../../stores.ts";

test("a database of a test takes the extensions that the shop needs", async (t) => {
  const database = await createDatabase(t);
  const rows = await withConnection(database.url, async (client) => {
    await client.query("CREATE EXTENSION pg_trgm");
    await client.query("CREATE EXTENSION unaccent");
    return (
      await client.query("SELECT unaccent('Café') AS plain, similarity('shirt', 'shrit') > 0.1 AS close")
    ).rows;
  });
  t.deepEqual(rows, [{ plain: "Cafe", close: true }]);
});
