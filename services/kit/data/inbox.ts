import type { Run } from "./kysely.ts";
import { uuidBefore } from "./uuid-before.ts";

/** How long events are remembered, in ms: longer than any stream keeps them. */
const MEMORY_MS = 35 * 24 * 60 * 60 * 1000;

/**
 * Remembers events inside the transaction of their effects.
 *
 * @param run sends a statement in the transaction
 * @param consumer who heeds them
 * @param eventIds the events
 * @returns those that were not remembered before
 */
export async function rememberEvents(
  run: Run,
  consumer: string,
  eventIds: readonly string[],
): Promise<Set<string>> {
  const { rows } = await run(
    `insert into mesh.inbox (consumer, event_id) select $1, unnest($2::uuid[])
     on conflict do nothing returning event_id`,
    [consumer, eventIds],
  );
  return new Set(rows.map(({ event_id }) => event_id as string));
}

/**
 * Forgets the events that can no longer come again. Their ids tell when they happened (RFC 9562, UUIDv7).
 *
 * @param run sends a statement
 * @param atMost how many at a time
 * @returns how many were forgotten; when it is as many as asked for, there may be more
 */
export async function forgetEvents(run: Run, atMost: number): Promise<number> {
  const { rowCount } = await run(
    `delete from mesh.inbox where ctid = any (array(
       select ctid from mesh.inbox where event_id < $1 order by event_id limit $2))`,
    [uuidBefore(Date.now() - MEMORY_MS), atMost],
  );
  return rowCount;
}
