import { createReadStream } from "node:fs";
import type { MessageInitShape } from "@bufbuild/protobuf";
import test from "ava";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import {
  type ImportProductsRequestSchema,
  type ImportProductsResponse,
  ProductAdminService,
} from "#gen/souk/product/v1/product_admin_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import { Code, SoukError } from "#kit/error.ts";
import { inventory } from "../../services/inventory/service.ts";
import { product } from "../../services/product/service.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";

type Part = MessageInitShape<typeof ImportProductsRequestSchema>;

const HEADER =
  "Handle,Title,Type,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Inventory Qty\n";
const EUR: Part = { part: { case: "options", value: { currency: "EUR" } } };

/** An id that nothing has. */
const NOTHING = "0190a000-0000-7000-8000-000000000000";

let mesh: TestMesh;
const file = afterFile(test);

test.before(async () => {
  mesh = await startTestMesh(file, [product, inventory]);
});

const shopper = () => mesh.withToken(ProductService, "");

function chunk(text: string | Uint8Array): Part {
  return { part: { case: "chunk", value: typeof text === "string" ? Buffer.from(text) : text } };
}

async function importParts(...parts: Part[]): Promise<ImportProductsResponse["part"][]> {
  async function* requests() {
    yield* parts;
  }
  const responses = await Array.fromAsync(mesh.as(ProductAdminService).importProducts(requests()));
  return responses.map(({ part }) => part);
}

test.serial("the shipped catalogue is imported as a stream, and its variants are in stock", async (t) => {
  async function* requests(): AsyncGenerator<Part> {
    yield EUR;
    for await (const bytes of createReadStream(
      new URL("../../deploy/local/catalogue.csv", import.meta.url),
    )) {
      yield chunk(bytes);
    }
  }
  const parts = (await Array.fromAsync(mesh.as(ProductAdminService).importProducts(requests()))).map(
    (it) => it.part,
  );
  t.like(parts.at(-1), {
    case: "result",
    value: { productsCreated: 202n, productsUpdated: 0n, problems: 0n },
  });
  t.true(parts.slice(0, -1).every(({ case: kind }) => kind === "progress"));

  const { products, nextPageToken } = await shopper().listProducts({});
  t.is(products.length, 20);
  t.true(nextPageToken !== "");
  const found = await shopper().searchProducts({ query: "desk lamp" });
  t.regex(found.products[0]?.title ?? "", /lamp/i);
  const slug = found.products[0]?.slug as string;
  const got = await shopper().getProduct({ by: { case: "slug", value: slug } });
  t.deepEqual(got.product, found.products[0]);
  const unknown = await mesh.as(ProductService, "order").findUnknown({
    productIds: [got.product?.id ?? "", NOTHING, NOTHING],
    categoryIds: [got.product?.category?.id ?? "", NOTHING],
  });
  t.like(unknown, { productIds: [NOTHING], categoryIds: [NOTHING] });
  const { categories } = await shopper().listCategories({});
  let published = products.length;
  for (let pageToken = nextPageToken; pageToken !== ""; ) {
    const page = await shopper().listProducts({ pageSize: 100, pageToken });
    published += page.products.length;
    pageToken = page.nextPageToken;
  }
  t.is(
    categories.reduce((all, it) => all + it.products, 0n),
    BigInt(published),
  );

  const ids = products.flatMap(({ variants }) => variants.map(({ id }) => id));
  const { variants } = await mesh.as(ProductService, "order").batchGetVariants({ ids });
  t.is(variants.length, ids.length);
  await eventually(async () => {
    const { levels } = await mesh.withToken(InventoryService, "").getStock({ variantIds: ids });
    const stocked = levels.filter(({ available }) => available > 0n).length;
    if (stocked < ids.length / 2) throw new Error(`${stocked} of ${ids.length} are in stock`);
  });
});

