import type { DescField, DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type AuditRecordedSchema, AuditResult } from "#gen/souk/mesh/v1/audit_pb.ts";
import { methodName } from "../contract.ts";
import { Code, type SoukError } from "../error.ts";
import { contentOf, fieldsOnPath } from "../field-path.ts";
import type { OpenCall, Payload } from "../rpc/call.ts";
import { peek } from "../rpc/peek.ts";

export { AuditResult };

/** The event that tells of a call. */
export type AuditRecord = MessageInitShape<typeof AuditRecordedSchema> & object;

/** What is recorded of a call, until it is known how it ended. */
export interface AuditEntry {
  /** The id of what the call is about, where neither request nor answer tells it. */
  objectId: string;
  /**
   * Who keeps the record: "change" is a transaction that made a change for the call, "end" whatever tells how the
   * call ended, for good; false where nobody does yet.
   */
  kept: false | "change" | "end";
  /**
   * The record.
   *
   * @param result how it ended
   * @param reason of the refusal
   * @param answer what was answered, as far as it is known
   */
  record(result: AuditResult, reason: string, answer?: unknown): AuditRecord;
}

/** Begins the path of an object that the answer names. */
const RESPONSE = "response.";

/**
 * What is fit to name an object in a record. Requests are recorded before they are checked, too, and what a field
 * for an id holds may then be anything.
 */
const OBJECT_ID = /^[\w.:-]{1,100}$/;
/** What is fit to order records by, as the id of an aggregate is. */
const ACTOR = /^[\w-]{1,100}$/;

/**
 * Begins the record of a call. Whom it is for is read when the record is made, for it may not be known yet.
 *
 * @param service the service that answers
 * @param call the call
 * @param request what was sent
 */
export function auditEntry(service: string, call: OpenCall, request: Payload): AuditEntry {
  const startedAt = Date.now();
  return {
    objectId: "",
    kept: false,
    record(result, reason, answer) {
      const { principal } = call;
      const accountId = principal.kind === "user" ? principal.id : "";
      const caller = call.caller ?? (principal.kind === "service" ? principal.name : "");
      const actor = accountId || caller || "anonymous";
      return {
        actor: ACTOR.test(actor) ? actor : "others",
        service,
        method: methodName(call.method),
        accountId,
        caller,
        objectId: this.objectId || objectOf(call, request, answer),
        result,
        reason,
        clientAddress: call.clientAddress?.slice(0, 100) ?? "",
        requestId: call.requestId,
        startTime: timestampFromMs(startedAt),
        count: 1,
      };
    },
  };
}

/**
 * How a call ended that was refused.
 *
 * @param error the refusal
 */
export function refusedResult({ code }: SoukError): AuditResult {
  const denied = code === Code.UNAUTHENTICATED || code === Code.PERMISSION_DENIED;
  return denied ? AuditResult.DENIED : AuditResult.FAILED;
}

const paths = new WeakMap<DescMethod, DescField[]>();

function objectOf({ method, policy }: OpenCall, request: Payload, answer: unknown): string {
  if (policy.object === "") return "";
  const inAnswer = policy.object.startsWith(RESPONSE);
  let path = paths.get(method);
  if (path === undefined) {
    path = objectPath(method, policy.object) ?? [];
    paths.set(method, path);
  }
  let found: unknown = inAnswer ? answer : peek(method.input, request);
  for (const field of path) {
    if (typeof found !== "object" || found === null) return "";
    found = contentOf(field, found);
  }
  return typeof found === "string" && OBJECT_ID.test(found) ? found : "";
}

/**
 * The fields that lead to the id of what a call is about.
 *
 * @param method the method
 * @param object where the id stands, as its policy says
 * @returns undefined where that leads nowhere
 */
export function objectPath({ input, output }: DescMethod, object: string): DescField[] | undefined {
  if (object.startsWith(RESPONSE)) return fieldsOnPath(output, object.slice(RESPONSE.length));
  return fieldsOnPath(input, object);
}
