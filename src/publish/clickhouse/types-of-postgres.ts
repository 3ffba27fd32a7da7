// The columns of a table in ClickHouse for what a Postgres holds: types, values in the form that TabSeparated reads,
// and values that have no place. Exact, or refused by name.
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { errorOf } from '../../error-table.ts';
import type { PlannedColumn, SourceColumn, ValueCheck } from '../receiver.ts';

const WHOLE: Readonly<Record<string, string>> = {
  smallint: 'Int16',
  integer: 'Int32',
  bigint: 'Int64',
  real: 'Float32',
  'double precision': 'Float64',
  text: 'String',
  'character varying': 'String',
  uuid: 'UUID',
  json: 'String',
  jsonb: 'String',
};

/** Years that Date32 and DateTime64 hold. */
const FIRST = '1900-01-01';
const LAST = '2300-01-01';
const MOST_DIGITS = 76;

/** What a type of Postgres is in ClickHouse. */
export interface ClickHouseEqual {
  readonly type: string;
  /** The value in Postgres' SQL, in the form that TabSeparated reads. */
  readonly expression: string;
  /** True for values that have no place, and why. */
  readonly check?: readonly [condition: string, why: string];
}

const ONE_TEXT = /^(?:smallint|integer|bigint|text|character varying|character|boolean|uuid|date|jsonb?)(?:\(\d+\))?$/;

/** Do values of the type have the same text in both databases? */
export function hasOneText(type: string): boolean {
  return ONE_TEXT.test(type);
}

/**
 * @param required the column is part of the sorting key: ClickHouse has no null there
 * @throws `runtime` error for a type that has no equal
 */
export function columnOfPostgres({ name, type, nullable }: SourceColumn, required: boolean): PlannedColumn {
  const value = `t.${quoteIdentifier(name)}`;
  const mapped = clickhouseEqual(type, value);
  if (typeof mapped === 'string')
    throw errorOf('typeNotPublished', { column: name, type, receiver: 'ClickHouse', why: mapped });
  const checks: ValueCheck[] = [];
  if (mapped.check !== undefined) checks.push({ column: name, condition: mapped.check[0], why: mapped.check[1] });
  if (required) checks.push({ column: name, condition: `${value} is null`, why: 'a sorting key has no null' });
  const empty = nullable && !required;
  return {
    name,
    type: empty ? `Nullable(${mapped.type})` : mapped.type,
    nullable: empty,
    expression: mapped.expression,
    checks,
  };
}

/** @param value as Postgres' SQL @returns a text: why the type has no equal */
export function clickhouseEqual(type: string, value: string): ClickHouseEqual | string {
  const base = type.replace(/\([^()]*\)/, '');
  const known = WHOLE[base];
  if (known !== undefined) return { type: known, expression: value };
  switch (base) {
    case 'character':
      // Its blanks at the end mean nothing.
      return { type: 'String', expression: `${value}::text` };
    case 'boolean':
      return { type: 'Bool', expression: `${value}::int` };
    case 'date':
      return { type: 'Date32', expression: value, check: outside(value, 'date') };
    case 'timestamp without time zone':
      return { type: "DateTime64(6, 'UTC')", expression: value, check: outside(value, 'timestamp') };
    case 'timestamp with time zone':
      return {
        type: "DateTime64(6, 'UTC')",
        expression: `(${value} at time zone 'UTC')`,
        check: outside(value, 'timestamptz'),
      };
    case 'numeric': {
      const [precision, scale] = (/\((\d+),(-?\d+)\)/.exec(type) ?? []).slice(1).map(Number);
      if (precision === undefined || scale === undefined)
        return 'it has no precision; cast it to numeric(38, 9) or the like in the model';
      if (precision > MOST_DIGITS || scale < 0 || scale > precision) return 'Decimal has at most 76 digits';
      return {
        type: `Decimal(${precision}, ${scale})`,
        expression: value,
        check: [`${value} in ('NaN', 'Infinity', '-Infinity')`, 'a Decimal is a number'],
      };
    }
    default:
      return base === 'bytea'
        ? "bytes are not sent as text; encode(…, 'hex') in the model does"
        : 'it has no equal; cast it to text in the model';
  }
}

/** Infinity is outside of it, too. */
function outside(value: string, type: string): readonly [string, string] {
  return [
    `not (${value} >= ${type} '${FIRST}' and ${value} < ${type} '${LAST}')`,
    `it holds times from ${FIRST} until ${LAST}`,
  ];
}
