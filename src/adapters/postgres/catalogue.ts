// Internal queries on Postgres's catalog, as SQL text: what exists, what depends on what, locks. Bookkeeping only:
// statements that build or change a model's relation are macros in include/.
import { createHash } from 'node:crypto';
import type { LoadedSource } from '../adapter.ts';
import { quoteIdentifier, quoteText } from './literal.ts';

const KIND = "case c.relkind when 'v' then 'view' when 'm' then 'materialized_view' else 'table' end";

function textList(items: readonly string[]): string {
  return items.map(quoteText).join(', ');
}

/**
 * Every relation of the schemas: schema, name, kind; and the extension Citus, which restricts what can be sent. Schema
 * names are in lower case.
 */
export function relationsSql(schemas: readonly string[]): string {
  return `select n.nspname, c.relname, ${KIND} as kind
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm') and lower(n.nspname) in (${textList(schemas)})
union all
select distinct n.nspname, p.proname, 'function'
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where lower(n.nspname) in (${textList(schemas)})
union all
select '', extname, 'extension' from pg_catalog.pg_extension where extname = 'citus'`;
}

/**
 * Dependencies between relations of the schemas: schema and name of the reader, then of what it reads. Rules of tables
 * are excluded: they are dropped with the table.
 */
export function linksSql(schemas: readonly string[]): string {
  return (
    // A view that reads a relation depends on each of its columns: pairs are deduplicated before names are looked up.
    `select dn.nspname, dc.relname, rn.nspname as referenced_schema, rc.relname as referenced_name
from (
  select distinct d.objid, d.refobjid from pg_catalog.pg_depend d
  where d.classid = 'pg_catalog.pg_rewrite'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass and ` +
    `d.deptype = 'n' and d.refobjid in (
    select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm') and lower(n.nspname) in (${textList(schemas)})
  )
) d
join pg_catalog.pg_rewrite w on w.oid = d.objid
join pg_catalog.pg_class dc on dc.oid = w.ev_class
join pg_catalog.pg_namespace dn on dn.oid = dc.relnamespace
join pg_catalog.pg_class rc on rc.oid = d.refobjid
join pg_catalog.pg_namespace rn on rn.oid = rc.relnamespace
where w.rulename = '_RETURN' and dc.oid <> rc.oid`
  );
}

/** Which of the schemas exist. */
export function schemasSql(schemas: readonly string[]): string {
  return `select nspname from pg_catalog.pg_namespace where nspname in (${textList(schemas)})`;
}

/**
 * Write counters, size, file and definition of the tables. Counters lag by seconds; a reset looks like a change. Waits
 * up to a second for the size of a locked table.
 */
export function changeMarksSql(names: readonly (readonly [schema: string, identifier: string])[]): string {
  return (
    `set local lock_timeout = '1s'; select n.nspname, c.relname, c.oid::text || ':' || c.xmin::text || ':' || (
    select pg_catalog.string_agg(t.oid::text || '.' || pg_catalog.pg_relation_filenode(t.oid)::text || '.' ` +
    `|| pg_catalog.pg_stat_get_tuples_inserted(t.oid)::text
      || '.' || pg_catalog.pg_stat_get_tuples_updated(t.oid)::text || '.' || ` +
    "pg_catalog.pg_stat_get_tuples_deleted(t.oid)::text || '.' || pg_catalog.pg_relation_size(t.oid)::text, ' ' " +
    `order by t.oid)
    from (select c.oid union select p.relid::oid from pg_catalog.pg_partition_tree(c.oid) p where p.isleaf) ` +
    `t
    where pg_catalog.pg_relation_filenode(t.oid) is not null) as mark
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm') and pg_catalog.current_setting('track_counts')::boolean
  and (n.nspname, c.relname) in ` +
    `(${names.map(([schema, identifier]) => `(${quoteText(schema)}, ${quoteText(identifier)})`).join(', ')})
  and not exists (select from pg_catalog.pg_inherits i where i.inhparent = c.oid and c.relkind = 'r')
  and not exists (select from pg_catalog.pg_partition_tree(c.oid) p join pg_catalog.pg_class f on f.oid = ` +
    "p.relid where f.relkind = 'f')"
  );
}

