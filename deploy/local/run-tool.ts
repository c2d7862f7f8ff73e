import { ConfigurationError, EXIT_CONFIG } from "#kit/config.ts";

/**
 * Runs a tool to its end. What goes wrong is said in one line, and the exit code is 78 when the command
 * line or a setting is to blame, else 1.
 *
 * @param work what the tool does
 */
export async function runTool(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof ConfigurationError ? EXIT_CONFIG : 1;
  }
}
