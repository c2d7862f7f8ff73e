import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";

/**
 * A payment provider, an outside system. Declining is an answer; what is thrown says that the
 * answer is not known, and the request may have taken effect all the same. Every request may be
 * repeated: the provider acts once. A provider stops waiting when the signal says so.
 */
export interface PaymentProvider {
  /** Its name in logs, in the contract and in the addresses of its webhooks. */
  readonly name: string;
  /**
   * Sets money aside, unless there is a charge with that idempotency key: then it answers with it.
   *
   * @throws anything when the answer is not known
   */
  authorize(request: AuthorizationRequest, signal: AbortSignal): Promise<Charge>;
  /**
   * Takes money of an authorized charge, unless it did under that idempotency key. Where the charge
   * is void or has less left, nothing is taken.
   *
   * @returns the charge as it is then, and whether the money is taken
   * @throws anything when the answer is not known
   */
  capture(request: CaptureRequest, signal: AbortSignal): Promise<CaptureAnswer>;
  /**
   * Gives the money of a charge that is not taken back; where all is taken, it stays as it is.
   *
   * @param chargeId the provider's id of the charge
   * @returns the charge as it is then
   * @throws anything when the answer is not known
   */
  void(chargeId: string, signal: AbortSignal): Promise<Charge>;
  /**
   * Gives back money that was taken, unless it did under that idempotency key.
   *
   * @returns how far it is now
   * @throws anything when the answer is not known
   */
  refund(request: RefundRequest, signal: AbortSignal): Promise<RefundAnswer>;
  /**
   * How a charge is now.
   *
   * @throws anything when the answer is not known
   */
  get(chargeId: string, signal: AbortSignal): Promise<Charge>;
  /**
   * Finds the charge that was made with an idempotency key. A request that the provider still works
   * on may make one later.
   *
   * @throws anything when the answer is not known
   */
  findByIdempotencyKey(key: string, signal: AbortSignal): Promise<Charge | undefined>;
  /**
   * Lists the charges that were made in a time, in any order.
   *
   * @throws anything when the answer is not known
   */
  list(from: Date, until: Date): AsyncIterable<Charge>;
  /**
   * Reads what it sent of its own accord.
   *
   * @param body the body, byte for byte
   * @param signature the header that proves who sent it, and when
   * @throws WebhookRefused when it does not, or is too old
   */
  readWebhook(body: Uint8Array, signature: string): WebhookNotice;
}

/** What a provider needs to set money aside. */
export interface AuthorizationRequest {
  /** Names the charge: however often it is asked for, it is made once. */
  readonly idempotencyKey: string;
  readonly amount: Money;
  /** What the provider's own form gave the browser for a card. Nobody else may keep it. */
  readonly token: string;
  /** Where its customer comes back to after confirming; without it, a charge that asks for that is declined. */
  readonly returnUri?: string | undefined;
}

/** What a provider needs to take money. */
export interface CaptureRequest {
  readonly chargeId: string;
  readonly idempotencyKey: string;
  readonly amount: Money;
  /** Whether that is all that will be taken. */
  readonly final: boolean;
}

/** What became of taking money. */
export interface CaptureAnswer {
  readonly charge: Charge;
  readonly taken: boolean;
}

/** What a provider needs to give money back. */
export interface RefundRequest {
  readonly chargeId: string;
  readonly idempotencyKey: string;
  readonly amount: Money;
}

/** How far a refund is. */
export interface RefundAnswer {
  readonly status: "pending" | "succeeded" | "failed";
  /** Why it failed, in the provider's words. */
  readonly failureReason?: string | undefined;
}

/** A charge in the provider's books. */
export interface Charge {
  /** The provider's id; undefined where it declined without making any. */
  readonly id: string | undefined;
  /** Under which it was made; undefined where it was not made by us. */
  readonly idempotencyKey: string | undefined;
  /** While some is taken and the rest is set aside, it is partially captured. */
  readonly status:
    | "action_required"
    | "authorized"
    | "partially_captured"
    | "captured"
    | "voided"
    | "declined";
  readonly amount: Money;
  /** In minor units. */
  readonly captured: bigint;
  /** What is given back or on its way, in minor units. */
  readonly refunded: bigint;
  /** Why it was declined, in the provider's words. */
  readonly declineReason?: string | undefined;
  /** Where its customer has to confirm it. */
  readonly actionUri?: string | undefined;
  /** Until when it can be confirmed, or the money is set aside. */
  readonly expireTime?: Date | undefined;
}

/** What a provider tells of its own accord: that a charge changed. How it is now is asked for. */
export interface WebhookNotice {
  /** The provider's id of what it tells: it may tell the same several times. */
  readonly id: string;
  readonly type: string;
  /** The charge; undefined where it is about something else. */
  readonly chargeId: string | undefined;
  /** Under which the charge was made; undefined where it was not made by us. */
  readonly idempotencyKey: string | undefined;
}

/** What was sent is not the provider's, or too old. */
export class WebhookRefused extends Error {
  override readonly name = "WebhookRefused";
}
