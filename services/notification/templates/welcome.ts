import { create } from "@bufbuild/protobuf";
import { type AccountRegistered, AccountRegisteredSchema } from "#gen/souk/auth/v1/events_pb.ts";
import { notice } from "../wording/notice.ts";

/** Greets a new user. */
export const welcome = notice({
  placeholders: {},
  texts: {
    welcome: {
      email: {
        subject: "Welcome to {{shop}}",
        body: `Your account is ready. Sign in with this e-mail address.

If you did not register, somebody else used your address; you need not do anything.`,
      },
      shop: {
        subject: "Welcome to {{shop}}",
        body: "Your account is ready. We are glad that you are here.",
      },
    },
  },
  read: ({ accountId, firstName }: AccountRegistered) => ({
    topic: "welcome",
    subjectId: accountId,
    firstName,
    values: {},
  }),
  sample: () => create(AccountRegisteredSchema, { firstName: "Ada" }),
});
