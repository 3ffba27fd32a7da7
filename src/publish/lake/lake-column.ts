// A column of a publication in files, and its values: from the source's text to what a Parquet file takes.
import type { ParquetType, ParquetValue } from '../../object-store/write-parquet.ts';
import type { PlannedColumn } from '../receiver.ts';

/** A column whose `expression` gives `t…` or `f…`, numbers, days or microseconds since 1970, hexadecimal, texts. */
export interface LakeColumn extends PlannedColumn {
  readonly parquet: ParquetType;
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
