import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import test from "ava";
import {
  type ImportProductsRequestSchema,
  ProductAdminService,
} from "#gen/souk/product/v1/product_admin_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import { start } from "#kit/run.ts";
import { product } from "../../services/product/service.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh, testClient } from "../mesh.ts";

const HEADER = "Handle,Title,Type,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Inventory Qty";

const ROUNDS = 30;

/** How many SQL statements the product service has sent. */
async function countStatements(mesh: TestMesh): Promise<number> {
  const metrics = await fetch(`http://127.0.0.1:${mesh.port("product", "operations")}/metrics`);
  const samples = (await metrics.text()).matchAll(/^souk_sql_statements_total(?:\{[^}]*\})? (\d+)/gm);
  return samples.reduce((sum, [, count]) => sum + Number(count), 0);
}

async function importLamp(mesh: TestMesh, title: string): Promise<void> {
  async function* requests(): AsyncGenerator<MessageInitShape<typeof ImportProductsRequestSchema>> {
    yield { part: { case: "options", value: { currency: "EUR" } } };
    const csv = `${HEADER}\nlamp,${title},Lamps,,,LAMP,1.00,1\n`;
    yield { part: { case: "chunk", value: Buffer.from(csv) } };
  }
  await Array.fromAsync(mesh.as(ProductAdminService).importProducts(requests()));
}

test("what shoppers read again costs no statement, and a change is seen at once here and soon in every replica", async (t) => {
  const mesh = await startTestMesh(t, [product]);
  await importLamp(mesh, "Lamp");
  const here = mesh.withToken(ProductService, "");
  const readHere = () =>
    Promise.all([
      here.getProduct({ by: { case: "slug", value: "lamp" } }),
      here.listProducts({}),
      here.searchProducts({ query: "lamp" }),
      here.listCategories({}),
    ]);
  const first = await readHere();
  await eventually(async () => {
    const before = await countStatements(mesh);
    for (const _ of Array(ROUNDS)) t.deepEqual(await readHere(), first);
    // Reading the measurements and the jobs of the service send some themselves.
    assert.ok((await countStatements(mesh)) - before < ROUNDS);
  });

  const replica = await start([product], { ...mesh.env });
  t.teardown(() => replica.stop());
  const address = `127.0.0.1:${replica.programs[0]?.ports["grpc"]}`;
  const there = testClient(t, address, ProductService, { accessToken: "" }, mesh.env);
  const titleThere = async () => (await there.listProducts({})).products[0]?.title;
  t.is(await titleThere(), "Lamp");
  for (const title of ["Lamp two", "Lamp three"]) {
    await importLamp(mesh, title);
    const [{ product: shown }, { products }, found] = await readHere();
    t.deepEqual([shown?.title, products[0]?.title, found.products[0]?.title], [title, title, title]);
    await eventually(async () => assert.equal(await titleThere(), title));
    t.is((await there.getProduct({ by: { case: "slug", value: "lamp" } })).product?.title, title);
  }
});
