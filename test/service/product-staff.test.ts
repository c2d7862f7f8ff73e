import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import test from "ava";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { ProductAdminService } from "#gen/souk/product/v1/product_admin_pb.ts";
import type { ProductInputSchema } from "#gen/souk/product/v1/product_input_pb.ts";
import { type Product, ProductService, ProductState } from "#gen/souk/product/v1/product_pb.ts";
import { inventory } from "../../services/inventory/service.ts";
import { product } from "../../services/product/service.ts";
import { afterFile } from "../after-file.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { outcomeOf } from "./product-shop.ts";

let mesh: TestMesh;
const file = afterFile(test);

test.before(async () => {
  mesh = await startTestMesh(file, [product, inventory]);
});

const staff = () => mesh.as(ProductAdminService);
const shopper = () => mesh.withToken(ProductService, "");
const NOBODY = "0190a000-0000-7000-8000-000000000000";

type Input = MessageInitShape<typeof ProductInputSchema>;

function shirt(slug: string, more: Partial<Record<string, unknown>> = {}): Input {
  return {
    slug,
    title: slug,
    options: [{ name: "Size", values: ["S", "M", "L"] }],
    variants: [variant(`${slug}-m`, "M", 7n), variant(`${slug}-s`, "S")],
    ...more,
  } as Input;
}

function variant(sku: string, size: string, openingStock = 0n) {
  return { sku, price: { minor: 2_000n, currency: "EUR" }, optionValues: [size], openingStock };
}

async function make(input: Input): Promise<Product> {
  return (await staff().createProduct({ product: input })).product as Product;
}

async function update(id: string, input: Input, paths: string[], etag = ""): Promise<Product> {
  const response = await staff().updateProduct({ id, product: input, updateMask: { paths }, etag });
  return response.product as Product;
}

test("a product is made as a draft, seen by staff alone until it is published, and gone when it is archived", async (t) => {
  const html = `<p onclick="x()">Soft</p><script>alert(1)</script>`;
  const made = await make(shirt("shirt", { descriptionHtml: html, taxClass: "clothes", tags: ["new"] }));
  t.like(made, {
    slug: "shirt",
    descriptionHtml: "<p>Soft</p>",
    state: ProductState.DRAFT,
    taxClass: "clothes",
    etag: "1",
    options: [{ name: "Size", values: ["S", "M"] }],
  });
  const { id } = made;
  const asShopper = () => outcomeOf(shopper().getProduct({ by: { case: "slug", value: "shirt" } }));
  t.is(await asShopper(), "PRODUCT_NOT_FOUND");
  const forStaff = await staff().getProductForStaff({ id });
  t.deepEqual(forStaff.product, made);
  t.deepEqual(
    forStaff.prices.map(({ variantId, prices }) => [variantId, prices[0]?.price?.minor]),
    made.variants.map((it) => [it.id, 2_000n]),
  );
  t.is(await outcomeOf(staff().publishProduct({ id, etag: "7" })), "ETAG_MISMATCH");
  const { product: published } = await staff().publishProduct({ id, etag: "1" });
  t.like(published, { state: ProductState.PUBLISHED, etag: "2" });
  t.deepEqual((await staff().publishProduct({ id, etag: "1" })).product, published);
  t.is(await asShopper(), "done");
  t.is((await shopper().searchProducts({ query: "shirt" })).products.length, 1);
  await staff().archiveProduct({ id });
  t.like((await staff().archiveProduct({ id })).product, { state: ProductState.ARCHIVED, etag: "3" });
  t.is(await asShopper(), "PRODUCT_NOT_FOUND");
  t.is((await shopper().searchProducts({ query: "shirt" })).products.length, 0);
});

