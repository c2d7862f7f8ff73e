import type { AnySaga } from "#kit/saga/define-saga.ts";
import type { SagaMoment } from "#kit/saga/run-saga.ts";

/** When a process is killed. */
export type Moment = Pick<SagaMoment, "step" | "phase" | "direction">;

/** Every moment of a saga that succeeds. */
export function forward({ steps }: AnySaga): Moment[] {
  return [...steps.map(({ name }) => name), "complete"].flatMap((step) => around(step, "run"));
}

/** Every moment of the way back of a saga whose step with an index failed for good. */
export function backward({ steps }: AnySaga, failed: number): Moment[] {
  const undone = steps.slice(0, failed).filter(({ undo }) => undo !== undefined);
  return [...undone.toReversed().map(({ name }) => name), "abandon"].flatMap((step) => around(step, "undo"));
}

function around(step: string, direction: Moment["direction"]): Moment[] {
  return (["before", "after"] as const).map((phase) => ({ step, phase, direction }));
}

/** A moment in words. */
export function describe({ step, phase, direction }: Moment): string {
  return `${phase} ${direction === "run" || step === "abandon" ? "" : "undoing "}${step}`;
}
