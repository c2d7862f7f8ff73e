import { fromJson } from "@bufbuild/protobuf";
import { type PromotionTerms, PromotionTermsSchema } from "#gen/souk/order/v1/promotion_pb.ts";
import type { Candidate } from "../cart/read-cart.ts";
import type { OrderSql } from "../database.ts";
import type { Offer } from "../pricing/order-to-price.ts";

/**
 * Makes offers of the promotions that a cart may get, without those that are used up. Their terms are kept in the
 * process by version, so that they are read once and never old.
 *
 * @param db where to read
 * @param candidates as the cart was read with
 */
export type ReadOffers = (db: OrderSql, candidates: readonly Candidate[]) => Promise<Offer[]>;

/** How many terms a process keeps. */
const MOST_KEPT = 1_000;

/** Makes what reads offers. */
export function offerReader(): ReadOffers {
  const kept = new Map<string, { readonly version: number; readonly terms: PromotionTerms }>();

  async function load(db: OrderSql, ids: readonly string[]): Promise<void> {
    const rows = await db
      .selectFrom("promotion")
      .select(["id", "version", "terms"])
      .where("id", "=", (it) => it.fn.any(it.val(ids)))
      .execute();
    for (const { id, version, terms } of rows) {
      kept.set(id, { version, terms: fromJson(PromotionTermsSchema, terms, { ignoreUnknownFields: true }) });
    }
    for (const id of kept.keys()) {
      if (kept.size <= MOST_KEPT) break;
      if (!ids.includes(id)) kept.delete(id);
    }
  }

  return async (db, candidates) => {
    const usable = [...new Map(candidates.map((it) => [it.id, it])).values()].filter(
      ({ usedUp }) => usedUp === "",
    );
    const unknown = usable.filter(({ id, version }) => kept.get(id)?.version !== version);
    if (unknown.length > 0) {
      await load(
        db,
        unknown.map(({ id }) => id),
      );
    }
    return usable.flatMap(({ id, code }) => {
      const terms = kept.get(id)?.terms;
      return terms === undefined ? [] : [{ id, terms, couponCode: code }];
    });
  };
}
