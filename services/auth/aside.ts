import type { Scope } from "#kit/scope.ts";

/**
 * The same work for a change that is not what was asked for, for example that an attempt is counted: the record
 * of the call is kept with what was.
 *
 * @param scope the work
 */
export function aside(scope: Scope): Scope {
  return Object.create(scope, { audit: { value: undefined } }) as Scope;
}
