import { randomBytes } from "node:crypto";
import { Secret } from "otpauth";
import type { AuthTransaction } from "./database.ts";
import { hashToken } from "./tokens.ts";

const CODES = 10;
/** 80 bits, so that a plain hash of it tells nothing. */
const CODE_BYTES = 10;

/**
 * Gives an account new recovery codes; the old ones no longer serve.
 *
 * @param tx the transaction of the change
 * @returns the codes, written in groups of four; only their hashes are kept
 */
export async function replaceRecoveryCodes(tx: AuthTransaction, accountId: string): Promise<string[]> {
  const codes = Array.from({ length: CODES }, makeCode);
  await tx.sql.deleteFrom("recovery_code").where("account_id", "=", accountId).execute();
  await tx.sql
    .insertInto("recovery_code")
    .values(codes.map((code) => ({ account_id: accountId, code_hash: hashCode(code) })))
    .execute();
  return codes;
}

/**
 * Spends a recovery code.
 *
 * @param code as the user typed it
 * @returns whether it was good
 */
export async function spendRecoveryCode(
  tx: AuthTransaction,
  accountId: string,
  code: string,
): Promise<boolean> {
  const { numDeletedRows } = await tx.sql
    .deleteFrom("recovery_code")
    .where("account_id", "=", accountId)
    .where("code_hash", "=", hashCode(code))
    .executeTakeFirstOrThrow();
  return numDeletedRows === 1n;
}

function makeCode(): string {
  const { base32 } = new Secret({ buffer: Uint8Array.from(randomBytes(CODE_BYTES)).buffer });
  return (base32.match(/.{4}/g) ?? []).join("-").toLowerCase();
}

/** Case, spaces and hyphens are how people copy it. */
function hashCode(code: string): Buffer {
  return hashToken(code.toLowerCase().replace(/[\s-]/g, ""));
}
