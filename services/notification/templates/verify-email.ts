import { create } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type EmailVerificationRequested,
  EmailVerificationRequestedSchema,
} from "#gen/souk/auth/v1/events_pb.ts";
import { notice } from "../wording/notice.ts";
import { sampleEnd } from "./samples.ts";
import { formatEnd, tokenLink } from "./token-link.ts";

/** Mails the token that confirms an e-mail address. */
export const verifyEmail = notice({
  placeholders: { end: "word", link: "needed block" },
  texts: {
    "verify-email": {
      email: {
        subject: "Confirm your e-mail address for {{shop}}",
        body: `Please confirm that this is your e-mail address, until {{end}}:

{{link}}

If you have no account with us, somebody else used your address; you need not do anything.`,
      },
    },
  },
  read({ accountId, token, expireTime }: EmailVerificationRequested, shop) {
    if (expireTime === undefined) throw new Error(`EmailVerificationRequested of ${accountId} has no end`);
    return {
      topic: "verify-email",
      subjectId: accountId,
      values: { end: formatEnd(timestampDate(expireTime)), link: tokenLink(shop, "verify-email", token) },
    };
  },
  sample: () => create(EmailVerificationRequestedSchema, { token: "sample", expireTime: sampleEnd() }),
});
