// The columns of a Parquet file for what a Postgres holds: types, values as texts that src/publish/lake reads, and
// values that have no place. Exact, or refused by name.
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { errorOf } from '../../error-table.ts';
import type { ParquetType } from '../../object-store/write-parquet.ts';
import type { LakeColumn } from '../lake/lake-column.ts';
import type { SourceColumn } from '../receiver.ts';

const WHOLE: Readonly<Record<string, ParquetType>> = {
  boolean: 'boolean',
  smallint: 'int',
  integer: 'int',
  bigint: 'long',
  real: 'float',
  'double precision': 'double',
  text: 'string',
  'character varying': 'string',
  json: 'string',
  jsonb: 'string',
  uuid: 'uuid',
};

/** Years that every reader of Parquet knows. */
const FIRST = '0001-01-01';
const LAST = '10000-01-01';
const MOST_DIGITS = 38;

interface Mapped {
  readonly parquet: ParquetType;
  readonly expression: string;
  /** True for values that have no place, and why. */
  readonly check?: readonly [condition: string, why: string];
}

/** @throws `runtime` error for a type that has no equal */
export function lakeColumnOfPostgres({ name, type, nullable }: SourceColumn): LakeColumn {
  const { parquet, expression, check } = mappedOf(name, type, `t.${quoteIdentifier(name)}`);
  return {
    name,
    parquet,
    type: typeof parquet === 'string' ? parquet : `decimal(${parquet.precision}, ${parquet.scale})`,
    nullable,
    expression,
    checks: check === undefined ? [] : [{ column: name, condition: check[0], why: check[1] }],
  };
}

function mappedOf(column: string, type: string, value: string): Mapped {
  const refuse = (why: string): never => {
    throw errorOf('typeNotPublished', { column, type, receiver: 'Parquet', why });
  };
  const base = type.replace(/\([^()]*\)/, '');
  const known = WHOLE[base];
  if (known !== undefined) return { parquet: known, expression: value };
  const micros = `(extract(epoch from ${value}) * 1000000)::bigint`;
  switch (base) {
    case 'character':
      // Its blanks at the end mean nothing.
      return { parquet: 'string', expression: `${value}::text` };
    case 'bytea':
      return { parquet: 'binary', expression: `encode(${value}, 'hex')` };
    case 'date':
      return { parquet: 'date', expression: `(${value} - date '1970-01-01')`, check: outside(value, 'date') };
    case 'timestamp without time zone':
      return { parquet: 'timestamp', expression: micros, check: outside(value, 'timestamp') };
    case 'timestamp with time zone':
      return { parquet: 'timestamptz', expression: micros, check: outside(value, 'timestamptz') };
    case 'numeric': {
      const [precision, scale] = (/\((\d+),(-?\d+)\)/.exec(type) ?? []).slice(1).map(Number);
      if (precision === undefined || scale === undefined)
        return refuse('it has no precision; cast it to numeric(38, 9) or the like in the model');
      if (precision > MOST_DIGITS || scale < 0 || scale > precision)
        return refuse(`a decimal has at most ${MOST_DIGITS} digits`);
      return {
        parquet: { precision, scale },
        expression: value,
        check: [`${value} in ('NaN', 'Infinity', '-Infinity')`, 'a decimal is a number'],
      };
    }
    default:
      return refuse('it has no equal; cast it to text in the model');
  }
}

/** Infinity is outside of it, too. */
function outside(value: string, type: string): readonly [string, string] {
  return [
    `not (${value} >= ${type} '${FIRST}' and ${value} < ${type} '${LAST}')`,
    `it holds times from ${FIRST} until ${LAST}`,
  ];
}
