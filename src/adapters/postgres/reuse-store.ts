// Changes of relations on Postgres, and the states of nodes in table `tsdbt.node_states`, for builds with `--reuse`.
// Counters of pg_stat lag by up to a minute, so rows are read: each contains the id of the transaction that wrote it.
import type { Session } from '../adapter.ts';
import type { Relation } from '../relation.ts';
import { chunksOf, readChunks, type RelationFacts, type ReuseStore, type UserFunction } from '../node-states.ts';
import { lockCall, lockKey } from './catalogue.ts';
import { quoteIdentifier, quoteText } from './literal.ts';
import { storedNames } from './relation-locks.ts';
import { ROW_HASH, VERSION_HASH } from './row-marks.ts';
import { setLocalText } from './value-settings.ts';

const STATES = 'tsdbt.node_states';
/** Relations per statement that reads rows, and states per statement that writes them. */
const SCANNED = 200;
const WRITTEN = 1000;

const CALLS =
  'now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|random|random_normal|gen_random_\\w+|' +
  'uuid_generate_\\w+|uuidv[47]|nextval|currval|lastval|setval|txid_\\w+|' +
  'pg_(?!catalog\\b|typeof\\b|get_)\\w+|inet_\\w+|' +
  'current_setting|set_config|version|dblink\\w*|query_to_\\w+|table_to_\\w+|current_schemas?|has_\\w+_privilege';
const WORDS =
  'current_timestamp|current_date|current_time|localtime|localtimestamp|current_user|session_user|user|current_role|' +
  'current_catalog|current_schema|tablesample';

/** Columns: names, types and nullability in order. */
const SHAPE =
  "(select md5(coalesce(string_agg(a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod) || ' ' || " +
  "a.attnotnull::text, ',' order by a.attnum), '')) from pg_catalog.pg_attribute a where a.attrelid = c.oid and " +
  'a.attnum > 0 and not a.attisdropped)';
/** Files of a table or of its partitions. */
const FILES =
  "(select string_agg(t.oid::text || '.' || pg_catalog.pg_relation_filenode(t.oid)::text, ' ' order by t.oid) from (" +
  'select c.oid union select p.relid::oid from pg_catalog.pg_partition_tree(c.oid) p where p.isleaf) t where ' +
  'pg_catalog.pg_relation_filenode(t.oid) is not null)';
/** Rows of a foreign table contain no transaction ids; those of a parent in an inheritance tree are not its own. */
const READABLE =
  "(c.relkind = 'v' or not exists (select from pg_catalog.pg_inherits i where i.inhparent = c.oid and " +
  "c.relkind = 'r') " +
  'and not exists (select from pg_catalog.pg_partition_tree(c.oid) p join pg_catalog.pg_class f on f.oid = p.relid ' +
  "where f.relkind = 'f'))";

function factsSql(relations: readonly Relation[]): string {
  const names = relations.map(storedNames);
  const list = (name: 'schema' | 'identifier'): string => names.map((each) => quoteText(each[name] ?? '')).join(', ');
  return (
    `select w.at, c.relkind <> 'v' as stored, md5(coalesce(c.reloptions::text, '') || case c.relkind when 'v' then ` +
    'pg_catalog.pg_get_viewdef(c.oid) else c.oid::text || c.relpersistence::text || coalesce(' +
    `${FILES}, '') end) || ':' || ${SHAPE} as identity, ${SHAPE} as shape
from unnest(array[${list('schema')}], array[${list('identifier')}]) with ordinality as w(schema, name, at)
join pg_catalog.pg_namespace n on n.nspname = w.schema
join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.name
where c.relkind in ('r', 'p', 'm', 'v') and ${READABLE}`
  );
}

