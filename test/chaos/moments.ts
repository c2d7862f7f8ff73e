import type { AnySaga } from "#kit/saga/define-saga.ts";
import type { SagaMoment } from "#kit/saga/run-saga.ts";

/** When a process is killed. */
export type Moment = Omit<SagaMoment, "sagaId">;

/** Every moment of a saga that succeeds. */
export function forward({ name, steps }: AnySaga): Moment[] {
  return [...steps.map((step) => step.name), "complete"].flatMap((step) => around(name, step, "run"));
}

/** Every moment of the way back of a saga whose step with an index failed for good. */
export function backward({ name, steps }: AnySaga, failed: number): Moment[] {
  const undone = steps.slice(0, failed).filter(({ undo }) => undo !== undefined);
  return [...undone.toReversed().map((step) => step.name), "abandon"].flatMap((step) =>
    around(name, step, "undo"),
  );
}

function around(saga: string, step: string, direction: Moment["direction"]): Moment[] {
  return (["before", "after"] as const).map((phase) => ({ saga, step, phase, direction }));
}

/** Whether the saga has ended: what it tells of is stored, but not yet sent. */
export function isEnd({ step, phase }: Moment): boolean {
  return phase === "after" && (step === "complete" || step === "abandon");
}

/** A moment in words. */
export function describe({ step, phase, direction }: Moment): string {
  return `${phase} ${direction === "run" || step === "abandon" ? "" : "undoing "}${step}`;
}
