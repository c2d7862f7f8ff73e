import { ErrorReason, ErrorReasonSchema } from "#gen/souk/order/v1/errors_pb.ts";
import { refusals } from "#kit/error.ts";

export { ErrorReason, ErrorReasonSchema };

/** Refuses a call for one of order's reasons. */
export const refuse = refusals(ErrorReasonSchema);
