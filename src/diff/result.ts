// What a comparison has found. No code but the verdict.

/** A row that is on one side, or that differs. */
export interface DiffRow {
  readonly kind: DiffKind;
  /** Values of the key, in its order. */
  readonly key: readonly string[];
  /** Of a row that differs, the columns that do. */
  readonly changes: readonly {
    readonly column: string;
    readonly here: string | null;
    readonly there: string | null;
  }[];
}

export const DIFF_KINDS = ['only_here', 'only_there', 'differs'] as const;
export type DiffKind = (typeof DIFF_KINDS)[number];

/** Numbers of rows. */
export interface DiffCounts {
  readonly here: number;
  readonly there: number;
  readonly only_here: number;
  readonly only_there: number;
  readonly differs: number;
}

/** What reading the rows gives. */
export interface RowDiff {
  readonly counts: DiffCounts;
  /** How many rows differ in each compared column, in their order. */
  readonly differing: readonly number[];
  readonly sample: readonly DiffRow[];
}

export interface DiffResult extends RowDiff {
  readonly key: readonly string[];
  /** Compared columns, beside the key. */
  readonly columns: readonly string[];
  readonly onlyHere: readonly string[];
  readonly onlyThere: readonly string[];
  /** Columns whose types cannot be compared. */
  readonly notCompared: readonly { readonly column: string; readonly here: string; readonly there: string }[];
}

/** Is everything that is on one side on the other? What was not compared is not known to be. */
export function isEqual({ counts, onlyHere, onlyThere, notCompared }: DiffResult): boolean {
  const { only_here, only_there, differs } = counts;
  return only_here + only_there + differs + onlyHere.length + onlyThere.length + notCompared.length === 0;
}