test("an update changes what its mask names, and variants keep their ids, also when they swap their SKUs", async (t) => {
  const made = await make(shirt("coat"));
  const [first, second] = made.variants as [Product["variants"][0], Product["variants"][0]];
  const swapped = [
    { ...variant(second.sku, "M"), id: first.id },
    { ...variant(first.sku, "S"), id: second.id },
    variant("coat-l", "L", 4n),
  ];
  const change = shirt("other", { title: "Coat", variants: swapped });
  const paths = ["title", "variants", "options"];
  const changed = await update(made.id, change, paths, "1");
  t.like(changed, { slug: "coat", title: "Coat", etag: "2", options: [{ values: ["S", "M", "L"] }] });
  t.deepEqual(changed.variants.map(({ id, sku }) => [id, sku]).slice(0, 2), [
    [first.id, second.sku],
    [second.id, first.sku],
  ]);
  t.is(await outcomeOf(update(made.id, change, paths, "1")), "ETAG_MISMATCH");
  t.deepEqual(await update(made.id, change, paths), changed, "the same again changes nothing");
  const less = await update(made.id, shirt("x", { variants: [swapped[0]] }), ["variants"]);
  t.deepEqual(less.options[0]?.values, ["M"]);
  const back = await update(made.id, change, paths);
  t.is(back.variants[2]?.id, changed.variants[2]?.id, "a variant that comes back is the same");
  const variantIds = changed.variants.map(({ id }) => id);
  await eventually(async () => {
    const { levels } = await mesh.as(InventoryService).getStock({ variantIds });
    assert.deepEqual(
      levels.map(({ sku, available }) => [sku, available]),
      [
        [second.sku, 7n],
        [first.sku, 0n],
        ["coat-l", 4n],
      ],
    );
  });
});

test("what is wrong with a product is told by field, and nothing is changed", async (t) => {
  const made = await make(shirt("hat"));
  await make(shirt("cap"));
  const attempt = (input: Input) => outcomeOf(staff().createProduct({ product: input }));
  t.is(await attempt(shirt("hat")), "SLUG_TAKEN");
  t.is(await attempt(shirt("beret", { variants: [variant("hat-m", "M")] })), "SKU_TAKEN");
  t.is(await attempt(shirt("beret", { variants: [variant("a", "M"), variant("a", "S")] })), "SKU_TAKEN");
  t.is(await attempt(shirt("beret", { variants: [variant("a", "XXL")] })), "OPTIONS_MISMATCH");
  t.is(
    await attempt(shirt("beret", { variants: [variant("a", "M"), variant("b", "M")] })),
    "OPTIONS_MISMATCH",
  );
  t.is(await attempt(shirt("beret", { options: [] })), "OPTIONS_MISMATCH");
  t.is(await attempt(shirt("beret", { categoryId: NOBODY })), "CATEGORY_NOT_FOUND");
  t.is(await attempt(shirt("beret", { title: " " })), "INVALID_REQUEST");
  t.is(await attempt(shirt("beret", { title: "two\nlines" })), "INVALID_REQUEST");
  t.is(await attempt(shirt("beret", { tags: ["a,b"] })), "INVALID_REQUEST");
  const dollars = { ...variant("b", "S"), price: { minor: 1n, currency: "USD" } };
  t.is(await attempt(shirt("beret", { variants: [variant("a", "M"), dollars] })), "INVALID_REQUEST");
  t.is(await outcomeOf(update(made.id, shirt("cap"), ["slug"])), "SLUG_TAKEN");
  const stranger = { ...variant("x", "M"), id: NOBODY };
  t.is(
    await outcomeOf(update(made.id, shirt("x", { variants: [stranger] }), ["variants"])),
    "VARIANT_NOT_FOUND",
  );
  t.is(await outcomeOf(update(NOBODY, shirt("x"), ["title"])), "PRODUCT_NOT_FOUND");
  t.deepEqual((await staff().getProductForStaff({ id: made.id })).product, made);
  const empty = await make({ title: "Émpty Thing" });
  t.is(empty.slug, "empty-thing");
  t.is(await outcomeOf(staff().publishProduct({ id: empty.id })), "PRODUCT_INCOMPLETE");
  await staff().publishProduct({ id: made.id });
  t.is(await outcomeOf(update(made.id, shirt("x", { variants: [] }), ["variants"])), "PRODUCT_INCOMPLETE");
});

