import { type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
import { isEncoded, isStream, type Payload } from "./call.ts";

/**
 * The message in a payload, for those who only tell of it and may stand before it is decoded.
 *
 * @param schema the message's type
 * @param payload what was sent
 * @returns undefined where it is a stream, or bytes that are no such message
 */
export function peek(schema: DescMessage, payload: Payload): Message | undefined {
  if (isStream(payload)) return undefined;
  if (!isEncoded(payload)) return payload;
  if (payload.message !== undefined) return payload.message;
  try {
    return fromBinary(schema, payload.encoded);
  } catch {
    return undefined;
  }
}
