// Inserts values into SQL text as psycopg2 does, for statements with `%s` placeholders. All other statements are sent
// unchanged.
import type { Json } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { PyDate } from '../../values/date.ts';
import { PyDateTime } from '../../values/datetime.ts';
import { PyDecimal } from '../../values/decimal.ts';
import { PyFloat } from '../../values/float.ts';
import { toText } from '../../values/text.ts';
import { PyTime } from '../../values/time.ts';
import { PyTimedelta } from '../../values/timedelta.ts';
import { PyTuple } from '../../values/tuple.ts';
import { typeName } from '../../values/type-name.ts';
import type { Value } from '../../values/value.ts';

/** `'it''s'`; with backslashes ` E'…'`, whatever `standard_conforming_strings` says. */
export function quoteText(text: string): string {
  checkNul(text);
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? ` E${quoted}` : quoted;
}

/** Formats a name as a quoted identifier. @throws `database` error for a name with NUL */
export function quoteIdentifier(name: string): string {
  if (name.includes('\0'))
    throw new TsdbtError('database', `A name cannot contain NUL (0x00) characters: ${JSON.stringify(name)}.`);
  return `"${name.includes('"') ? name.replaceAll('"', '""') : name}"`;
}

/** GRANT accepts the word `group` before the name of a role. */
const WRITTEN = /^(?:group )?(?:[a-z_\x80-\uffff][\w$\x80-\uffff]*|"(?:[^"\0]|"")+")$/i;

/** Formats a name that a project wrote as SQL: a bare or quoted identifier is kept, anything else is quoted. */
export function quoteWritten(name: string): string {
  return WRITTEN.test(name) ? name : quoteIdentifier(name);
}

/** @throws as psycopg2 does: the server does not accept NUL in a text */
function checkNul(text: string): void {
  if (text.includes('\0')) throw new TsdbtError('database', 'A string literal cannot contain NUL (0x00) characters.');
}

/** Formats a value as an SQL literal. @throws `database` error for a text with NUL */
export function literal(value: Value): string {
  if (value === null) return 'NULL';
  switch (typeof value) {
    case 'string':
      return quoteText(value);
    case 'boolean':
      return String(value);
    case 'bigint':
      return negativeSafe(value.toString());
    case 'number':
      return Number.isFinite(value) ? negativeSafe(toText(value)) : `'${toText(value)}'::float`;
    default:
  }
  if (value instanceof PyFloat) return negativeSafe(toText(value));
  if (value instanceof PyDecimal)
    return value.special === 'NaN'
      ? "'NaN'::numeric"
      : value.special !== undefined
        ? "'NaN'::numeric"
        : negativeSafe(toText(value));
  if (value instanceof PyDateTime)
    return `'${value.isoformat()}'::${value.tzinfo === null ? 'timestamp' : 'timestamptz'}`;
  if (value instanceof PyDate) return `'${value.isoDate()}'::date`;
  if (value instanceof PyTime) return `'${toText(value)}'::time`;
  if (value instanceof PyTimedelta)
    return `'${value.micros / 1_000_000n} seconds ${value.micros % 1_000_000n} microseconds'::interval`;
  if (Array.isArray(value)) return value.length === 0 ? "'{}'" : `ARRAY[${value.map(literal).join(',')}]`;
  if (value instanceof PyTuple) return `(${value.items.map(literal).join(', ')})`;
  throw new TsdbtError('database', `can't adapt type '${typeName(value)}'`);
}

/** A space keeps `-` and a negative number from becoming a comment. */
function negativeSafe(text: string): string {
  return text.startsWith('-') ? ` ${text}` : text;
}

/** Replaces each `%s` in the statement and halves each `%%`. */
export function bind(sql: string, bindings: readonly Value[]): string {
  let next = 0;
  const text = sql.replace(/%(.)/gs, (_, code: string) => {
    if (code === '%') return '%';
    if (code !== 's')
      throw new TsdbtError(
        'database',
        `unsupported format character '${code}' (0x${code.charCodeAt(0).toString(16)}) in the statement`,
      );
    const value = bindings[next++];
    if (value === undefined) throw new TsdbtError('database', 'list index out of range');
    return literal(value);
  });
  if (next < bindings.length) throw new TsdbtError('database', 'not all arguments converted during string formatting');
  return text;
}

/** The text of an array: `{"a",NULL,{"b"}}`. */
export function arrayText(items: readonly Json[]): string {
  const parts = items.map((item) =>
    item === null
      ? 'NULL'
      : Array.isArray(item)
        ? arrayText(item)
        : `"${(typeof item === 'string' ? item : JSON.stringify(item)).replace(/["\\]/g, '\\$&')}"`,
  );
  return `{${parts.join(',')}}`;
}
