// The columns of a synced table in ClickHouse: their types, how values are converted, and which values do not fit.
// Exact, or rejected by name; a type that is declared, or that the table has, is cast to.
import { quoteIdentifier as quoteThere, quoteText } from '../../adapters/clickhouse/literal.ts';
import { plainType } from '../../adapters/clickhouse/plain-type.ts';
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { clickhouseEqual } from '../../publish/clickhouse/types-of-postgres.ts';
import type { ValueCheck } from '../../publish/publication-target.ts';

/** A column of the source. */
export interface SyncedColumn {
  readonly name: string;
  /** A Postgres type; enums and domains by their base type. */
  readonly type: string;
  readonly nullable: boolean;
}

export interface SyncColumn {
  readonly name: string;
  /** In the table. */
  readonly type: string;
  /** As values arrive. */
  readonly arrives: string;
  /** The value as SQL of the source. */
  readonly expression: string;
  /** The value as ClickHouse SQL, from what arrives. */
  readonly cast: string;
  /** Whether the cast changes the value: a condition in ClickHouse SQL, never null; null: it cannot. */
  readonly lost: string | null;
  readonly checks: readonly ValueCheck[];
}

const TAKES_NULL = /^(?:LowCardinality\()?Nullable\(/;
/** Types that fit every time in microseconds. Others would truncate it, or have another range. */
const HOLDS_TIMES = /^(?:DateTime64\(6\b|String)/;
const HOLDS_DATES = /^(?:Date32|DateTime64\([0-6]\b|String)/;

/**
 * @param wanted the type that the table has, or that is declared; null: the source's equivalent
 * @param required a part of the key
 * @returns a text: why the column cannot be synced
 */
export function syncColumn(
  { name, type, nullable }: SyncedColumn,
  wanted: string | null,
  required: boolean,
): SyncColumn | string {
  const value = `t.${quoteIdentifier(name)}`;
  const text = wanted !== null && plainType(wanted) === 'String';
  const equal = clickhouseEqual(type, value);
  if (typeof equal === 'string' && wanted === null)
    return `column '${name}' of type ${type} has no place in ClickHouse: ${equal.replace(/;.*/, '')}`;
  const {
    type: base,
    expression,
    check,
  } = text || typeof equal === 'string' ? { type: 'String', expression: `${value}::text`, check: undefined } : equal;
  if (wanted !== null) {
    const holds = base.startsWith('DateTime64') ? HOLDS_TIMES : base === 'Date32' ? HOLDS_DATES : null;
    if (holds?.test(plainType(wanted)) === false)
      return `column '${name}' of type ${type} is ${wanted} in ClickHouse, which does not hold all of its values`;
  }
  const open = nullable && !required;
  const own = wanted ?? (open ? `Nullable(${base})` : base);
  const arrives = nullable ? `Nullable(${base})` : base;
  const nulls = required ? 'a key has no null' : `it is ${own} in ClickHouse, which takes no null`;
  return {
    name,
    type: own,
    arrives,
    expression,
    ...castOf(quoteThere(name), { base, arrives, own }),
    checks: [
      ...(check === undefined ? [] : [{ column: name, condition: check[0], why: check[1] }]),
      ...(nullable && !TAKES_NULL.test(own) ? [{ column: name, condition: `${value} is null`, why: nulls }] : []),
    ],
  };
}

const NUMBERS = /^(?:U?Int\d+|Float\d+|Decimal|Bool)/;
/** Decimal digits that every float has. */
const FLOAT_DIGITS = { Float32: 6, Float64: 15 } as const;

/** `accurateCast` rejects what does not fit, and truncates digits after the point. */
function castOf(
  value: string,
  { base, arrives, own }: { readonly base: string; readonly arrives: string; readonly own: string },
): Pick<SyncColumn, 'cast' | 'lost'> {
  if (arrives === own) return { cast: value, lost: null };
  const to = plainType(own);
  const isDecimal = to.startsWith('Decimal');
  // The text of a float is the number that people mean: 0.29 * 100 is less than 29.
  const given = isDecimal && base.startsWith('Float') ? `toString(${value})` : value;
  const cast = `accurateCast(${given}, ${quoteText(own)})`;
  if (base === 'String') return { cast, lost: lostOfText(value, cast, to) };
  if (!NUMBERS.test(to) || !NUMBERS.test(base)) return { cast, lost: null };
  const back = base.startsWith('Decimal') && to.startsWith('Float') ? `toString(${cast})` : cast;
  const again = `CAST(${back}, ${quoteText(`Nullable(${base})`)})`;
  return { cast, lost: `ifNull(toString(${again}) != toString(${value}), 0)` };
}

/** A number has many notations as text, so this looks for digits that the type does not have. */
function lostOfText(value: string, cast: string, to: string): string | null {
  if (to === 'Float32' || to === 'Float64') {
    const digits = `trim(BOTH '0' FROM replaceRegexpAll(replaceRegexpOne(${value}, '[eE].*', ''), '[^0-9]', ''))`;
    const plain = `replaceRegexpOne(replaceRegexpOne(${value}, '(\\..*?)0+$', '\\1'), '\\.$', '')`;
    return `ifNull(length(${digits}) > ${FLOAT_DIGITS[to]} AND toString(${cast}) != ${plain}, 0)`;
  }
  const [, scale] = /^Decimal\(\d+, (\d+)\)|^DateTime64\((\d)/.exec(to)?.filter((each) => each !== undefined) ?? [];
  if (scale === undefined && !to.startsWith('DateTime')) return null;
  const beyond = `match(${value}, '\\.[0-9]{${scale ?? 0}}[0-9]*[1-9]')`;
  return `ifNull(${to.startsWith('Decimal') ? `${beyond} OR match(${value}, '[eE]')` : beyond}, 0)`;
}

/** A type that accepts null. */
export function nullableType(type: string): string {
  return TAKES_NULL.test(type) || type.startsWith('LowCardinality') ? type : `Nullable(${type})`;
}
