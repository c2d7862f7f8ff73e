import type { SchemaChange } from "#kit/data/migrations.ts";

/**
 * Changes of orders are told by who makes them, after the commit: a commit that notifies takes a lock that is one for
 * the whole server, so that such commits, and the flush of each, go one by one.
 */
export const tellChangesAfterCommit: SchemaChange = {
  name: "0003_tell_changes_after_commit",
  up: "drop trigger order_changed on orders; drop function tell_order_change()",
  down: `
    create function tell_order_change() returns trigger language plpgsql as $$
      begin
        perform pg_notify('order_changed', new.id::text);
        return null;
      end
    $$;
    create trigger order_changed after insert or update on orders
      for each row execute function tell_order_change();
  `,
};
