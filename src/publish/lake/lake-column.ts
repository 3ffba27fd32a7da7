// A column of a publication into files, and the conversion of its values from the source's text to Parquet values.
import type { ParquetType, ParquetValue } from '../../object-store/write-parquet.ts';
import type { PlannedColumn, SourceColumn } from '../publication-target.ts';

/** A column whose `expression` returns `t…` or `f…`, numbers, days or microseconds since 1970, hex or text. */
export interface LakeColumn extends PlannedColumn {
  readonly parquet: ParquetType;
}

/**
 * @param expression the value as the source's SQL, in the form of `LakeColumn`
 * @param misfit a condition for values that the file cannot hold, and the reason; absent: it can hold every value
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

/** ClickHouse's spellings. Postgres uses those of JavaScript. */
const INFINITIES: Readonly<Record<string, number>> = {
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
};

/** Returns the function that converts the text of a value, by type. */
export function valueReader(type: ParquetType): (text: string) => ParquetValue {
  // Every value has all digits of its scale.
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
