import type { SchemaChange } from "#kit/data/migrations.ts";

/**
 * Has notifications appear in an order: whoever stores some takes a turn and holds it until the commit, so that none
 * appears behind another that was seen already, and who watches can go on after any of them. Of one turn, and from
 * before there were any, they are in the order of their ids. Those who store them handle events together and rest in
 * between, so they seldom wait for each other.
 */
export const notificationsInTurn: SchemaChange = {
  name: "0005_notifications_in_turn",
  up: `
    create sequence notification_turn;
    create function take_notification_turn() returns bigint language sql volatile as $$
      select pg_advisory_xact_lock(hashtextextended('notification turn', 0));
      select coalesce(nullif(current_setting('souk.notification_turn', true), ''),
        set_config('souk.notification_turn', nextval('notification_turn')::text, true))::bigint;
    $$;
    alter table notification add column turn bigint not null default 0;
    alter table notification alter column turn set default take_notification_turn();
    create index notification_in_turn on notification (user_id, turn, id);
    create index notification_unread on notification (user_id, create_time) where read_time is null;
  `,
  down: `
    drop index notification_in_turn;
    drop index notification_unread;
    alter table notification drop column turn;
    drop function take_notification_turn();
    drop sequence notification_turn;
  `,
};
