import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Logger } from "pino";
import { BreakerControlSchema, OperationsService, SagaState } from "#gen/souk/mesh/v1/operations_pb.ts";
import { decodePageToken, encodePageToken, NUMBER, UUID } from "../data/page-token.ts";
import type { DeadLetters } from "../events/dead-letters.ts";
import type { JobReport, Jobs } from "../jobs/jobs.ts";
import type { BreakerReport, Breakers } from "../mesh/breakers.ts";
import { type Implemented, implement } from "../rpc/implement.ts";
import type { Sagas } from "../saga/sagas.ts";
import type { StoredSaga, SagaState as StoredState } from "../saga/store.ts";

/** What operators see and steer of a service. */
export interface OperationsOptions {
  readonly breakers: Breakers;
  readonly deadLetters: DeadLetters;
  readonly sagas: Sagas;
  readonly jobs: Jobs;
  readonly log: Logger;
}

const PAGE_SIZE = 50;

const STATES: Readonly<Record<StoredState, SagaState>> = {
  running: SagaState.RUNNING,
  compensating: SagaState.COMPENSATING,
  succeeded: SagaState.SUCCEEDED,
  failed: SagaState.FAILED,
};

/** Serves souk.mesh.v1.OperationsService for one service. */
export function operationsService({
  breakers,
  deadLetters,
  sagas,
  jobs,
  log,
}: OperationsOptions): Implemented {
  return implement(OperationsService, {
    listBreakers: async () => ({ breakers: breakers.list().map(toBreaker) }),

    async setBreaker({ method, control }) {
      const breaker = await breakers.set(method, control);
      log.warn({ method, control: BreakerControlSchema.value[control]?.name }, "an operator set a breaker");
      return { breaker: toBreaker(breaker) };
    },

    async listDeadLetters({ pageSize, pageToken }) {
      const limit = pageSize || PAGE_SIZE;
      const [after = "0"] = decodePageToken("ListDeadLetters", pageToken, [NUMBER]);
      const letters = await deadLetters.list(after, limit);
      return {
        deadLetters: letters.map(({ deadTime, position: _, ...letter }) => ({
          ...letter,
          deadTime: timestampFromDate(deadTime),
        })),
        nextPageToken:
          letters.length < limit ? "" : encodePageToken("ListDeadLetters", [letters.at(-1)?.position ?? ""]),
      };
    },

    async replayDeadLetter({ id }) {
      await deadLetters.replay(id);
      return {};
    },

    async listSagas({ state, pageSize, pageToken }) {
      const limit = pageSize || PAGE_SIZE;
      const list = `ListSagas ${state}`;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      const wanted = (Object.keys(STATES) as StoredState[]).find((it) => STATES[it] === state);
      const found = await sagas.list({ state: wanted, before, limit });
      return {
        sagas: found.map(toSaga),
        nextPageToken: found.length < limit ? "" : encodePageToken(list, [found.at(-1)?.id ?? ""]),
      };
    },

    listJobs: async () => ({ jobs: (await jobs.list()).map(toJob) }),

    async setLogLevel({ level }) {
      const previousLevel = log.level;
      log.level = level;
      return { previousLevel };
    },
  });
}

function toBreaker(report: BreakerReport) {
  return { ...report, successes: BigInt(report.successes), failures: BigInt(report.failures) };
}

function toSaga({ id, name, state, step, attempts, error, createTime, updateTime }: StoredSaga) {
  return {
    id,
    name,
    state: STATES[state],
    step: String(step),
    attempts,
    error: error?.message ?? "",
    createTime: timestampFromDate(createTime),
    updateTime: timestampFromDate(updateTime),
  };
}

function toJob({ name, everyMs, lastStartTime, lastEndTime, lastError }: JobReport) {
  return {
    name,
    interval: durationFromMs(everyMs),
    lastError,
    ...(lastStartTime && { lastStartTime: timestampFromDate(lastStartTime) }),
    ...(lastStartTime &&
      lastEndTime && { lastDuration: durationFromMs(lastEndTime.getTime() - lastStartTime.getTime()) }),
  };
}
