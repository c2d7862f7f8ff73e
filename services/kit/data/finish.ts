import type { CompiledQuery } from "kysely";

/**
 * A change that is made by the last statement of a transaction. It writes its SQL and hands each of its
 * values to `value`, which returns the placeholder.
 */
export type FinishingPart = (value: (value: unknown) => string) => string;

/** A statement and its values. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * A statement of the query builder as a part.
 *
 * @param query the statement
 */
export function partOf({ sql, parameters }: CompiledQuery): FinishingPart {
  return (value) => sql.replaceAll(/\$(\d+)/g, (_, number) => value(parameters[Number(number) - 1]));
}

/** The name under which the others read what the first of joined changes returns. */
export const FIRST_PART = "part0";

/**
 * Joins changes into one statement, so that they cost one round trip. Its row count is that of the last.
 *
 * @param parts the changes; at least one
 */
export function joinParts(parts: readonly FinishingPart[]): Statement {
  const values: unknown[] = [];
  const texts = parts.map((part) => part((value) => `$${values.push(value)}`));
  const last = texts.pop() as string;
  if (texts.length === 0) return { text: last, values };
  return { text: `with ${texts.map((text, i) => `part${i} as (${text})`).join(", ")} ${last}`, values };
}
