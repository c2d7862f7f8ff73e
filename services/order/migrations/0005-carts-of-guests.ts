import type { SchemaChange } from "#kit/data/migrations.ts";

/** Carts and orders of guests, lines that are put aside, coupons, and what was told of a cart when it was last read. */
export const cartsOfGuests: SchemaChange = {
  name: "0005_carts_of_guests",
  up: `
    alter table cart
      alter column customer_id drop not null,
      add column token_hash text unique,
      add column merged_into uuid,
      add column coupon_codes text[] not null default '{}',
      add column seen jsonb not null default '{}',
      add constraint cart_owner_check check (num_nonnulls(customer_id, token_hash) = 1);
    alter table cart_line
      add column saved boolean not null default false,
      drop constraint cart_line_cart_id_variant_id_note_key,
      add constraint cart_line_same_key unique (cart_id, variant_id, note, saved);
    alter table orders
      alter column customer_id drop not null,
      add column cart_id uuid,
      add column order_token_hash text,
      add column vat_id text not null default '',
      add column billing_address jsonb;
    update orders set cart_id = cart.id from cart where cart.customer_id = orders.customer_id;
    drop index orders_pending;
    create index orders_pending on orders (cart_id) where state = 'PENDING';
    create index orders_guest on orders (lower(email)) where customer_id is null;
  `,
  down: `
    delete from orders where customer_id is null;
    drop index orders_guest;
    drop index orders_pending;
    create index orders_pending on orders (customer_id) where state = 'PENDING';
    alter table orders
      drop column cart_id, drop column order_token_hash, drop column vat_id, drop column billing_address,
      alter column customer_id set not null;
    delete from cart_line where saved;
    alter table cart_line
      drop constraint cart_line_same_key,
      drop column saved,
      add constraint cart_line_cart_id_variant_id_note_key unique (cart_id, variant_id, note);
    delete from cart where customer_id is null;
    alter table cart
      drop column token_hash, drop column merged_into, drop column coupon_codes, drop column seen,
      alter column customer_id set not null;
  `,
};
