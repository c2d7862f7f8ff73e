import { create } from "@bufbuild/protobuf";
import {
  type IdentityLinked,
  IdentityLinkedSchema,
  type PasswordChanged,
  PasswordChangedSchema,
  type RefreshTokenReused,
  RefreshTokenReusedSchema,
  type SecondFactorChanged,
  SecondFactorChangedSchema,
} from "#gen/souk/auth/v1/events_pb.ts";
import { notice } from "../wording/notice.ts";

/** What to do about a change of the account that a thief would make, too. */
const STRANGER = "If it was not you, set a new password now: ask for one on the page on which you sign in.";

/** The texts of such a change: the same in the shop and by mail. */
function noticeTexts(subject: string, what: string) {
  const text = { subject, body: `${what}\n\n${STRANGER}` };
  return { email: text, shop: text };
}

/** Tells that a password was replaced. */
export const passwordChanged = notice({
  placeholders: {},
  texts: {
    "password-changed": noticeTexts(
      "Your password for {{shop}} was changed",
      "The password of your account was changed, and other devices were signed out.",
    ),
  },
  read: ({ accountId }: PasswordChanged) => ({
    topic: "password-changed",
    subjectId: accountId,
    values: {},
  }),
  sample: () => create(PasswordChangedSchema),
});

/** Tells that one-time passwords were turned on or off. */
export const secondFactorChanged = notice({
  placeholders: { state: "word" },
  texts: {
    "second-factor-changed": noticeTexts(
      "One-time passwords are {{state}}",
      "One-time passwords were turned {{state}} for your account.",
    ),
  },
  read: ({ accountId, enabled }: SecondFactorChanged) => ({
    topic: "second-factor-changed",
    subjectId: accountId,
    values: { state: enabled ? "on" : "off" },
  }),
  sample: () => create(SecondFactorChangedSchema, { enabled: true }),
});

/** Tells that somebody can sign in through an outside provider from now on. */
export const identityLinked = notice({
  placeholders: { provider: "word" },
  texts: {
    "identity-linked": noticeTexts(
      "Another way to sign in was added",
      'An identity of "{{provider}}" signs in to your account from now on.',
    ),
  },
  read: ({ accountId, providerId }: IdentityLinked) => ({
    topic: "identity-linked",
    subjectId: accountId,
    values: { provider: providerId },
  }),
  sample: () => create(IdentityLinkedSchema, { providerId: "example" }),
});

/** Tells that a session was ended because one of its tokens was used twice. */
export const refreshTokenReused = notice({
  placeholders: {},
  texts: {
    "session-ended": noticeTexts(
      "You were signed out on a device",
      "A device was signed out because its access was used from two places, as after a theft.",
    ),
  },
  read: ({ accountId }: RefreshTokenReused) => ({ topic: "session-ended", subjectId: accountId, values: {} }),
  sample: () => create(RefreshTokenReusedSchema),
});
