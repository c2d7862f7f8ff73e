import { create } from "@bufbuild/protobuf";
import { type UserDeleted, UserDeletedSchema } from "#gen/souk/user/v1/events_pb.ts";
import { notice } from "../wording/notice.ts";

/** Confirms to somebody that the account is closed. */
export const accountClosed = notice({
  placeholders: {},
  texts: {
    "account-closed": {
      email: {
        subject: "Your account at {{shop}} is closed",
        body: `Your account is closed, as you asked, and what we kept about you is erased. Invoices stay for as long as the law wants. This is the last mail that you get from us.

If it was not you who asked, write to us: the account cannot be had back.`,
      },
    },
  },
  read: ({ userId }: UserDeleted) => ({ topic: "account-closed", subjectId: userId, values: {} }),
  sample: () => create(UserDeletedSchema),
});
