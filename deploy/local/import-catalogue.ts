import { createReadStream } from "node:fs";
import { join } from "node:path";
import { type ImportProductsRequest, ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import { becomeOperator } from "./operator.ts";
import { priceInDollars } from "./price-in-dollars.ts";
import { operatorKey } from "./secrets.ts";
import { readLocalConfig } from "./settings.ts";

/**
 * Reads a CSV file in Shopify's product format into the shop that runs here:
 *   node deploy/local/import-catalogue.ts [file] [currency]
 * Without a file it is the catalogue that comes with the shop, which is sold in dollars too.
 */
const SHIPPED = join(import.meta.dirname, "catalogue.csv");
const [file = SHIPPED, currency = "EUR"] = process.argv.slice(2);
const { dataDir, ports } = readLocalConfig(process.env);
const operator = becomeOperator(
  operatorKey(dataDir),
  () => `127.0.0.1:${ports.programs["product"]}`,
  600_000,
);

async function* parts(): AsyncIterable<{ part: ImportProductsRequest["part"] }> {
  yield { part: { case: "options", value: { currency } as never } };
  for await (const chunk of createReadStream(file))
    yield { part: { case: "chunk", value: chunk as Uint8Array } };
}

for await (const { part } of operator.scope.mesh(ProductAdminService).importProducts(parts() as never)) {
  if (part.case === "problem") {
    const { line, column, handle, reason } = part.value;
    process.stdout.write(`line ${line} ${[handle, column].filter(Boolean).join(", ")}: ${reason}\n`);
  }
  if (part.case === "result") {
    const { productsCreated, productsUpdated, variants, problems } = part.value;
    process.stdout.write(
      `${productsCreated} products created, ${productsUpdated} updated, ${variants} variants, ${problems} rows left out\n`,
    );
  }
}
if (file === SHIPPED)
  process.stdout.write(`${await priceInDollars(operator.scope)} variants priced in dollars\n`);
operator.close();
