import { ErrorReason, ErrorReasonSchema } from "#gen/souk/notification/v1/errors_pb.ts";
import { refusals } from "#kit/error.ts";

export { ErrorReason };

/** Refuses a call for one of notification's reasons. */
export const refuse = refusals(ErrorReasonSchema);
