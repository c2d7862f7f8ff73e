import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { type Code, SoukError } from "../error.ts";

/** How a bigint stands in JSON. */
const BIGINT = "$bigint";

/**
 * The JSON text of a value that may hold bigints.
 *
 * @param value what JSON can say, and bigints
 */
export function encodeValue(value: unknown): string {
  return JSON.stringify(value, (_, it) => (typeof it === "bigint" ? { [BIGINT]: String(it) } : it));
}

/**
 * The value that was encoded.
 *
 * @param json parsed JSON, as the database gives it
 */
export function decodeValue<T>(json: unknown): T {
  if (Array.isArray(json)) return json.map((each) => decodeValue(each)) as T;
  if (json === null || typeof json !== "object") return json as T;
  const { [BIGINT]: digits } = json as Record<string, unknown>;
  if (typeof digits === "string") return BigInt(digits) as T;
  return Object.fromEntries(Object.entries(json).map(([name, each]) => [name, decodeValue(each)])) as T;
}

/** The JSON text of an error, with all its details. */
export function encodeError({ code, message, details }: SoukError): string {
  const encoded = details.map((detail) => Buffer.from(toBinary(AnySchema, detail)).toString("base64"));
  return JSON.stringify({ code, message, details: encoded });
}

/**
 * The error that was encoded.
 *
 * @param json parsed JSON, as the database gives it
 */
export function decodeError(json: unknown): SoukError {
  const { code, message, details } = json as { code: Code; message: string; details: string[] };
  return new SoukError(
    code,
    message,
    details.map((detail) => fromBinary(AnySchema, Buffer.from(detail, "base64"))),
  );
}
