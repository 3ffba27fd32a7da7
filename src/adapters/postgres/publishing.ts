// The catalogue's side of publishing a relation: the lock that makes two runs wait for each other, and everything that reads a relation
// which is about to be replaced, as SQL that drops it and builds it again. The swap itself is made by the macros of src/include.
import type { Session } from '../adapter.ts';
import { quoteText } from './literal.ts';

export interface RelationName { readonly database: string | null; readonly schema: string | null; readonly identifier: string | null }

/** A view, materialized view or foreign key that stands on a relation. */
export interface Dependant {
  readonly kind: 'view' | 'materialized_view' | 'constraint';
  readonly schema: string;
  /** Of a constraint: the table that it is on. */
  readonly name: string;
  readonly dropSql: string;
  /** Everything about it, owner, privileges, comments, options and indexes included; a failure is noted for `restoreDependants`. */
  readonly restoreSql: string;
}

export interface BrokenDependant { readonly schema: string; readonly name: string; readonly message: string }

/** `relkind` of what a model can be, as dbt calls it. */
const TYPES: Readonly<Record<string, 'table' | 'view' | 'materialized_view'>> = { r: 'table', p: 'table', v: 'view', m: 'materialized_view' };

/**
 * Waits until nobody else works on the relation of that name, and holds it until the transaction, which is begun when none is open, ends.
 * @param shared for work that may go on beside its like: the batches of one model
 * @returns the relation's type as it is now, or null when there is none
 */
export async function lockRelation(session: Session, name: RelationName, shared = false): Promise<'table' | 'view' | 'materialized_view' | null> {
  const { table } = await session.execute(
    `select ${lockCall(quoteText(lockText(name)), shared)};
select c.relkind::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = ${quoteText(name.schema ?? '')} and c.relname = ${quoteText(name.identifier ?? '')} and c.relkind in ('r', 'p', 'v', 'm')`,
    { autoBegin: true, fetch: true, comment: false },
  );
  return TYPES[String(table.rows[0]?.values[0])] ?? null;
}

/** Has the new relation every column of the view, in its place and of its type, so that `create or replace` is possible? */
export async function canReplaceView(session: Session, view: RelationName, replacement: RelationName): Promise<boolean> {
  const { table } = await session.execute(
    `select count(*)::int from pg_attribute a
left join pg_attribute b on b.attrelid = ${oidOf(replacement)} and b.attnum = a.attnum
where a.attrelid = ${oidOf(view)} and a.attnum > 0
  and (a.attname, a.atttypid, a.atttypmod, a.attcollation) is distinct from (b.attname, b.atttypid, b.atttypmod, b.attcollation)`,
    { autoBegin: true, fetch: true, comment: false },
  );
  return table.rows[0]?.values[0] === 0;
}

/**
 * Everything that stands on a relation, directly or through others, in the order in which it can be dropped. Locks each as `lockRelation`
 * does, those nearest to the relation first, as every other run would.
 */
export async function findDependants(session: Session, name: RelationName): Promise<Dependant[]> {
  const read = async (): Promise<Dependant[]> => {
    const { table } = await session.execute(dependantsSql(name), { autoBegin: true, fetch: true, comment: false });
    return table.rows.map(({ values }) => ({
      kind: values[0] as Dependant['kind'], schema: String(values[1]), name: String(values[2]), dropSql: String(values[3]), restoreSql: String(values[4]),
    }));
  };
  let found = await read();
  let locked = '';
  // Whoever held a lock may have changed what there is.
  for (let round = 0; found.length > 0 && locked !== signature(found) && round < 5; round++) {
    locked = signature(found);
    const names = [...new Set(found.map((d) => lockText({ database: name.database, schema: d.schema, identifier: d.name })))].reverse();
    await session.execute(names.map((text) => `select ${lockCall(quoteText(text), false)}`).join(';\n'), { autoBegin: true, comment: false });
    found = await read();
  }
  return found;
}

/**
 * Builds dropped dependants again, in the opposite order.
 * @returns those that cannot be built any more, with the database's words; they stay dropped
 */
export async function restoreDependants(session: Session, dependants: readonly Dependant[]): Promise<BrokenDependant[]> {
  if (dependants.length === 0) return [];
  const steps = [...dependants].reverse().map((d) => d.restoreSql);
  const { table } = await session.execute(
    `select set_config('tsdbt.broken', '', true);
${steps.join(';\n')};
select current_setting('tsdbt.broken')`,
    { autoBegin: true, fetch: true, comment: false },
  );
  const noted = String(table.rows[0]?.values[0] ?? '');
  return noted.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as BrokenDependant);
}

function lockText(name: RelationName): string {
  return `tsdbt:${[name.database, name.schema, name.identifier].map((part) => (part ?? '').toLowerCase()).join('.')}`;
}

function lockCall(text: string, shared: boolean): string {
  return `pg_advisory_xact_lock${shared ? '_shared' : ''}(hashtextextended(${text}, 0))`;
}

