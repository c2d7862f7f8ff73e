import type { Scope } from "../scope.ts";

/** Something that a service does from time to time, on one replica. */
export interface Job {
  readonly name: string;
  /** The time between two starts, in ms. */
  readonly everyMs: number;
  /** How long one run may take, in ms; 60,000 when left out. */
  readonly timeoutMs?: number;
  /**
   * Does it once; it may be done again when a run was cut short.
   *
   * @param scope the run
   */
  run(scope: Scope): Promise<void>;
}

/** Declares a job. */
export function job(declaration: Job): Job {
  return declaration;
}
