import { create } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type PasswordResetRequested, PasswordResetRequestedSchema } from "#gen/souk/auth/v1/events_pb.ts";
import { notice } from "../wording/notice.ts";
import { sampleEnd } from "./samples.ts";
import { formatEnd, tokenLink } from "./token-link.ts";

/** Mails the token with which to set a new password. */
export const resetPassword = notice({
  placeholders: { end: "word", link: "needed block" },
  texts: {
    "reset-password": {
      email: {
        subject: "A new password for {{shop}}",
        body: `Set a new password here, until {{end}}:

{{link}}

If you did not ask for it, your password stays as it is and you need not do anything.`,
      },
    },
  },
  read({ accountId, token, expireTime }: PasswordResetRequested, shop) {
    if (expireTime === undefined) throw new Error(`PasswordResetRequested of ${accountId} has no end`);
    return {
      topic: "reset-password",
      subjectId: accountId,
      values: { end: formatEnd(timestampDate(expireTime)), link: tokenLink(shop, "reset-password", token) },
    };
  },
  sample: () => create(PasswordResetRequestedSchema, { token: "sample", expireTime: sampleEnd() }),
});
