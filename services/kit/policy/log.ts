import type { DescMessage } from "@bufbuild/protobuf";
import { Code, codeName, toSoukError } from "../error.ts";
import { redact } from "../redact.ts";
import {
  type Handler,
  type Interceptor,
  isStream,
  type OpenCall,
  observeEnd,
  type Payload,
} from "../rpc/call.ts";
import { peek } from "../rpc/peek.ts";

/** Codes that tell of a fault of ours; the others tell of a caller's. */
const FAULTS: ReadonlySet<Code> = new Set([Code.INTERNAL, Code.UNKNOWN, Code.DATA_LOSS]);
/** Whoever goes beyond a limit is counted and no outage: a line for each call would let callers fill the log. */
const OUTAGES: ReadonlySet<Code> = new Set([Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED]);

/**
 * Writes a line for each call that ended: at error with its stack when the fault is ours, at warn
 * when something was away, else at debug. At trace single requests and answers are written too, without
 * what is secret or personal in them.
 */
export const log: Interceptor = (next) => (call, request) => {
  const startedAt = performance.now();
  const answer = call.log.isLevelEnabled("trace") ? traced(call, request, next) : next(call, request);
  return observeEnd(answer, (thrown) => {
    const ms = Math.round((performance.now() - startedAt) * 100) / 100;
    if (thrown === undefined) {
      if (call.log.isLevelEnabled("debug")) call.log.debug({ ms, ...who(call) }, "call done");
      return;
    }
    const error = toSoukError(thrown);
    const line = { ms, ...who(call), code: codeName(error.code), reason: error.reason };
    if (FAULTS.has(error.code)) call.log.error({ ...line, err: error.cause ?? error }, "call failed");
    else if (OUTAGES.has(error.code)) call.log.warn({ ...line, error: error.message }, "call failed");
    else call.log.debug(line, "call refused");
  });
};

async function traced(call: OpenCall, request: Payload, next: Handler): Promise<Payload> {
  call.log.trace({ request: shown(call.method.input, request) }, "call");
  const answer = await next(call, request);
  call.log.trace({ answer: shown(call.method.output, answer) }, "answer");
  return answer;
}

function shown(schema: DescMessage, payload: Payload): unknown {
  if (isStream(payload)) return "a stream";
  const message = peek(schema, payload);
  return message === undefined ? `no ${schema.typeName}` : redact(schema, message);
}

function who({ principal, caller }: OpenCall): Record<string, string> {
  const id = principal.kind === "user" ? principal.id : principal.kind;
  return caller === undefined ? { principal: id } : { principal: id, caller };
}