/** The advisory lock key of a relation: the same in every tsdbt. */
export function lockKey(database: string | null, schema: string | null, identifier: string | null): bigint {
  const name = JSON.stringify(['tsdbt', database, schema, identifier]);
  return createHash('sha256').update(name).digest().readBigInt64BE(0);
}

/**
 * Takes a lock until the transaction ends. @param wait for its holder; otherwise the call returns whether it was free
 */
export function lockCall(key: bigint, wait: boolean): string {
  return `pg_catalog.pg_${wait ? '' : 'try_'}advisory_xact_lock(${key})`;
}

/** Tries a lock for a transaction that stays open for the whole run, and shows its holder to others. */
export function claimSql(key: bigint, holder: string): string {
  return (
    "select pg_catalog.set_config('application_name', " +
    `${quoteText(holder.slice(0, 63))}, true); select ${lockCall(key, false)}`
  );
}

/** OIDs of catalogs, the same in every Postgres: as constants they need no lookup. */
export const OID = {
  type: 1247,
  function: 1255,
  relation: 1259,
  constraint: 2606,
  operator: 2617,
  rule: 2618,
  policy: 3256,
  published: 6106,
} as const;

/**
 * The relations of those names in a schema, as a separate statement, so that it sees what is committed by now. Planning
 * it costs more than running it.
 * @param dependants whether to look for dependants as well; otherwise that column is null
 */
export function lookSql(schema: string, names: readonly string[], dependants: boolean): string {
  return (
    `select c.relname, ${KIND} as kind, ` +
    `${
      dependants
        ? `c.relrowsecurity or c.relhastriggers or c.relhasrules and c.relkind not in ('v', 'm') or exists (
    select from pg_catalog.pg_depend d where d.refclassid = ${OID.relation} and d.refobjid = c.oid ` +
          `and (d.deptype = 'n' and d.classid in (${OID.rule}, ${OID.constraint}, ${OID.function}) or d.classid ` +
          `in (${OID.published}, ${OID.policy}))
  ) or exists (
    select from pg_catalog.pg_depend d where d.refclassid = ${OID.type} and d.refobjid in (c.reltype, ` +
          `(select t.typarray from pg_catalog.pg_type t where t.oid = c.reltype)) and d.deptype = 'n'
  )`
        : 'null'
    } ` +
    `as has_dependants
from pg_catalog.pg_class c where c.relkind in ('r', 'p', 'v', 'm') and c.relnamespace = ` +
    `pg_catalog.to_regnamespace(${quoteText(quoteIdentifier(schema))}) and c.relname in (${textList(names)})`
  );
}

/** SQL for the session that holds an advisory lock of this database. */
export function lockHolderSql(key: bigint): string {
  const unsigned = BigInt.asUintN(64, key);
  return (
    "select a.pid, a.application_name, a.usename, a.client_addr, pg_catalog.date_trunc('second', a.xact_start) " +
    `as since
from pg_catalog.pg_locks k join pg_catalog.pg_stat_activity a on a.pid = k.pid
where k.locktype = 'advisory' and k.granted and k.objsubid = 1 and k.database = (select oid from ` +
    `pg_catalog.pg_database where datname = pg_catalog.current_database())
  and k.classid = ${unsigned >> 32n} and k.objid = ${unsigned & 0xffffffffn} and k.pid <> ` +
    'pg_catalog.pg_backend_pid()'
  );
}

/**
 * Name and type of the columns of two relations in one schema, in order. Rows of the first relation are marked true.
 */
export function columnsSql(schema: string, first: string, second: string): string {
  return (
    `select c.relname = ${quoteText(first)} as first, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) ` +
    `as type, a.attcollation::text as collation
from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid join ` +
    `pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = ${quoteText(schema)} and c.relname in (${textList([first, second])}) and a.attnum > 0 and ` +
    `not a.attisdropped
order by c.relname, a.attnum`
  );
}

/** The rule of view v. */
const RULE = "(select w.oid from pg_catalog.pg_rewrite w where w.ev_class = v.oid and w.rulename = '_RETURN')";

/** The relations that the rule of view v reads. */
const READS =
  `select d.refobjid from pg_catalog.pg_depend d where d.classid = ${OID.rule} and d.refclassid = ` +
  `${OID.relation} and d.refobjid <> v.oid and d.objid = ${RULE}`;

