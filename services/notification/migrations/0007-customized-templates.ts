import type { SchemaChange } from "#kit/data/migrations.ts";

/** The texts that staff wrote in place of those that came with the shop. */
export const customizedTemplates: SchemaChange = {
  name: "0007_customized_templates",
  up: `
    create table customized_template (
      template_id uuid primary key,
      subject text not null,
      body text not null,
      etag uuid not null,
      update_time timestamptz not null default now()
    )
  `,
  down: "drop table customized_template",
};
