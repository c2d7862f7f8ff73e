import { MeshReason, refuseMesh, SoukError } from "../error.ts";

/** The fields of an error of the server that programs look at (PostgreSQL protocol, ErrorResponse). */
interface ServerError extends Error {
  readonly code: string;
  readonly constraint?: string;
}

const retryAfterMs = 1_000;

/**
 * Turns what the driver threw into what callers shall see: a store that is away, full or frozen becomes a
 * refusal, everything else stays what it is.
 *
 * @param caught what a statement or a connection attempt threw
 */
export function toDataError(caught: unknown): unknown {
  if (caught instanceof SoukError || !(caught instanceof Error)) return caught;
  if (isUnavailable(caught)) {
    const message = "the database cannot be reached; repeat the call in a moment";
    return refuseMesh(MeshReason.DEPENDENCY_UNAVAILABLE, message, { retryAfterMs, cause: caught });
  }
  if (sqlState(caught) === "57014") {
    const message = "the database took too long; repeat the call with more time";
    return refuseMesh(MeshReason.DEADLINE_EXCEEDED, message, { cause: caught });
  }
  return caught;
}

/**
 * Whether the transaction was undone only because of others that ran beside it, or because the connection
 * holds plans from before a migration: done again from its beginning, it may succeed.
 *
 * @param caught what the transaction threw
 */
export function isCollision(caught: unknown): boolean {
  return collisions.has(sqlState(caught) ?? "") || isStalePlan(caught);
}

/**
 * Whether the connection holds prepared statements that do not fit the schema any more (SQLSTATE 0A000
 * "cached plan must not change result type", 26000). It must be thrown away.
 *
 * @param caught what a statement threw
 */
export function isStalePlan(caught: unknown): boolean {
  const state = sqlState(caught);
  return state === "26000" || (state === "0A000" && /cached plan/.test((caught as Error).message));
}

/**
 * Whether a statement failed because it broke a constraint of the schema: unique, foreign key, check,
 * exclusion or not null (SQLSTATE class 23).
 *
 * @param caught what was thrown
 * @param constraint the name of the constraint; any when left out
 */
export function violates(caught: unknown, constraint?: string): boolean {
  if (sqlState(caught)?.startsWith("23") !== true) return false;
  return constraint === undefined || (caught as ServerError).constraint === constraint;
}

/** Deadlock, serialization failure, lock timeout. */
const collisions: ReadonlySet<string> = new Set(["40P01", "40001", "55P03"]);

/** SQLSTATE classes: connection, authorization, database missing, resources, operator's intervention. */
const unavailableClasses: ReadonlySet<string> = new Set(["08", "28", "3D", "53", "57", "58"]);
/** Idle in transaction for too long; a server that only reads, as after a switch to a replica. */
const unavailableStates: ReadonlySet<string> = new Set(["25P03", "25P04", "25006"]);
/** What the driver says, without any code, about connections that broke or did not come about. */
const driverMessages =
  /^(Connection terminated|timeout e|Client (has|was)|Query read timeout|Cannot use a pool)/;

function isUnavailable(error: Error): boolean {
  const code = (error as { code?: unknown }).code;
  if (typeof code !== "string") {
    if (error instanceof AggregateError) return error.errors.every((each) => isUnavailable(each));
    return driverMessages.test(error.message);
  }
  // System errors such as ECONNREFUSED; what begins with ERR_ is a mistake of the program.
  if (/^E(?!RR_)[A-Z]{3,}$/.test(code)) return true;
  if (code === "57014") return false;
  return code.length === 5 && (unavailableClasses.has(code.slice(0, 2)) || unavailableStates.has(code));
}

function sqlState(caught: unknown): string | undefined {
  const code = (caught as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && code.length === 5 ? code : undefined;
}
