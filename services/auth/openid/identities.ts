import { uuidv7 } from "uuidv7";
import { IdentityLinkedSchema } from "#gen/souk/auth/v1/events_pb.ts";
import { ACCOUNT, type StoredAccount } from "../accounts.ts";
import type { AuthDatabase, AuthTransaction } from "../database.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { OutsideIdentity } from "./flow.ts";

/** An identity that signs in to an account. */
export interface StoredIdentity {
  readonly id: string;
  readonly account_id: string;
  readonly provider_id: string;
  readonly email: string;
  readonly create_time: Date;
}

const COLUMNS = ["id", "account_id", "provider_id", "email", "create_time"] as const;

/** How many identities an account may have. */
export const MOST_IDENTITIES = 20;

/** The account that an identity signs in to. */
export function findAccountOf(
  tx: AuthTransaction,
  { provider, subject }: OutsideIdentity,
): Promise<StoredAccount | undefined> {
  return tx.sql
    .selectFrom("linked_identity")
    .innerJoin("account", "account.id", "linked_identity.account_id")
    .select(ACCOUNT)
    .where("provider_id", "=", provider.id)
    .where("subject", "=", subject)
    .executeTakeFirst();
}

/**
 * Links an identity to an account and tells its owner; one that is linked to it already stays.
 *
 * @throws SoukError IDENTITY_TAKEN when it is linked to another account
 */
export async function linkIdentity(
  tx: AuthTransaction,
  account: Pick<StoredAccount, "id" | "email">,
  { provider, subject, email }: OutsideIdentity,
): Promise<StoredIdentity> {
  const added = await tx.sql
    .insertInto("linked_identity")
    .values({ id: uuidv7(), account_id: account.id, provider_id: provider.id, subject, email })
    .onConflict((conflict) => conflict.columns(["provider_id", "subject"]).doNothing())
    .returning(COLUMNS)
    .executeTakeFirst();
  if (added !== undefined) {
    tx.emit(IdentityLinkedSchema, { accountId: account.id, email: account.email, providerId: provider.id });
    return added;
  }
  const known = await tx.sql
    .selectFrom("linked_identity")
    .select(COLUMNS)
    .where("provider_id", "=", provider.id)
    .where("subject", "=", subject)
    .executeTakeFirst();
  if (known?.account_id === account.id) return known;
  throw identityTaken();
}

/** The identities that sign in to an account, the oldest first. */
export function listIdentities(
  { sql: query }: Pick<AuthDatabase, "sql">,
  accountId: string,
): Promise<StoredIdentity[]> {
  return query
    .selectFrom("linked_identity")
    .select(COLUMNS)
    .where("account_id", "=", accountId)
    .orderBy("id")
    .limit(MOST_IDENTITIES)
    .execute();
}

/** Refuses an identity that cannot be had without asking the owner of an account. */
export function identityTaken() {
  return refuse(
    ErrorReason.IDENTITY_TAKEN,
    "this identity, or its e-mail address, belongs to an account; sign in there and link it",
  );
}
