import type { SchemaChange } from "#kit/data/migrations.ts";

/**
 * Keeps what a call and a job cost the same however much is kept in stock: what is given back is rare beside what is
 * sold, so that the index on rare movements has room for it; what is set aside of a variant is found by it; and the
 * comparison of the books goes on where it stopped.
 */
export const largeStock: SchemaChange = {
  name: "0008_large_stock",
  up: `
    drop index stock_movement_rare;
    create index stock_movement_rare on stock_movement (kind, id) where kind not in ('RESERVATION', 'SHIPMENT');
    create index reservation_line_held on reservation_line (variant_id) where quantity > 0;
    create table stock_audit (
      one boolean primary key default true check (one),
      compared_to uuid,
      differing uuid[] not null default '{}'
    );
    insert into stock_audit default values;
  `,
  down: `
    drop table stock_audit;
    drop index reservation_line_held;
    drop index stock_movement_rare;
    create index stock_movement_rare on stock_movement (kind, id)
      where kind not in ('RESERVATION', 'RELEASE', 'EXPIRY', 'SHIPMENT');
  `,
};
