import test from "ava";
import { pino } from "pino";
import { uuidv7 } from "uuidv7";
import { createCache } from "#kit/cache.ts";
import { batchGetVariants } from "../../services/product/batch-get-variants.ts";
import { getProduct } from "../../services/product/get-product.ts";
import { listCategories } from "../../services/product/list-categories.ts";
import { openShop, outcomeOf, type Shop } from "./product-shop.ts";

let shop: Shop;
const drops: (() => Promise<void>)[] = [];

test.before(async () => {
  shop = await openShop({ teardown: (work) => drops.unshift(work) }, 200);
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

test.after.always(async () => {
  for (const drop of drops) await drop();
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
      t.deepEqual((await getProduct(shop.db, shop.memory, { case: "id", value: id })).product, product);
    });
    t.is(statements, 1);
  },
);

test.serial("what is not on sale is not found", async (t) => {
  t.is(await outcomeOf(shop.get("draft")), "PRODUCT_NOT_FOUND");
  t.is(await outcomeOf(shop.get("nothing")), "PRODUCT_NOT_FOUND");
  t.is(
    await outcomeOf(getProduct(shop.db, shop.memory, { case: "id", value: uuidv7() })),
    "PRODUCT_NOT_FOUND",
  );
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

test.serial("an answer is given again while nothing changes, and never after", async (t) => {
  const [list, product, found] = await Promise.all([shop.list(), shop.get("lamp-45"), shop.search("lamp")]);
  t.is(await shop.list(), list);
  t.is(await shop.get("lamp-45"), product);
  t.is(await shop.search("lamp"), found);
  t.throws(() => list.products.pop(), { instanceOf: TypeError }, "others are given the same answer");
  t.is(await shop.countStatements(() => shop.search("lamp")), 1);

  await shop.import({ "lamp-45": { title: "lamp forty-five", type: "Desk Lamps" } });
  t.is((await shop.list()).products[0]?.title, "lamp forty-five");
  t.is((await shop.get("lamp-45")).product?.title, "lamp forty-five");
  t.is((await shop.search("forty")).products.length, 1);
  t.is(product.product?.title, "lamp 45");
});

test.serial("a change by whatever way is seen at once", async (t) => {
  await shop.import({ "lamp-46": {} });
  await shop.get("lamp-46");
  await shop.db.pool.run("update product_view set is_published = false where slug = 'lamp-46'");
  t.is(await outcomeOf(shop.get("lamp-46")), "PRODUCT_NOT_FOUND");
});

test.serial(
  "readers and an import at the same time: nobody is given what was before once it is stored",
  async (t) => {
    const draft = (title: number) => ({ clock: { title: `${title}`, tags: ["clock"] } });
    await shop.import(draft(0));
    let stored = 0;
    let reading = true;
    const readers = Array.from({ length: 4 }, async () => {
      while (reading) {
        const before = stored;
        const { product } = await shop.get("clock");
        t.true(Number(product?.title) >= before, `${product?.title} after ${before}`);
        t.true(Number((await shop.search("clock")).products[0]?.title) >= before);
      }
    });
    const writer = (async () => {
      for (let title = 1; title <= 40; title++) {
        await shop.import(draft(title));
        stored = title;
      }
      reading = false;
    })();
    await Promise.all([...readers, writer]);
  },
);

test.serial("what is remembered stays within its bounds", async (t) => {
  for (let size = 1; size <= 30; size++) await shop.list({ pageSize: size });
  const largest = await shop.list({ pageSize: 30 });
  t.is(await shop.list({ pageSize: 30 }), largest);
  const smallest = await shop.list({ pageSize: 1 });
  for (let size = 20; size <= 30; size++) await shop.list({ pageSize: size });
  t.not(await shop.list({ pageSize: 1 }), smallest);
});

test.serial(
  "categories come by name with the number of what is on sale, counted once in a while",
  async (t) => {
    const cache = createCache(undefined, "test", pino({ level: "silent" }));
    const list = () => listCategories(shop.db, cache, 60_000);
    const { categories } = await list();
    t.deepEqual(
      categories.map(({ category, products }) => [category?.slug, products]),
      [
        ["desk-lamps", 15n],
        ["lamps", 30n],
        ["secrets", 0n],
        ["things", 1n],
      ],
    );
    t.is(await shop.countStatements(list), 0);
  },
);

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
