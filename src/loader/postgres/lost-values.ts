// Which values of a column another Postgres type does not hold exactly, as SQL of the source. A cast and COPY both
// round numbers and times without an error, and cut texts.
import { isWiderType } from './existing-table.ts';

const TEXT = /^(?:text|character varying|character|bpchar|name|"char")(?:\(|$)/;
const PLAIN_TEXT = /^(?:text|character varying|varchar)$/i;
/** A cast to these types cuts or pads text. */
const CUT = /^(?:character varying\(|character\(|bpchar$|name$|"char"$|bit\b)/;
const NUMBER = /^(?:smallint|integer|bigint|numeric)(?:\(|$)/;
const FLOAT = /^(?:real|double precision)$/;
const MOMENT = /^(?:date$|timestamp\b)/;
const TIME = /^time\b/;
const INTERVAL = /^interval\b/;
const COMPARED = [NUMBER, FLOAT, MOMENT, TIME, INTERVAL, /^boolean$/];

/**
 * A condition for values that change, never null; null: none can.
 * @param value as SQL
 * @param from its type; types as `format_type` writes them, enums and domains by their base type
 * @param to the type of the table's column
 * @param declared the type that values are cast to first
 */
export function lostCondition(value: string, from: string, to: string, declared: string | null): string | null {
  const array = from.endsWith('[]') && to.endsWith('[]') ? '[]' : '';
  const [source, type] = array === '' ? [from, to] : [from.slice(0, -2), to.slice(0, -2)];
  if (declared === null ? isHeld(source, type) : PLAIN_TEXT.test(declared) && PLAIN_TEXT.test(to)) return null;
  const isText = TEXT.test(source);
  const isCompared = COMPARED.some((each) => each.test(source));
  const stored = declared === null ? `${value}::${to}` : `${value}::${declared}::${to}`;
  const differ = (wide: string, text = ''): string =>
    `(${stored})${text}::${wide}${array} is distinct from (${value})${isText ? '::text' : ''}::${wide}${array}`;
  if (CUT.test(type)) return `(${stored})::text is distinct from (${value})::text`;
  if (FLOAT.test(type) && (isText || NUMBER.test(source))) return differ('numeric', '::text');
  if (MOMENT.test(source) && TIME.test(type)) return `${value} is not null`;
  if (isCompared) return differ(source);
  if (!isText) return null;
  if (TEXT.test(type)) return differ('text');
  if (NUMBER.test(type)) return differ('numeric');
  if (MOMENT.test(type)) return differ('timestamptz');
  return TIME.test(type) || INTERVAL.test(type)
    ? differ(INTERVAL.test(type) ? 'interval' : type.replace(/\(\d\)/, ''))
    : null;
}

/** Whether a type has room for every value of another one. */
function isHeld(from: string, to: string): boolean {
  const bare = from.replace(/\([^()]*\)/, '');
  return from === to || bare === to || PLAIN_TEXT.test(to) || isWiderType(bare, to);
}
