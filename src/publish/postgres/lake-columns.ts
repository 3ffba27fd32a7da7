// The columns of a Parquet file for a Postgres source: types, values as texts that src/publish/lake reads, and checks
// for values that the file cannot hold. Types without an exact equivalent are refused by name.
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { errorOf } from '../../error-table.ts';
import type { ParquetType } from '../../object-store/write-parquet.ts';
import { type LakeColumn, lakeColumn } from '../lake/lake-column.ts';
import type { SourceColumn } from '../publication-target.ts';
import { digitsOf, type Misfit, noNumber, outsideOf } from './value-checks.ts';

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

/** Years that every Parquet reader supports. */
const YEARS = ['0001-01-01', '10000-01-01'] as const;
const MOST_DIGITS = 38;

interface Mapped {
  readonly parquet: ParquetType;
  readonly expression: string;
  readonly check?: Misfit;
}

/** @throws `runtime` error for a type without an equivalent */
export function lakeColumnOfPostgres(column: SourceColumn): LakeColumn {
  const { name, type } = column;
  const { parquet, expression, check } = mappedOf(name, type, `t.${quoteIdentifier(name)}`);
  return lakeColumn(column, parquet, expression, check);
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
    case 'bpchar':
      // Trailing blanks are not significant.
      return { parquet: 'string', expression: `${value}::text` };
    case 'bytea':
      return { parquet: 'binary', expression: `encode(${value}, 'hex')` };
    case 'date':
      return { parquet: 'date', expression: `(${value} - date '1970-01-01')`, check: outsideOf(value, 'date', YEARS) };
    case 'timestamp without time zone':
      return { parquet: 'timestamp', expression: micros, check: outsideOf(value, 'timestamp', YEARS) };
    case 'timestamp with time zone':
      return { parquet: 'timestamptz', expression: micros, check: outsideOf(value, 'timestamptz', YEARS) };
    case 'numeric': {
      const parquet = digitsOf(type, MOST_DIGITS);
      if (typeof parquet === 'string') return refuse(parquet);
      return { parquet, expression: value, check: noNumber(value) };
    }
    default:
      return refuse('it has no equal; cast it to text in the model');
  }
}
