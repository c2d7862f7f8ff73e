import { defineEntity, p } from "@mikro-orm/core";

/** What somebody did, or was refused: a link of the chain. Rows are only ever added. */
export const AuditRecord = defineEntity({
  name: "AuditRecord",
  tableName: "audit_record",
  properties: {
    /** Its place in the chain, from 1, without gaps. */
    seq: p.bigint().primary(),
    /** The id of the event that told of it. */
    id: p.uuid().unique(),
    service: p.text(),
    method: p.text(),
    accountId: p.text(),
    caller: p.text(),
    objectId: p.text(),
    /** The number of the result in the contract. */
    result: p.smallint(),
    reason: p.text(),
    clientAddress: p.text(),
    requestId: p.text(),
    startTime: p.datetime(),
    count: p.integer(),
    /** SHA-256 of the hash before and this record. */
    hash: p.blob(),
  },
});

/** Where the chain ends, signed by auth: the one row of its table. */
export const AuditHead = defineEntity({
  name: "AuditHead",
  tableName: "audit_head",
  properties: {
    one: p.boolean().primary(),
    seq: p.bigint(),
    hash: p.blob(),
    /** A JWT that says both; empty as long as there is no record. */
    signature: p.text(),
  },
});
