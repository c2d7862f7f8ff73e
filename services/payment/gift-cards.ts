import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Selectable, sql } from "kysely";
import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import { GiftCardIssuedSchema } from "#gen/souk/payment/v1/events_pb.ts";
import { violates } from "#kit/data/failure.ts";
import { decodePageToken, encodePageToken, NUMBER } from "#kit/data/page-token.ts";
import type { Tables } from "#kit/data/tables.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import { unknownGiftCard } from "./balances.ts";
import type { PaymentDatabase } from "./database.ts";
import type { entities } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";
import type { GiftCodes } from "./gift-codes.ts";
import { book } from "./ledger.ts";

/** A gift card as it is stored. */
export type StoredGiftCard = Selectable<Tables<typeof entities>["gift_card"]>;

/** Whether a gift card can pay, as the contract's GiftCardState names it. */
export type GiftCardStateName = "ACTIVE" | "SPENT" | "EXPIRED" | "DISABLED";

/** What is asked for. */
export interface GiftCardOrder {
  /** The id that the card shall have. */
  readonly id: string;
  readonly amount: Money;
  /** Until when it can pay; always when left out. */
  readonly expireTime?: Date | undefined;
  /** Where to mail it; may be empty. */
  readonly recipientEmail: string;
  /** What to write to the recipient; may be empty. */
  readonly message: string;
  /** Why it is issued, for the books; may be empty. */
  readonly reason: string;
}

/**
 * Issues a gift card, once.
 *
 * @returns the card with its code, which is stored nowhere
 * @throws SoukError GIFT_CARD_MISMATCH, or INVALID_REQUEST when its time is over already
 */
export async function issueGiftCard(
  db: PaymentDatabase,
  giftCodes: GiftCodes,
  scope: Scope,
  order: GiftCardOrder,
): Promise<{ card: StoredGiftCard; code: string }> {
  const code = giftCodes.codeOf(order.id);
  const before = await findGiftCard(db, order.id);
  if (before !== undefined) return { card: requireSame(before, order), code };
  if (order.expireTime !== undefined && order.expireTime.getTime() <= Date.now()) {
    const description = "must be in the future";
    throw refuseMesh(MeshReason.INVALID_REQUEST, `expire_time: ${description}`, {
      violations: [{ field: "expire_time", description }],
    });
  }
  try {
    return { card: await store(db, giftCodes, scope, order, code), code };
  } catch (error) {
    if (!violates(error, "gift_card_pkey")) throw error;
    return { card: requireSame((await findGiftCard(db, order.id)) as StoredGiftCard, order), code };
  }
}

