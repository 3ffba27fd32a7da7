// Expressions for an INSERT SELECT that fail where the server would store another value than the query gives: it wraps
// numbers and clamps times that the column's type does not hold, without an error. Pure.
import { quoteText } from './literal.ts';
import { plainType } from './plain-type.ts';

const WHOLE = /^(U?)Int(8|16|32|64|128|256)$/;
const TAKES_NULL = /^(?:LowCardinality\()?Nullable\(/;
/** Other types that have a NULL of their own, or decide themselves. */
const KEEPS_NULL = /^(?:Variant|Dynamic|JSON|Object|(?:Simple)?AggregateFunction)\b/;
const COMPOSITE = /^(?:Array|Map|Tuple|Nested)\(/;
/** Types within others whose values cannot be compared after a cast. */
const OPAQUE = /\b(?:JSON|Object|Dynamic|Variant|(?:Simple)?AggregateFunction)\b/;

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
  if (COMPOSITE.test(from) && COMPOSITE.test(to) && !OPAQUE.test(from + to)) {
    const shared = quoteText(sharedType(from, to));
    const wanted = `CAST(${column}, ${quoteText(to)})`;
    const differs = `toString(CAST(${wanted}, ${shared})) != toString(CAST(${column}, ${shared}))`;
    if (!/Float64/.test(from) || !/Float32/.test(to)) return differs;
    return `${differs} or countSubstrings(toString(${wanted}), 'inf') != countSubstrings(toString(${column}), 'inf')`;
  }
  const zone = /^DateTime\('[^']*'\)$/.test(to) ? `, ${to.slice('DateTime('.length, -1)}` : '';
  if (to === 'Date' && /^(?:Date32|DateTime64)/.test(from)) return `toDate32(${cast}) != toDate32(${column})`;
  if (/^DateTime\b/.test(to) && /^(?:Date32|Date$|DateTime64)/.test(from))
    return `toDateTime64(${cast}, 0) != toDateTime64(${column}, 0${from.startsWith('DateTime64') ? '' : zone})`;
  // Texts are read as the wider type, which holds more times.
  if (to === 'Date' && from === 'String') return `toDate32(${cast}) != toDate32OrNull(${column})`;
  // `toDateTime64OrNull(…, 0)` is wrong after 2106.
  if (/^DateTime\b/.test(to) && from === 'String')
    return `toDateTime64(${cast}, 0) != accurateCastOrNull(${column}, ${quoteText(`DateTime64(0${zone})`)})`;
  if (/^(?:DateTime\b|IPv4$)/.test(to) && (given !== null || /^(?:B?Float|Decimal)/.test(from)))
    return `${column} < 0 or ${column} > 4294967295`;
  if (to === 'Float32' && from === 'Float64') return `isInfinite(${cast}) and not isInfinite(${column})`;
  return null;
}

/** The given type of values in a list, with the precision of the wanted one: what remains is out of range. */
function sharedType(from: string, to: string): string {
  return from
    .replace(/\bB?Float\d+/g, /\bDecimal/.test(to) ? 'Int256' : 'Float32')
    .replace(/\bDecimal\d*\([^()]*\)/g, 'Int256')
    .replace(/\bDateTime64\(\d+/g, 'DateTime64(0');
}

/** Does a type of whole numbers hold all of another one's? */
function contains([, unsigned, bits]: RegExpExecArray, [, given, givenBits]: RegExpExecArray): boolean {
  if (unsigned === given) return Number(bits) >= Number(givenBits);
  return unsigned === '' && Number(bits) > Number(givenBits);
}
