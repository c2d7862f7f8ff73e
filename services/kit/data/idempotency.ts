import { fromBinary, isMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { MeshReason, refuseMesh } from "../error.ts";
import type { IdempotencyKey } from "../scope.ts";
import type { FinishingPart } from "./finish.ts";
import type { Run } from "./kysely.ts";

/** How long an answer is replayed for its key, in ms. */
export const KEY_LIFETIME_MS = 24 * 60 * 60 * 1000;

/**
 * Claims a key inside the transaction of the work it stands for. An equal call that is being worked on
 * makes this one wait for its end.
 *
 * @param run sends a statement in the transaction
 * @param key the key
 * @returns undefined when the key is ours; otherwise the answer that was stored for it
 * @throws SoukError IDEMPOTENCY_KEY_REUSED when the key was used with another request
 */
export async function claimKey(run: Run, key: IdempotencyKey): Promise<Message | undefined> {
  for (;;) {
    const claimed = await run(
      `insert into mesh.idempotency (owner, key, request_hash) values ($1, $2, $3) on conflict do nothing`,
      [key.owner, key.key, key.requestHash],
    );
    if (claimed.rowCount === 1) return undefined;
    const found = await run(
      `select request_hash, answer from mesh.idempotency where owner = $1 and key = $2`,
      [key.owner, key.key],
    );
    const record = found.rows[0];
    // It expired between the two statements.
    if (record === undefined) continue;
    requireSameRequest(key, record.request_hash);
    return fromBinary(key.method.output, record.answer);
  }
}

/**
 * Stores the answer of the work beside its key.
 *
 * @param key the key
 * @param answer what the work returned
 * @throws Error when that is not the output message of the method
 */
export function storeAnswer(key: IdempotencyKey, answer: unknown): FinishingPart {
  const { output } = key.method;
  if (!isMessage(answer, output)) {
    throw new Error(
      `The write that keeps an idempotency key of ${key.method} must return a ${output.typeName}.`,
    );
  }
  const bytes = toBinary(output, answer);
  return (value) =>
    `update mesh.idempotency set answer = ${value(bytes)} where owner = ${value(key.owner)} and key = ${value(key.key)}`;
}

/**
 * Refuses a key that comes with another request than the first time.
 *
 * @param key the key as it comes now
 * @param storedHash the hash of the first request
 * @throws SoukError IDEMPOTENCY_KEY_REUSED
 */
export function requireSameRequest(key: IdempotencyKey, storedHash: Uint8Array): void {
  if (Buffer.from(storedHash).equals(key.requestHash)) return;
  throw refuseMesh(
    MeshReason.IDEMPOTENCY_KEY_REUSED,
    "the idempotency key was used before with another request; use a new key for a new request",
  );
}

/**
 * Removes the keys whose time is up.
 *
 * @param run sends a statement
 * @returns how many were removed; when it is as many as asked for, there may be more
 */
export async function expireKeys(run: Run, atMost: number): Promise<number> {
  const { rowCount } = await run(
    `delete from mesh.idempotency where ctid = any (array(
       select ctid from mesh.idempotency where create_time < now() - $1 * interval '1 millisecond' limit $2))`,
    [KEY_LIFETIME_MS, atMost],
  );
  return rowCount;
}
