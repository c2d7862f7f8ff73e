import { type Logger, pino } from "pino";
import { SoukError } from "./error.ts";

/**
 * Makes the log of a process: JSON, a line each.
 *
 * @param level the least severe level that is written
 * @param file where it is appended; standard output when it is not given
 */
export function createLog(level: string, file?: string): Logger {
  const options = {
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
    redact: { paths: ["*.authorization", "*.password", "*.token"], censor: "[redacted]" },
  };
  return file === undefined ? pino(options) : pino(options, pino.destination({ dest: file, mkdir: true }));
}

/**
 * What is logged of an error. Whatever else libraries hang on theirs stays out: a database tells the values of the
 * row that it refused.
 *
 * @param error what was thrown
 */
export function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const { code } = error as { code?: unknown };
  return {
    type: name,
    message,
    ...((typeof code === "string" || typeof code === "number") && { code }),
    ...(error instanceof SoukError && error.reason !== "" && { reason: error.reason }),
    stack,
    ...(cause !== undefined && { cause: describeError(cause) }),
  };
}
