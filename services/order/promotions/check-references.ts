import type { PromotionTerms } from "#gen/souk/order/v1/promotion_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { Shop } from "../shop.ts";
import { termsInvalid, type Violation, violation } from "./check-terms.ts";

/** What terms name that others know, by the field in which it stands. */
type References = Readonly<Record<"products" | "given" | "categories" | "methods", readonly string[]>>;

/** Where each of them stands. */
const FIELDS: Readonly<Record<keyof References, string>> = {
  products: "conditions.product_ids",
  given: "buy_x_get_y.get_product_ids",
  categories: "conditions.category_ids",
  methods: "free_shipping.shipping_methods",
};

/**
 * Checks that there are the products, categories and ways of shipping that terms name: without them a promotion would
 * never apply, and nobody would be told. Product is asked once for all of them, and not at all where none is named.
 *
 * @param shop knows the ways of shipping
 * @param scope the call
 * @param terms the terms
 * @param before what the terms were: what they named then may be gone since
 * @throws SoukError PROMOTION_INVALID
 */
export async function checkReferences(
  shop: Shop,
  scope: Scope,
  terms: PromotionTerms,
  before?: PromotionTerms,
): Promise<void> {
  const named = referencesOf(terms);
  const old = before && referencesOf(before);
  const added = (kind: keyof References) => named[kind].filter((it) => !old?.[kind].includes(it));
  const unknown: References = {
    ...(await unknownTo(scope, added("products"), added("given"), added("categories"))),
    methods: added("methods").filter((method) => !shop.shipping.methods.has(method)),
  };
  const known = [...shop.shipping.methods].join(", ");
  const remedy = { methods: `take one of ${known}`, products: GONE, given: GONE, categories: GONE };
  const violations = (Object.keys(FIELDS) as (keyof References)[]).flatMap((kind): Violation[] => {
    const [first, ...others] = unknown[kind];
    if (first === undefined) return [];
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    return [violation(FIELDS[kind], `names ${first}${more}, which there is not; ${remedy[kind]}`)];
  });
  if (violations.length > 0) throw termsInvalid(violations);
}

const GONE = "leave it out, or correct it";

async function unknownTo(
  { mesh }: Scope,
  products: readonly string[],
  given: readonly string[],
  categories: readonly string[],
): Promise<Omit<References, "methods">> {
  if (products.length + given.length + categories.length === 0) return { products, given, categories };
  const { productIds, categoryIds } = await mesh(ProductService).findUnknown({
    productIds: [...products, ...given],
    categoryIds: [...categories],
  });
  return {
    products: products.filter((id) => productIds.includes(id)),
    given: given.filter((id) => productIds.includes(id)),
    categories: categories.filter((id) => categoryIds.includes(id)),
  };
}

function referencesOf({ conditions, effect }: PromotionTerms): References {
  return {
    products: conditions?.productIds ?? [],
    given: effect.case === "buyXGetY" ? effect.value.getProductIds : [],
    categories: conditions?.categoryIds ?? [],
    methods: effect.case === "freeShipping" ? effect.value.shippingMethods : [],
  };
}
