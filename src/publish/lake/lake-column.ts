// A column of a publication in files, and its values: from the source's text to what a Parquet file takes.
import type { ParquetType, ParquetValue } from '../../object-store/write-parquet.ts';
import type { PlannedColumn, SourceColumn } from '../receiver.ts';

/** A column whose `expression` gives `t…` or `f…`, numbers, days or microseconds since 1970, hexadecimal, texts. */
export interface LakeColumn extends PlannedColumn {
  readonly parquet: ParquetType;
}

/**
 * @param expression the value in the source's SQL, in the form of `LakeColumn`
 * @param misfit true for values that have no place, and why; absent: every one has
 */
export function lakeColumn(
  { name, nullable }: SourceColumn,
  parquet: ParquetType,
  expression: string,
  misfit?: readonly [condition: string, why: string],
): LakeColumn {
  return {
    name,
    parquet,
    type: typeof parquet === 'string' ? parquet : `decimal(${parquet.precision}, ${parquet.scale})`,
    nullable,
    expression,
    checks: misfit === undefined ? [] : [{ column: name, condition: misfit[0], why: misfit[1] }],
  };
}

/** As ClickHouse writes them; Postgres writes JavaScript's own words. */
const INFINITIES: Readonly<Record<string, number>> = {
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
};

/** What makes a value of a text, by type. */
export function valueReader(type: ParquetType): (text: string) => ParquetValue {
  // Every value of a scale has all of its digits.
  if (typeof type === 'object') return (text) => BigInt(text.replace('.', ''));
  switch (type) {
    case 'boolean':
      return (text) => text.startsWith('t');
    case 'int':
    case 'date':
      return Number;
    case 'float':
    case 'double':
      return (text) => INFINITIES[text] ?? Number(text);
    case 'long':
    case 'timestamp':
    case 'timestamptz':
      return BigInt;
    case 'binary':
      return (text) => Buffer.from(text, 'hex');
    case 'string':
    case 'uuid':
      return (text) => text;
  }
}
