import { type Selectable, sql } from "kysely";
import type { Tables } from "#kit/data/tables.ts";
import type { InventorySql, InventoryTransaction } from "./database.ts";
import type { entities, TransferStateName } from "./entities.ts";
import { ErrorReason, refuse } from "./errors.ts";

type TransferTables = Tables<typeof entities>;
type TransferRow = Selectable<TransferTables["transfer"]>;

/** A transfer as it is stored, with its lines in the order of variants. */
export interface StoredTransfer extends TransferRow {
  readonly lines: readonly Selectable<TransferTables["transfer_line"]>[];
}

/** Which transfers are listed. */
export interface TransferFilter {
  readonly state?: TransferStateName;
  /** From or to this location. */
  readonly locationId?: string;
}

/**
 * A transfer.
 *
 * @param db where to read
 * @param id the transfer
 * @throws SoukError TRANSFER_NOT_FOUND
 */
export async function requireTransfer(db: InventorySql, id: string): Promise<StoredTransfer> {
  return found(db, id, await db.selectFrom("transfer").selectAll().where("id", "=", id).executeTakeFirst());
}

/**
 * A transfer that nobody else changes until the transaction ends.
 *
 * @param tx the transaction
 * @param id the transfer
 * @throws SoukError TRANSFER_NOT_FOUND
 */
export async function lockTransfer(tx: InventoryTransaction, id: string): Promise<StoredTransfer> {
  const row = await tx.sql
    .selectFrom("transfer")
    .selectAll()
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
  return found(tx.sql, id, row);
}

/**
 * Transfers, the newest first.
 *
 * @param db where to read
 * @param filter which ones
 * @param limit how many at most
 * @param before the transfer after which to go on; from the newest when left out
 */
export async function listTransfers(
  db: InventorySql,
  { state, locationId }: TransferFilter,
  limit: number,
  before?: string,
): Promise<StoredTransfer[]> {
  // Ids are made in the order of time.
  const rows = await db
    .selectFrom("transfer")
    .selectAll()
    .$if(state !== undefined, (query) => query.where("state", "=", state as TransferStateName))
    .$if(locationId !== undefined, (query) =>
      query.where((it) =>
        it.or([
          it("from_location_id", "=", locationId as string),
          it("to_location_id", "=", locationId as string),
        ]),
      ),
    )
    .$if(before !== undefined, (query) => query.where("id", "<", before as string))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
  return withLines(db, rows);
}

/** What became of a line of a transfer. */
export interface LineProgress {
  readonly variantId: string;
  readonly received: bigint;
  readonly writtenOff: bigint;
  readonly inTransit: bigint;
}

/**
 * Stores how far a transfer is.
 *
 * @param tx the transaction, in which lockTransfer locked it
 * @param id the transfer
 * @param state the state that it is in then
 * @param lines what became of its lines
 * @returns the transfer as it is then
 */
export async function storeProgress(
  tx: InventoryTransaction,
  id: string,
  state: TransferStateName,
  lines: readonly LineProgress[],
): Promise<StoredTransfer> {
  await sql`
    with moved as (
      update transfer set state = ${state}, end_time = case when ${state !== "IN_TRANSIT"} then now() end
      where id = ${id}::uuid
    )
    update transfer_line as line
    set received = it.received, written_off = it.written_off, in_transit = it.in_transit
    from unnest(
      ${lines.map(({ variantId }) => variantId)}::uuid[],
      ${lines.map(({ received }) => received)}::bigint[],
      ${lines.map(({ writtenOff }) => writtenOff)}::bigint[],
      ${lines.map(({ inTransit }) => inTransit)}::bigint[]
    ) as it (variant_id, received, written_off, in_transit)
    where line.transfer_id = ${id}::uuid and line.variant_id = it.variant_id
  `.execute(tx.sql);
  return requireTransfer(tx.sql, id);
}

/** The refusal of what can only be done with a transfer that is on the way. */
export function refuseEnded({ id, state }: StoredTransfer) {
  return refuse(
    ErrorReason.TRANSFER_ENDED,
    `transfer ${id} is ${state.toLowerCase()} already; send what is to go as a new one`,
    { metadata: { transfer_id: id, state } },
  );
}

async function found(db: InventorySql, id: string, row: TransferRow | undefined): Promise<StoredTransfer> {
  const [whole] = row === undefined ? [] : await withLines(db, [row]);
  if (whole !== undefined) return whole;
  throw refuse(
    ErrorReason.TRANSFER_NOT_FOUND,
    `there is no transfer ${id}; list the transfers to see which there are`,
    { metadata: { transfer_id: id } },
  );
}

async function withLines(db: InventorySql, rows: readonly TransferRow[]): Promise<StoredTransfer[]> {
  if (rows.length === 0) return [];
  const lines = await db
    .selectFrom("transfer_line")
    .selectAll()
    .where("transfer_id", "=", (it) => it.fn.any(it.val(rows.map(({ id }) => id))))
    .orderBy("transfer_id")
    .orderBy("variant_id")
    .execute();
  const byTransfer = Map.groupBy(lines, (line) => line.transfer_id);
  return rows.map((row) => ({ ...row, lines: byTransfer.get(row.id) ?? [] }));
}
