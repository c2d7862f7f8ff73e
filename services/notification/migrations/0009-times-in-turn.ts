import type { SchemaChange } from "#kit/data/migrations.ts";

/**
 * Has the times of notifications follow their turns: one that appears later was made later, too, although its
 * transaction may have begun before. Who marks all up to the newest one seen marks none that was not there to be seen.
 */
export const timesInTurn: SchemaChange = {
  name: "0009_times_in_turn",
  up: `
    create function notification_time() returns timestamptz language sql volatile as $$
      select take_notification_turn();
      select clock_timestamp();
    $$;
    alter table notification alter column create_time set default notification_time();
  `,
  down: `
    alter table notification alter column create_time set default now();
    drop function notification_time();
  `,
};
