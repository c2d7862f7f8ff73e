import type { SchemaChange } from "#kit/data/migrations.ts";

/** Goods that cost nothing are exchanged, too: what pays for the others is nothing then. */
export const freeExchanges: SchemaChange = {
  name: "0015_free_exchanges",
  up: `
    alter table refund
      drop constraint refund_amount_check,
      add constraint refund_amount check (amount > 0 or amount = 0 and exchange_order_id is not null)
  `,
  // The goods count as given back for all the same.
  down: `
    update order_return set refund_id = null where refund_id in (select id from refund where amount = 0);
    delete from refund where amount = 0;
    alter table refund
      drop constraint refund_amount,
      add constraint refund_amount_check check (amount > 0)
  `,
};
