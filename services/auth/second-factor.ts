import { randomBytes } from "node:crypto";
import { Secret, TOTP } from "otpauth";
import { SecondFactorChangedSchema } from "#gen/souk/auth/v1/events_pb.ts";
import type { Scope } from "#kit/scope.ts";
import { lockAccount } from "./accounts.ts";
import { countAttempt, forgetAttempts, passwordLimit, secondFactorLimit } from "./attempts.ts";
import type { AuthContext } from "./context.ts";
import type { AuthTransaction } from "./database.ts";
import { ErrorReason, refuse } from "./errors.ts";
import { requireOwnPassword } from "./own-password.ts";
import { replaceRecoveryCodes, spendRecoveryCode } from "./recovery-codes.ts";

/** What somebody shows to prove a second factor. */
export type ProvenFactor =
  | { readonly case: "totpCode"; readonly value: string }
  | { readonly case: "recoveryCode"; readonly value: string }
  | { readonly case: undefined; readonly value?: undefined };

/** A secret that waits for its confirmation. */
export interface EnrolledTotp {
  /** In Base32. */
  readonly totpSecret: string;
  /** The same as an otpauth:// address. */
  readonly otpauthUri: string;
}

const SECRET_BYTES = 20;
/** Codes of the step before and after are taken too: clocks go differently, and people type slowly. */
const WINDOW = 1;

/**
 * Makes a secret for one-time passwords. It takes the place of one that was never confirmed.
 *
 * @param password the account's; empty for one that has none
 * @throws SoukError PASSWORD_WRONG, TOTP_ENABLED or TOO_MANY_ATTEMPTS
 */
export async function enrollTotp(
  auth: AuthContext,
  scope: Scope,
  accountId: string,
  password: string,
): Promise<EnrolledTotp> {
  await requireOwnPassword(auth, scope, accountId, password);
  const bytes = randomBytes(SECRET_BYTES);
  const email = await auth.db.write(scope, async (tx) => {
    const account = await lockAccount(tx, accountId);
    await forgetAttempts(tx, [passwordLimit(accountId)]);
    const { numInsertedOrUpdatedRows } = await tx.sql
      .insertInto("second_factor")
      .values({ account_id: accountId, secret: auth.seal.seal(bytes, accountId) })
      .onConflict((conflict) =>
        conflict
          .column("account_id")
          .doUpdateSet(({ ref }) => ({ secret: ref("excluded.secret") }))
          .where("second_factor.confirm_time", "is", null),
      )
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows !== 1n) {
      throw refuse(ErrorReason.TOTP_ENABLED, "one-time passwords are on; turn them off first");
    }
    return account.email;
  });
  const totp = totpOf(bytes, { issuer: auth.shopName, label: email });
  return { totpSecret: totp.secret.base32, otpauthUri: totp.toString() };
}

/**
 * Turns one-time passwords on.
 *
 * @param code the first one, which shows that the authenticator has the secret
 * @returns recovery codes, told only now
 * @throws SoukError TOTP_NOT_ENROLLED, TOTP_ENABLED, SECOND_FACTOR_INVALID or TOO_MANY_ATTEMPTS
 */
export async function confirmTotp(
  auth: AuthContext,
  scope: Scope,
  accountId: string,
  code: string,
): Promise<string[]> {
  return attempt(auth, scope, accountId, async (tx, email) => {
    const factor = await findFactor(tx, accountId);
    if (factor === undefined) throw notEnrolled();
    if (factor.confirm_time !== null) {
      throw refuse(ErrorReason.TOTP_ENABLED, "one-time passwords are on already");
    }
    const step = acceptedStep(auth, accountId, factor, code);
    if (step === undefined) throw factorInvalid();
    await tx.sql
      .updateTable("second_factor")
      .set({ confirm_time: new Date(), last_step: step })
      .where("account_id", "=", accountId)
      .execute();
    tx.emit(SecondFactorChangedSchema, { accountId, email, enabled: true });
    return replaceRecoveryCodes(tx, accountId);
  });
}

/**
 * Turns one-time passwords off; the recovery codes go with them.
 *
 * @throws SoukError TOTP_NOT_ENROLLED, SECOND_FACTOR_INVALID or TOO_MANY_ATTEMPTS
 */
