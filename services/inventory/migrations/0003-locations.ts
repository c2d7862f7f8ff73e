import type { SchemaChange } from "#kit/data/migrations.ts";

/** The location at which all stock lies until others are made. */
export const MAIN_LOCATION = "01900000-0000-7000-8000-000000000001";

/**
 * Stock lies at locations; the level of a variant is the sum of its location levels. Whoever changes one of them
 * locks the level of the variant, so that all changes of a variant come one after the other. What each order writes
 * refers to no location by key: it would lock the one row of the location for all orders together.
 */
export const locations: SchemaChange = {
  name: "0003_locations",
  up: `
    create table location (
      id uuid primary key,
      display_name text not null,
      address jsonb,
      priority integer not null,
      ships boolean not null,
      pick_up boolean not null,
      active boolean not null,
      version integer not null default 1,
      create_time timestamptz not null default now(),
      update_time timestamptz not null default now()
    );
    insert into location (id, display_name, priority, ships, pick_up, active)
    values ('${MAIN_LOCATION}', 'Main warehouse', 100, true, false, true);

    create table location_level (
      variant_id uuid not null references stock_level,
      location_id uuid not null references location,
      available bigint not null default 0,
      reserved bigint not null default 0,
      primary key (variant_id, location_id),
      constraint location_level_available check (available >= 0),
      constraint location_level_reserved check (reserved >= 0)
    ) with (fillfactor = 50);
    create index location_level_location on location_level (location_id, variant_id);
    insert into location_level (variant_id, location_id, available, reserved)
    select variant_id, '${MAIN_LOCATION}', available, reserved from stock_level;

    alter table reservation add column version integer not null default 1;
    alter table reservation_line
      add column location_id uuid not null default '${MAIN_LOCATION}',
      drop constraint reservation_line_quantity_check,
      drop constraint reservation_line_variant_id_fkey,
      drop constraint reservation_line_pkey,
      add primary key (reservation_id, variant_id, location_id),
      add foreign key (variant_id, location_id) references location_level,
      add constraint reservation_line_quantity check (quantity >= 0);
    alter table reservation_line alter column location_id drop default;

    drop index stock_movement_opening;
    alter table stock_movement rename column reason to kind;
    alter table stock_movement
      add column location_id uuid not null default '${MAIN_LOCATION}',
      add column reference_id uuid,
      add column reason_code text not null default '',
      add column actor text not null default '',
      drop constraint stock_movement_reason_check,
      add constraint stock_movement_kind check (kind in (
        'OPENING', 'ADJUSTMENT', 'RESERVATION', 'RELEASE', 'EXPIRY', 'SHIPMENT', 'RETURN', 'TRANSFER_OUT',
        'TRANSFER_IN', 'STOCK_TAKE'));
    update stock_movement set
      reference_id = case when kind <> 'ADJUSTMENT' then reference::uuid end,
      actor = case when kind = 'ADJUSTMENT' then reference else '' end;
    alter table stock_movement alter column location_id drop default, drop column reference;
    create unique index stock_movement_opening on stock_movement (variant_id) where kind = 'OPENING';
    create index stock_movement_location on stock_movement (location_id, id);
    create index stock_movement_reference on stock_movement (reference_id, id) where reference_id is not null;
    create index stock_movement_rare on stock_movement (kind, id)
      where kind not in ('RESERVATION', 'RELEASE', 'EXPIRY', 'SHIPMENT');
  `,
  // What the schema before this one has no word for becomes an adjustment; what is on a line twice is added up.
  down: `
    drop index stock_movement_rare;
    drop index stock_movement_reference;
    drop index stock_movement_location;
    drop index stock_movement_opening;
    alter table stock_movement drop constraint stock_movement_kind, add column reference text;
    update stock_movement set
      reference = coalesce(reference_id::text, actor),
      kind = case when kind in ('OPENING', 'ADJUSTMENT', 'RESERVATION', 'RELEASE', 'EXPIRY') then kind else 'ADJUSTMENT' end;
    alter table stock_movement
      alter column reference set not null,
      drop column actor, drop column reason_code, drop column reference_id, drop column location_id;
    alter table stock_movement rename column kind to reason;
    alter table stock_movement add constraint stock_movement_reason_check
      check (reason in ('OPENING', 'ADJUSTMENT', 'RESERVATION', 'RELEASE', 'EXPIRY'));
    create unique index stock_movement_opening on stock_movement (variant_id) where reason = 'OPENING';

    create temporary table line on commit drop as
      select reservation_id, variant_id, sum(quantity)::bigint as quantity from reservation_line
      group by reservation_id, variant_id having sum(quantity) > 0;
    drop table reservation_line;
    create table reservation_line (
      reservation_id uuid not null references reservation,
      variant_id uuid not null references stock_level,
      quantity bigint not null check (quantity > 0),
      primary key (reservation_id, variant_id)
    );
    insert into reservation_line (reservation_id, variant_id, quantity) select * from line;
    alter table reservation drop column version;
    drop table location_level;
    drop table location;
  `,
};
