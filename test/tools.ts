import type { ExecutionContext } from "ava";

/** How a test's log line begins that says that the test did not look at what it is for. */
export const SKIPPED = "skipped: ";

/**
 * Takes a program or server that not every machine has. Where it is missing, the test counts as skipped and
 * says so, and its caller returns at once; with SOUK_REQUIRE_TOOLS=1 it fails.
 *
 *     const grpcurl = requireTool(t, "grpcurl", findOnPath("grpcurl"));
 *     if (grpcurl === undefined) return;
 *
 * @param name what to call it
 * @param found what the search for it gave: its path or address, undefined or "" when there is none
 * @throws Error when it is missing and may not be
 */
export function requireTool<T>(t: ExecutionContext, name: string, found: T | undefined): T | undefined {
  if (found) return found;
  if (process.env.SOUK_REQUIRE_TOOLS === "1") {
    throw new Error(`${name} is missing, and SOUK_REQUIRE_TOOLS=1 forbids to go on without it; install it.`);
  }
  t.log(`${SKIPPED}${name} is missing on this machine`);
  t.pass();
  return undefined;
}
