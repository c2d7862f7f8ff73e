import { type Timestamp, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { DifferenceKind, type ReconciliationService } from "#gen/souk/payment/v1/reconciliation_pb.ts";
import { money } from "#kit/money.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { StoredDifference } from "../compare-books.ts";
import type { Payments } from "../payment.ts";
import { getReport, listReports, makeReport, resolveDifference, type StoredReport } from "../reports.ts";

const PAGE_SIZE = 20;

/** Serves souk.payment.v1.ReconciliationService. */
export function reconciliationRpc(payments: Payments) {
  const { db } = payments;
  return {
    async runReconciliation({ reportId, provider, startTime, endTime }, call) {
      const from = timestampDate(startTime as Timestamp);
      const until = timestampDate(endTime as Timestamp);
      return {
        report: toReport(await makeReport(payments, call, { id: reportId, provider, from, until })),
      };
    },

    async getReconciliationReport({ id, unresolved, pageSize, pageToken }) {
      const page = { pageSize: pageSize || PAGE_SIZE, pageToken };
      const { report, differences, nextPageToken } = await getReport(db, id, unresolved, page);
      return { report: toReport(report), differences: differences.map(toDifference), nextPageToken };
    },

    async listReconciliationReports({ pageSize, pageToken }) {
      const page = await listReports(db, { pageSize: pageSize || PAGE_SIZE, pageToken });
      return { reports: page.reports.map(toReport), nextPageToken: page.nextPageToken };
    },

    async resolveDifference({ id, resolution }, call) {
      return { difference: toDifference(await resolveDifference(db, call, id, resolution)) };
    },
  } satisfies Implementation<typeof ReconciliationService>;
}

function toReport(report: StoredReport) {
  return {
    id: report.id,
    provider: report.provider,
    startTime: timestampFromDate(report.start_time),
    endTime: timestampFromDate(report.end_time),
    compared: report.compared,
    differences: report.differences,
    unresolved: report.unresolved,
    createTime: timestampFromDate(report.create_time),
  };
}

function toDifference(difference: StoredDifference) {
  const of = (minor: bigint | null, currency: string | null) =>
    minor === null || currency === null ? undefined : money(minor, currency);
  const ours = of(difference.ours_minor, difference.ours_currency);
  const theirs = of(difference.theirs_minor, difference.theirs_currency);
  const { resolve_time } = difference;
  return {
    id: difference.id,
    kind: DifferenceKind[difference.kind],
    paymentId: difference.payment_id ?? "",
    providerChargeId: difference.provider_charge_id ?? "",
    ...(ours && { ours }),
    ...(theirs && { theirs }),
    resolution: difference.resolution ?? "",
    ...(resolve_time !== null && { resolveTime: timestampFromDate(resolve_time) }),
  };
}
