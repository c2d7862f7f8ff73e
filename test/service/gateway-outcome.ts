import { create, fromBinary } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { codeFromString, codeToString } from "@connectrpc/connect/protocol-connect";
import { StatusSchema } from "#gen/google/rpc/status_pb.ts";
import { type Code, SoukError } from "#kit/error.ts";
import type { Incoming } from "./gateway-exchange.ts";

/** How a call ended, whichever protocol told it. */
export interface Outcome {
  /** The code as Connect writes it, for example "invalid_argument"; "ok" when the call succeeded. */
  readonly code: string;
  readonly message: string;
  /** The reason from the contract; empty when there is none. */
  readonly reason: string;
}

/** A message of a stream. */
export interface Envelope {
  readonly flags: number;
  readonly message: Buffer;
}

const OK: Outcome = { code: "ok", message: "", reason: "" };
/** The envelope in which Connect ends a stream. */
const CONNECT_END = 2;
/** The envelope in which gRPC-Web sends what is a trailer of HTTP in gRPC. */
const GRPC_WEB_END = 128;

/**
 * Reads how a call ended.
 *
 * @param answer what came back
 */
export function outcomeOf({ status, headers, trailers, body }: Incoming): Outcome {
  const type = headers["content-type"] ?? "";
  if (type.startsWith("application/grpc-web")) {
    const end =
      envelopesOf(body)
        .find(({ flags }) => flags === GRPC_WEB_END)
        ?.message.toString() ?? "";
    const lines = end.split("\r\n").map((line) => /^([^:]+): *(.*)$/.exec(line)?.slice(1) ?? []);
    return grpcOutcome({ ...headers, ...Object.fromEntries(lines) });
  }
  if (type.startsWith("application/grpc")) return grpcOutcome({ ...headers, ...trailers });
  if (type.startsWith("application/connect+")) {
    const end =
      envelopesOf(body)
        .find(({ flags }) => flags === CONNECT_END)
        ?.message.toString() ?? "{}";
    return connectOutcome(JSON.parse(end).error);
  }
  return status === 200 ? OK : connectOutcome(JSON.parse(body.toString()));
}

/**
 * A message as streams carry it.
 *
 * @param message the message
 * @param flags what the first byte says
 */
export function enveloped(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/**
 * The whole envelopes at the beginning of some bytes.
 *
 * @param bytes what came of a stream so far
 */
export function envelopesOf(bytes: Buffer): Envelope[] {
  const envelopes: Envelope[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    envelopes.push({ flags: bytes[at] ?? 0, message: bytes.subarray(at + 5, end) });
    at = end;
  }
  return envelopes;
}

interface ConnectFailure {
  readonly code: string;
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
}

function connectOutcome(failure: ConnectFailure | undefined): Outcome {
  if (failure === undefined) return OK;
  const { code, message = "", details = [] } = failure;
  const anys = details.map(({ type, value }) =>
    create(AnySchema, { typeUrl: `type.googleapis.com/${type}`, value: base64Decode(value) }),
  );
  return { code, message, reason: reasonOf(codeFromString(code) as number, anys) };
}

function grpcOutcome(headers: Readonly<Record<string, string>>): Outcome {
  const code = Number(headers["grpc-status"] ?? Number.NaN);
  if (code === 0) return OK;
  const bytes = headers["grpc-status-details-bin"];
  const details = bytes === undefined ? [] : fromBinary(StatusSchema, base64Decode(bytes)).details;
  return {
    code: codeToString(code),
    message: decodeURIComponent(headers["grpc-message"] ?? ""),
    reason: reasonOf(code, details),
  };
}

function reasonOf(code: number, details: readonly Any[]): string {
  return new SoukError(code as Code, "", details).reason;
}
