/** What an account of the books holds, as the contract's LedgerAccountKind names it. */
export type AccountKind = "ASSET" | "LIABILITY" | "REVENUE" | "EXPENSE";

/**
 * The chart of accounts. What is set aside at the provider is booked like money, so that the books tell of
 * it, too: it is owed back until it is taken.
 */
export const ACCOUNTS = {
  "provider-authorized": { displayName: "Set aside at the provider", kind: "ASSET" },
  "provider-clearing": { displayName: "Taken by the provider for us", kind: "ASSET" },
  authorizations: { displayName: "Set aside and not taken yet", kind: "LIABILITY" },
  "refunds-pending": { displayName: "Refunds that the provider works on", kind: "LIABILITY" },
  "gift-cards": { displayName: "Left on gift cards", kind: "LIABILITY" },
  "gift-cards-held": { displayName: "Set aside from gift cards", kind: "LIABILITY" },
  "store-credit": { displayName: "Store credit of customers", kind: "LIABILITY" },
  "store-credit-held": { displayName: "Set aside from store credit", kind: "LIABILITY" },
  sales: { displayName: "Payments taken", kind: "REVENUE" },
  "sales-refunded": { displayName: "Payments given back", kind: "REVENUE" },
  "gift-cards-issued": { displayName: "Gift cards issued", kind: "EXPENSE" },
  "store-credit-granted": { displayName: "Store credit granted by staff", kind: "EXPENSE" },
} as const satisfies Record<string, { displayName: string; kind: AccountKind }>;

/** The code of an account. */
export type AccountCode = keyof typeof ACCOUNTS;

/** Where the balances of holders stand, free and set aside. */
export const HOLDINGS = {
  GIFT_CARD: { free: "gift-cards", held: "gift-cards-held" },
  STORE_CREDIT: { free: "store-credit", held: "store-credit-held" },
} as const satisfies Record<string, { free: AccountCode; held: AccountCode }>;
