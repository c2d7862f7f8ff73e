/** What the sandbox does with a token. */
export type Behaviour =
  | { readonly kind: "authorize"; readonly refundsFail?: boolean }
  | { readonly kind: "authorize and lose the answer" }
  | { readonly kind: "ask the customer"; readonly customer: "confirms" | "refuses" | "waits" }
  | { readonly kind: "decline"; readonly reason: string }
  | { readonly kind: "say nothing" };

/**
 * The tokens of the sandbox:
 *
 * | token | what happens |
 * |---|---|
 * | `tok_visa`, `tok_mastercard` | the money is set aside |
 * | `tok_declined` | declined, `card_declined` |
 * | `tok_insufficient_funds` | declined, `insufficient_funds` |
 * | `tok_expired_card` | declined, `expired_card` |
 * | `tok_3ds` | the customer is asked, and has confirmed by the time that somebody asks for the outcome |
 * | `tok_3ds_refused` | the customer is asked, and fails: declined, `authentication_failed` |
 * | `tok_3ds_waiting` | the customer is asked, and never comes back |
 * | `tok_refund_fails` | the money is set aside, but what is taken of it cannot be given back |
 * | `tok_timeout` | no answer until the deadline, and no charge |
 * | `tok_answer_lost` | the money is set aside, but the first answer never comes; asking again finds it |
 * | anything else | declined, `unknown_token` |
 */
const BEHAVIOURS: ReadonlyMap<string, Behaviour> = new Map<string, Behaviour>([
  ["tok_visa", { kind: "authorize" }],
  ["tok_mastercard", { kind: "authorize" }],
  ["tok_declined", { kind: "decline", reason: "card_declined" }],
  ["tok_insufficient_funds", { kind: "decline", reason: "insufficient_funds" }],
  ["tok_expired_card", { kind: "decline", reason: "expired_card" }],
  ["tok_3ds", { kind: "ask the customer", customer: "confirms" }],
  ["tok_3ds_refused", { kind: "ask the customer", customer: "refuses" }],
  ["tok_3ds_waiting", { kind: "ask the customer", customer: "waits" }],
  ["tok_refund_fails", { kind: "authorize", refundsFail: true }],
  ["tok_timeout", { kind: "say nothing" }],
  ["tok_answer_lost", { kind: "authorize and lose the answer" }],
]);

const UNKNOWN_TOKEN: Behaviour = { kind: "decline", reason: "unknown_token" };
const NOBODY_TO_ASK: Behaviour = { kind: "decline", reason: "authentication_required" };

/**
 * What the sandbox does with a request.
 *
 * @param token the token
 * @param returnUri where the customer comes back to; without it, nobody can be asked
 */
export function behaviourOf(token: string, returnUri: string | undefined): Behaviour {
  const behaviour = BEHAVIOURS.get(token) ?? UNKNOWN_TOKEN;
  return behaviour.kind === "ask the customer" && returnUri === undefined ? NOBODY_TO_ASK : behaviour;
}
