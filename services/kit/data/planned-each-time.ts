import { sql } from "kysely";
import { PLANNED_EACH_TIME } from "./pool.ts";

/**
 * Marks a list whose filters callers choose, for `modifyFront`: PostgreSQL plans it with the values that it comes with.
 * What is prepared for any values walks through a large table where few rows match, or gathers all where most do.
 */
export const plannedEachTime = sql.raw(PLANNED_EACH_TIME);
