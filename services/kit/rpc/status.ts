import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Metadata, type ServiceError, type StatusObject } from "@grpc/grpc-js";
import { StatusSchema } from "#gen/google/rpc/status_pb.ts";
import { Code, isMeshRefusal, MeshReason, SoukError, toSoukError } from "../error.ts";

/** The trailer that carries a google.rpc.Status in binary. */
const DETAILS_TRAILER = "grpc-status-details-bin";
/** The trailer that says when to repeat a call; less than 0 is never (gRFC A6). */
const PUSHBACK_TRAILER = "grpc-retry-pushback-ms";

/**
 * The gRPC status that tells a caller of a failure.
 *
 * @param thrown anything that was thrown
 * @param trailers what else to send along
 */
export function toStatus(thrown: unknown, trailers = new Metadata()): StatusObject {
  const error = toSoukError(thrown);
  const { code, message, details } = error;
  if (details.length > 0) {
    const status = create(StatusSchema, { code, message, details: [...details] });
    trailers.set(DETAILS_TRAILER, asBuffer(toBinary(StatusSchema, status)));
  }
  // Repeating at once what was turned away would undo that it was; whoever asked first may come again.
  if (code === Code.UNAVAILABLE && isMeshRefusal(error, MeshReason.OVERLOADED)) {
    trailers.set(PUSHBACK_TRAILER, "-1");
  }
  return { code: code as number, details: message, metadata: trailers };
}

/**
 * A failure as the headers of an answer that is nothing else (gRPC over HTTP/2, "Trailers-Only").
 *
 * @param thrown anything that was thrown
 */
export function trailersOnly(thrown: unknown): Record<string, string> {
  const { code, details, metadata } = toStatus(thrown);
  const headers: Record<string, string> = { "grpc-status": String(code), "grpc-message": encodeURI(details) };
  for (const [name, value] of Object.entries(metadata.getMap())) {
    headers[name] = typeof value === "string" ? value : value.toString("base64");
  }
  return headers;
}

/**
 * The failure that a gRPC status tells of.
 *
 * @param status what grpc-js gave
 */
export function fromStatus(status: StatusObject | ServiceError): SoukError {
  const [trailer] = status.metadata?.get(DETAILS_TRAILER) ?? [];
  const details = trailer instanceof Buffer ? fromBinary(StatusSchema, trailer).details : [];
  return new SoukError((status.code as Code) ?? Code.UNKNOWN, status.details, details);
}

/**
 * A message's bytes as grpc-js wants them, without a copy.
 *
 * @param bytes the bytes
 */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
