import type { PublicJwk } from "#kit/identity/authenticator.ts";
import { COLUMNS, GENESIS, hashLink, type Link } from "./chain.ts";
import { type Head, headText, isSigned } from "./head.ts";

/** Sends a statement; all of one verification must see the same moment. */
export type Query = (
  text: string,
  values: readonly unknown[],
) => Promise<{ readonly rows: readonly Record<string, unknown>[] }>;

/** What became of looking at the chain. */
export interface Verdict {
  /** How many records were found sound, from the first one on. */
  readonly sound: bigint;
  /** Where the chain ends, as text. */
  readonly head: string;
  /** What is wrong first; undefined when nothing is. */
  readonly fault: string | undefined;
}

const PAGE = 1_000;

/**
 * Walks the whole chain and looks for the first link that is broken. It finds what was changed, put in or taken out
 * by somebody who does not hold the private key of auth. Somebody who set everything back to a state of before, the
 * signed head included, is found only against a head that was kept elsewhere.
 *
 * @param query sends a statement
 * @param trustBundle the public keys of services
 * @param kept a head of before, as text, which must be part of the chain; undefined when none was kept
 */
export async function verifyChain(
  query: Query,
  trustBundle: readonly PublicJwk[],
  kept?: string,
): Promise<Verdict> {
  const { rows } = await query("select seq, hash, signature from audit_head", []);
  const [row] = rows;
  if (row === undefined)
    return { sound: 0n, head: "", fault: "the row that says where the chain ends is gone" };
  const head: Head = { seq: BigInt(row["seq"] as string), hash: row["hash"] as Uint8Array };
  const walked = await walk(query, kept);
  const fault =
    walked.fault ??
    endFault(walked.end, head, String(row["signature"]), trustBundle) ??
    keptFault(walked.foundKept, kept);
  return { sound: walked.end.seq, head: headText(head), fault };
}

/** Follows the links from the first to the last, or to the first that is broken. */
async function walk(query: Query, kept: string | undefined) {
  let end: Head = { seq: 0n, hash: GENESIS };
  let foundKept = kept === headText(end);
  for (;;) {
    const { rows } = await query(
      `select ${COLUMNS.join(", ")}, hash from audit_record where seq > $1 order by seq limit ${PAGE}`,
      [end.seq],
    );
    for (const row of rows) {
      const link = { ...row, seq: BigInt(row["seq"] as string) } as unknown as Link;
      const expected = end.seq + 1n;
      if (link.seq !== expected) {
        return { end, foundKept, fault: `record ${expected} is missing; the next one is ${describe(link)}` };
      }
      const hash = hashLink(end.hash, link);
      if (!hash.equals(row["hash"] as Uint8Array)) {
        return { end, foundKept, fault: `${describe(link)} does not fit its hash: it was changed` };
      }
      end = { seq: link.seq, hash };
      foundKept ||= kept === headText(end);
    }
    if (rows.length < PAGE) return { end, foundKept, fault: undefined };
  }
}

function endFault(
  end: Head,
  head: Head,
  signature: string,
  trustBundle: readonly PublicJwk[],
): string | undefined {
  if (head.seq > 0n && !isSigned(head, signature, trustBundle)) {
    return `auth did not sign that the chain ends with record ${head.seq}`;
  }
  if (end.seq < head.seq) {
    return `the records from ${end.seq + 1n} to ${head.seq} are missing; auth signed that the chain ends there`;
  }
  if (end.seq > head.seq) return `the records after ${head.seq} were not added by auth`;
  if (headText(end) !== headText(head)) {
    return `record ${end.seq} has another hash than auth signed: a record was changed, and those after it to fit`;
  }
  return undefined;
}

function keptFault(found: boolean, kept: string | undefined): string | undefined {
  if (kept === undefined || found) return undefined;
  return `the chain does not hold ${kept}: it was set back, or made anew`;
}

function describe({ seq, id, method, start_time }: Link): string {
  return `record ${seq} (${id}, ${method}, ${start_time.toISOString()})`;
}
