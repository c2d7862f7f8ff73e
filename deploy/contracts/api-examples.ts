import {
  type DescMessage,
  type DescMethod,
  fromJson,
  type JsonObject,
  type JsonValue,
} from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { Idempotency } from "#gen/souk/mesh/v1/policy_pb.ts";
import { isOpenToOutside, methodName, policyOf } from "#kit/contract.ts";
import { SERVICE_HEADER } from "#kit/mesh/create-mesh.ts";
import { IDEMPOTENCY_KEY_HEADER } from "#kit/policy/idempotency.ts";
import { SERVICE_TOKEN_HEADER } from "#kit/policy/identity.ts";
import type { Policy } from "#kit/read-policy.ts";
import { exampleRequest } from "./example-request.ts";

/** What the examples expect in the shell, and how to come by it. */
export const SHELL_VARIABLES: Readonly<Record<string, string>> = {
  SHOP: "where browsers call: `http://localhost:8080`",
  MESH: "where services and operators call: `localhost:15001`",
  USER_TOKEN: "the access token that Register or Login gave",
  STAFF_TOKEN: "an access token of somebody who holds the permission, or `$(npm run -s operator-token)`",
  SERVICE_TOKEN: "the token of a service that may call, as the mesh sends it along",
};

/** What makes an example of a call. */
export interface Example {
  /** The program it calls with. */
  readonly program: "curl" | "grpcurl";
  /** A command for a shell that has the variables. */
  readonly command: string;
}

/**
 * Commands that call a method: with curl where it is open to the outside and answers once, and with
 * grpcurl.
 *
 * @param method the method
 */
export function examplesOf(method: DescMethod): Example[] {
  const request = exampleRequest(method.input);
  const headers = headersOf(policyOf(method));
  const curl =
    isOpenToOutside(method) && method.methodKind === "unary" && method.parent !== OperationsService;
  return [
    ...(curl
      ? [{ program: "curl" as const, command: curlCommand(method, JSON.stringify(request), headers) }]
      : []),
    {
      program: "grpcurl",
      command: grpcurlCommand(method, JSON.stringify(forGrpcurl(method.input, request)), headers),
    },
  ];
}

function curlCommand(method: DescMethod, json: string, headers: readonly string[]): string {
  const words = ["content-type: application/json", ...headers].map((header) => `-H ${quoted(header)}`);
  return lines([`curl -s "$SHOP/${methodName(method)}"`, ...words, `-d ${inQuotes(json)}`]);
}

function grpcurlCommand(method: DescMethod, json: string, headers: readonly string[]): string {
  const whose = method.parent === OperationsService ? [`${SERVICE_HEADER}: order`] : [];
  const words = [...whose, ...headers].map((header) => `-H ${quoted(header)}`);
  return lines(["grpcurl -plaintext", ...words, `-d ${inQuotes(json)}`, `"$MESH" ${methodName(method)}`]);
}

/** grpcurl takes a field mask as the message that it is, where JSON otherwise has a text. */
function forGrpcurl(message: DescMessage, request: JsonObject): JsonObject {
  return Object.fromEntries(
    message.fields
      .filter(({ jsonName }) => jsonName in request)
      .map((field) => {
        const value = request[field.jsonName] as JsonValue;
        if (field.fieldKind !== "message") return [field.jsonName, value];
        if (field.message.typeName !== FieldMaskSchema.typeName) {
          return [field.jsonName, isObject(value) ? forGrpcurl(field.message, value) : value];
        }
        return [field.jsonName, { paths: fromJson(FieldMaskSchema, value).paths }];
      }),
  );
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function headersOf({ access, idempotency }: Policy): string[] {
  const keyed = idempotency === Idempotency.KEY_REQUIRED ? [`${IDEMPOTENCY_KEY_HEADER}: example-1`] : [];
  if (access.authenticated) return ["authorization: Bearer $USER_TOKEN", ...keyed];
  if (access.permission !== "") return ["authorization: Bearer $STAFF_TOKEN", ...keyed];
  return access.callers.length > 0 ? [`${SERVICE_TOKEN_HEADER}: $SERVICE_TOKEN`, ...keyed] : keyed;
}

function lines(parts: readonly string[]): string {
  const oneLine = parts.join(" ");
  return oneLine.length <= 100 ? oneLine : parts.join(" \\\n  ");
}

function quoted(text: string): string {
  return text.includes("$") ? `"${text}"` : `'${text}'`;
}

function inQuotes(json: string): string {
  return `'${json.replaceAll("'", "'\\''")}'`;
}
