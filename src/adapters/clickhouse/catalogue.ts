// Internal queries on ClickHouse's system tables, as SQL text: what exists, what writes into what, what has changed.
// Bookkeeping only: statements that build or change a model's relation are macros in include/.
import type { LoadedSource } from '../adapter.ts';
import { quoteWritten, quoteText } from './literal.ts';

/** Identity and definition of a view, as a text. */
const VIEW_STATE = 'hex(sipHash128(toString(t.uuid), t.create_table_query))';

/**
 * Limits system.tables to local databases where no literal does. Otherwise the server asks other servers for their
 * tables and waits for unavailable ones. Excludes known remote engines, so that an unknown engine counts as local.
 */
export const LOCAL_DATABASES =
  "database in (select name from system.databases where engine not in ('PostgreSQL', 'MySQL', 'SQLite', " +
  "'DataLakeCatalog', 'S3', 'HDFS', 'Filesystem', 'Backup'))";

/**
 * The UUID of a row of system.tables, which distinguishes tables. An Overlay database (`default` of chDB) reports none:
 * there it is the last part of the data path.
 */
export const TABLE_UUID =
  "if(uuid = toUUIDOrZero(''), toUUIDOrZero(extract(arrayElement(data_paths, 1), '([-0-9a-f]{36})/$')), uuid)";

function list(names: readonly string[]): string {
  return names.map(quoteText).join(', ');
}

/**
 * Every relation of the schemas: schema, name, kind, the database's engine, materialized views that write to it (JSON),
 * refreshing and appending, sharding. For a view also its identity.
 * @param only reads only the relation of this name
 */
export function relationsSql(schemas: readonly string[], cluster: string | null, only?: string): string {
  const tables = cluster === null ? 'system.tables' : `clusterAllReplicas(${quoteText(cluster)}, system.tables)`;
  return (
    `with views as (
  select database, name, any(as_select) as sql, any(comment) as note,
    any(extract(create_table_query, ' TO ([^ (]+)')) as target
  from ${tables} where engine = 'MaterializedView' and create_table_query like '%TO %' and ${LOCAL_DATABASES}
  group by database, name
)
select t.database, t.name, multiIf(t.engine = 'MaterializedView', 'materialized_view', t.engine = 'View', ` +
    `'view', t.engine = 'Dictionary', 'dictionary', 'table') as kind, d.engine,
  toJSONString(groupUniqArrayIf((v.database, v.name, v.sql, v.note), v.name != '')),
  max(position(substring(t.create_table_query, 1, position(t.create_table_query, ' TO ')), ' REFRESH ')) > ` +
    `0,
  max(position(substring(t.create_table_query, 1, position(t.create_table_query, ' TO ')), ' APPEND')) > 0,
  ${cluster === null ? '0' : 'uniqExact(_shard_num) > 1'},
  if(kind = 'view', min(${VIEW_STATE}), '')
from ${tables} t
join system.databases d on d.name = t.database
left join views v on replaceAll(v.target, '\`', '') = concat(t.database, '.', t.name)
where t.database in (${list(schemas)})${only === undefined ? '' : ` and t.name = ${quoteText(only)}`} and ` +
    `not t.is_temporary
group by t.database, t.name, kind, d.engine`
  );
}

/** Which of the schemas exist. */
export function schemasSql(schemas: readonly string[]): string {
  return `select name from system.databases where name in (${list(schemas)})`;
}

/** The active parts of tables. Inserts, deletes and mutations change the mark; a merge as well. */
export function partsMark(pairs: string): string {
  return (
    'select database, table, groupBitXor(sipHash64(name, hash_of_all_files, modification_time)) as mark, count() as ' +
    `parts from system.parts where active and (database, table) in (${pairs}) group by database, table`
  );
}

/**
 * A table's parts and its definition. Inserts, deletes and mutations change parts; a merge looks like a change as well.
 * For engines without parts, rows and bytes are used if they are counted. Views and remote tables have no mark.
 */
export function changeMarksSql(names: readonly (readonly [schema: string, identifier: string])[]): string {
  const pairs = names.map(([schema, identifier]) => `(${quoteText(schema)}, ${quoteText(identifier)})`).join(', ');
  const databases = list([...new Set(names.map(([schema]) => schema))]);
  return (
    "select t.database, t.name, concat(toString(t.uuid), ':', toString(t.metadata_modification_time), ':', " +
    `toString(p.mark), ':', toString(p.parts), ':', toString(t.total_rows), ':', toString(t.total_bytes))
from system.tables t
left join (${partsMark(pairs)}) p
  on p.database = t.database and p.table = t.name
where t.database in (${databases}) and (t.database, t.name) in (${pairs}) and t.engine like '%MergeTree'`
  );
}

/** One row for a view: its identity, and name and type of its columns (JSON). */
export function viewStateSql(schema: string, identifier: string): string {
  const [database, name] = [quoteText(schema), quoteText(identifier)];
  return (
    `select ${VIEW_STATE}, (select toJSONString(arrayMap(c -> [c.2, c.3], arraySort(groupArray((position, name, ` +
    `type))))) from system.columns where database = ${database} and table = ${name})
from system.tables t where t.database = ${database} and t.name = ${name} and t.engine = 'View'`
  );
}

/** Prefix of the comment on a table that `tsdbt load` syncs from another database; JSON follows. */
export const SYNC_COMMENT = 'tsdbt synced ';

/** The last sync according to a synced table's comment: rows, its time (twice), now. No row if it was never synced. */
export function syncedSql({ schema, identifier }: LoadedSource): string {
  const json = `substring(comment, ${SYNC_COMMENT.length + 1})`;
  const at = `parseDateTimeBestEffortOrNull(JSONExtractString(${json}, 'syncedAt'), 'UTC')`;
  return (
    `select JSONExtractInt(${json}, 'rows'), ${at}, ${at}, now64(3, 'UTC') from system.tables where database = ` +
    `${quoteText(schema)} and name = ${quoteText(identifier)} and startsWith(comment, ${quoteText(SYNC_COMMENT)})`
  );
}

/** Returns a row if `tsdbt load` has loaded anything here. */
export const LOADER_PRESENT = "select name from system.tables where database = 'tsdbt' and name = 'load_flushes'";

/**
 * A table according to the loader's intents: rows, times of the newest message and of the last flush with rows, now.
 * Rows are null if it was never loaded; old flushes are not counted.
 */
export function loadedSql({ schema, identifier }: LoadedSource): string {
  const relation = `${quoteWritten(schema)}.${quoteWritten(identifier)}`;
  return (
    "select if(count() = 0, null, toInt64(sumIf(rows, kind = 'done'))), max(last_kafka_ts), " +
    "if(countIf(kind = 'done' and rows > 0) = 0, null, maxIf(written_at, kind = 'done' and rows > 0)), " +
    `now64(3, 'UTC') from tsdbt.load_flushes where relation = ${quoteText(relation)}`
  );
}
