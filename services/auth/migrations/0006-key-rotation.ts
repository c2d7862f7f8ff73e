import type { SchemaChange } from "#kit/data/migrations.ts";

export const keyRotation: SchemaChange = {
  name: "0006_key_rotation",
  up: `
    alter table signing_key add column sign_from_time timestamptz not null default now();
    update signing_key set sign_from_time = create_time;
  `,
  down: "alter table signing_key drop column sign_from_time",
};
