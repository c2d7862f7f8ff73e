import type { FieldMask } from "@bufbuild/protobuf/wkt";
import type {
  ImportOptions,
  ImportProductsRequest,
  ProductAdminService,
} from "#gen/souk/product/v1/product_admin_pb.ts";
import type { CategoryInput, ProductInput } from "#gen/souk/product/v1/product_input_pb.ts";
import { decimalsOf } from "#kit/currency.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { ProductDatabase } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import { exportProducts } from "../export/export-products.ts";
import { type ImportStep, importProducts } from "../import/import-products.ts";
import { invalid } from "../invalid.ts";
import { noCurrency, readPricesToSet } from "../prices/read-prices.ts";
import { setVariantPrices } from "../prices/set-variant-prices.ts";
import { toVariantPrices } from "../prices/variant-prices.ts";
import { createCategory, deleteCategory, updateCategory } from "../staff/categories.ts";
import { createProduct } from "../staff/create-product.ts";
import { getProductForStaff } from "../staff/get-for-staff.ts";
import { listProductsForStaff } from "../staff/list-for-staff.ts";
import { archiveProduct, publishProduct } from "../staff/publish-product.ts";
import { updateProduct } from "../staff/update-product.ts";

/** Serves souk.product.v1.ProductAdminService. */
export function productAdminRpc(db: ProductDatabase): Implementation<typeof ProductAdminService> {
  return {
    async *importProducts(requests, call) {
      // Left where it stands when the import ends early: ending it would end the answers as well.
      const parts = requests[Symbol.asyncIterator]();
      const { currency } = await readOptions(parts);
      const minorDigits = decimalsOf(currency) ?? refuseCurrency("options.currency", currency);
      for await (const step of importProducts(db, call, {
        chunks: readChunks(parts),
        currency,
        minorDigits,
      })) {
        yield { part: toPart(step) };
      }
    },

    async *exportProducts({ currency, categorySlug }, call) {
      const minorDigits = decimalsOf(currency) ?? refuseCurrency("currency", currency);
      for await (const chunk of exportProducts(db, call, { currency, minorDigits, categorySlug })) {
        yield { chunk };
      }
    },

    listProductsForStaff: (request) => listProductsForStaff(db, request),
    getProductForStaff: ({ id }) => getProductForStaff(db, id),
    createProduct: ({ product }, call) => createProduct(db, call, product as ProductInput),
    updateProduct: async (request, call) => ({ product: await updateProduct(db, call, request) }),
    publishProduct: async (request, call) => ({ product: await publishProduct(db, call, request) }),
    archiveProduct: async (request, call) => ({ product: await archiveProduct(db, call, request) }),

    async setVariantPrices(request, call) {
      const wanted = readPricesToSet([request], () => "");
      const [variant] = await setVariantPrices(db, call, wanted);
      return { prices: variant && toVariantPrices(variant) };
    },

    async batchSetVariantPrices({ variants }, call) {
      const wanted = readPricesToSet(variants, (at) => `variants[${at}].`);
      return { prices: (await setVariantPrices(db, call, wanted)).map(toVariantPrices) };
    },

    createCategory: ({ category }, call) => createCategory(db, call, category as CategoryInput),

    async updateCategory({ id, category, updateMask }, call) {
      const { paths } = updateMask as FieldMask;
      return { category: await updateCategory(db, call, id, category as CategoryInput, paths) };
    },

    async deleteCategory({ id }, call) {
      await deleteCategory(db, call, id);
      return {};
    },
  };
}

async function readOptions(parts: AsyncIterator<ImportProductsRequest>): Promise<ImportOptions> {
  const { value } = await parts.next();
  if (value?.part.case === "options") return value.part.value;
  throw refuse(
    ErrorReason.IMPORT_OUT_OF_ORDER,
    "the first message must say how to read the file; send options first",
  );
}

async function* readChunks(parts: AsyncIterator<ImportProductsRequest>): AsyncGenerator<Uint8Array, void> {
  while (true) {
    const { done, value } = await parts.next();
    if (done) return;
    if (value.part.case !== "chunk") {
      throw refuse(
        ErrorReason.IMPORT_OUT_OF_ORDER,
        "options come once, first; send the bytes of the file after them",
      );
    }
    yield value.part.value;
  }
}

function refuseCurrency(field: string, currency: string): never {
  throw invalid({ field, description: noCurrency(currency) });
}

function toPart(step: ImportStep) {
  switch (step.kind) {
    case "progress":
      return { case: "progress" as const, value: { products: BigInt(step.products) } };
    case "problem": {
      const { line, column, handle, reason } = step;
      return { case: "problem" as const, value: { line: BigInt(line), column, handle, reason } };
    }
    case "result": {
      const { created, updated, variants, problems } = step.totals;
      return {
        case: "result" as const,
        value: {
          productsCreated: BigInt(created),
          productsUpdated: BigInt(updated),
          variants: BigInt(variants),
          problems: BigInt(problems),
        },
      };
    }
  }
}