test("a category is made, shown by its products under each new name, and removed when it is empty", async (t) => {
  const { category } = await staff().createCategory({ category: { name: "Sockén & Co" } });
  t.like(category, { slug: "socken-co", name: "Sockén & Co" });
  const id = category?.id as string;
  t.is(await outcomeOf(staff().createCategory({ category: { name: "socken co" } })), "SLUG_TAKEN");
  const sock = await make(shirt("sock", { categoryId: id, variants: [variant("sock", "M")] }));
  await staff().publishProduct({ id: sock.id });
  const read = async () => (await shopper().getProduct({ by: { case: "id", value: sock.id } })).product;
  t.is((await read())?.category?.name, "Sockén & Co");
  const renamed = { id, category: { name: "Hosiery", slug: "ignored" }, updateMask: { paths: ["name"] } };
  const after = { id, slug: "socken-co", name: "Hosiery" };
  t.like((await staff().updateCategory(renamed)).category, after);
  t.like((await read())?.category, after);
  t.like((await shopper().listProducts({ categorySlug: "socken-co" })).products[0]?.category, after);
  t.is((await shopper().searchProducts({ query: "hosiery" })).products.length, 1);
  t.is(await outcomeOf(staff().deleteCategory({ id })), "CATEGORY_NOT_EMPTY");
  t.like(await update(sock.id, { categoryId: "" }, ["category_id"]), { category: undefined });
  await staff().deleteCategory({ id });
  t.is(await outcomeOf(staff().deleteCategory({ id })), "done");
  t.is(await outcomeOf(staff().updateCategory(renamed)), "CATEGORY_NOT_FOUND");
});

test("staff finds products in any state by how their title, slug, SKU or barcode begins, page by page", async (t) => {
  for (const [at, slug] of ["find-one", "find-two", "find-three"].entries()) {
    const barcode = `97800${at}`;
    await make({
      slug,
      title: `100% ${slug}`,
      variants: [{ ...variant(`FND-${at}`, "M"), optionValues: [], barcode }],
    });
  }
  const find = async (query: string) =>
    (await staff().listProductsForStaff({ query })).products.map(({ slug }) => slug);
  t.deepEqual(await find("FIND-"), ["find-three", "find-two", "find-one"]);
  t.deepEqual(await find("100% find-t"), ["find-three", "find-two"]);
  t.deepEqual(await find("%"), []);
  t.deepEqual(await find("fnd-1"), ["find-two"]);
  t.deepEqual(await find("978002"), ["find-three"]);
  const request = { query: "find-", state: ProductState.DRAFT, pageSize: 2 };
  const first = await staff().listProductsForStaff(request);
  const second = await staff().listProductsForStaff({ ...request, pageToken: first.nextPageToken });
  t.deepEqual([first.products.length, second.products.length, second.nextPageToken], [2, 1, ""]);
  t.deepEqual(
    (await staff().listProductsForStaff({ query: "find-", state: ProductState.ARCHIVED })).products,
    [],
  );
  t.deepEqual((await staff().listProductsForStaff({ categorySlug: "nowhere" })).products, []);
});

test("a page of products that no message could carry ends early, and the next one goes on from there", async (t) => {
  const { category } = await staff().createCategory({ category: { slug: "huge", name: "Huge" } });
  const made: string[] = [];
  for (const at of Array(22).keys()) {
    const descriptionHtml = `<p>${"€".repeat(65_000)}</p>`;
    const { id, etag } = await make(shirt(`huge-${at}`, { descriptionHtml, categoryId: category?.id }));
    await staff().publishProduct({ id, etag });
    made.unshift(id);
  }
  const lists = {
    staff: (pageToken: string) => staff().listProductsForStaff({ query: "huge-", pageSize: 100, pageToken }),
    shoppers: (pageToken: string) =>
      shopper().listProducts({ categorySlug: "huge", pageSize: 100, pageToken }),
  };
  for (const [whose, list] of Object.entries(lists)) {
    const pages: string[][] = [];
    let pageToken = "";
    do {
      const { products, nextPageToken } = await list(pageToken);
      pages.push(products.map(({ id }) => id));
      pageToken = nextPageToken;
    } while (pageToken !== "");
    t.deepEqual(pages, [made.slice(0, 10), made.slice(10, 20), made.slice(20)], whose);
  }
});
