import { SoukError } from "#kit/error.ts";

/**
 * How a call was refused.
 *
 * @param call the call
 * @throws Error when it was not
 */
export async function refusal(call: Promise<unknown>): Promise<SoukError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof SoukError) return error;
    throw error;
  }
  throw new Error("the call was not refused");
}

/** The reason with which a call was refused. */
export async function reasonOf(call: Promise<unknown>): Promise<string> {
  return (await refusal(call)).reason;
}
