// Expressions for an INSERT SELECT that fail where the server would store another value than the query gives: it wraps
// numbers and clamps times that the column's type does not hold, without an error. Pure.
import { quoteText } from './literal.ts';
import { plainType } from './plain-type.ts';

const WHOLE = /^(U?)Int(8|16|32|64|128|256)$/;
const TAKES_NULL = /^(?:LowCardinality\()?Nullable\(/;
/** Other types that have a NULL of their own, or decide themselves. */
const KEEPS_NULL = /^(?:Variant|Dynamic|JSON|Object|(?:Simple)?AggregateFunction)\b/;
const WHOLE_ARRAY = /^Array\((U?Int\d+)\)$/;

/**
 * @param column quoted
 * @param from its type in the query
 * @param to its type in the table
 * @returns null: the type holds every value, or the server itself refuses what it does not hold
 */
export function exactCast(column: string, from: string, to: string): string | null {
  const conditions = [
    ...(TAKES_NULL.test(from) && !TAKES_NULL.test(to) && !KEEPS_NULL.test(to) ? [`isNull(${column})`] : []),
    ...[lostCondition(column, plainType(from), plainType(to)) ?? []].flat(),
  ];
  if (conditions.length === 0) return null;
  const lost = conditions.map((condition) => `ifNull(${condition}, 0)`).join(' or ');
  const message =
    `${column} has a value that ${to} does not hold (given as ${from}): cast it in the model, or run a ` +
    'full refresh';
  const checked = `throwIf(${lost}, ${quoteText(message)}) = 0`;
  return `if(${checked}, ${column}, defaultValueOfTypeName(${quoteText(from)})) as ${column}`;
}

/** A condition in SQL that is true where the value changes. */
function lostCondition(column: string, from: string, to: string): string | null {
  if (from === to) return null;
  const cast = `CAST(${column}, ${quoteText(`Nullable(${to})`)})`;
  const [whole, given] = [WHOLE.exec(to), WHOLE.exec(from)];
  if (whole !== null) {
    if (given !== null) return contains(whole, given) ? null : `${cast} != ${column}`;
    if (/^(?:B?Float|Decimal)/.test(from)) return `${cast} != trunc(${column})`;
    return from === 'String'
      ? `isNotNull(${column}) and isNull(accurateCastOrNull(${column}, ${quoteText(to)}))`
      : null;
  }
  const [items, givenItems] = [WHOLE_ARRAY.exec(to)?.[1], WHOLE_ARRAY.exec(from)?.[1]];
  if (items !== undefined && givenItems !== undefined) {
    const [wide, narrow] = [WHOLE.exec(items), WHOLE.exec(givenItems)];
    return wide !== null && narrow !== null && contains(wide, narrow) ? null : `CAST(${column}, '${to}') != ${column}`;
  }
  if (to === 'Date' && /^(?:Date32|DateTime64)/.test(from)) return `toDate32(${cast}) != toDate32(${column})`;
  if (/^DateTime\b/.test(to) && /^(?:Date32|Date$|DateTime64)/.test(from))
    return `toDateTime64(${cast}, 0) != toDateTime64(${column}, 0)`;
  if (to === 'Float32' && from === 'Float64') return `isInfinite(${cast}) and not isInfinite(${column})`;
  return null;
}

/** Does a type of whole numbers hold all of another one's? */
function contains([, unsigned, bits]: RegExpExecArray, [, given, givenBits]: RegExpExecArray): boolean {
  if (unsigned === given) return Number(bits) >= Number(givenBits);
  return unsigned === '' && Number(bits) > Number(givenBits);
}
