// The columns of a Parquet file for a ClickHouse source: types, values as texts that src/publish/lake reads, and checks
// for values that the file cannot hold. Types without an exact equivalent are refused by name.
import { quoteIdentifier } from '../../adapters/clickhouse/literal.ts';
import { errorOf } from '../../error-table.ts';
import type { ParquetType } from '../../object-store/write-parquet.ts';
import { type LakeColumn, lakeColumn } from '../lake/lake-column.ts';
import type { SourceColumn } from '../publication-target.ts';
import { plainType } from '../../adapters/clickhouse/plain-type.ts';
import { whyNoEqual } from '../../adapters/clickhouse/no-equal.ts';

/** Types whose text from the server can be written to a file unchanged. */
const WHOLE: Readonly<Record<string, ParquetType>> = {
  Bool: 'boolean',
  Int8: 'int',
  UInt8: 'int',
  Int16: 'int',
  UInt16: 'int',
  Int32: 'int',
  UInt32: 'long',
  Int64: 'long',
  UInt64: { precision: 20, scale: 0 },
  Float32: 'float',
  Float64: 'double',
  String: 'string',
  Enum8: 'string',
  Enum16: 'string',
  UUID: 'uuid',
  IPv4: 'string',
  IPv6: 'string',
};
const MOST_DIGITS = 38;
const MICROSECONDS = 6;

/** @throws `runtime` error for a type without an equivalent */
export function lakeColumnOfClickHouse(column: SourceColumn): LakeColumn {
  const { name, type } = column;
  const value = `t.${quoteIdentifier(name)}`;
  const plain = plainType(type);
  const base = plain.replace(/\(.*$/, '');
  const refuse = (why: string): never => {
    throw errorOf('typeNotPublished', { column: name, type, receiver: 'Parquet', why });
  };
  const planned = (...mapped: [ParquetType, string, (readonly [string, string])?]): LakeColumn =>
    lakeColumn(column, ...mapped);
  const known = WHOLE[base];
  if (known === 'string')
    return planned(known, `toString(${value})`, [`NOT isValidUTF8(toString(${value}))`, 'a text is UTF-8']);
  if (known !== undefined) return planned(known, `toString(${value})`);
  switch (base) {
    case 'FixedString':
      return planned('binary', `hex(${value})`);
    case 'Date':
    case 'Date32':
      return planned('date', `toInt32(${value})`);
    case 'DateTime':
      return planned('timestamptz', `toUnixTimestamp64Micro(toDateTime64(${value}, ${MICROSECONDS}))`);
    case 'DateTime64': {
      const digits = Number(/\((\d)/.exec(plain)?.[1]);
      if (digits > MICROSECONDS)
        return refuse('times have six digits after the second; cast it to DateTime64(6) in the model');
      return planned('timestamptz', `toUnixTimestamp64Micro(toDateTime64(${value}, ${MICROSECONDS}))`);
    }
    case 'Decimal': {
      const [precision, scale] = (/\((\d+), (\d+)\)/.exec(plain) ?? []).slice(1).map(Number);
      if (precision === undefined || scale === undefined || precision > MOST_DIGITS)
        return refuse(`a decimal has at most ${MOST_DIGITS} digits`);
      return planned({ precision, scale }, `toDecimalString(${value}, ${scale})`);
    }
    default:
      return refuse(
        /^U?Int(?:128|256)$/.test(base)
          ? `a decimal has at most ${MOST_DIGITS} digits; toString(…) in the model makes a text of it`
          : whyNoEqual(name, plain),
      );
  }
}
