import { isRetryable, SoukError } from "#kit/error.ts";
import { eventually } from "../eventually.ts";

/**
 * Repeats a call for as long as it is not known how it ends.
 *
 * @param call what is safe to repeat
 * @returns its answer
 * @throws SoukError its refusal
 */
export async function insist<R>(call: () => Promise<R>): Promise<R> {
  const outcome = await eventually(async (): Promise<{ answer: R } | { refusal: SoukError }> => {
    try {
      return { answer: await call() };
    } catch (error) {
      if (error instanceof SoukError && !isRetryable(error)) return { refusal: error };
      throw error;
    }
  });
  if ("refusal" in outcome) throw outcome.refusal;
  return outcome.answer;
}
