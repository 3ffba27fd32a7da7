// Reads an existing table for the loader: columns and types, whether the declared types fit, unique keys. Changes
// nothing; sink.ts acts on differences, problems.ts reports them.
import type { Session } from '../../adapters/adapter.ts';
import { quoteText } from '../../adapters/postgres/literal.ts';
import type { StoredType } from '../formats/values/column-check.ts';
import type { LoadColumn, LoadTarget } from '../settings/load-target.ts';
import { read } from './statements.ts';
import { tableName } from './table.ts';

/** Types to which a column can be widened without changing or losing a value. */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  smallint: ['integer', 'bigint', 'numeric'],
  integer: ['bigint', 'numeric'],
  bigint: ['numeric'],
  real: ['double precision'],
  'character varying': ['text'],
  character: ['text'],
  date: ['timestamp without time zone', 'timestamp with time zone'],
};

/** A column of the table. */
export interface ExistingColumn {
  readonly type: string;
  /** Rejects null and has no default. */
  readonly required: boolean;
  /** Generated: it cannot be written. */
  readonly generated: boolean;
}

/** The exact types of the table's columns, by name, for checking values before COPY. */
export async function storedTypes(session: Session, target: LoadTarget): Promise<Map<string, StoredType>> {
  const rows = await read(
    session,
    "select a.attname::text, format_type(a.atttypid, -1), b.typname::text, case when t.typtype = 'd' then " +
      `t.typtypmod else a.atttypmod end, e.typname::text,
  case when b.typtype = 'e' then (select array_to_json(array_agg(l.enumlabel order by ` +
      `l.enumsortorder))::text from pg_enum l where l.enumtypid = b.oid) end,
  a.attnotnull and not exists (select from pg_trigger g where g.tgrelid = a.attrelid and not ` +
      `g.tgisinternal and g.tgtype & 6 = 6)
from pg_attribute a join pg_type t on t.oid = a.atttypid join pg_type b on b.oid = case when t.typtype = ` +
      `'d' then t.typbasetype else t.oid end left join pg_type e on e.oid = b.typelem and b.typcategory = 'A'
where a.attrelid = to_regclass(${quoteText(tableName(target))}) and a.attnum > 0 and not a.attisdropped`,
  );
  return new Map(
    rows.map(([name, input, type, modifier, element, labels, required]) => [
      String(name),
      {
        input: String(input),
        type: String(type),
        modifier: Number(modifier),
        element: element === null ? null : String(element),
        labels: labels === null ? null : (JSON.parse(String(labels)) as string[]),
        required: required === true,
      },
    ]),
  );
}

/** How a declared type relates to the table's. */
export type TypeDifference = 'none' | 'wider' | 'other' | 'unknown';

/** Columns by name, in the table's order; empty if there is no table. */
export async function existingColumns(session: Session, target: LoadTarget): Promise<Map<string, ExistingColumn>> {
  const rows = await read(
    session,
    "select attname::text, format_type(atttypid, atttypmod), attnotnull and not atthasdef and attidentity = ''," +
      ` attgenerated <> ''
from pg_attribute where attrelid = to_regclass(${quoteText(tableName(target))}) and attnum > 0 and not ` +
      'attisdropped order by attnum',
  );
  return new Map(
    rows.map(([name, type, required, generated]) => [
      String(name),
      { type: String(type), required: required === true, generated: generated === true },
    ]),
  );
}

/** @returns `unknown` for a type that does not exist in the database */
export async function typeDifference(
  session: Session,
  { type }: LoadColumn,
  existing: string | undefined,
): Promise<TypeDifference> {
  // The lengths follow the name or its first word; an interval's fields belong to them.
  const bareName = (name: string): string => `format_type(to_regtype(${quoteText(name.replace(/\(.*\)/, ''))}), null)`;
  const [row] = await read(session, `select ${bareName(type)}, ${bareName(existing ?? type)}`);
  const found = row?.[0] ?? null;
  if (existing === undefined) return found === null ? 'unknown' : 'none';
  const wanted = found === null ? type.toLowerCase() : String(found);
  const bare = String(row?.[1] ?? existing);
  if (wanted === bare) return 'none';
  return isWiderType(bare, wanted) ? 'wider' : found === null ? 'unknown' : 'other';
}

/** @param from and `to` without lengths, as `format_type` writes them */
export function isWiderType(from: string, to: string): boolean {
  return WIDER[from]?.includes(to) === true;
}

/** Whether there is a unique key on exactly the target's key. */
export async function hasUniqueKey(session: Session, target: LoadTarget): Promise<boolean> {
  const rows = await read(
    session,
    'select array_to_string(array(select a.attname::text from unnest(i.indkey) k join pg_attribute a on ' +
      `a.attrelid = i.indrelid and a.attnum = k order by 1), ',')
from pg_index i where i.indrelid = to_regclass(${quoteText(tableName(target))}) and i.indisunique and ` +
      'i.indpred is null and i.indexprs is null',
  );
  const wanted = [...target.key].sort().join(',');
  return rows.some((row) => String(row[0]).split(',').sort().join(',') === wanted);
}
