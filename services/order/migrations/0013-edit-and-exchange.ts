import type { SchemaChange } from "#kit/data/migrations.ts";

/**
 * What it takes to reckon an order anew, several payments of an order, and exchanges. Of lines of before it is not
 * known how heavy they are, and of customers of before not which groups they were in.
 */
export const editAndExchange: SchemaChange = {
  name: "0013_edit_and_exchange",
  up: `
    alter table orders
      add column payments jsonb not null default '[]',
      add column customer_groups text[] not null default '{}',
      add column exchange_of_order_id uuid;
    update orders set payments = jsonb_build_array(jsonb_build_object('paymentId', id, 'amount', total::text,
        'captured', captured::text, 'refunded', (refunded + refunding)::text, 'exchanged', false))
      where total > 0 and state <> 'CANCELLED';
    alter table order_line add column grams bigint not null default 0;
    alter table promotion_use add column terms jsonb, add column coupon_code text not null default '';
    update promotion_use set
      terms = (select terms - 'couponCodes' from promotion where id = promotion_id),
      coupon_code = coalesce((
        select discount ->> 'couponCode' from orders, jsonb_array_elements(discounts) as discount
        where orders.id = order_id and discount ->> 'promotionId' = promotion_id::text), '');
    alter table promotion_use alter column terms set not null;
    alter table refund
      add column shares jsonb not null default '[]',
      add column exchange_order_id uuid;
    update refund set shares = jsonb_build_array(jsonb_build_object('paymentId', order_id, 'movementId', id,
        'amount', amount::text));
    alter table order_return
      add column exchange_order_id uuid,
      add column sent_first boolean not null default false;
    create index order_return_exchange on order_return (exchange_order_id) where exchange_order_id is not null;
  `,
  down: `
    alter table order_return drop column exchange_order_id, drop column sent_first;
    alter table refund drop column shares, drop column exchange_order_id;
    alter table promotion_use drop column terms, drop column coupon_code;
    alter table order_line drop column grams;
    alter table orders drop column payments, drop column customer_groups, drop column exchange_of_order_id;
  `,
};
