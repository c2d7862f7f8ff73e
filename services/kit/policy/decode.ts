import { type DescMessage, type DescMethod, fromBinary, type Message } from "@bufbuild/protobuf";
import { MeshReason, refuseMesh, type SoukError } from "../error.ts";
import { type Decoded, type Handler, isEncoded } from "../rpc/call.ts";
import { mostOf } from "./most.ts";

/** Makes a message of a request that came as bytes. What stands before it in the order sees no content, what stands behind it does. */
export function decode(next: Handler<Decoded>): Handler {
  return async (call, request) =>
    next(call, isEncoded(request) ? decodeRequest(call.method, request.encoded) : request);
}

/**
 * Decodes a message of a request.
 *
 * @param method the method that is asked for
 * @param bytes the message
 * @throws SoukError INVALID_REQUEST when they are no such message, or more than one can have that keeps the rules
 */
export function decodeRequest({ input }: DescMethod, bytes: Uint8Array): Message {
  if (bytes.byteLength > mostOf(input).bytes) throw tooLarge(input);
  try {
    return fromBinary(input, bytes);
  } catch (cause) {
    const why = `the request is not a ${input.typeName}: ${cause instanceof Error ? cause.message : String(cause)}`;
    const violations = [{ field: "request", description: why }];
    throw refuseMesh(MeshReason.INVALID_REQUEST, why, { violations, cause });
  }
}

/**
 * The refusal of a request that has more bytes than one can have that keeps the rules.
 *
 * @param input the type of its message
 */
export function tooLarge(input: DescMessage): SoukError {
  const description = `is too large; what the rules of its fields allow fits in ${mostOf(input).bytes} bytes`;
  return refuseMesh(MeshReason.INVALID_REQUEST, `the request ${description}`, {
    violations: [{ field: "request", description }],
  });
}
