import type {
  IdentityLinked,
  PasswordChanged,
  RefreshTokenReused,
  SecondFactorChanged,
} from "#gen/souk/auth/v1/events_pb.ts";
import type { Message, Shop } from "./message.ts";
import { securityNotice } from "./security-notice.ts";

/** Tells that a password was replaced. */
export function passwordChanged({ accountId }: PasswordChanged, shop: Shop): Message {
  const title = `Your password for ${shop.name} was changed`;
  const what = "The password of your account was changed, and other devices were signed out.";
  return securityNotice({ topic: "password-changed", title, what, accountId }, shop);
}

/** Tells that one-time passwords were turned on or off. */
export function secondFactorChanged({ accountId, enabled }: SecondFactorChanged, shop: Shop): Message {
  const state = enabled ? "on" : "off";
  const title = `One-time passwords are ${state}`;
  const what = `One-time passwords were turned ${state} for your account.`;
  return securityNotice({ topic: "second-factor-changed", title, what, accountId }, shop);
}

/** Tells that somebody can sign in through an outside provider from now on. */
export function identityLinked({ accountId, providerId }: IdentityLinked, shop: Shop): Message {
  const title = "Another way to sign in was added";
  const what = `An identity of "${providerId}" signs in to your account from now on.`;
  return securityNotice({ topic: "identity-linked", title, what, accountId }, shop);
}

/** Tells that a session was ended because one of its tokens was used twice. */
export function refreshTokenReused({ accountId }: RefreshTokenReused, shop: Shop): Message {
  const title = "You were signed out on a device";
  const what = "A device was signed out because its access was used from two places, as after a theft.";
  return securityNotice({ topic: "session-ended", title, what, accountId }, shop);
}
