// Canonical texts of Postgres values, the same in every dialect: numbers without trailing zeros, times in UTC, floats
// by their bits. Relies on the session settings of PostgresSource.
import type { ValueForm } from '../dialect.ts';

const asText = (value: string): string => `${value}::text`;

function form(family: string, kind: string | null, text = asText, native?: (value: string) => string): ValueForm {
  return {
    family,
    whole: false,
    native: kind === null ? null : { kind, value: native ?? ((value) => value) },
    text,
  };
}

const WHOLE: ValueForm = { ...form('number', 'number'), whole: true };
/** -0 equals 0, and there is one NaN. */
const FLOAT = form(
  'float',
  'float',
  (value) => `case when ${value} = 'NaN' then 'NaN' else encode(float8send(${value}::float8 + 0), 'hex') end`,
);
/** Two collations may be incomparable, and a collation may treat different texts as equal. */
const TEXT = form('text', 'text', asText, (value) => `${value}::text collate "C"`);

const FORMS: Readonly<Record<string, ValueForm>> = {
  smallint: WHOLE,
  integer: WHOLE,
  bigint: WHOLE,
  numeric: form('number', 'number', (value) => `trim_scale(${value})::text`),
  real: FLOAT,
  'double precision': FLOAT,
  boolean: form('boolean', 'boolean'),
  text: TEXT,
  'character varying': TEXT,
  character: TEXT,
  bpchar: TEXT,
  name: TEXT,
  json: form('text', null),
  jsonb: form('text', null),
  xml: form('text', null),
  uuid: form('uuid', 'uuid'),
  date: form('date', 'date'),
  'timestamp without time zone': form('time', 'timestamp'),
  'timestamp with time zone': form('time', 'timestamptz', (value) => `(${value} at time zone 'UTC')::text`),
  bytea: form('bytes', 'bytes', (value) => `encode(${value}, 'hex')`),
};

/**
 * Other types are compared only with the same type, by the server's texts. Null: the text of money depends on a
 * setting.
 */
export function formOf(type: string): ValueForm | null {
  if (type.startsWith('money')) return null;
  return FORMS[type.replace(/\([^()]*\)/, '')] ?? form(`postgres ${type}`, null);
}
