// The result of a comparison: types, and the verdict.

/** A row that is only on one side, or differs. */
export interface DiffRow {
  readonly kind: DiffKind;
  /** Values of the key columns, in order. */
  readonly key: readonly string[];
  /** For a differing row, the columns that differ. */
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

/** The result of reading the rows. */
export interface RowDiff {
  readonly counts: DiffCounts;
  /** Number of differing rows for each compared column, in order. */
  readonly differing: readonly number[];
  readonly sample: readonly DiffRow[];
}

export interface DiffResult extends RowDiff {
  readonly key: readonly string[];
  /** Compared columns other than the key. */
  readonly columns: readonly string[];
  readonly onlyHere: readonly string[];
  readonly onlyThere: readonly string[];
  /** Columns whose types cannot be compared. */
  readonly notCompared: readonly { readonly column: string; readonly here: string; readonly there: string }[];
}

/** Whether both sides are equal. Columns that were not compared are not known to be. */
export function isEqual({ counts, onlyHere, onlyThere, notCompared }: DiffResult): boolean {
  const { only_here, only_there, differs } = counts;
  return only_here + only_there + differs + onlyHere.length + onlyThere.length + notCompared.length === 0;
}
