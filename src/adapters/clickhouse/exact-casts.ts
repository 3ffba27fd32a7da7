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
 * @param digits whether a value must not lose digits either: one that is compared later would differ
 * @returns null: the type holds every value, or the server itself refuses what it does not hold
 */
export function exactCast(column: string, from: string, to: string, digits = false): string | null {
  const conditions = [
    ...(TAKES_NULL.test(from) && !TAKES_NULL.test(to) && !KEEPS_NULL.test(to) ? [`isNull(${column})`] : []),
    ...[lostCondition(column, plainType(from), plainType(to)) ?? []].flat(),
    ...(digits ? [lostDigits(column, plainType(from), plainType(to)) ?? []].flat() : []),
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

const NUMBER = /^(?:U?Int\d|B?Float|Decimal)/;
const TIME = /^Date/;

/** A condition in SQL that is true where the value has digits that the type does not have. */
function lostDigits(column: string, from: string, to: string): string | null {
  if (from === to) return null;
  const composite = COMPOSITE.test(from) && COMPOSITE.test(to) && !OPAQUE.test(from + to);
  const alike = [NUMBER, TIME].some((kind) => kind.test(from) && kind.test(to));
  const [whole, given] = [WHOLE.exec(to), WHOLE.exec(from)];
  if (!(alike || composite) || (whole !== null && given !== null)) return null;
  const type = (name: string): string => quoteText(composite ? name : `Nullable(${name})`);
  return `toString(CAST(CAST(${column}, ${type(to)}), ${type(from)})) != toString(${column})`;
}

/** Whether a value of the first type may have more digits than the second type holds. */
export function mayLoseDigits(given: string, wanted: string): boolean {
  const [from, to] = [plainType(given), plainType(wanted)];
  if (NUMBER.test(from) && to.startsWith('Float')) return significant(from) > significant(to);
  return [NUMBER, TIME].some((kind) => kind.test(from) && kind.test(to)) && fraction(from) > fraction(to);
}

/** Decimal digits that a number has at most, or that each number of so many digits has. */
function significant(type: string): number {
  const [, precision] = /^Decimal\((\d+)/.exec(type) ?? [];
  if (precision !== undefined) return Number(precision);
  const bits = Number(/(?<!\d)\d+$/.exec(type));
  return type.includes('Float') ? (bits === 64 ? 15 : 6) : Math.floor((bits * 3) / 10);
}

/** Digits after the point, or of a second. */
function fraction(type: string): number {
  if (type.includes('Float')) return Number.POSITIVE_INFINITY;
  if (type === 'Date' || type === 'Date32') return -1;
  return Number(/^(?:Decimal\(\d+, |DateTime64\()(\d+)/.exec(type)?.[1] ?? 0);
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
