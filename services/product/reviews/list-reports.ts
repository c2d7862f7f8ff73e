import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Selectable } from "kysely";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import type { Tables } from "#kit/data/tables.ts";
import type { ProductDatabase } from "../database.ts";
import type { entities } from "../entities.ts";
import { type PageRequest, sizeOf } from "../page.ts";

type StoredReport = Pick<
  Selectable<Tables<typeof entities>["review_report"]>,
  "review_id" | "reason" | "create_time"
>;

/**
 * A page of what somebody reported of reviews, by review.
 *
 * @param reporterId who reported it
 * @throws SoukError PAGE_TOKEN_INVALID
 */
export async function listReportsOf(
  db: ProductDatabase,
  reporterId: string,
  request: PageRequest,
): Promise<{ readonly reports: readonly StoredReport[]; readonly nextPageToken: string }> {
  const list = `ListMyReviewReports ${reporterId}`;
  const [after] = decodePageToken(list, request.pageToken, [UUID]);
  const limit = sizeOf(request);
  const reports = await db.sql
    .selectFrom("review_report")
    .select(["review_id", "reason", "create_time"])
    .where("reporter_id", "=", reporterId)
    .$if(after !== undefined, (query) => query.where("review_id", ">", after as string))
    .orderBy("review_id")
    .limit(limit)
    .execute();
  const last = reports.length < limit ? undefined : reports.at(-1);
  return { reports, nextPageToken: last === undefined ? "" : encodePageToken(list, [last.review_id]) };
}

/** A report as callers are told of it. */
export function toReport({ review_id, reason, create_time }: StoredReport) {
  return { reviewId: review_id, reason, createTime: timestampFromDate(create_time) };
}
