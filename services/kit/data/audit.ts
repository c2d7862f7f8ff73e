import { type AuditEntry, type AuditRecord, AuditResult, refusedResult } from "../audit/entry.ts";
import type { SoukError } from "../error.ts";
import type { Run } from "./kysely.ts";

const standingRefusals = new WeakSet<object>();

/**
 * Makes a refusal that lets stand what its transaction did, for example that a session was ended because its token
 * came twice. What is thrown otherwise undoes everything.
 *
 * @param refusal why the call is refused
 */
export function standing(refusal: SoukError): SoukError {
  standingRefusals.add(refusal);
  return refusal;
}

/** Whether what was thrown lets stand what its transaction did. */
export function isStanding(thrown: unknown): thrown is SoukError {
  return typeof thrown === "object" && thrown !== null && standingRefusals.has(thrown);
}

/** Statements that count what they change. */
export interface CountedRun {
  readonly run: Run;
  /** Whether any of them changed a row. */
  changed(): boolean;
}

/**
 * Counts what statements change, so that a transaction that changed nothing is not recorded as a change.
 *
 * @param run sends a statement
 */
export function countChanges(run: Run): CountedRun {
  let changes = 0;
  return {
    async run(text, values) {
      const result = await run(text, values);
      // A WITH may hold a change and end as a SELECT; rather one that only read is taken for a change.
      if (result.command !== "SELECT" || /^\s*with\b/i.test(text)) changes += result.rowCount;
      return result;
    },
    changed: () => changes > 0,
  };
}

/**
 * The record that a transaction keeps with what it does.
 *
 * @param audit what is recorded of the call; undefined where nothing is
 * @param changed whether the transaction changed anything
 * @param answer what its work returned
 * @param refusal why the call is refused although the transaction stands
 * @returns undefined when the record is kept already, or when there is no change to keep it with
 */
export function recordToKeep(
  audit: AuditEntry | undefined,
  changed: boolean,
  answer: unknown,
  refusal: SoukError | undefined,
): AuditRecord | undefined {
  if (audit === undefined || audit.kept === "end") return undefined;
  if (refusal !== undefined) return audit.record(refusedResult(refusal), refusal.reason);
  return audit.kept === false && changed ? audit.record(AuditResult.SUCCEEDED, "", answer) : undefined;
}
