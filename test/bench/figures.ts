/** Something that was measured. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  /** Beside what it is compared with. */
  readonly ratio?: number;
  /** What it aims at, for people. */
  readonly goal?: string;
}
