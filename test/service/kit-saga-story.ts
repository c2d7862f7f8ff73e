import { uuidv7 } from "uuidv7";
import { OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { Code, MeshReason, refuseMesh, SoukError } from "#kit/error.ts";
import { defineSaga } from "#kit/saga/define-saga.ts";
import type { SagaMoment } from "#kit/saga/run-saga.ts";
import { type Sagas, startSagas } from "#kit/saga/sagas.ts";
import type { Scope } from "#kit/scope.ts";
import type { Teardown } from "../stores.ts";
import { type BenchDatabase, callScope, type entities, rootScope, silent } from "./kit-bench.ts";
import type { VictimOrders } from "./kit-events-bench.ts";

/** How the steps of a story behave. */
export type Fate = "succeeds" | "declined" | "uncertain";

/** What the story is started with, and what it comes to. */
type Input = { readonly fate: Fate; readonly amount: bigint };
type Found = { readonly charged: bigint };
type Result = { readonly paid: bigint };

/** What is done to the stories of a replica. */
export interface Interference {
  /** Called at the beginning of each step and undoing; what it throws, the step throws. */
  at?(step: string, direction: "run" | "undo", attempt: number): Promise<void> | void;
  /** Told of each moment. */
  observe?(moment: SagaMoment): Promise<void> | void;
  /** How long a lease lasts, in ms; as long as a step needs when left out. */
  readonly leaseMs?: number;
}

/** Sagas of one "replica". */
export interface Storyteller {
  readonly sagas: Sagas;
  /** Runs a story; under a key there is one. */
  tell(fate: Fate, options?: { scope?: Scope; id?: string }): Promise<Result>;
}

const STEP_MS = 1_000;

/**
 * Tells stories of a thing that is reserved, charged for and packed. The steps act on other "services", which
 * let each effect happen once and none after its undoing.
 *
 * @param t the test after which the replica stops
 * @param db the database of the sagas and of the "services"
 * @param interference what is done to them
 */
export function startStories(t: Teardown, db: BenchDatabase, interference: Interference = {}): Storyteller {
  const story = storyOf(db, interference);
  const { leaseMs = 1, observe } = interference;
  const sagas = startSagas([story], { db, rootScope, log: silent, leaseMs, observe });
  t.teardown(() => sagas.stop(1_000));
  return {
    sagas,
    tell: (fate, { scope = callScope(), id = uuidv7() } = {}) =>
      sagas.execute(scope, story, {
        id,
        async prepare(tx) {
          await tx.sql
            .insertInto("note")
            .values({ text: `begun ${id}` })
            .execute();
          return { fate, amount: 9_007_199_254_740_993n };
        },
      }),
  };
}

function storyOf(db: BenchDatabase, interference: Interference) {
  const attempts = new Map<string, number>();
  async function interfere(key: string, direction: "run" | "undo") {
    const attempt = (attempts.get(`${key} ${direction}`) ?? 0) + 1;
    attempts.set(`${key} ${direction}`, attempt);
    await interference.at?.(key.split("/")[1] ?? "", direction, attempt);
  }
  return defineSaga<Input, Found, Result, typeof entities>({
    name: "story",
    steps: [
      {
        name: "reserve",
        timeoutMs: STEP_MS,
        async run({ key, sagaId }) {
          await interfere(key, "run");
          await happen(db, `reserved ${sagaId}`);
          return undefined;
        },
        async undo({ key, sagaId }) {
          await interfere(key, "undo");
          await undo(db, `reserved ${sagaId}`);
        },
      },
      {
        name: "charge",
        timeoutMs: STEP_MS,
        async run({ key, sagaId, input }) {
          await interfere(key, "run");
          await happen(db, `charged ${sagaId}`);
          return { charged: input.amount };
        },
        async undo({ key, sagaId }) {
          await interfere(key, "undo");
          await undo(db, `charged ${sagaId}`);
        },
      },
      {
        name: "pack",
        timeoutMs: STEP_MS,
        attempts: 2,
        async run({ key, sagaId, input }) {
          await interfere(key, "run");
          if (input.fate === "declined") {
            const options = { metadata: { shelf: "12" }, retryAfterMs: 5_000 };
            throw refuseMesh(MeshReason.NOT_FOUND, "there is no box that fits", options);
          }
          await happen(db, `packed ${sagaId}`);
          if (input.fate === "uncertain") throw new SoukError(Code.UNAVAILABLE, "the line went dead");
          return undefined;
        },
        async undo({ key, sagaId }) {
          await interfere(key, "undo");
          await undo(db, `packed ${sagaId}`);
        },
      },
    ],
    async complete({ sagaId, data }, tx) {
      await tx.sql
        .insertInto("note")
        .values({ text: `completed ${sagaId}` })
        .execute();
      tx.emit(OrderConfirmedSchema, { orderId: sagaId });
      return { paid: data.charged ?? 0n };
    },
    async abandon({ sagaId }, _, tx) {
      await tx.sql
        .insertInto("note")
        .values({ text: `abandoned ${sagaId}` })
        .execute();
    },
  });
}

/** Happens once, and not at all after its undoing. */
async function happen(db: BenchDatabase, what: string): Promise<void> {
  const { rows } = await db.pool.run(
    "insert into counter (id, total) values ($1, 1) on conflict (id) do update set id = excluded.id returning total",
    [what],
  );
  if (rows[0].total === 0n) throw new SoukError(Code.FAILED_PRECONDITION, `${what} was undone`);
}

/** Is undone, also when it did not happen yet. */
async function undo(db: BenchDatabase, what: string): Promise<void> {
  await db.pool.run(
    "insert into counter (id, total) values ($1, 0) on conflict (id) do update set total = 0",
    [what],
  );
}

/**
 * What is true of a story.
 *
 * @param db the database
 * @param id the saga
 * @returns its effects and how it ended; the word "twice" when something of that happened more than once
 */
export async function truthOf(db: BenchDatabase, id: string): Promise<string[]> {
  const effects = await db.sql
    .selectFrom("counter")
    .select("id")
    .where("id", "like", `% ${id}`)
    .where("total", "=", 1n)
    .orderBy("id")
    .execute();
  const notes = await db.sql
    .selectFrom("note")
    .select("text")
    .where("text", "like", `% ${id}`)
    .orderBy("seq")
    .execute();
  const told = notes.map(({ text }) => text.split(" ")[0] ?? "");
  const events = await db.pool.run("select from mesh.outbox where aggregate_id = $1", [id]);
  const doubled = new Set(told).size < told.length || events.rowCount > 1;
  return [...effects.map((row) => row.id.split(" ")[0] ?? ""), ...told, ...(doubled ? ["twice"] : [])];
}

/** What is true of a story that came to a good end. */
export const GOOD_END = ["charged", "packed", "reserved", "begun", "completed"];
/** What is true of one that came to a bad end. */
export const BAD_END = ["begun", "abandoned"];

/**
 * Runs a story that kills its process at a moment.
 *
 * @param db the database
 * @param orders the moment, the fate and the id
 * @param die kills the process
 */
export async function runVictimSaga(db: BenchDatabase, orders: VictimOrders, die: () => void): Promise<void> {
  const { tell } = startStories({ teardown: () => {} }, db, {
    async observe({ step, phase, direction }) {
      if (`${step} ${phase} ${direction}` !== orders.moment) return;
      die();
      await Promise.withResolvers<never>().promise;
    },
  });
  await tell(orders.fate as Fate, { id: orders.id, scope: callScope(orders.id) });
}
