import type { Message } from "@bufbuild/protobuf";
import { AuditResult, auditEntry, refusedResult } from "../audit/entry.ts";
import type { AuditRecorder } from "../audit/recorder.ts";
import { Code, codeName, SoukError, toSoukError } from "../error.ts";
import { type Interceptor, isStream, type OpenCall, type Payload } from "../rpc/call.ts";
import { peek } from "../rpc/peek.ts";

/**
 * Records each call of a method whose policy asks for it, and each call of any method that was denied. The
 * transaction or the saga of a change keeps the record with it; what made no change is recorded here when it ended.
 * It stands around those that find out who calls and whether they may, for it tells of their refusals too.
 *
 * @param recorder records what no change keeps
 */
export function audit(recorder: AuditRecorder): Interceptor {
  return (next) => async (call, request) => {
    if (call.policy.audit) call.audit = auditEntry(recorder.service, call, request);
    let reply: Payload;
    try {
      reply = await next(call, request);
    } catch (thrown) {
      refused(call, request, thrown);
      throw thrown;
    }
    if (isStream(reply)) return untilEnded(call, request, reply);
    await succeeded(call, reply);
    return reply;
  };

  async function* untilEnded(
    call: OpenCall,
    request: Payload,
    stream: AsyncIterable<Message>,
  ): AsyncIterable<Message> {
    let failure: unknown = new SoukError(Code.CANCELLED, "the caller hung up");
    try {
      yield* stream;
      await succeeded(call, undefined);
      failure = undefined;
    } catch (thrown) {
      failure = thrown;
      throw thrown;
    } finally {
      if (failure !== undefined) refused(call, request, failure);
    }
  }

  /** What changed nothing, for example an export of personal data, does not succeed unrecorded. */
  async function succeeded({ audit, method }: OpenCall, reply: Payload | undefined): Promise<void> {
    if (audit === undefined || audit.kept !== false) return;
    const answer = reply && peek(method.output, reply);
    await recorder.record(audit.record(AuditResult.SUCCEEDED, "", answer));
    audit.kept = "end";
  }

  /** A change that was made before the call failed keeps its record; this one then tells how the call ended. */
  function refused(call: OpenCall, request: Payload, thrown: unknown): void {
    if (call.audit?.kept === "end") return;
    const error = toSoukError(thrown);
    const result = refusedResult(error);
    if (call.audit === undefined && result !== AuditResult.DENIED) return;
    const entry = call.audit ?? auditEntry(recorder.service, call, request);
    recorder.refused(entry.record(result, error.reason || codeName(error.code)));
  }
}
