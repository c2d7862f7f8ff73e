import type { SchemaChange } from "#kit/data/migrations.ts";

export const staffLists: SchemaChange = {
  name: "0006_staff_lists",
  // Two variants may swap their SKUs, so that is looked at when a statement ends.
  up: `
    alter table variant drop constraint variant_product_id_sku_key;
    alter table variant add constraint variant_product_id_sku_key unique (product_id, sku) deferrable;
    create index category_name on category (name);
    create index variant_sku on variant (sku);
    create index variant_sku_start on variant (lower(sku) text_pattern_ops) where retire_time is null;
    create index variant_barcode_start on variant (lower(barcode) text_pattern_ops) where retire_time is null;
    create index product_slug_start on product (slug text_pattern_ops);
    create index product_title_start on product (lower(title) text_pattern_ops);
    create index product_category on product (category_id, id);
  `,
  down: `
    drop index product_category, product_title_start, product_slug_start, variant_barcode_start, variant_sku_start,
      variant_sku, category_name;
    alter table variant drop constraint variant_product_id_sku_key;
    alter table variant add constraint variant_product_id_sku_key unique (product_id, sku);
  `,
};
