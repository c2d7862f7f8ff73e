import type { Statement } from "./finish.ts";
import type { Run } from "./kysely.ts";
import type { SqlConnection } from "./pool.ts";

/** A transaction on a connection of its own. */
export interface OpenTransaction {
  /** Sends a statement; the first takes BEGIN with it. */
  readonly run: Run;
  /**
   * Commits. A transaction in which no statement was sent costs nothing, and where the last is the only one, it
   * needs no BEGIN and COMMIT.
   *
   * @param last a statement that leaves in one packet with COMMIT; when it fails, nothing is committed
   * @throws Error when a statement failed before and the failure was passed over: nothing is committed then
   */
  commit(last?: Statement): Promise<void>;
  /** Ends the statement under way, if there is one: the transaction can only be undone then. */
  cancel(): void;
  /** Undoes what was not committed and gives the connection back. */
  end(): Promise<void>;
}

/**
 * Opens a transaction.
 *
 * @param connection given back in the end
 */
export function openTransaction(connection: SqlConnection): OpenTransaction {
  let state: "new" | "begun" | "committed" | "ended" = "new";

  const run: Run = (text, values) => {
    if (state === "begun") return connection.run(text, values);
    if (state !== "new")
      return Promise.reject(new Error("The transaction has ended; await all that is sent in it."));
    state = "begun";
    // Where this fails, what follows fails too, and tells.
    connection.run("begin").catch(() => {});
    return connection.run(text, values);
  };

  return {
    run,
    async commit(last) {
      if (state === "new") {
        if (last !== undefined) await connection.run(last.text, last.values);
        return;
      }
      const changed = last && run(last.text, last.values);
      const committed = connection.run("commit");
      committed.catch(() => {});
      await changed;
      const { command } = await committed;
      state = "committed";
      if (command !== "COMMIT") {
        throw new Error(
          "A statement of the transaction failed before; do not catch its error inside of the work.",
        );
      }
    },
    cancel: () => connection.cancel(),
    async end() {
      const undo = state === "begun";
      state = "ended";
      if (undo) await connection.run("rollback").catch(() => {});
      connection.release();
    },
  };
}
