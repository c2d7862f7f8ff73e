import { createHash } from "node:crypto";
import { type Selectable, sql } from "kysely";
import { uuidv7 } from "uuidv7";
import { DifferenceFoundSchema } from "#gen/souk/payment/v1/events_pb.ts";
import { violates } from "#kit/data/failure.ts";
import { decodePageToken, encodePageToken, NUMBER } from "#kit/data/page-token.ts";
import type { Tables } from "#kit/data/tables.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import { type Comparison, compareBooks, type StoredDifference } from "./compare-books.ts";
import type { PaymentDatabase } from "./database.ts";
import type { entities } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";
import type { Payments } from "./payment.ts";

/** A report as it is stored, with how many differences there are and nothing was done about. */
export type StoredReport = Selectable<Tables<typeof entities>["reconciliation_report"]> & {
  readonly differences: bigint;
  readonly unresolved: bigint;
};

/** What is asked for. */
export interface ReportOrder {
  /** The id that the report shall have. */
  readonly id: string;
  readonly provider: string;
  readonly from: Date;
  readonly until: Date;
}

const DAY_MS = 24 * 3_600_000;
const LONGEST_MS = 31 * DAY_MS;

/**
 * Compares what a provider lists for a time with our books, once, and tells each difference.
 *
 * @throws SoukError REPORT_MISMATCH, PROVIDER_NOT_FOUND, PROVIDER_UNAVAILABLE, or INVALID_REQUEST when the times are
 *   not in order or too far apart
 */
export async function makeReport(
  payments: Payments,
  scope: Scope,
  order: ReportOrder,
): Promise<StoredReport> {
  const { db, provider } = payments;
  const before = await findReport(db, order.id);
  if (before !== undefined) return requireSame(before, order);
  const lengthMs = order.until.getTime() - order.from.getTime();
  if (lengthMs <= 0 || lengthMs > LONGEST_MS) {
    const description = "must be after start_time, at most 31 days";
    throw refuseMesh(MeshReason.INVALID_REQUEST, `end_time: ${description}`, {
      violations: [{ field: "end_time", description }],
    });
  }
  if (order.provider !== provider.name) {
    throw refuse(
      ErrorReason.PROVIDER_NOT_FOUND,
      `there is no provider ${order.provider} here, only ${provider.name}`,
    );
  }
  const comparison = await compareBooks(payments, scope, order.from, order.until);
  await store(db, scope, order, comparison);
  return requireSame((await findReport(db, order.id)) as StoredReport, order);
}

async function store(
  db: PaymentDatabase,
  scope: Scope,
  { id, provider, from, until }: ReportOrder,
  { compared, differences }: Comparison,
): Promise<void> {
  try {
    await db.write(scope, async (tx) => {
      await tx.sql
        .insertInto("reconciliation_report")
        .values({ id, provider, start_time: from, end_time: until, compared })
        .execute();
      for (const { kind, paymentId, chargeId, ours, theirs } of differences) {
        const differenceId = uuidv7();
        await tx.sql
          .insertInto("reconciliation_difference")
          .values({
            id: differenceId,
            report_id: id,
            kind,
            payment_id: paymentId ?? null,
            provider_charge_id: chargeId ?? null,
            ours_minor: ours?.minor ?? null,
            ours_currency: ours?.currency ?? null,
            theirs_minor: theirs?.minor ?? null,
            theirs_currency: theirs?.currency ?? null,
          })
          .execute();
        tx.emit(DifferenceFoundSchema, { reportId: id, differenceId, paymentId: paymentId ?? "" });
      }
    });
  } catch (error) {
    // Somebody else made the same report meanwhile.
    if (!violates(error, "reconciliation_report_pkey")) throw error;
  }
}

function requireSame(report: StoredReport, { id, provider, from, until }: ReportOrder): StoredReport {
  const isSame =
    report.provider === provider &&
    report.start_time.getTime() === from.getTime() &&
    report.end_time.getTime() === until.getTime();
  if (isSame) return report;
  throw refuse(
    ErrorReason.REPORT_MISMATCH,
    `report ${id} is on ${report.provider} from ${report.start_time.toISOString()} to ${report.end_time.toISOString()}; use a new id for another one`,
    { metadata: { report_id: id } },
  );
}

