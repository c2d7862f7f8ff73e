import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";
import {
  ErrorReason as PaymentReason,
  ErrorReasonSchema as PaymentReasons,
} from "#gen/souk/payment/v1/errors_pb.ts";
import {
  type CheckGiftCardResponse,
  GiftCardService,
  GiftCardState,
  GiftCardStateSchema,
} from "#gen/souk/payment/v1/gift_card_pb.ts";
import { StoreCreditService } from "#gen/souk/payment/v1/store_credit_pb.ts";
import { isRefusal, type SoukError } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import type { Shopper } from "../cart/shopper.ts";
import { ErrorReason, refuse } from "../errors.ts";

/** What shall pay beside a card, as a shopper says it. */
export interface WantedMeans {
  /** In the order in which they pay. */
  readonly giftCards: readonly { readonly code: string; readonly amount?: Money | undefined }[];
  /** Pays after them; nothing when left out. */
  readonly storeCredit?: { readonly amount?: Money | undefined } | undefined;
}

/** Something that can pay, and what is there. */
export interface KnownMeans {
  readonly kind: "GIFT_CARD" | "STORE_CREDIT";
  /** Of a gift card; "" for store credit. */
  readonly code: string;
  readonly label: string;
  readonly balances: readonly Money[];
  /** How much it shall pay at most; as much as it can when left out. */
  readonly wanted: Money | undefined;
  /** Why it cannot pay at all. */
  readonly refusal?: SoukError;
}

/** What one of the means pays, in minor units. */
export interface MeansPart extends Pick<KnownMeans, "kind" | "code" | "label"> {
  readonly minor: bigint;
}

/** The same as orders store it: without its code, and as a decimal text, so that it stays whole. */
export type StoredMeansPart = Pick<MeansPart, "kind" | "label"> & { readonly amount: string };

/** Who pays what of a total. */
export interface Split {
  /** Only those that pay something. */
  readonly shares: readonly MeansPart[];
  /** What is left for a card, in minor units. */
  readonly card: bigint;
}

/**
 * Asks what is left on the means with which a shopper wants to pay. One that cannot pay is refused when the payment is
 * split, and not before: who repeats a call finds a gift card spent, by his own order.
 *
 * @param scope the call; store credit is that of its principal
 * @param shopper who pays
 * @param wanted the means
 */
export async function readMeans(
  scope: Scope,
  shopper: Shopper,
  { giftCards, storeCredit }: WantedMeans,
): Promise<KnownMeans[]> {
  return Promise.all([
    ...giftCards.map(({ code, amount }) => readGiftCard(scope, code, amount)),
    ...(storeCredit === undefined ? [] : [readStoreCredit(scope, shopper, storeCredit.amount)]),
  ]);
}

/**
 * Splits what is to pay: each of the means pays what it can and shall, one after another, and a card the rest. It
 * depends on nothing else, so that an order is paid as its quote said.
 *
 * @param total what is to pay, in minor units
 * @param currency its currency
 * @param means what can pay, in that order
 * @throws SoukError GIFT_CARD_REFUSED or STORE_CREDIT_REFUSED for one that cannot pay, or not what it shall
 */
export function splitPayment(total: bigint, currency: string, means: readonly KnownMeans[]): Split {
  const shares: MeansPart[] = [];
  let card = total;
  for (const each of means) {
    const minor = payableBy(each, card, currency);
    if (minor > 0n) shares.push({ kind: each.kind, code: each.code, label: each.label, minor });
    card -= minor;
  }
  return { shares, card };
}

/**
 * What means pay, as orders store it.
 *
 * @param shares what each pays
 */
export function toStoredMeans(shares: readonly MeansPart[]): StoredMeansPart[] {
  return shares.map(({ kind, label, minor }) => ({ kind, label, amount: String(minor) }));
}

async function readGiftCard(scope: Scope, code: string, wanted: Money | undefined): Promise<KnownMeans> {
  const label = `Gift card ending in ${code.slice(-4)}`;
  const known = { kind: "GIFT_CARD", code, label, wanted } as const;
  const card = await checkGiftCard(scope, code);
  if (card === undefined) return { ...known, balances: [], refusal: giftCardRefused(label, "NOT_FOUND") };
  const balances = [card.balance as Money];
  if (card.state === GiftCardState.ACTIVE) return { ...known, balances };
  const state = GiftCardStateSchema.value[card.state]?.localName ?? "";
  return { ...known, balances, refusal: giftCardRefused(label, state) };
}

async function checkGiftCard(scope: Scope, code: string): Promise<CheckGiftCardResponse | undefined> {
  try {
    return await scope.mesh(GiftCardService).checkGiftCard({ code });
  } catch (error) {
    if (isRefusal(error, PaymentReasons, PaymentReason.GIFT_CARD_NOT_FOUND)) return undefined;
    throw error;
  }
}

async function readStoreCredit(
  scope: Scope,
  { owner }: Shopper,
  wanted: Money | undefined,
): Promise<KnownMeans> {
  const known = { kind: "STORE_CREDIT", code: "", label: "Store credit", wanted } as const;
  if (!("customerId" in owner)) return { ...known, balances: [], refusal: storeCreditRefused("NO_CUSTOMER") };
  const { balances } = await scope.mesh(StoreCreditService).getMyStoreCredit({});
  return { ...known, balances };
}

function payableBy(means: KnownMeans, left: bigint, currency: string): bigint {
  const { balances, wanted, refusal } = means;
  if (refusal !== undefined) throw refusal;
  const balance = balances.find((each) => each.currency === currency)?.minor ?? 0n;
  const isOther = means.kind === "GIFT_CARD" && balances.every((each) => each.currency !== currency);
  if (isOther || (wanted !== undefined && wanted.currency !== currency)) {
    throw refused(means, "OTHER_CURRENCY", balance);
  }
  const most = wanted !== undefined && wanted.minor < left ? wanted.minor : left;
  if (most <= balance) return most;
  if (wanted !== undefined) throw refused(means, "TOO_LOW", balance);
  return balance;
}

function refused({ kind, label }: KnownMeans, state: string, balance: bigint) {
  return kind === "GIFT_CARD" ? giftCardRefused(label, state, balance) : storeCreditRefused(state, balance);
}

const WHY: Readonly<Record<string, string>> = {
  SPENT: "nothing is left on it",
  EXPIRED: "it has expired",
  DISABLED: "it is disabled",
  NOT_FOUND: "there is none with this code; look at the code again",
  OTHER_CURRENCY: "it is in another currency than the order",
  TOO_LOW: "less than that is left on it; ask for less, or leave the amount out",
  NO_CUSTOMER: "a guest has none; sign in and order from your own cart",
};

/**
 * The refusal of a gift card.
 *
 * @param label what it is called
 * @param state why it cannot pay
 * @param balance what is left on it, in minor units, where that is known
 */
function giftCardRefused(label: string, state: string, balance?: bigint) {
  const message = `${label} cannot pay: ${WHY[state]}`;
  return refuse(ErrorReason.GIFT_CARD_REFUSED, message, { metadata: metadataOf(state, balance) });
}

function storeCreditRefused(state: string, balance?: bigint) {
  const message = `store credit cannot pay: ${WHY[state]}`;
  return refuse(ErrorReason.STORE_CREDIT_REFUSED, message, { metadata: metadataOf(state, balance) });
}

function metadataOf(state: string, balance: bigint | undefined): Record<string, string> {
  return { state, ...(balance !== undefined && { balance_minor: String(balance) }) };
}
