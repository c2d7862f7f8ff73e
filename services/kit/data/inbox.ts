import type { Run } from "./kysely.ts";

/** How long events are remembered, in ms: longer than any stream keeps them. */
const MEMORY_MS = 35 * 24 * 60 * 60 * 1000;

/**
 * Remembers an event inside the transaction of its effects.
 *
 * @param run sends a statement in the transaction
 * @param consumer who heeds it
 * @param eventId the event
 * @returns false when it was remembered before
 */
export async function rememberEvent(run: Run, consumer: string, eventId: string): Promise<boolean> {
  const { rowCount } = await run(
    "insert into mesh.inbox (consumer, event_id) values ($1, $2) on conflict do nothing",
    [consumer, eventId],
  );
  return rowCount === 1;
}

/**
 * Forgets the events that can no longer come again.
 *
 * @param run sends a statement
 * @param atMost how many at a time
 * @returns how many were forgotten; when it is as many as asked for, there may be more
 */
export async function forgetEvents(run: Run, atMost: number): Promise<number> {
  const { rowCount } = await run(
    `delete from mesh.inbox where ctid = any (array(
       select ctid from mesh.inbox where create_time < now() - $1 * interval '1 millisecond' limit $2))`,
    [MEMORY_MS, atMost],
  );
  return rowCount;
}
