import type { Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import { MeshReason, MOST_VIOLATIONS, refuseMesh, type SoukError } from "../error.ts";
import { type Decoded, type Interceptor, isStream, type OpenCall } from "../rpc/call.ts";
import { findOversize } from "./oversize.ts";
import { findUnstorable } from "./storable.ts";

const validator = createValidator();

/** Checks every message of a request against the rules in its contract. */
export const validation: Interceptor<Decoded> = (next) => async (call, request) => {
  if (isStream(request)) return next(call, eachValid(call, request));
  checkMessage(call, request);
  return next(call, request);
};

async function* eachValid(call: OpenCall, messages: AsyncIterable<Message>): AsyncIterable<Message> {
  for await (const message of messages) {
    checkMessage(call, message);
    yield message;
  }
}

function checkMessage(call: OpenCall, message: Message): void {
  const { input } = call.method;
  const oversize = findOversize(input, message);
  if (oversize !== undefined) throw invalid([oversize]);
  const result = validator.validate(input, message);
  if (result.kind === "valid") {
    const unstorable = findUnstorable(input, message);
    if (unstorable !== undefined) throw invalid([unstorable]);
    return;
  }
  // A rule that does not compile is our mistake, not the caller's.
  if (result.kind === "error") throw result.error;
  throw invalid(describe(result.violations));
}

function invalid(violations: { field: string; description: string }[]): SoukError {
  const told = violations
    .slice(0, MOST_VIOLATIONS)
    .map(({ field, description }) => `${field}: ${description}`);
  const more = violations.length - told.length;
  if (more > 0) told.unshift(`${violations.length} fields break their rules, of which ${more} are not told`);
  return refuseMesh(MeshReason.INVALID_REQUEST, told.join("; "), { violations });
}

function describe(violations: Violation[]): { field: string; description: string }[] {
  return violations.map((violation) => ({
    field: violation.field.length === 0 ? "request" : pathToString(violation.field),
    description: violation.message,
  }));
}
