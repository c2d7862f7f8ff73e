import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { runScript } from "../../../deploy/local/run-script.ts";
import { product } from "../../../services/product/service.ts";
import { startTestMesh } from "../../mesh.ts";

test("a file of one's own is imported by a command, which names one that it cannot read", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "souk-import-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const mesh = await startTestMesh(t, [product]);
  const run = (file: string) =>
    runScript("deploy/local/import-catalogue.ts", [join(folder, file), "EUR"], {
      PATH: process.env["PATH"],
      OPERATOR_SERVICE_KEY: mesh.env["OPERATOR_SERVICE_KEY"],
      PRODUCT_PORT: `${mesh.port("product")}`,
      SOUK_DATA_DIR: folder,
    });
  const head = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price";
  const rows = ["lamp,Lamp,Title,Default Title,L-1,5,39.00", "cup,Cup,Title,Default Title,C-1,5,cheap"];
  writeFileSync(join(folder, "products.csv"), [head, ...rows].join("\n"));

  const said = await run("products.csv");
  t.regex(said, /^line 3 cup, Variant Price: .*cheap/);
  t.regex(said, /1 products created, 0 updated, 1 variants, \d rows left out$/);
  const missing = await t.throwsAsync(run("product.csv"));
  t.regex(missing?.message ?? "", /product\.csv cannot be read: ENOENT/);
});
