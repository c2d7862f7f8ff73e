import type { Logger } from "pino";
import { AuditRecordedSchema } from "#gen/souk/mesh/v1/audit_pb.ts";
import type { Database } from "../data/database.ts";
import type { RootScope } from "../rpc/root-scope.ts";
import type { AuditRecord } from "./entry.ts";

/** Records calls that made no change whose transaction could hold the record. */
export interface AuditRecorder {
  /** The service whose calls they are. */
  readonly service: string;
  /**
   * Records a call.
   *
   * @throws SoukError when it cannot be recorded
   */
  record(record: AuditRecord): Promise<void>;
  /**
   * Records a refusal in the background: the first of its kind at once, equal ones within the same minute together,
   * with their number. It neither waits nor throws.
   */
  refused(record: AuditRecord): void;
  /** Records what was counted and stops. */
  stop(): Promise<void>;
}

/** What recording needs. */
export interface AuditRecorderOptions {
  readonly service: string;
  readonly db: Database;
  readonly rootScope: RootScope;
  readonly log: Logger;
}

/** Refusals of one kind, within a minute. */
interface Counted {
  readonly record: AuditRecord;
  /** How many came after the first, which is recorded already. */
  repeated: number;
}

/** For so long equal refusals are counted as one, in ms. */
const MINUTE_MS = 60_000;
/**
 * How many kinds of refusals are told apart in a minute. What comes beyond is counted by method and reason alone, so
 * that a flood of them can neither fill the disk nor pass unseen; what nobody in particular does cannot crowd out
 * what a known account or service does.
 */
const MOST_KINDS = { anonymous: 100, known: 400 } as const;
/** With so many that cannot be stored, the oldest are given up. */
const MOST_WAITING = 2_000;
/** Short enough for a process that must end while its database is away, in ms. */
const STORE_MS = 2_000;

/**
 * Starts to record the refusals of a service.
 *
 * @param options what it needs
 */
export function startAuditRecorder({ service, db, rootScope, log }: AuditRecorderOptions): AuditRecorder {
  let minute = new Map<string, Counted>();
  let kinds = { anonymous: 0, known: 0 };
  let waiting: AuditRecord[] = [];
  let storing: Promise<void> | undefined;

  function record(records: readonly AuditRecord[]): Promise<void> {
    return db.write(rootScope({ timeoutMs: STORE_MS }), async (tx) => {
      for (const each of records) tx.emit(AuditRecordedSchema, each);
    });
  }

  /** One transaction at a time: a flood of refusals must not take the connections of calls that do something. */
  async function storeWaiting(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0);
      try {
        await record(batch);
      } catch (error) {
        waiting = [...batch, ...waiting].slice(-MOST_WAITING);
        log.warn({ err: error, records: waiting.length }, "refusals cannot be recorded yet");
        return;
      }
    }
  }

  function store(): Promise<void> {
    storing ??= storeWaiting().finally(() => {
      storing = undefined;
    });
    return storing;
  }

  function endMinute(): Promise<void> {
    for (const { record, repeated } of minute.values()) {
      if (repeated > 0) waiting.push({ ...record, count: repeated });
    }
    minute = new Map();
    kinds = { anonymous: 0, known: 0 };
    return store();
  }

  const timer = setInterval(endMinute, MINUTE_MS);
  timer.unref();

  return {
    service,
    record: (one) => record([one]),
    refused(one) {
      // A service that passes on a client's address calls for somebody outside.
      const isKnown = one.accountId !== "" || (one.caller !== "" && one.clientAddress === "");
      const known = isKnown ? "known" : "anonymous";
      const kept = minute.has(kindOf(one)) || kinds[known] < MOST_KINDS[known] ? one : withoutDetails(one);
      const kind = kindOf(kept);
      const counted = minute.get(kind);
      if (counted !== undefined) {
        counted.repeated++;
        return;
      }
      kinds[known]++;
      minute.set(kind, { record: kept, repeated: 0 });
      waiting.push(kept);
      void store();
    },
    async stop() {
      clearInterval(timer);
      await storing;
      await endMinute();
    },
  };
}

function kindOf({ actor, caller, method, objectId, result, reason, clientAddress }: AuditRecord): string {
  return JSON.stringify([actor, caller, method, objectId, result, reason, clientAddress]);
}

function withoutDetails(record: AuditRecord): AuditRecord {
  return { ...record, actor: "others", accountId: "", caller: "", objectId: "", clientAddress: "" };
}
