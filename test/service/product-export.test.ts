import type { MessageInitShape } from "@bufbuild/protobuf";
import test from "ava";
import {
  type ImportProductsRequestSchema,
  ProductAdminService,
} from "#gen/souk/product/v1/product_admin_pb.ts";
import type { ProductInputSchema } from "#gen/souk/product/v1/product_input_pb.ts";
import { product } from "../../services/product/service.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { outcomeOf } from "./product-shop.ts";

let mesh: TestMesh;
const drops: (() => Promise<void>)[] = [];

test.beforeEach(async () => {
  mesh = await startTestMesh({ teardown: (work) => void drops.unshift(work) }, [product]);
});

test.afterEach.always(async () => {
  for (const drop of drops.splice(0)) await drop();
});

type Input = MessageInitShape<typeof ProductInputSchema>;

const staff = () => mesh.as(ProductAdminService);

async function exported(currency = "EUR", categorySlug = ""): Promise<string> {
  const pieces = await Array.fromAsync(staff().exportProducts({ currency, categorySlug }));
  return Buffer.concat(pieces.map(({ chunk }) => chunk)).toString();
}

async function imported(text: string) {
  async function* requests(): AsyncGenerator<MessageInitShape<typeof ImportProductsRequestSchema>> {
    yield { part: { case: "options", value: { currency: "EUR" } } };
    const bytes = Buffer.from(text);
    for (let from = 0; from < bytes.length; from += 1_000) {
      yield { part: { case: "chunk", value: bytes.subarray(from, from + 1_000) } };
    }
  }
  const parts = (await Array.fromAsync(staff().importProducts(requests()))).map(({ part }) => part);
  return { problems: parts.filter(({ case: kind }) => kind === "problem"), result: parts.at(-1)?.value };
}

function piece(sku: string, minor: bigint, optionValues: string[] = []) {
  return { sku, price: { minor, currency: "EUR" }, optionValues };
}

/** What makes trouble in a file: quotes, commas, line breaks, blanks, other alphabets, and what looks like a formula. */
const AWKWARD: readonly Input[] = [
  {
    slug: "quotes",
    title: `He said "no, never", 2'' wide; ök 北京 😀`,
    descriptionHtml: `<p>One,\n"two"</p>\n\n<p>&lt;three&gt; &amp; ''four''</p>`,
    vendor: `=cmd|' /C calc'!A0`,
    tags: ["a;b", `"q"`, "  blank  ", "ü"],
    images: [
      { url: "/images/a.svg", alt: `The "first", of them` },
      { url: "https://example.com/b.png?x=1,2&y=%22", alt: "" },
      { url: "/images/c.svg", alt: "third" },
    ],
    variants: [{ ...piece("'007", 0n), barcode: "0001234567890", grams: 12 }],
    taxClass: "books",
  },
  {
    slug: "choices",
    title: "Title",
    options: [
      { name: "Title", values: ["Default Title", "Größe, L"] },
      { name: 'in "inches"', values: ["2", "1"] },
    ],
    variants: [
      piece("", 1n, ["Größe, L", "1"]),
      piece("-5", 123_456_789_012_345n, ["Default Title", "2"]),
      piece("+1", 99n, ["Default Title", "1"]),
    ],
  },
  {
    slug: "nothing-to-choose",
    title: "x",
    options: [{ name: "Title", values: ["Default Title"] }],
    variants: [piece("d", 5n, ["Default Title"])],
  },
];

test.serial("what is exported is read back without a change, however awkward its texts are", async (t) => {
  const { category } = await staff().createCategory({ category: { name: 'Pots, "pans"' } });
  const categoryId = category?.id as string;
  const made: string[] = [];
  for (const input of AWKWARD) {
    const response = await staff().createProduct({ product: { ...input, categoryId } });
    made.push(response.product?.id as string);
  }
  await staff().updateCategory({
    id: categoryId,
    category: { name: "Töpfe" },
    updateMask: { paths: ["name"] },
  });
  await staff().publishProduct({ id: made[0] as string });
  await staff().archiveProduct({ id: made[1] as string });
  const read = () => Promise.all(made.map((id) => staff().getProductForStaff({ id })));
  const before = await read();
  const variantId = before[0]?.product?.variants[0]?.id as string;
  const sale = { price: { minor: 0n, currency: "USD" }, sale: true };
  const ordinary = { price: { minor: 7n, currency: "EUR" } };
  await staff().setVariantPrices({ variantId, prices: [ordinary, sale, { ...sale, sale: false }] });
  const withPrices = await read();
  const { problems, result } = await imported(await exported());
  t.deepEqual(problems, []);
  t.like(result, { productsCreated: 0n, productsUpdated: 0n, variants: 5n });
  t.deepEqual(await read(), withPrices);
});

test.serial(
  "more products than are read at a time are exported once each, one category alone when it is named",
  async (t) => {
    const header = "Handle,Title,Type,Option1 Name,Option1 Value,Variant SKU,Variant Price";
    const lines = Array.from({ length: 230 }, (_, at) => `p-${at},P,Type ${at % 2},,,S-${at},${at}.50`);
    const file = [header, ...lines].join("\n");
    await imported(file);
    const rows = (await exported()).split("\r\n").slice(1, -1);
    t.deepEqual(
      rows.map((row) => row.split(",")[0]),
      lines.map((line) => line.split(",")[0]),
    );
    t.is((await exported("EUR", "type-1")).split("\r\n").length, 115 + 2);
    t.regex((await exported("USD")).split("\r\n")[1] ?? "", /S-0,0,,/, "no price in another currency");
    t.is(await outcomeOf(exported("QQQ")), "INVALID_REQUEST");
    t.like((await imported(await exported())).result, {
      productsCreated: 0n,
      productsUpdated: 0n,
      problems: 0n,
    });
  },
);
