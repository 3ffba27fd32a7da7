// Inspects the target table before it is replaced: columns, keys, and what users have added to it, which the new table
// must have too.
import type { Session } from '../../adapters/adapter.ts';
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';

export interface Look {
  /** Changes if the table is recreated. */
  readonly oid: string;
  /** `name type`, one line per column. */
  readonly columns: string;
  /** The columns of each unique index, one per line. */
  readonly keys: readonly string[];
  /** The columns of each index, one per line. */
  readonly indexes: readonly string[];
  /** Row security or triggers, which a new table would lack. */
  readonly guarded: string | null;
  /** Roles other than the owner that may use it, as SQL. */
  readonly grantees: readonly string[];
  /** Statements that copy owner, grants and comment to the new table. */
  readonly restore: readonly string[];
  /** Column-level grants, by column. */
  readonly columnGrants: readonly (readonly [column: string, statement: string])[];
  /** Columns that are not nullable. */
  readonly required: readonly string[];
}

type Grant = readonly [privilege: string, to: string, grantable: boolean, column: string | null];

/** @param name as SQL @returns null: there is no such table */
export async function readLook(session: Session, name: string): Promise<Look | null> {
  const { table } = await session.execute(
    `select (select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), e'\\n' order by a.attnum)
    from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  (select json_agg((select string_agg(a.attname, e'\\n' order by k.place) from unnest(i.indkey) with ordinality ` +
      `k (num, place) join pg_attribute a on a.attrelid = c.oid and a.attnum = k.num))
    from pg_index i where i.indrelid = c.oid and i.indisunique and i.indpred is null and i.indexprs is null)::text,
  (select json_agg((select string_agg(a.attname, e'\\n' order by k.place) from unnest(i.indkey) with ordinality ` +
      `k (num, place) join pg_attribute a on a.attrelid = c.oid and a.attnum = k.num))
    from pg_index i where i.indrelid = c.oid and i.indpred is null and i.indexprs is null)::text,
  case when c.relrowsecurity then 'row security' when exists (select from pg_trigger g where g.tgrelid = c.oid and ` +
      `not g.tgisinternal) then 'triggers' when c.relispartition or c.relkind = 'p' then 'partitions' end,
  'o ' || pg_get_userbyid(c.relowner), c.relowner = current_user::regrole, 'c ' || obj_description(c.oid, 'pg_class'),
  'oid ' || c.oid,
  (select json_agg(json_build_array(x.privilege_type, case x.grantee when 0 then '' else ` +
      `pg_get_userbyid(x.grantee) end, x.is_grantable, g.attname)) ` +
      `from (select null::name as attname, c.relacl as acl ` +
      'union all select a.attname, a.attacl from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and ' +
      `not a.attisdropped) g cross join aclexplode(g.acl) x where x.grantee <> c.relowner)::text,
  (select json_agg(a.attname) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and a.attnotnull)::text
from pg_class c where c.oid = to_regclass(${quoteText(name)})`,
    { fetch: true, autoBegin: true },
  );
  const row = table.rows[0]?.values;
  if (row === undefined) return null;
  const [
    columns = '',
    keys = null,
    indexes = null,
    guarded = null,
    owner = null,
    ours = null,
    comment = null,
    oid = '',
    grants = null,
    required = null,
  ] = row;
  const granted: Grant[] = JSON.parse(String(grants ?? '[]'));
  const grantee = (to: string): string => (to === '' ? 'public' : quoteIdentifier(to));
  const statement = ([privilege, to, grantable, column]: Grant): string =>
    `grant ${privilege}${column === null ? '' : ` (${quoteIdentifier(column)})`} on ${name} to ${grantee(to)}` +
    (grantable ? ' with grant option' : '');
  const unique: string[] = JSON.parse(String(keys ?? '[]'));
  return {
    oid: String(oid).slice(4),
    columns: String(columns),
    keys: unique,
    indexes: JSON.parse(String(indexes ?? '[]')),
    guarded: guarded === null ? null : String(guarded),
    grantees: [...new Set(granted.map(([, to]) => grantee(to)))],
    columnGrants: granted.flatMap((grant) => (grant[3] === null ? [] : [[grant[3], statement(grant)] as const])),
    required: JSON.parse(String(required ?? '[]')),
    restore: [
      ...(comment === null ? [] : [`comment on table ${name} is ${quoteText(String(comment).slice(2))}`]),
      ...granted.filter(([, , , column]) => column === null).map(statement),
      ...(ours === true ? [] : [`alter table ${name} owner to ${quoteIdentifier(String(owner).slice(2))}`]),
    ],
  };
}
