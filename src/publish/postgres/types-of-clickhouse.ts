// The columns of a Postgres table for a ClickHouse source: types, values in the form that COPY reads, and checks for
// values that Postgres cannot hold. Types without an exact equivalent are refused by name.
import { quoteIdentifier } from '../../adapters/clickhouse/literal.ts';
import { errorOf } from '../../error-table.ts';
import { plainType } from '../../adapters/clickhouse/plain-type.ts';
import { whyNoEqual } from '../../adapters/clickhouse/no-equal.ts';
import type { PlannedColumn, SourceColumn, ValueCheck } from '../publication-target.ts';

const TYPES: Readonly<Record<string, string>> = {
  Int8: 'smallint',
  UInt8: 'smallint',
  Int16: 'smallint',
  UInt16: 'integer',
  Int32: 'integer',
  UInt32: 'bigint',
  Int64: 'bigint',
  UInt64: 'numeric(20,0)',
  Int128: 'numeric(39,0)',
  UInt128: 'numeric(39,0)',
  Int256: 'numeric(77,0)',
  UInt256: 'numeric(78,0)',
  Float32: 'real',
  Float64: 'double precision',
  Bool: 'boolean',
  String: 'text',
  Enum8: 'text',
  Enum16: 'text',
  UUID: 'uuid',
  Date: 'date',
  Date32: 'date',
  IPv4: 'inet',
  IPv6: 'inet',
};

/** @throws `runtime` error for a type without an equivalent */
export function columnOfClickHouse({ name, type, nullable }: SourceColumn): PlannedColumn {
  const value = `t.${quoteIdentifier(name)}`;
  const plain = plainType(type);
  const base = plain.replace(/\(.*$/, '');
  const refuse = (why: string): never => {
    throw errorOf('typeNotPublished', { column: name, type, receiver: 'Postgres', why });
  };
  const planned = (mapped: string, expression = `toString(${value})`, checks: ValueCheck[] = []): PlannedColumn => ({
    name,
    type: mapped,
    nullable,
    expression,
    checks,
  });
  const known = TYPES[base];
  if (known === 'text')
    return planned(known, undefined, [
      { column: name, condition: `position(toString(${value}), '\\0') > 0`, why: 'a text has no NUL' },
      { column: name, condition: `NOT isValidUTF8(toString(${value}))`, why: 'a text is UTF-8' },
    ]);
  if (base.startsWith('Float')) return planned(known ?? '', `if(isNaN(${value}), 'NaN', toString(${value}))`);
  if (known !== undefined) return planned(known);
  switch (base) {
    case 'Decimal': {
      const [, precision, scale] = /\((\d+), (\d+)\)/.exec(plain) ?? [];
      return precision === undefined ? refuse('its scale is not known') : planned(`numeric(${precision},${scale})`);
    }
    case 'DateTime':
      return planned('timestamp with time zone', `toString(toTimeZone(${value}, 'UTC'))`);
    case 'DateTime64': {
      const digits = Number(/\((\d)/.exec(plain)?.[1]);
      if (digits > 6) return refuse('times have six digits after the second; cast it to DateTime64(6) in the model');
      return planned('timestamp with time zone', `toString(toTimeZone(${value}, 'UTC'))`);
    }
    default:
      return refuse(
        base === 'FixedString'
          ? 'its bytes are no text; toString(…) or hex(…) in the model makes one'
          : whyNoEqual(name, plain),
      );
  }
}

const ONE_TEXT = /^(?:U?Int\d+|String|Enum(?:8|16)\b.*|Bool|UUID|Date|Date32)$/;

/** Whether values of the type have the same text in both databases. */
export function hasOneText(type: string): boolean {
  return ONE_TEXT.test(plainType(type));
}
