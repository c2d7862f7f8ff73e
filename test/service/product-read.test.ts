import test from "ava";
import { uuidv7 } from "uuidv7";
import { batchGetVariants } from "../../services/product/batch-get-variants.ts";
import { getProduct } from "../../services/product/get-product.ts";
import { listCategories } from "../../services/product/list-categories.ts";
import { afterFile } from "../after-file.ts";
import { openShop, outcomeOf, type Shop } from "./product-shop.ts";

let shop: Shop;
const file = afterFile(test);

test.before(async () => {
  shop = await openShop(file);
  for (let from = 1; from <= 45; from += 15) {
    await shop.import(
      Object.fromEntries(
        Array.from({ length: 15 }, (_, at) => [
          `lamp-${from + at}`,
          {
            type: (from + at) % 3 === 0 ? "Desk Lamps" : "Lamps",
            variants: [{}, { sku: `second-${from + at}` }],
          },
        ]),
      ),
    );
  }
  await shop.import({ draft: { published: false, type: "Secrets" } });
});

const slugs = ({ products }: { products: { slug: string }[] }) => products.map(({ slug }) => slug);

test.serial(
  "a product is given by id and by slug, each in one statement, with all that is known of it",
  async (t) => {
    const { product } = await shop.get("lamp-3");
    t.like(product, {
      slug: "lamp-3",
      title: "lamp 3",
      descriptionHtml: "<p>Made to last.</p>",
      vendor: "Lumen",
      category: { slug: "desk-lamps", name: "Desk Lamps" },
      images: [{ url: "/images/lamp-3.svg", alt: "lamp-3" }],
      state: 2,
      etag: "1",
    });
    t.like(product?.variants[0], { sku: "lamp-3-0", price: { minor: 4900n, currency: "EUR" }, grams: 100 });
    const id = product?.id as string;
    const statements = await shop.countStatements(async () => {
      t.deepEqual((await getProduct(shop.db, { case: "id", value: id })).product, product);
    });
    t.is(statements, 1);
  },
);

test.serial("what is not on sale is not found", async (t) => {
  t.is(await outcomeOf(shop.get("draft")), "PRODUCT_NOT_FOUND");
  t.is(await outcomeOf(shop.get("nothing")), "PRODUCT_NOT_FOUND");
  t.is(await outcomeOf(getProduct(shop.db, { case: "id", value: uuidv7() })), "PRODUCT_NOT_FOUND");
});

test.serial("products are listed newest first, page by page, each page in one statement", async (t) => {
  const seen: string[] = [];
  const sizes: number[] = [];
  let pageToken = "";
  do {
    const statements = await shop.countStatements(async () => {
      const page = await shop.list({ pageToken });
      seen.push(...slugs(page));
      sizes.push(page.products.length);
      pageToken = page.nextPageToken;
    });
    t.is(statements, 1);
  } while (pageToken !== "");
  t.deepEqual(sizes, [20, 20, 5]);
  t.deepEqual(
    seen,
    Array.from({ length: 45 }, (_, at) => `lamp-${45 - at}`),
  );
});

test.serial("a category is listed alone, and its last page says so", async (t) => {
  const first = await shop.list({ categorySlug: "desk-lamps", pageSize: 10 });
  const second = await shop.list({
    categorySlug: "desk-lamps",
    pageSize: 10,
    pageToken: first.nextPageToken,
  });
  t.deepEqual(
    [...slugs(first), ...slugs(second)],
    Array.from({ length: 15 }, (_, at) => `lamp-${45 - 3 * at}`),
  );
  t.is(second.nextPageToken, "");
  t.is((await shop.list({ categorySlug: "desk-lamps", pageSize: 15 })).nextPageToken, "");
});

test.serial("an empty category has an empty list, an unknown one is not found", async (t) => {
  t.deepEqual(slugs(await shop.list({ categorySlug: "secrets" })), []);
  t.is(await outcomeOf(shop.list({ categorySlug: "nowhere" })), "CATEGORY_NOT_FOUND");
});

test.serial("a page token of another list, or one that was tampered with, is refused", async (t) => {
  const { nextPageToken } = await shop.list();
  t.is(await outcomeOf(shop.list({ pageToken: nextPageToken, categorySlug: "lamps" })), "PAGE_TOKEN_INVALID");
  t.is(await outcomeOf(shop.search("lamp", { pageToken: nextPageToken })), "PAGE_TOKEN_INVALID");
  const [list] = JSON.parse(Buffer.from(nextPageToken, "base64url").toString());
  for (const forged of [[list], [list, "1' or true"], [list, uuidv7(), "x"]]) {
    const pageToken = Buffer.from(JSON.stringify(forged)).toString("base64url");
    t.is(await outcomeOf(shop.list({ pageToken })), "PAGE_TOKEN_INVALID");
  }
});

test.serial("categories come by name with the number of what is on sale, in one statement", async (t) => {
  const statements = await shop.countStatements(async () => {
    const { categories } = await listCategories(shop.db);
    t.deepEqual(
      categories.map(({ category, products }) => [category?.slug, products]),
      [
        ["desk-lamps", 15n],
        ["lamps", 30n],
        ["secrets", 0n],
      ],
    );
  });
  t.is(statements, 1);
});

test.serial(
  "variants that are on sale are given with their products in one statement, others are left out",
  async (t) => {
    const [lamp, other] = [(await shop.get("lamp-3")).product, (await shop.get("lamp-4")).product];
    const { rows } = await shop.db.pool.run(
      "select variant.id from variant join product on product.id = product_id where slug = 'draft'",
    );
    const ids = [lamp?.variants[1]?.id, other?.variants[0]?.id, rows[0].id, uuidv7()] as string[];
    let variants: Awaited<ReturnType<typeof batchGetVariants>> = [];
    const statements = await shop.countStatements(async () => {
      variants = await batchGetVariants(shop.db, ids);
    });
    t.is(statements, 1);
    t.deepEqual(variants.map(({ sku }) => sku).sort(), ["lamp-4-0", "second-3"]);
    t.like(
      variants.find(({ sku }) => sku === "second-3"),
      {
        id: ids[0],
        product_id: lamp?.id,
        slug: "lamp-3",
        title: "lamp 3",
        price_minor: 4900n,
        currency: "EUR",
      },
    );
  },
);