export async function disableTotp(
  auth: AuthContext,
  scope: Scope,
  accountId: string,
  factor: ProvenFactor,
): Promise<void> {
  await attempt(auth, scope, accountId, async (tx, email) => {
    await requireFactor(auth, tx, accountId, factor);
    await tx.sql.deleteFrom("second_factor").where("account_id", "=", accountId).execute();
    tx.emit(SecondFactorChangedSchema, { accountId, email, enabled: false });
  });
}

/**
 * Gives new recovery codes in place of the old ones.
 *
 * @throws SoukError TOTP_NOT_ENROLLED, SECOND_FACTOR_INVALID or TOO_MANY_ATTEMPTS
 */
export async function regenerateRecoveryCodes(
  auth: AuthContext,
  scope: Scope,
  accountId: string,
  code: string,
): Promise<string[]> {
  return attempt(auth, scope, accountId, async (tx) => {
    await requireFactor(auth, tx, accountId, { case: "totpCode", value: code });
    return replaceRecoveryCodes(tx, accountId);
  });
}

/** Counts an attempt before it is made, for one that fails leaves nothing else behind; one that succeeds is forgotten. */
async function attempt<R>(
  { db }: AuthContext,
  scope: Scope,
  accountId: string,
  work: (tx: AuthTransaction, email: string) => Promise<R>,
): Promise<R> {
  const limits = [secondFactorLimit(accountId)];
  await countAttempt(db, scope, limits);
  return db.write(scope, async (tx) => {
    const { email } = await lockAccount(tx, accountId);
    const result = await work(tx, email);
    await forgetAttempts(tx, limits);
    return result;
  });
}

/** Whether an account signs in with a second factor. */
export async function hasSecondFactor(tx: AuthTransaction, accountId: string): Promise<boolean> {
  const factor = await tx.sql
    .selectFrom("second_factor")
    .select("account_id")
    .where("account_id", "=", accountId)
    .where("confirm_time", "is not", null)
    .executeTakeFirst();
  return factor !== undefined;
}

/**
 * Takes a one-time password or a recovery code; neither serves twice, also when used at once.
 *
 * @throws SoukError TOTP_NOT_ENROLLED or SECOND_FACTOR_INVALID
 */
export async function requireFactor(
  auth: AuthContext,
  tx: AuthTransaction,
  accountId: string,
  proven: ProvenFactor,
): Promise<void> {
  const factor = await findFactor(tx, accountId);
  if (factor?.confirm_time == null) throw notEnrolled();
  if (proven.case === "recoveryCode") {
    if (!(await spendRecoveryCode(tx, accountId, proven.value))) throw factorInvalid();
    return;
  }
  const step = acceptedStep(auth, accountId, factor, proven.value ?? "");
  if (step === undefined) throw factorInvalid();
  await tx.sql
    .updateTable("second_factor")
    .set({ last_step: step })
    .where("account_id", "=", accountId)
    .execute();
}

interface StoredFactor {
  readonly secret: Uint8Array;
  readonly confirm_time: Date | null;
  readonly last_step: bigint;
}

function findFactor(tx: AuthTransaction, accountId: string): Promise<StoredFactor | undefined> {
  return tx.sql
    .selectFrom("second_factor")
    .select(["secret", "confirm_time", "last_step"])
    .where("account_id", "=", accountId)
    .forUpdate()
    .executeTakeFirst() as Promise<StoredFactor | undefined>;
}

/** The time step that a code is of, unless it, or a later one, was used before (RFC 6238, 5.2). */
function acceptedStep(
  { seal }: AuthContext,
  accountId: string,
  { secret, last_step }: StoredFactor,
  code: string,
): bigint | undefined {
  const totp = totpOf(seal.open(secret, accountId));
  const timestamp = Date.now();
  const delta = totp.validate({ token: code, timestamp, window: WINDOW });
  if (delta === null) return undefined;
  const step = BigInt(totp.counter({ timestamp }) + delta);
  return step > last_step ? step : undefined;
}

function totpOf(bytes: Buffer, label: { readonly issuer?: string; readonly label?: string } = {}): TOTP {
  const buffer = Uint8Array.from(bytes).buffer;
  return new TOTP({ ...label, secret: new Secret({ buffer }) });
}

function notEnrolled() {
  return refuse(ErrorReason.TOTP_NOT_ENROLLED, "the account has no one-time passwords; enroll first");
}

function factorInvalid() {
  return refuse(
    ErrorReason.SECOND_FACTOR_INVALID,
    "the code is not good, or was used before; wait for the next one",
  );
}
