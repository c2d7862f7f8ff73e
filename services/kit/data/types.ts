import pg from "pg";

type Parser = (text: string) => unknown;

const oid = { date: 1082, int8: 20, int8Array: 1016, interval: 1186 };

const parsers = new Map<number, Parser>([
  [oid.int8, BigInt],
  [oid.int8Array, parseBigints],
  // A day is not a moment: as a Date it would move with the time zone of the process.
  [oid.date, String],
  [oid.interval, String],
]);

/**
 * How values of the server become values of the program: bigint for int8, Date for timestamptz, Buffer for
 * bytea, parsed JSON for json and jsonb, text for numeric, date and interval.
 */
export const typeParsers = {
  getTypeParser(id: number, format?: "text" | "binary"): Parser {
    return parsers.get(id) ?? (pg.types.getTypeParser(id, format as "text") as Parser);
  },
} as pg.CustomTypesConfig;

function parseBigints(text: string): (bigint | null)[] {
  const inner = text.slice(1, -1);
  if (inner === "") return [];
  return inner.split(",").map((each) => (each === "NULL" ? null : BigInt(each)));
}
