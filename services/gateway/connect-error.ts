import { createRegistry, fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { toSoukError } from "#kit/error.ts";

/** The details that refusals bring. */
const DETAILS = createRegistry(ErrorInfoSchema, BadRequestSchema, RetryInfoSchema);

/**
 * The Connect error that tells of a failure, with all its details, which those who read the JSON find in JSON as well
 * (connectrpc.com/docs/protocol, "Error"). Connect's codes are gRPC's.
 *
 * @param thrown anything that was thrown
 */
export function toConnectError(thrown: unknown): ConnectError {
  const { code, message, details } = toSoukError(thrown);
  const error = new ConnectError(message, code as number);
  error.details = details.map((detail) => ({
    type: detail.typeUrl.slice(detail.typeUrl.lastIndexOf("/") + 1),
    value: detail.value,
    debug: readable(detail),
  }));
  return error;
}

/** A detail in JSON; undefined, which is left out, when it is not one of those that refusals bring. */
function readable({ typeUrl, value }: Any): JsonValue | undefined {
  const schema = DETAILS.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
  return schema && toJson(schema, fromBinary(schema, value));
}
