// The columns of a ClickHouse table for a Postgres source: types, values in the form that TabSeparated reads, and
// checks for values that ClickHouse cannot hold. Types without an exact equivalent are refused by name.
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { errorOf } from '../../error-table.ts';
import { digitsOf, type Misfit, noNumber, outsideOf } from '../postgres/value-checks.ts';
import type { PlannedColumn, SourceColumn, ValueCheck } from '../publication-target.ts';

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

/** Years that Date32 and DateTime64 can hold. */
const YEARS = ['1900-01-01', '2300-01-01'] as const;
const MOST_DIGITS = 76;

/** The ClickHouse equivalent of a Postgres type. */
export interface ClickHouseEqual {
  readonly type: string;
  /** The value as Postgres SQL, in the form that TabSeparated reads. */
  readonly expression: string;
  readonly check?: Misfit;
}

const ONE_TEXT =
  /^(?:smallint|integer|bigint|text|character varying|character|bpchar|boolean|uuid|date|jsonb?)(?:\(\d+\))?$/;

/** Whether values of the type have the same text in both databases. */
export function hasOneText(type: string): boolean {
  return ONE_TEXT.test(type);
}

/**
 * @param required the column is part of the sorting key, which cannot be null in ClickHouse
 * @throws `runtime` error for a type without an equivalent
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

/** @param value as Postgres SQL @returns a text: why the type has no equivalent */
export function clickhouseEqual(type: string, value: string): ClickHouseEqual | string {
  const base = type.replace(/\([^()]*\)/, '');
  const known = WHOLE[base];
  if (known !== undefined) return { type: known, expression: value };
  switch (base) {
    case 'character':
    case 'bpchar':
      // Trailing blanks are not significant.
      return { type: 'String', expression: `${value}::text` };
    case 'boolean':
      return { type: 'Bool', expression: `${value}::int` };
    case 'date':
      return { type: 'Date32', expression: value, check: outsideOf(value, 'date', YEARS) };
    case 'timestamp without time zone':
      return { type: "DateTime64(6, 'UTC')", expression: value, check: outsideOf(value, 'timestamp', YEARS) };
    case 'timestamp with time zone':
      return {
        type: "DateTime64(6, 'UTC')",
        expression: `(${value} at time zone 'UTC')`,
        check: outsideOf(value, 'timestamptz', YEARS),
      };
    case 'numeric': {
      const digits = digitsOf(type, MOST_DIGITS);
      if (typeof digits === 'string') return digits;
      const { precision, scale } = digits;
      return { type: `Decimal(${precision}, ${scale})`, expression: value, check: noNumber(value) };
    }
    default:
      return base === 'bytea'
        ? "bytes are not sent as text; encode(…, 'hex') in the model does"
        : 'it has no equal; cast it to text in the model';
  }
}