/** User functions with the names that view v calls: a new one may be a better match. */
const NAMESAKES =
  'select p.oid from pg_catalog.pg_depend d join pg_catalog.pg_proc f on f.oid = d.refobjid join ' +
  `pg_catalog.pg_proc p on p.proname = f.proname
    where d.classid = ${OID.rule} and d.refclassid = ${OID.function} and d.objid = ${RULE} order by p.oid`;

/** The current names of the objects that view v uses: its rule contains only OIDs. */
const NAMES =
  `select pg_catalog.concat_ws(' ', i.type, i.identity) from (
      select distinct d.refclassid, d.refobjid from pg_catalog.pg_depend d where d.classid = ${OID.rule} and ` +
  `d.objid = ${RULE} and not (d.refclassid = ${OID.relation} and d.refobjid = v.oid)
    ) used, pg_catalog.pg_identify_object(used.refclassid, used.refobjid, 0) i order by 1`;

/**
 * The state of view v: identity, owner, definition, columns of it and of what it reads, candidate functions. Locks no
 * relation; pg_get_viewdef would lock what the view reads, and one locked relation would stop the run.
 */
const VIEW_STATE =
  "pg_catalog.md5(pg_catalog.concat_ws(E'\\n', v.oid, (select w.ev_action::text from pg_catalog.pg_rewrite w " +
  `where w.ev_class = v.oid and w.rulename = '_RETURN'),
  (select row(c.relowner, c.reloptions, pg_catalog.has_schema_privilege(c.relnamespace, 'CREATE'))::text from ` +
  `pg_catalog.pg_class c where c.oid = v.oid), array(
  select row(a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod)::text from pg_catalog.pg_attribute a ` +
  `where a.attnum > 0 and not a.attisdropped and a.attrelid = any (array(
    ${READS}
  ) || v.oid) order by a.attrelid, a.attnum), array(${NAMES}), nullif(array(${NAMESAKES}), '{}')))`;

function regclassText(schema: string, identifier: string): string {
  return quoteText(`${quoteIdentifier(schema)}.${quoteIdentifier(identifier)}`);
}

/** One row: the state of a view. */
export function viewStateSql(schema: string, identifier: string): string {
  return `select ${VIEW_STATE}
from (select pg_catalog.to_regclass(${regclassText(schema, identifier)})::oid as oid) v where v.oid is not null`;
}

/**
 * One row per existing view: its index in the list, its state, and a JSON list of what it reads, as pairs of schema and
 * name.
 */
export function viewStatesSql(names: readonly (readonly [schema: string, identifier: string])[]): string {
  return (
    `select v.place::int, ${VIEW_STATE}, (select pg_catalog.json_agg(pg_catalog.json_build_array(n.nspname, ` +
    `c.relname))::text
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = any ` +
    `(array(${READS})))
from (select pg_catalog.to_regclass(name)::oid as oid, place from ` +
    `pg_catalog.unnest(array[${names.map(([schema, identifier]) => regclassText(schema, identifier)).join(', ')}]) ` +
    `with ordinality as t (name, place)) v
where v.oid is not null`
  );
}

/** The loader's bookkeeping: whether it exists, and for one table: rows, newest message, newest rows, now. */
interface LoadedQueries {
  readonly present: string;
  /** No row, or a null count, if nothing was loaded. */
  readonly of: (source: LoadedSource) => string;
}

/** For tables filled from topics (src/loader/postgres/load-offsets.ts), over all their topics. */
export const LOADED: LoadedQueries = {
  present: "select to_regclass('tsdbt.load_offsets') is not null",
  of(source) {
    // Rows of an older version have no `relation`, and its table does not have the column.
    const relation = "to_jsonb(o)->>'relation'";
    return `select sum(loaded_rows)::bigint, max(last_kafka_ts), max(last_rows_at), now() from tsdbt.load_offsets as o
where ${relation} = ${relationText(source)} or (${relation} is null and target = ${quoteText(source.unique_id)})`;
  },
};

/** For synced tables (src/loader/postgres/sync.ts). */
export const SYNCED: LoadedQueries = {
  present: "select to_regclass('tsdbt.sync_positions') is not null",
  of: (source) =>
    `select rows, synced_at, synced_at, now() from tsdbt.sync_positions where relation = ${relationText(source)}`,
};

function relationText({ schema, identifier }: LoadedSource): string {
  return quoteText(`${quoteIdentifier(schema)}.${quoteIdentifier(identifier)}`);
}
