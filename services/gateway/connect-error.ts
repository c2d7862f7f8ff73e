import { ConnectError } from "@connectrpc/connect";
import { toSoukError } from "#kit/error.ts";

/**
 * The Connect error that tells of a failure, with all its details. Connect's codes are gRPC's.
 *
 * @param thrown anything that was thrown
 */
export function toConnectError(thrown: unknown): ConnectError {
  const { code, message, details } = toSoukError(thrown);
  const error = new ConnectError(message, code as number);
  error.details = details.map((detail) => ({
    type: detail.typeUrl.slice(detail.typeUrl.lastIndexOf("/") + 1),
    value: detail.value,
  }));
  return error;
}