function oidOf({ schema, identifier }: RelationName): string {
  const space = schema === null ? 'pg_my_temp_schema()' : `(select oid from pg_namespace where nspname = ${quoteText(schema)})`;
  return `(select oid from pg_class where relname = ${quoteText(identifier ?? '')} and relnamespace = ${space})`;
}

function signature(dependants: readonly Dependant[]): string {
  return dependants.map((d) => d.restoreSql).join('\n');
}

/** The catalogue writes the SQL: it alone knows how names, definitions and options are spelled. */
function dependantsSql(name: RelationName): string {
  return `with recursive reader as (
  select ${oidOf(name)} as oid, 0 as level
  union
  select r.ev_class, reader.level + 1
  from reader
  join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = reader.oid and d.classid = 'pg_rewrite'::regclass and d.deptype = 'n'
  join pg_rewrite r on r.oid = d.objid and r.ev_class <> reader.oid
), dependant as (
  select c.*, format('%I.%I', n.nspname, c.relname) as name, n.nspname, reader.level,
    case c.relkind when 'm' then 'materialized view' else 'view' end as kind
  from (select oid, max(level) as level from reader where level > 0 group by oid) reader
  join pg_class c on c.oid = reader.oid
  join pg_namespace n on n.oid = c.relnamespace
), part(oid, place, sql) as (
  select oid, 0, format('create %s %s%s as %s%s', kind, name, ' with (' || array_to_string(reloptions, ', ') || ')',
    rtrim(pg_get_viewdef(oid), ';'), case when relkind = 'm' and not relispopulated then ' with no data' else '' end)
  from dependant
  union all
  select oid, 1, format('alter %s %s owner to %I', kind, name, pg_get_userbyid(relowner)) from dependant where pg_get_userbyid(relowner) <> current_user
  union all
  select i.indrelid, 2, pg_get_indexdef(i.indexrelid) from dependant join pg_index i on i.indrelid = dependant.oid
  union all
  select oid, 3, format('grant %s on %s to %s%s', acl.privilege_type, name,
    case acl.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(acl.grantee)) end, case when acl.is_grantable then ' with grant option' else '' end)
  from dependant, aclexplode(relacl) acl where acl.grantee <> relowner
  union all
  select dependant.oid, 4, format('grant %s (%I) on %s to %s%s', acl.privilege_type, a.attname, name,
    case acl.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(acl.grantee)) end, case when acl.is_grantable then ' with grant option' else '' end)
  from dependant join pg_attribute a on a.attrelid = dependant.oid and a.attacl is not null, aclexplode(a.attacl) acl
  union all
  select dependant.oid, 5, format('comment on %s %s is %L', kind, name, d.description)
  from dependant join pg_description d on d.objoid = dependant.oid and d.classoid = 'pg_class'::regclass and d.objsubid = 0
  union all
  select dependant.oid, 6, format('comment on column %s.%I is %L', name, a.attname, d.description)
  from dependant join pg_description d on d.objoid = dependant.oid and d.classoid = 'pg_class'::regclass and d.objsubid > 0
  join pg_attribute a on a.attrelid = dependant.oid and a.attnum = d.objsubid
  union all
  select dependant.oid, 7, format('alter view %s alter column %I set default %s', name, a.attname, pg_get_expr(d.adbin, d.adrelid))
  from dependant join pg_attrdef d on d.adrelid = dependant.oid join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
  union all
  select dependant.oid, 8, pg_get_triggerdef(t.oid) from dependant join pg_trigger t on t.tgrelid = dependant.oid and not t.tgisinternal
  union all
  select dependant.oid, 9, rtrim(pg_get_ruledef(r.oid), ';') from dependant join pg_rewrite r on r.ev_class = dependant.oid and r.rulename <> '_RETURN'
), found as (
  select replace(kind, ' ', '_') as kind, nspname, relname, level, format('drop %s %s', kind, name) as drop_sql,
    (select string_agg(sql, E';\\n' order by place, sql) from part where part.oid = dependant.oid) as create_sql
  from dependant
  union all
  select 'constraint', n.nspname, t.relname, 0, format('alter table %I.%I drop constraint %I', n.nspname, t.relname, k.conname),
    format('alter table %I.%I add constraint %I %s', n.nspname, t.relname, k.conname, pg_get_constraintdef(k.oid))
  from pg_constraint k join pg_class t on t.oid = k.conrelid join pg_namespace n on n.oid = t.relnamespace
  where k.contype = 'f' and k.confrelid = ${oidOf(name)} and k.conrelid <> k.confrelid and k.conparentid = 0
)
select kind, nspname::text, relname::text, drop_sql, format('do %L', format(
  'begin execute %L; exception when others then perform set_config(''tsdbt.broken'', current_setting(''tsdbt.broken'')
    || json_build_object(''schema'', %L, ''name'', %L, ''message'', sqlerrm) || chr(10), true); end', create_sql, nspname, relname)) as restore_sql
from found
order by level desc, nspname, relname, drop_sql`;
}
