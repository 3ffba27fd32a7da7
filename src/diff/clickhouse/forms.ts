// Canonical texts of ClickHouse values, the same in every dialect: numbers without trailing zeros, times in UTC, floats
// by their bits.
import type { ValueForm } from '../dialect.ts';
import { mergedType, plainType } from '../../adapters/clickhouse/plain-type.ts';

const asText = (value: string): string => `toString(${value})`;

function form(family: string, kind: string | null, text = asText): ValueForm {
  return { family, whole: false, native: kind === null ? null : { kind, value: (value) => value }, text };
}

const WHOLE: ValueForm = { ...form('number', 'whole'), whole: true };
/** -0 equals 0, and there is one NaN. */
const FLOAT = form(
  'float',
  null,
  (value) => `if(isNaN(${value}), 'NaN', leftPad(lower(hex(reinterpretAsUInt64(toFloat64(${value}) + 0))), 16, '0'))`,
);
const TEXT = form('text', null);
const DATE = form('date', 'date');

const FORMS: Readonly<Record<string, ValueForm>> = {
  Float32: FLOAT,
  Float64: FLOAT,
  Bool: form('boolean', 'boolean'),
  String: form('text', 'text'),
  FixedString: TEXT,
  Enum8: TEXT,
  Enum16: TEXT,
  UUID: form('uuid', 'uuid'),
  Date: DATE,
  Date32: DATE,
  DateTime: form('time', 'time', (value) => `toString(toTimeZone(${value}, 'UTC'))`),
};

/**
 * Other types are compared only with the same type, by the server's texts. Null: aggregate states have no such text.
 */
export function formOf(written: string): ValueForm | null {
  const plain = plainType(written);
  const type = plainType(mergedType(plain) ?? plain);
  const [base = ''] = type.split('(');
  if (base === 'AggregateFunction' || type === 'Nothing') return null;
  if (/^U?Int\d+$/.test(type)) return WHOLE;
  if (base.startsWith('Decimal'))
    return form('number', type, (value) => withoutZeros(`toString(${value})`, /[(, ]0\)$/.test(type)));
  if (base === 'DateTime64')
    return form('time', 'time', (value) =>
      withoutZeros(`toString(toTimeZone(${value}, 'UTC'))`, /^DateTime64\(0\b/.test(type)),
    );
  return FORMS[base] ?? form(`clickhouse ${type}`, null);
}

/** A text with a fraction, without trailing zeros. */
function withoutZeros(text: string, whole: boolean): string {
  return whole ? text : `if(position(${text}, '.') > 0, replaceRegexpOne(${text}, '[.]?0+$', ''), ${text})`;
}
