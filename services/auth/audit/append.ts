import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { AuditRecorded } from "#gen/souk/mesh/v1/audit_pb.ts";
import type { EventContext } from "#kit/events/subscription.ts";
import type { PublicJwk } from "#kit/identity/authenticator.ts";
import type { AuthTransaction } from "../database.ts";
import { COLUMNS, hashLink, type Link } from "./chain.ts";
import { headSigner } from "./head.ts";

/** What one transaction adds to the chain. */
interface Batch {
  seq: bigint;
  hash: Uint8Array;
  readonly links: { readonly link: Link; readonly hash: Uint8Array }[];
}

/**
 * Makes the function that adds records to the chain. All of a transaction are added by its last statement, behind
 * the lock of the row that says where the chain ends: of several replicas one appends at a time.
 *
 * @param privateJwk the private key of the auth service, which signs the new end
 */
export function auditAppender(privateJwk: PublicJwk) {
  const sign = headSigner(privateJwk);
  /** By the statements of a transaction, which all its events share. */
  const batches = new WeakMap<object, Batch>();

  async function open(tx: AuthTransaction): Promise<Batch> {
    const head = await tx.sql
      .selectFrom("audit_head")
      .select(["seq", "hash"])
      .forUpdate()
      .executeTakeFirstOrThrow();
    const batch: Batch = { seq: BigInt(head.seq), hash: head.hash, links: [] };
    tx.finishWith((value) => {
      const rows = batch.links.map(
        ({ link, hash }) => `(${[...COLUMNS.map((column) => link[column]), hash].map(value).join(", ")})`,
      );
      return `insert into audit_record (${COLUMNS.join(", ")}, hash) values ${rows.join(", ")}`;
    });
    tx.finishWith(
      (value) =>
        `update audit_head set seq = ${value(batch.seq)}, hash = ${value(batch.hash)}, signature = ${value(sign(batch))}`,
    );
    return batch;
  }

  return async (event: AuditRecorded, tx: AuthTransaction, { eventId, occurTime }: EventContext) => {
    let batch = batches.get(tx.sql);
    if (batch === undefined) {
      batch = await open(tx);
      batches.set(tx.sql, batch);
    }
    const seq = batch.seq + 1n;
    const link: Link = {
      seq,
      id: eventId,
      service: event.service,
      method: event.method,
      account_id: event.accountId,
      caller: event.caller,
      object_id: event.objectId,
      result: event.result,
      reason: event.reason,
      client_address: event.clientAddress,
      request_id: event.requestId,
      start_time: event.startTime === undefined ? occurTime : timestampDate(event.startTime),
      count: event.count,
    };
    batch.hash = hashLink(batch.hash, link);
    batch.seq = seq;
    batch.links.push({ link, hash: batch.hash });
  };
}
