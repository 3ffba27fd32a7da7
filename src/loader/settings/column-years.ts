// The years that the times of a column may have: its option `years`.

export interface YearRange {
  readonly first: number;
  readonly last: number;
  /** The column's `years` option set it: it applies to texts, too. */
  readonly declared: boolean;
}
