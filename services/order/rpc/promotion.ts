import { clone, create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  CreatePromotionResponseSchema,
  type PromotionSchema,
  type PromotionService,
  type PromotionTerms,
  PromotionTermsSchema,
} from "#gen/souk/order/v1/promotion_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { versionOf } from "../cart/etag.ts";
import {
  createPromotion,
  endPromotion,
  listPromotions,
  requirePromotion,
  type StoredPromotion,
  stateOf,
  termsOf,
  updatePromotion,
} from "../promotions/promotions.ts";
import type { Shop } from "../shop.ts";

/** How many promotions a page has when the caller does not say. */
const PAGE_SIZE = 20;

/** Serves souk.order.v1.PromotionService. */
export function promotionRpc(shop: Shop): Implementation<typeof PromotionService> {
  const { db } = shop;
  return {
    createPromotion({ terms }, call) {
      return createPromotion(shop, call, withLowerIds(terms as PromotionTerms), (made) =>
        create(CreatePromotionResponseSchema, { promotion: toPromotion(made) }),
      );
    },

    async updatePromotion({ id, terms, updateMask, etag }, call) {
      const others = withLowerIds(terms as PromotionTerms);
      const change = (stored: PromotionTerms) => withFields(stored, others, updateMask?.paths ?? []);
      const updated = await updatePromotion(shop, call, id.toLowerCase(), versionOf(etag), change);
      return { promotion: toPromotion(updated) };
    },

    async getPromotion({ id }) {
      return { promotion: toPromotion(await requirePromotion(db.sql, id)) };
    },

    async listPromotions({ state, couponCode, pageSize, pageToken }) {
      const code = couponCode.toUpperCase();
      const list = `promotions ${state} ${code}`;
      const limit = pageSize || PAGE_SIZE;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      // One more than asked for tells whether there is a next page.
      const found = await listPromotions(db.sql, { state, couponCode: code }, limit + 1, before);
      const promotions = found.slice(0, limit);
      const last = found.length > limit ? promotions.at(-1) : undefined;
      return {
        promotions: promotions.map(toPromotion),
        nextPageToken: last && encodePageToken(list, [last.id]),
      };
    },

    async endPromotion({ id }, call) {
      return { promotion: toPromotion(await endPromotion(db, call, id.toLowerCase())) };
    },
  };
}

function toPromotion(stored: StoredPromotion): MessageInitShape<typeof PromotionSchema> {
  return {
    id: stored.id,
    terms: termsOf(stored),
    state: stateOf(stored),
    used: stored.used,
    etag: String(stored.version),
    createTime: timestampFromDate(stored.create_time),
  };
}

/** Ids are compared as they are stored. */
function withLowerIds(terms: PromotionTerms): PromotionTerms {
  const { conditions, effect } = terms;
  const lower = (ids: readonly string[]) => ids.map((id) => id.toLowerCase());
  if (conditions !== undefined) {
    conditions.productIds = lower(conditions.productIds);
    conditions.categoryIds = lower(conditions.categoryIds);
  }
  if (effect.case === "buyXGetY") effect.value.getProductIds = lower(effect.value.getProductIds);
  return terms;
}

/** Terms in which some fields are those of others; an effect takes the place of the one before. */
function withFields(terms: PromotionTerms, others: PromotionTerms, paths: readonly string[]): PromotionTerms {
  const changed = clone(PromotionTermsSchema, terms);
  for (const path of paths) {
    const field = PromotionTermsSchema.fields.find(({ name }) => name === path);
    if (field === undefined) throw unfit(`names ${path}, which is no field of the terms`);
    if (field.oneof === undefined)
      Object.assign(changed, { [field.localName]: fieldOf(others, field.localName) });
    else if (others.effect.case === field.localName) changed.effect = others.effect;
    else throw unfit(`names ${path}, which the terms do not have`);
  }
  return changed;
}

function fieldOf(terms: PromotionTerms, name: string): unknown {
  return terms[name as keyof PromotionTerms];
}

function unfit(description: string) {
  return refuseMesh(MeshReason.INVALID_REQUEST, `update_mask ${description}`, {
    violations: [{ field: "update_mask", description }],
  });
}
