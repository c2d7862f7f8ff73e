import type { SchemaChange } from "#kit/data/migrations.ts";

export const auditByTime: SchemaChange = {
  name: "0007_audit_by_time",
  // A page of records of a day that is long past is read from where they are, and not from the newest on.
  up: `
    drop index audit_record_start_time;
    create index audit_record_start_time on audit_record (start_time, seq);
  `,
  down: `
    drop index audit_record_start_time;
    create index audit_record_start_time on audit_record using brin (start_time) with (autosummarize = on);
  `,
};