/** Immutable functions of extensions are as good as the server's own. */
const FUNCTIONS = `select lower(p.proname), p.provolatile = 'i', p.oid::text || ' ' || p.xmin::text,
  case when p.provolatile <> 'i' or l.lanname in ('c', 'internal') and p.prokind <> 'a' then ''
  when p.prokind = 'a' then
    (select concat_ws(' ', a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)
      from pg_catalog.pg_aggregate a where a.aggfnoid = p.oid)
  else pg_catalog.pg_get_functiondef(p.oid) end
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
where n.nspname not in ('pg_catalog', 'information_schema') and p.prokind <> 'p'
  and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
  and not (p.provolatile = 'i' and exists (select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'))
order by p.oid`;
/** Words of a definition with which no table is read. */
const NO_TABLE = /\b(?:extract|substring|trim|overlay)\s*\([^()]*\bfrom\b|\bdistinct\s+from\b|\breturns\s+table\b/gi;
const TABLE = /\b(?:from|table|execute|spi_\w+)\b/i;

interface Definition {
  readonly name: string;
  readonly mark: string;
  readonly text: string;
}

/**
 * Which functions always give equal results: the server believes what a definition declares, also of a function that
 * reads tables or the time.
 */
function fixedOf(declared: readonly Definition[], volatile: RegExp, others: ReadonlySet<string>): Set<string> {
  const texts = new Map<string, string>();
  for (const { name, text } of declared)
    if (!others.has(name)) texts.set(name, `${texts.get(name) ?? ''}\n${text.toLowerCase()}`);
  const words = new Map([...texts].map(([name, text]) => [name, new Set(text.match(/[\w$\u0080-\uffff]+/g))]));
  const doubtful = new Set(others);
  for (const [name, text] of texts)
    if (volatile.test(text) || TABLE.test(text.replace(NO_TABLE, ''))) doubtful.add(name);
  // A function that calls one of them is one of them.
  for (const called of doubtful)
    for (const [name, text] of texts)
      if (words.get(name)?.has(called) === true || (/[^\w$\u0080-\uffff]/.test(called) && text.includes(called)))
        doubtful.add(name);
  return new Set([...texts.keys()].filter((name) => !doubtful.has(name)));
}

function nameOf(relation: Relation): string {
  const { schema, identifier } = storedNames(relation);
  return `${quoteIdentifier(schema ?? '')}.${quoteIdentifier(identifier ?? '')}`;
}

export const POSTGRES_REUSE: ReuseStore = {
  volatile: new RegExp(
    `\\b(?:${CALLS})\\s*\\(|\\bage\\s*\\((?:[^(),]|\\((?:[^()]|\\([^()]*\\))*\\))*\\)|` +
      `(?<![.\\w"])(?:${WORDS})(?![\\w".])|` +
      "'\\s*(?:now|today|tomorrow|yesterday)\\b[^']*'\\s*(?:::|as)\\s*(?:date|time)|" +
      "\\b(?:date|time|timestamp|timestamptz)\\s*'\\s*(?:now|today|tomorrow|yesterday)",
    'i',
  ),

  settings: ['role', 'search_path'],

  async functions(session) {
    const { table } = await session.execute(FUNCTIONS, { fetch: true });
    const all = table.rows.map((row) => ({
      name: row.textAt(0),
      declared: row.at(1) === true,
      mark: row.textAt(2),
      text: row.textAt(3),
    }));
    const others = new Set(all.flatMap(({ name, declared }) => (declared ? [] : [name])));
    const fixed = fixedOf(all, POSTGRES_REUSE.volatile, others);
    const found = new Map<string, UserFunction>();
    for (const { name, mark } of all)
      found.set(name, { fixed: fixed.has(name), mark: `${found.get(name)?.mark ?? ''} ${mark}` });
    return found;
  },

  async facts(session, relations) {
    const found: (RelationFacts | null)[] = relations.map(() => null);
    if (relations.length === 0) return found;
    const { table } = await session.execute(factsSql(relations), { fetch: true });
    for (const row of table.rows)
      found[Number(row.at(0)) - 1] = {
        stored: row.at(1) === true,
        identity: row.textAt(2),
        shape: row.textAt(3),
        counter: null,
      };
    return found;
  },

  written(session, relations) {
    return readChunks(relations, SCANNED, async (chunk) => {
      const parts = chunk.map(
        (relation, at) =>
          `select ${at} as at, count(*)::text || ':' || coalesce(sum(${VERSION_HASH}), 0)::text as mark from ` +
          `${nameOf(relation)} t`,
      );
      return texts(session, parts.join('\nunion all '), chunk.length);
    });
  },

  async contents(session, relation) {
    const sql =
      `${setLocalText()}; select 0, count(*)::text || ':' || coalesce(sum(${ROW_HASH}), 0)::text from ` +
      `${nameOf(relation)} t`;
    try {
      return (await texts(session, sql, 1))[0] ?? null;
    } finally {
      if (session.inTransaction) await session.rollback();
    }
  },

  async load(session, place) {
    const { table } = await session.execute(`select to_regclass('${STATES}') is not null`, { fetch: true });
    if (table.rows[0]?.at(0) !== true) return new Map();
    const states = await session.execute(`select unique_id, state from ${STATES} where place = ${quoteText(place)}`, {
      fetch: true,
    });
    return new Map(states.table.rows.map((row) => [row.textAt(0), row.textAt(1)]));
  },

  async save(session, place, states) {
    const { table } = await session.execute(`select to_regclass('${STATES}') is not null`, {
      autoBegin: true,
      fetch: true,
    });
    if (table.rows[0]?.at(0) !== true) {
      await session.execute(`select ${lockCall(lockKey(null, 'tsdbt', 'node_states'), true)}`);
      await session.execute('create schema if not exists tsdbt');
      await session.execute(
        `create table if not exists ${STATES} (place text, unique_id text, state text not null, noted_at timestamptz ` +
          'not null, primary key (place, unique_id))',
      );
    }
    // In one order, so that two builds do not wait for each other.
    const sorted = [...states].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const chunk of chunksOf(sorted, WRITTEN)) {
      const [ids, values] = [0, 1].map((part) => chunk.map((pair) => quoteText(pair[part] ?? '')).join(', '));
      await session.execute(
        `insert into ${STATES} as s (place, unique_id, state, noted_at) select ${quoteText(place)}, id, state, now() ` +
          `from unnest(array[${ids}], array[${values}]) as n(id, state) on conflict (place, unique_id) do update set ` +
          'state = excluded.state, noted_at = excluded.noted_at',
      );
    }
    await session.commit();
  },
};

/** Reads pairs of a place in a list and a text. */
async function texts(session: Session, sql: string, count: number): Promise<(string | null)[]> {
  const { table } = await session.execute(sql, { fetch: true, autoBegin: sql.startsWith('set ') });
  const found: (string | null)[] = Array.from({ length: count }, () => null);
  for (const row of table.rows) found[Number(row.at(0))] = row.textAt(1);
  return found;
}
