/** A change of a schema, and its undoing. */
export interface SchemaChange {
  /** Unique within a database; changes are made in the order of their list. */
  readonly name: string;
  /** SQL statements. */
  readonly up: string;
  /** SQL statements that undo them. */
  readonly down: string;
}

/** How a schema came to be, the oldest change first. */
export type Migrations = readonly SchemaChange[];