function reports(db: PaymentDatabase) {
  return db.sql
    .selectFrom("reconciliation_report as report")
    .selectAll("report")
    .select(
      sql<bigint>`(select count(*) from reconciliation_difference as d where d.report_id = report.id)`.as(
        "differences",
      ),
    )
    .select(
      sql<bigint>`(select count(*) from reconciliation_difference as d
                    where d.report_id = report.id and d.resolution is null)`.as("unresolved"),
    );
}

function findReport(db: PaymentDatabase, id: string): Promise<StoredReport | undefined> {
  return reports(db).where("report.id", "=", id).executeTakeFirst();
}

/** How a page of a list is asked for. */
export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

/**
 * A report with a page of its differences.
 *
 * @param unresolved whether only those that nothing was done about yet
 * @throws SoukError REPORT_NOT_FOUND, PAGE_TOKEN_INVALID
 */
export async function getReport(
  db: PaymentDatabase,
  id: string,
  unresolved: boolean,
  { pageSize, pageToken }: PageRequest,
): Promise<{ report: StoredReport; differences: StoredDifference[]; nextPageToken: string }> {
  const list = `GetReconciliationReport ${id} ${unresolved}`;
  const [after = "0"] = decodePageToken(list, pageToken, [NUMBER]);
  const report = await findReport(db, id);
  if (report === undefined) {
    throw refuse(
      ErrorReason.REPORT_NOT_FOUND,
      `there is no report ${id}; run a reconciliation under that id first`,
    );
  }
  const rows = await db.sql
    .selectFrom("reconciliation_difference")
    .selectAll()
    .where("report_id", "=", id)
    .where("seq", ">", BigInt(after))
    .$if(unresolved, (it) => it.where("resolution", "is", null))
    .orderBy("seq")
    .limit(pageSize + 1)
    .execute();
  return { report, ...pageOf("differences", list, rows, pageSize) };
}

/**
 * A page of reports, newest first.
 *
 * @throws SoukError PAGE_TOKEN_INVALID
 */
export async function listReports(
  db: PaymentDatabase,
  { pageSize, pageToken }: PageRequest,
): Promise<{ reports: StoredReport[]; nextPageToken: string }> {
  const list = "ListReconciliationReports";
  const [before] = decodePageToken(list, pageToken, [NUMBER]);
  const rows = await reports(db)
    .$if(before !== undefined, (it) => it.where("report.seq", "<", BigInt(before ?? 0)))
    .orderBy("report.seq", "desc")
    .limit(pageSize + 1)
    .execute();
  return pageOf("reports", list, rows, pageSize);
}

function pageOf<N extends string, R extends { seq: bigint }>(
  name: N,
  list: string,
  rows: readonly R[],
  pageSize: number,
) {
  const page = rows.slice(0, pageSize);
  const last = page.at(-1);
  const nextPageToken =
    rows.length > pageSize && last !== undefined ? encodePageToken(list, [String(last.seq)]) : "";
  return { [name]: page, nextPageToken } as Record<N, R[]> & { nextPageToken: string };
}

/**
 * Notes what was done about a difference. One that is resolved stays so.
 *
 * @throws SoukError DIFFERENCE_NOT_FOUND
 */
export async function resolveDifference(
  db: PaymentDatabase,
  scope: Scope,
  id: string,
  resolution: string,
): Promise<StoredDifference> {
  const resolve = db.sql
    .updateTable("reconciliation_difference")
    .set({ resolution, resolve_time: sql<Date>`now()` })
    .where("id", "=", id)
    .where("resolution", "is", null)
    .returningAll()
    .compile();
  const [resolved] = await db.change(scope, resolve);
  if (resolved !== undefined) return resolved;
  const before = await db.sql
    .selectFrom("reconciliation_difference")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  if (before !== undefined) return before;
  throw refuse(ErrorReason.DIFFERENCE_NOT_FOUND, `there is no difference ${id}`);
}

/**
 * Reports on the last whole day (UTC), once.
 *
 * @throws SoukError PROVIDER_UNAVAILABLE
 */
export async function reportOnYesterday(payments: Payments, scope: Scope): Promise<void> {
  const until = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS);
  const from = new Date(until.getTime() - DAY_MS);
  const provider = payments.provider.name;
  const id = idOf(`${provider} ${from.toISOString()}`);
  const { differences, unresolved } = await makeReport(payments, scope, { id, provider, from, until });
  if (unresolved > 0n) {
    scope.log.error(
      { reportId: id, differences: String(differences), unresolved: String(unresolved) },
      "our books and the provider's differ; see the report and resolve each difference",
    );
  }
}

/** A UUID that is always the same for the same name (RFC 9562, version 8). */
function idOf(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