function store(
  db: PaymentDatabase,
  giftCodes: GiftCodes,
  scope: Scope,
  { id, amount, expireTime, recipientEmail, message, reason }: GiftCardOrder,
  code: string,
): Promise<StoredGiftCard> {
  const { minor, currency } = amount;
  return db.write(scope, async (tx) => {
    const card = await tx.sql
      .insertInto("gift_card")
      .values({
        id,
        code_hash: giftCodes.hashOf(code),
        code_suffix: giftCodes.suffixOf(code),
        amount_minor: minor,
        balance_minor: minor,
        currency,
        expire_time: expireTime ?? null,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    book(tx, {
      referenceId: id,
      description: reason === "" ? "gift card issued" : `gift card issued: ${reason}`,
      currency,
      transfers: [{ debit: "gift-cards-issued", credit: "gift-cards", minor, holder: id }],
    });
    tx.emit(GiftCardIssuedSchema, {
      giftCardId: id,
      code,
      amount,
      recipientEmail,
      message,
      ...(expireTime && { expireTime: timestampFromDate(expireTime) }),
    });
    return card;
  });
}

function requireSame(card: StoredGiftCard, { amount }: GiftCardOrder): StoredGiftCard {
  if (card.amount_minor === amount.minor && card.currency === amount.currency) return card;
  throw refuse(
    ErrorReason.GIFT_CARD_MISMATCH,
    `gift card ${card.id} was issued for ${card.amount_minor} ${card.currency} in minor units; use a new id for another one`,
    { metadata: { gift_card_id: card.id } },
  );
}

function findGiftCard(db: PaymentDatabase, id: string): Promise<StoredGiftCard | undefined> {
  return db.sql.selectFrom("gift_card").selectAll().where("id", "=", id).executeTakeFirst();
}

/**
 * The gift card with an id.
 *
 * @throws SoukError GIFT_CARD_NOT_FOUND
 */
export async function getGiftCard(db: PaymentDatabase, id: string): Promise<StoredGiftCard> {
  const card = await findGiftCard(db, id);
  if (card !== undefined) return card;
  throw refuse(ErrorReason.GIFT_CARD_NOT_FOUND, `there is no gift card ${id}`);
}

/**
 * The gift card with a code.
 *
 * @throws SoukError GIFT_CARD_NOT_FOUND
 */
export async function checkGiftCard(
  db: PaymentDatabase,
  giftCodes: GiftCodes,
  code: string,
): Promise<StoredGiftCard> {
  const card = await db.sql
    .selectFrom("gift_card")
    .selectAll()
    .where("code_hash", "=", giftCodes.hashOf(code))
    .executeTakeFirst();
  if (card === undefined) throw unknownGiftCard();
  return card;
}

/**
 * Refuses a gift card from now on. What is set aside from it for payments is taken all the same.
 *
 * @throws SoukError GIFT_CARD_NOT_FOUND
 */
export async function disableGiftCard(
  db: PaymentDatabase,
  scope: Scope,
  id: string,
  reason: string,
): Promise<StoredGiftCard> {
  const disable = db.sql
    .updateTable("gift_card")
    .set({ disable_time: sql<Date>`now()`, disable_reason: reason })
    .where("id", "=", id)
    .where("disable_time", "is", null)
    .returningAll()
    .compile();
  const [disabled] = await db.change(scope, disable);
  return disabled ?? (await getGiftCard(db, id));
}

/** Which gift cards are listed. */
export interface GiftCardFilter {
  readonly state: GiftCardStateName | undefined;
  readonly codeSuffix: string;
  readonly pageSize: number;
  readonly pageToken: string;
}

/**
 * A page of gift cards, newest first.
 *
 * @throws SoukError PAGE_TOKEN_INVALID
 */
export async function listGiftCards(
  db: PaymentDatabase,
  { state, codeSuffix, pageSize, pageToken }: GiftCardFilter,
): Promise<{ cards: StoredGiftCard[]; nextPageToken: string }> {
  const list = `ListGiftCards ${state ?? ""} ${codeSuffix}`;
  const [before] = decodePageToken(list, pageToken, [NUMBER]);
  const rows = await db.sql
    .selectFrom("gift_card")
    .selectAll()
    .$if(state !== undefined, (it) => it.where(STATE, "=", state as GiftCardStateName))
    .$if(codeSuffix !== "", (it) => it.where("code_suffix", "=", codeSuffix))
    .$if(before !== undefined, (it) => it.where("seq", "<", BigInt(before ?? 0)))
    .orderBy("seq", "desc")
    .limit(pageSize + 1)
    .execute();
  const cards = rows.slice(0, pageSize);
  const last = cards.at(-1);
  const nextPageToken =
    rows.length > pageSize && last !== undefined ? encodePageToken(list, [String(last.seq)]) : "";
  return { cards, nextPageToken };
}

const STATE = sql<GiftCardStateName>`case
  when disable_time is not null then 'DISABLED'
  when expire_time <= now() then 'EXPIRED'
  when balance_minor = 0 then 'SPENT'
  else 'ACTIVE' end`;

/** Whether a gift card can pay. */
export function stateOfGiftCard(card: StoredGiftCard): GiftCardStateName {
  if (card.disable_time !== null) return "DISABLED";
  if (card.expire_time !== null && card.expire_time.getTime() <= Date.now()) return "EXPIRED";
  return card.balance_minor === 0n ? "SPENT" : "ACTIVE";
}
