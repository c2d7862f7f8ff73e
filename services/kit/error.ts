import {
  create,
  type DescEnum,
  type DescMessage,
  getOption,
  hasOption,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { type Any, anyPack, anyUnpackTo, durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, CodeSchema } from "#gen/google/rpc/code_pb.ts";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { ErrorReason, ErrorReasonSchema } from "#gen/souk/mesh/v1/errors_pb.ts";
import { error as errorOption } from "#gen/souk/mesh/v1/policy_pb.ts";

export { Code };

/**
 * The one type of error that crosses a service's border: a gRPC status with google.rpc details
 * (google.aip.dev/193).
 */
export class SoukError extends Error {
  override readonly name = "SoukError";
  /** The gRPC status code. */
  readonly code: Code;
  /** The google.rpc details. */
  readonly details: readonly Any[];

  /**
   * @param code the gRPC status code
   * @param message a sentence for people, without internals
   * @param details the google.rpc details
   * @param cause what led to it, for the log
   */
  constructor(code: Code, message: string, details: readonly Any[] = [], cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.details = details;
  }

  /** The reason from the contract, for example "OUT_OF_STOCK"; empty when there is none. */
  get reason(): string {
    return detailOf(this, ErrorInfoSchema)?.reason ?? "";
  }

  /** The metadata that stand beside the reason. */
  get metadata(): Readonly<Record<string, string>> {
    return detailOf(this, ErrorInfoSchema)?.metadata ?? {};
  }
}

/** What may stand beside a refusal. */
export interface RefusalOptions {
  /** Facts that a program can use, for example which variant is out of stock. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When a repetition may help, in ms from now. */
  readonly retryAfterMs?: number;
  /** The fields of the request that are to blame. */
  readonly violations?: readonly { readonly field: string; readonly description: string }[];
  /** What led to it, for the log. */
  readonly cause?: unknown;
}

/**
 * Refusals travel in headers, and peers take about 8 KiB of those: a longer one would end the connection and every
 * call on it (gRPC over HTTP/2, "Requests").
 */
const LONGEST_MESSAGE = 500;
const LONGEST_TEXT = 200;
/** How many fields that are to blame are told of. */
export const MOST_VIOLATIONS = 10;

/** Makes the error for a reason of one contract. */
export type Refuse = (reason: number, message: string, options?: RefusalOptions) => SoukError;

/**
 * Makes the function with which a service refuses calls: the status code comes from the contract.
 *
 * @param reasons the contract's enum of reasons
 * @throws Error when a reason of the enum carries no status code
 */
export function refusals(reasons: DescEnum): Refuse {
  const prefix = reasons.sharedPrefix?.toUpperCase() ?? "";
  const known = new Map(
    reasons.values
      .filter((value) => value.number !== 0)
      .map((value) => {
        if (!hasOption(value, errorOption)) throw new Error(`${value} of ${reasons} declares no status code`);
        const { code } = getOption(value, errorOption);
        return [value.number, { code, name: value.name.slice(prefix.length) }];
      }),
  );
  const domain = reasons.file.proto.package;
  return (reason, message, options = {}) => {
    const found = known.get(reason);
    if (found === undefined) throw new Error(`${reasons} has no reason ${reason}`);
    const details = [
      pack(ErrorInfoSchema, { reason: found.name, domain, metadata: bounded(options.metadata) }),
    ];
    if (options.violations !== undefined) {
      const told = options.violations.slice(0, MOST_VIOLATIONS);
      details.push(pack(BadRequestSchema, { fieldViolations: told.map(bounded) }));
    }
    if (options.retryAfterMs !== undefined) {
      details.push(pack(RetryInfoSchema, { retryDelay: durationFromMs(options.retryAfterMs) }));
    }
    return new SoukError(found.code, cut(message, LONGEST_MESSAGE), details, options.cause);
  };
}

function bounded<T extends Readonly<Record<string, string>>>(texts: T | undefined): Record<keyof T, string> {
  const entries = Object.entries(texts ?? {}).map(([name, text]) => [name, cut(text, LONGEST_TEXT)]);
  return Object.fromEntries(entries) as Record<keyof T, string>;
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1).toWellFormed()}…`;
}

/** Refuses a call for one of the mesh's own reasons. */
export const refuseMesh: Refuse = refusals(ErrorReasonSchema);
export { ErrorReason as MeshReason };

/**
 * Turns anything caught into the one error type. What is not a SoukError is unexpected: its text
 * stays in the log and callers see INTERNAL.
 *
 * @param caught what was thrown
 */
export function toSoukError(caught: unknown): SoukError {
  if (caught instanceof SoukError) return caught;
  return refuseMesh(
    ErrorReason.UNEXPECTED,
    "something unexpected happened; the log has it under the request id",
    {
      cause: caught,
    },
  );
}

/**
 * The refusal with which work ends that was told to stop: its time is up, or nobody waits for it any more.
 *
 * @param reason why its signal was aborted; because the caller hung up when left out
 */
export function stopped(reason?: unknown): SoukError {
  if (reason instanceof SoukError) return reason;
  if (reason instanceof DOMException && reason.name === "TimeoutError") {
    return refuseMesh(ErrorReason.DEADLINE_EXCEEDED, "the time was up; the work was stopped", {
      cause: reason,
    });
  }
  return refuseMesh(ErrorReason.CALLER_GONE, "the caller hung up; the work was stopped", { cause: reason });
}

/** The name of a status code as gRPC writes it, for example "NOT_FOUND". */
export function codeName(code: Code): string {
  return CodeSchema.value[code]?.name ?? String(code);
}

/**
 * The first detail of one type that an error carries.
 *
 * @param error the error
 * @param schema the type of the detail
 */
export function detailOf<D extends DescMessage>(error: SoukError, schema: D): MessageShape<D> | undefined {
  for (const detail of error.details) {
    const message = anyUnpackTo(detail, schema, create(schema));
    if (message !== undefined) return message;
  }
  return undefined;
}

/**
 * Whether an error was thrown for this reason of this contract.
 *
 * @param caught what was caught
 * @param reasons the contract's enum of reasons
 * @param reason the reason
 */
export function isRefusal(caught: unknown, reasons: DescEnum, reason: number): caught is SoukError {
  if (!(caught instanceof SoukError)) return false;
  const info = detailOf(caught, ErrorInfoSchema);
  const name = reasons.value[reason]?.name ?? "";
  return info?.domain === reasons.file.proto.package && name.endsWith(`_REASON_${info.reason}`);
}

/**
 * Whether an error was thrown for one of the mesh's own reasons.
 *
 * @param caught what was caught
 * @param reason the reason
 */
export function isMeshRefusal(caught: unknown, reason: ErrorReason): caught is SoukError {
  return isRefusal(caught, ErrorReasonSchema, reason);
}

/**
 * Whether repeating the work that failed may succeed: the failure says nothing about the work
 * itself, so it may even have been done.
 *
 * @param error the failure
 */
export function isRetryable(error: SoukError): boolean {
  return RETRYABLE.has(error.code);
}

const RETRYABLE: ReadonlySet<Code> = new Set([
  Code.UNAVAILABLE,
  Code.DEADLINE_EXCEEDED,
  Code.ABORTED,
  Code.CANCELLED,
  Code.RESOURCE_EXHAUSTED,
  Code.INTERNAL,
  Code.UNKNOWN,
]);

function pack<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Any {
  return anyPack(schema, create(schema, init));
}