test.serial("problems and progress come back while the file is still being sent", async (t) => {
  const sent: Part[] = [EUR, chunk(`${HEADER}bad,Bad,,,,BAD,cheap,1\n`)];
  const more = Promise.withResolvers<void>();
  async function* requests() {
    yield* sent;
    yield chunk("good,Good,,,,GOOD,1.00,1\n");
    await more.promise;
  }
  const responses = mesh.as(ProductAdminService).importProducts(requests())[Symbol.asyncIterator]();
  const first = await responses.next();
  t.like(first.value?.part, {
    case: "problem",
    value: { line: 2n, column: "Variant Price", handle: "bad" },
  });
  more.resolve();
  const rest: ImportProductsResponse["part"][] = [];
  for (let next = await responses.next(); next.done !== true; next = await responses.next()) {
    rest.push(next.value.part);
  }
  t.like(rest.at(-2), { case: "progress", value: { products: 1n } });
  t.like(rest.at(-1), { case: "result", value: { productsCreated: 1n, variants: 1n, problems: 2n } });
});

test.serial("a caller who hangs up leaves nothing half done behind, and the next import works", async (t) => {
  const hangUp = new AbortController();
  async function* requests() {
    yield EUR;
    yield chunk(
      `${HEADER}${Array.from({ length: 60 }, (_, at) => `half-${at},Zwirn,,,,HALF-${at},1.00,1\n`).join("")}`,
    );
    await new Promise(() => {});
  }
  const responses = mesh.as(ProductAdminService).importProducts(requests(), { signal: hangUp.signal });
  const refused = await t.throwsAsync<SoukError>(
    async () => {
      for await (const { part } of responses) {
        t.like(part, { case: "progress", value: { products: 50n } });
        hangUp.abort();
      }
    },
    { instanceOf: SoukError },
  );
  t.is(refused.code, Code.CANCELLED);
  const rest = await importParts(EUR, chunk(`${HEADER}after,After,,,,AFTER,1.00,1\n`));
  t.like(rest.at(-1), { case: "result", value: { productsCreated: 1n } });
  t.is((await shopper().searchProducts({ query: "zwirn", pageSize: 100 })).products.length, 50);
});

test.serial(
  "an import begins with its options, which come once and name a currency that there is",
  async (t) => {
    const dollars: Part = { part: { case: "options", value: { currency: "QQQ" } } };
    for (const [parts, reason] of [
      [[chunk(HEADER)], "IMPORT_OUT_OF_ORDER"],
      [[], "IMPORT_OUT_OF_ORDER"],
      [[EUR, EUR], "IMPORT_OUT_OF_ORDER"],
      [[dollars], "INVALID_REQUEST"],
    ] as const) {
      const refused = await t.throwsAsync<SoukError>(importParts(...parts), { instanceOf: SoukError });
      t.is(refused.reason, reason, `${refused.code} ${refused.message}`);
    }
  },
);

test.serial("only staff imports, and only order gets variants in batches", async (t) => {
  async function* requests() {
    yield EUR;
  }
  const attempts = [
    () => Array.fromAsync(mesh.withToken(ProductAdminService, "").importProducts(requests())),
    () => shopper().batchGetVariants({ ids: [NOTHING] }),
    () => shopper().findUnknown({ productIds: [NOTHING] }),
  ];
  for (const attempt of attempts) {
    const refused = await t.throwsAsync<SoukError>(attempt, { instanceOf: SoukError });
    t.true(refused.code === Code.PERMISSION_DENIED || refused.code === Code.UNAUTHENTICATED);
  }
});

test.serial("what is not there is refused with its reason", async (t) => {
  const product = shopper().getProduct({ by: { case: "slug", value: "nothing" } });
  t.is((await t.throwsAsync<SoukError>(product, { instanceOf: SoukError })).reason, "PRODUCT_NOT_FOUND");
  const category = shopper().listProducts({ categorySlug: "nowhere" });
  t.is((await t.throwsAsync<SoukError>(category, { instanceOf: SoukError })).reason, "CATEGORY_NOT_FOUND");
});
