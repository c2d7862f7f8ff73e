import type { Money } from "#gen/souk/mesh/v1/money_pb.ts";

/**
 * A payment provider, an outside system. Declining is an answer; what is thrown says that the
 * answer is not known, and the request may have taken effect all the same. Every request may be
 * repeated: the provider acts once. A provider stops waiting when the signal says so.
 */
export interface PaymentProvider {
  /** Its name in logs. */
  readonly name: string;
  /**
   * Sets money aside, unless there is a charge with that idempotency key: then it answers with it.
   *
   * @throws anything when the answer is not known
   */
  authorize(request: AuthorizationRequest, signal: AbortSignal): Promise<Charge>;
  /**
   * Takes the money of an authorized charge; one in another status stays as it is.
   *
   * @param chargeId the provider's id of the charge
   * @returns the charge as it is then
   * @throws anything when the answer is not known
   */
  capture(chargeId: string, signal: AbortSignal): Promise<Charge>;
  /**
   * Gives the money of an authorized charge back; one in another status stays as it is.
   *
   * @param chargeId the provider's id of the charge
   * @returns the charge as it is then
   * @throws anything when the answer is not known
   */
  void(chargeId: string, signal: AbortSignal): Promise<Charge>;
  /**
   * Finds the charge that was made with an idempotency key. A request that the provider still works
   * on may make one later.
   *
   * @throws anything when the answer is not known
   */
  findByIdempotencyKey(key: string, signal: AbortSignal): Promise<Charge | undefined>;
}

/** What a provider needs to set money aside. */
export interface AuthorizationRequest {
  /** Names the charge: however often it is asked for, it is made once. */
  readonly idempotencyKey: string;
  readonly amount: Money;
  /** What the provider's own form gave the browser for a card. Nobody else may keep it. */
  readonly token: string;
}

/** A charge in the provider's books. */
export interface Charge {
  /** The provider's id. */
  readonly id: string;
  readonly status: "authorized" | "captured" | "voided" | "declined";
  /** Why it was declined, in the provider's words. */
  readonly declineReason?: string;
}
