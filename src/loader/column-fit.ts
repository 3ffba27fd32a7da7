// What a column takes, as far as its declared type tells: which kinds of values it refuses, and how much of the others
// it holds. Types only; the options of each database's tables know its types, avro/fit.ts compares.
import type { LoadColumn, LoadTarget } from './load-target.ts';

/** Kinds of values that schemas tell apart; an object is a record or a map. */
export type ValueKind =
  | 'boolean'
  | 'number'
  | 'decimal'
  | 'date'
  | 'time'
  | 'moment'
  | 'uuid'
  | 'duration'
  | 'bytes'
  | 'enum'
  | 'object'
  | 'array';

export interface ColumnFit {
  /** What the sizes below are of; `other`: nothing is known beside what it refuses. */
  readonly family: 'whole' | 'decimal' | 'float' | 'boolean' | 'date' | 'moment' | 'enum' | 'other';
  /** Kinds of which surely no value goes into the column. */
  readonly refuses: readonly ValueKind[];
  /**
   * Bits of a whole number with its sign, or of a float; digits of a decimal; digits behind a moment's second. Null: as
   * many as a value has.
   */
  readonly size: number | null;
  /** Digits of a decimal behind the point. */
  readonly scale: number;
  /** Of a whole number: it has no sign. */
  readonly unsigned?: true;
  /** What becomes of digits beyond the scale. */
  readonly beyond: 'rounded' | 'cut off';
  /** The days and moments that it does not hold, in words; absent: none that matters. */
  readonly outside?: string;
  /** Of an enum. */
  readonly labels?: ReadonlySet<string>;
  /** Of a list and of a map's values. */
  readonly items?: ColumnFit | null;
  /** Of a tuple, by name. */
  readonly fields?: ReadonlyMap<string, ColumnFit | null>;
  /** It takes no null; absent: it does, or the type does not say. */
  readonly required?: true;
}

/** What a column of the target takes; null: anything, as far as is known. */
export type FitOf = (target: FitTarget, column: LoadColumn) => ColumnFit | null;

/** What a column's type may depend on. */
export type FitTarget = Pick<LoadTarget, 'columns'> & Partial<Pick<LoadTarget, 'key' | 'storage'>>;
