// What a column accepts according to its declared type: which kinds of values it rejects, and how much of the others it
// can hold. Types only; each database's table options know its types, formats/avro/avro-fit.ts compares.
import type { LoadColumn, LoadTarget } from './load-target.ts';

/** Kinds of values that schemas distinguish; an object is a record or a map. */
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
  /** What the sizes below refer to; `other`: nothing is known except what it rejects. */
  readonly family: 'whole' | 'decimal' | 'float' | 'boolean' | 'date' | 'moment' | 'enum' | 'other';
  /** Kinds of which certainly no value fits the column. */
  readonly refuses: readonly ValueKind[];
  /**
   * Bits of a whole number including its sign, or of a float; digits of a decimal; fractional digits of a timestamp's
   * second. Null: unlimited.
   */
  readonly size: number | null;
  /** Scale of a decimal. */
  readonly scale: number;
  /** For a whole number: it is unsigned. */
  readonly unsigned?: true;
  /** How digits beyond the scale are handled. */
  readonly beyond: 'rounded' | 'cut off';
  /** The dates and timestamps that it cannot hold; absent: none that matters. */
  readonly outside?: string;
  /** Symbols of an enum. */
  readonly labels?: ReadonlySet<string>;
  /** Elements of a list, or values of a map. */
  readonly items?: ColumnFit | null;
  /** Fields of a tuple, by name. */
  readonly fields?: ReadonlyMap<string, ColumnFit | null>;
  /** Whether it rejects null; absent: it does not, or the type does not tell. */
  readonly required?: true;
}

/** What a column of the target accepts; null: anything, as far as is known. */
export type FitOf = (target: FitTarget, column: LoadColumn) => ColumnFit | null;

/** What a column's type may depend on. */
export type FitTarget = Pick<LoadTarget, 'columns'> & Partial<Pick<LoadTarget, 'key' | 'storage'>>;
