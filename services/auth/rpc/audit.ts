import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import type { AuditResult } from "#gen/souk/auth/v1/audit_pb.ts";
import type { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { decodePageToken, encodePageToken, NUMBER } from "#kit/data/page-token.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { listActivity, listRecords, type RecordPlace, type StoredRecord } from "../audit/list.ts";
import type { AuthDatabase } from "../database.ts";

const PAGE_SIZE = 20;

/** Serves the part of souk.auth.v1.AccessService that shows what was done. */
export function auditRpc(db: AuthDatabase) {
  return {
    async listAuditRecords({ pageSize, pageToken, startTime, endTime, ...wanted }) {
      const filter = {
        accountId: wanted.accountId || undefined,
        objectId: wanted.objectId || undefined,
        method: wanted.method || undefined,
        result: wanted.result || undefined,
        start: startTime && timestampDate(startTime),
        end: endTime && timestampDate(endTime),
      };
      const list = `ListAuditRecords ${JSON.stringify(filter)}`;
      return listPage(list, pageSize, pageToken, (before, limit) => listRecords(db, filter, before, limit));
    },
  } satisfies Partial<Implementation<typeof AccessService>>;
}

/** Serves the part of souk.auth.v1.AuthService that shows people what they did. */
export function activityRpc(db: AuthDatabase) {
  return {
    listMyActivity({ pageSize, pageToken }, call) {
      const { id } = requireUser(call);
      return listPage(`ListMyActivity ${id}`, pageSize, pageToken, (before, limit) =>
        listActivity(db, id, before, limit),
      );
    },
  } satisfies Partial<Implementation<typeof AuthService>>;
}

async function listPage(
  list: string,
  pageSize: number,
  pageToken: string,
  read: (before: RecordPlace | undefined, limit: number) => Promise<StoredRecord[]>,
) {
  const limit = pageSize || PAGE_SIZE;
  const [seq, time] = decodePageToken(list, pageToken, [NUMBER, NUMBER]);
  const before = seq === undefined ? undefined : { seq: BigInt(seq), start_time: new Date(Number(time)) };
  const records = await read(before, limit);
  const last = records.length < limit ? undefined : records.at(-1);
  return {
    records: records.map(toAuditRecord),
    nextPageToken: last === undefined ? "" : encodePageToken(list, placeOf(last)),
  };
}

function placeOf({ seq, start_time }: StoredRecord): string[] {
  return [String(seq), String(start_time.getTime())];
}

function toAuditRecord(record: StoredRecord) {
  return {
    id: record.id,
    service: record.service,
    method: record.method,
    accountId: record.account_id,
    caller: record.caller,
    objectId: record.object_id,
    result: record.result as AuditResult,
    reason: record.reason,
    ipAddress: record.client_address,
    requestId: record.request_id,
    createTime: timestampFromDate(record.start_time),
    hash: Buffer.from(record.hash).toString("hex"),
    count: record.count,
  };
}
