import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ImportProductsRequestSchema,
  type ImportProductsResponse,
  ProductAdminService,
} from "#gen/souk/product/v1/product_admin_pb.ts";
import { ConfigurationError } from "#kit/config.ts";
import { becomeOperator } from "./operator.ts";
import { priceInDollars } from "./price-in-dollars.ts";
import { runTool } from "./run-tool.ts";
import { operatorKey } from "./secrets.ts";
import { readLocalConfig } from "./settings.ts";

const SHIPPED = join(import.meta.dirname, "catalogue.csv");
const TIMEOUT_MS = 600_000;

/**
 * Reads a CSV file in Shopify's product format into the shop that runs here:
 *   node deploy/local/import-catalogue.ts [file] [currency]
 * Without a file it is the catalogue that comes with the shop, which is sold in dollars too.
 */
await runTool(async () => {
  const [file = SHIPPED, currency = "EUR"] = process.argv.slice(2);
  const source = await openSource(file);
  const { dataDir, ports } = readLocalConfig(process.env);
  const addressOf = () => `127.0.0.1:${ports.programs["product"]}`;
  const operator = becomeOperator(operatorKey(dataDir), addressOf, TIMEOUT_MS);
  try {
    const admin = operator.scope.mesh(ProductAdminService);
    for await (const { part } of admin.importProducts(partsOf(source, currency))) tell(part);
    if (file === SHIPPED)
      process.stdout.write(`${await priceInDollars(operator.scope)} variants priced in dollars\n`);
  } finally {
    operator.close();
  }
});

/** It is opened before the call: the service is not told why a stream stops, so its answer would not tell it either. */
async function openSource(file: string): Promise<FileHandle> {
  try {
    return await open(file);
  } catch (error) {
    throw new ConfigurationError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

async function* partsOf(
  source: FileHandle,
  currency: string,
): AsyncIterable<MessageInitShape<typeof ImportProductsRequestSchema>> {
  yield { part: { case: "options", value: { currency } } };
  for await (const chunk of source.createReadStream())
    yield { part: { case: "chunk", value: chunk as Uint8Array } };
}

function tell(part: ImportProductsResponse["part"]): void {
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
