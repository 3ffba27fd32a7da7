// The columns of a synced table in ClickHouse: their types, how values go there, and which values have no place.
// Exact, or refused by name; a type that somebody has declared, or given the table, is cast to.
import { quoteIdentifier as quoteThere, quoteText } from '../../adapters/clickhouse/literal.ts';
import { plainType } from '../../adapters/clickhouse/plain-type.ts';
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { clickhouseEqual } from '../../publish/clickhouse/types-of-postgres.ts';
import type { ValueCheck } from '../../publish/receiver.ts';

/** A column of the source. */
export interface SyncedColumn {
  readonly name: string;
  /** Of Postgres: enums and domains as what they are made of. */
  readonly type: string;
  readonly nullable: boolean;
}

export interface SyncColumn {
  readonly name: string;
  /** In the table. */
  readonly type: string;
  /** As values arrive. */
  readonly arrives: string;
  /** The value in the source's SQL. */
  readonly expression: string;
  /** The value in ClickHouse' SQL, from what arrives. */
  readonly cast: string;
  readonly checks: readonly ValueCheck[];
}

const TAKES_NULL = /^(?:LowCardinality\()?Nullable\(/;
/** Types that every time of microseconds fits in. Others would cut it off, or count it from another end. */
const HOLDS_TIMES = /^(?:DateTime64\(6\b|String)/;
const HOLDS_DATES = /^(?:Date32|DateTime64\([0-6]\b|String)/;

/**
 * @param wanted the type that the table has, or that is declared; null: the source's equal
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
    cast: arrives === own ? quoteThere(name) : `accurateCast(${quoteThere(name)}, ${quoteText(own)})`,
    checks: [
      ...(check === undefined ? [] : [{ column: name, condition: check[0], why: check[1] }]),
      ...(nullable && !TAKES_NULL.test(own) ? [{ column: name, condition: `${value} is null`, why: nulls }] : []),
    ],
  };
}

/** A type that takes null. */
export function nullableType(type: string): string {
  return TAKES_NULL.test(type) || type.startsWith('LowCardinality') ? type : `Nullable(${type})`;
}
