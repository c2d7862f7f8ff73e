import type { Transaction } from "../data/database.ts";
import type { Entities } from "../data/tables.ts";
import type { SoukError } from "../error.ts";
import type { Scope } from "../scope.ts";

/** What a saga knows at a step: JSON, with bigints. */
export type SagaValue = Readonly<Record<string, unknown>>;

/** What a step works with. */
export interface SagaContext<I extends SagaValue, D extends SagaValue> {
  readonly sagaId: string;
  /** `<saga id>/<step>`: under it the step's effect in another service counts once. */
  readonly key: string;
  /** What the saga was started with; what stands under a symbol is there only in the process that started it. */
  readonly input: I;
  /** What the steps so far found out. */
  readonly data: Readonly<Partial<D>>;
  /** The step's own deadline; calls go out under the service's identity. */
  readonly scope: Scope;
}

/** A step: something done in another service, and its undoing. Either may be done more than once. */
export interface Step<I extends SagaValue, D extends SagaValue> {
  readonly name: string;
  /**
   * Does it.
   *
   * @returns what later steps shall know
   * @throws an error that no repetition will change, to undo the steps before; any other, to be tried again
   */
  run(context: SagaContext<I, D>): Promise<Partial<D> | undefined>;
  /** Undoes it, also when it is not certain that it was done. Tried until it succeeds. */
  undo?(context: SagaContext<I, D>): Promise<void>;
  /** How long one attempt may take, in ms; 3,000 when left out. */
  readonly timeoutMs?: number;
  /** How often it is tried before the saga gives up; 3 when left out. */
  readonly attempts?: number;
}

/** A saga, to be read from top to bottom. */
export interface SagaDefinition<
  I extends SagaValue = SagaValue,
  D extends SagaValue = SagaValue,
  R extends SagaValue = SagaValue,
  E extends Entities = Entities,
> {
  readonly name: string;
  readonly steps: readonly Step<I, D>[];
  /**
   * What becomes true here when every step succeeded, in the transaction that ends the saga.
   *
   * @returns what is stored as its result; what stands under a symbol is not, and only for who waits in this process
   */
  complete(context: SagaContext<I, D>, tx: Transaction<E>): Promise<R>;
  /** What becomes true here when everything is undone, in the transaction that ends the saga. */
  abandon(context: SagaContext<I, D>, error: SoukError, tx: Transaction<E>): Promise<void>;
}

/** A saga whose types do not matter to who keeps it. */
// biome-ignore lint/suspicious/noExplicitAny: sagas of all types stand in one list.
export type AnySaga = SagaDefinition<any, any, any, any>;

/**
 * Defines a saga: steps in several services that succeed together or are undone together, in
 * reverse (Garcia-Molina and Salem, Sagas, 1987).
 *
 * @param definition its name, steps and ends
 */
export function defineSaga<I extends SagaValue, D extends SagaValue, R extends SagaValue, E extends Entities>(
  definition: SagaDefinition<I, D, R, E>,
): SagaDefinition<I, D, R, E> {
  return definition;
}
