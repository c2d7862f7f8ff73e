import type { ExecutionContext, TestFn } from "ava";
import type { Teardown } from "./stores.ts";

/**
 * What ends after all tests of a file, however they went; what was opened last ends first.
 *
 * @param test of the file
 * @param check looks at what they left behind, before anything ends
 */
export function afterFile(test: TestFn, check?: (t: ExecutionContext) => Promise<void>): Teardown {
  const endings: (() => Promise<void>)[] = [];
  test.after.always(async (t) => {
    try {
      await check?.(t);
    } finally {
      for (const end of endings) await end();
    }
  });
  return { teardown: (work) => void endings.unshift(work) };
}
