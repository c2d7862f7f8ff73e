import { create } from "@bufbuild/protobuf";
import { uuidv7 } from "uuidv7";
import { ProductService, type SaleVariant, SaleVariantSchema } from "#gen/souk/product/v1/product_pb.ts";
import { serviceSettings } from "#kit/config.ts";
import { createReadiness } from "#kit/health/readiness.ts";
import { joinMesh } from "#kit/mesh/join-mesh.ts";
import type { Program } from "#kit/program.ts";
import { createDispatcher } from "#kit/rpc/dispatch.ts";
import { serving } from "../mesh/envoy-service.ts";

/** What is on sale; a test changes it as it likes. */
export interface Catalogue {
  readonly variants: Map<string, SaleVariant>;
  /** Puts a new variant on sale and gives its id. */
  offer(minor: bigint, currency?: string): string;
  /** How often it was asked. */
  asked: number;
}

/** Makes a catalogue with nothing on sale. */
export function createCatalogue(): Catalogue {
  const variants = new Map<string, SaleVariant>();
  return {
    variants,
    asked: 0,
    offer(minor, currency = "EUR") {
      const id = uuidv7();
      const variant = {
        id,
        sku: `SKU-${id.slice(-6)}`,
        price: { minor, currency },
        optionValues: ["Brass", "Large"],
      };
      const productSlug = `thing-${id.slice(-6)}`;
      variants.set(
        id,
        create(SaleVariantSchema, { variant, productId: id, productSlug, productTitle: "Thing" }),
      );
      return id;
    },
  };
}

/**
 * Stands in for product on data plane `local`, so that prices change between two calls of a test.
 *
 * @param catalogue what is on sale
 */
export function productOf(catalogue: Catalogue): Program {
  return {
    name: "product",
    settings: serviceSettings("product", 0),
    async start(host) {
      const member = joinMesh(host, "product");
      const served = serving(ProductService, {
        async batchGetVariants({ ids }) {
          catalogue.asked++;
          return { variants: ids.flatMap((id) => catalogue.variants.get(id) ?? []) };
        },
        async findUnknown({ productIds, categoryIds }) {
          catalogue.asked++;
          const known = [...catalogue.variants.values()].flatMap((it) => [it.productId, it.categoryId]);
          return {
            productIds: productIds.filter((id) => !known.includes(id)),
            categoryIds: categoryIds.filter((id) => !known.includes(id)),
          };
        },
      });
      const { log, telemetry, authenticator, mesh } = member;
      host.dispatchers.set("product", createDispatcher([served], { log, telemetry, authenticator, mesh }));
      return { name: "product", ports: {}, readiness: createReadiness([]), stop: async () => member.leave() };
    },
  };
}
