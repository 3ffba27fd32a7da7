// Changes of relations on ClickHouse, and the states of nodes in table `tsdbt.node_states`, for builds with `--reuse`.
// The parts of a table show that nothing was written; if they differ, a merge may be the reason, so rows are hashed.
import { chunksOf, readChunks, type RelationFacts, type ReuseStore, type UserFunction } from '../node-states.ts';
import type { Relation } from '../relation.ts';
import { LOCAL_DATABASES, partsMark, TABLE_UUID } from './catalogue.ts';
import { quoteIdentifier, quoteText } from './literal.ts';

const STATES = 'tsdbt.node_states';
/** Relations per statement that reads rows, and states per statement that writes them. */
const SCANNED = 50;
const WRITTEN = 1000;

const CALLS =
  'now|now64|nowInBlock\\w*|today|yesterday|utc_?timestamp|current_?(?:timestamp|date|user|database|schemas)|curdate|' +
  'user|rand\\w*|fuzz\\w*|generate(?!_?series\\b)\\w+|array(?:Partial)?Shuffle|current(?:Roles|Profiles)|' +
  'hostname|fqdn|getSetting\\w*|getMacro|getServerPort|queryID|query_id|' +
  'initialQueryID|initial_query_id|serverUUID|uptime|version|timezone|serverTimezone|tcpPort|connectionId|' +
  'connection_id|blockNumber|rowNumberIn\\w+|runningDifference\\w*|neighbor|dictGet\\w*|dictHas|dictIsIn|joinGet\\w*|' +
  '(?:file|url)(?:Cluster)?|dictionary|s3\\w*|gcs|azure\\w*|hdfs\\w*|iceberg\\w*|deltaLake\\w*|hudi\\w*|remote\\w*|' +
  'cluster\\w*|mysql|postgresql|mongodb|redis|sqlite|jdbc|odbc|executable|input|merge|catboostEvaluate|serverLog|' +
  'mergeTree\\w+|hasColumnInTable|loop|paimon\\w*|ytsaurus|arrowFlight|hive|get(?:Server|MergeTree)Setting|' +
  'filesystem\\w+|shard(?:Num|Count)|timeSeries(?:Data|Tags|Metrics|Selector)|prometheus\\w*';

function pairsOf(relations: readonly Relation[]): string {
  return relations
    .map(({ schema, identifier }) => `(${quoteText(schema ?? '')}, ${quoteText(identifier ?? '')})`)
    .join(', ');
}

const keyOf = (schema: string | null, identifier: string | null): string => JSON.stringify([schema, identifier]);

function factsSql(relations: readonly Relation[]): string {
  const pairs = pairsOf(relations);
  return (
    "select t.database, t.name, t.engine <> 'View', hex(sipHash128(if(t.engine = 'View', '', toString(" +
    `${TABLE_UUID})), t.create_table_query)), ifNull(s.shape, ''), if(t.engine like '%MergeTree', ` +
    `concat('parts ', toString(p.mark), ' ', toString(p.parts)), null)
from system.tables t
left join (select database as d, table as n, mark, parts from (${partsMark(pairs)})) p
  on p.d = t.database and p.n = t.name
left join (select database as d, table as n, ` +
    `hex(sipHash64(arraySort(groupArray((position, name, type, default_kind))))) as ` +
    `shape from system.columns where (database, table) in (${pairs}) group by database, table) s
  on s.d = t.database and s.n = t.name
where (t.database, t.name) in (${pairs}) and ${LOCAL_DATABASES} and (t.engine like '%MergeTree' or t.engine in ` +
    "('View', 'Memory', 'Log', 'TinyLog', 'StripeLog'))"
  );
}

export const CLICKHOUSE_REUSE: ReuseStore = {
  volatile: new RegExp(`\\b(?:${CALLS})\\s*\\(|\\bcurrent_(?:timestamp|date|user)\\b`, 'i'),

  settings: ['custom_settings'],

  async functions(session) {
    const { table } = await session.execute(
      "select lower(name), create_query from system.functions where origin <> 'System'",
      { fetch: true, internal: true },
    );
    const names = table.rows.map((row) => row.textAt(0));
    return new Map<string, UserFunction>(
      table.rows.map((row) => {
        const [name, mark] = [row.textAt(0), row.textAt(1)];
        // Only a text of the server's own functions shows what a function does.
        const text = mark.replace(/^.*?\bas\b/is, '').toLowerCase();
        const fixed =
          mark !== '' &&
          !/\bselect\b/.test(text) &&
          !CLICKHOUSE_REUSE.volatile.test(text) &&
          !names.some((other) => text.includes(other));
        return [name, { fixed, mark }];
      }),
    );
  },

  async facts(session, relations) {
    if (relations.length === 0) return [];
    const { table } = await session.execute(factsSql(relations), { fetch: true, internal: true });
    const known = new Map<string, RelationFacts>(
      table.rows.map((row) => [
        keyOf(row.textAt(0), row.textAt(1)),
        {
          stored: row.textAt(2) === '1' || row.at(2) === true,
          identity: row.textAt(3),
          shape: row.textAt(4),
          counter: row.at(5) === null ? null : row.textAt(5),
        },
      ]),
    );
    return relations.map(({ schema, identifier }) => known.get(keyOf(schema, identifier)) ?? null);
  },

  written(session, relations) {
    return readChunks(relations, SCANNED, async (chunk) => {
      const parts = chunk.map(
        ({ schema, identifier }, at) =>
          `select ${at} as at, concat(toString(count()), ':', toString(sum(sipHash64(formatRowNoNewline('RowBinary', ` +
          `*))))) as mark from ${quoteIdentifier(schema ?? '')}.${quoteIdentifier(identifier ?? '')}`,
      );
      const { table } = await session.execute(parts.join('\nunion all '), { fetch: true, internal: true });
      const found: (string | null)[] = chunk.map(() => null);
      for (const row of table.rows) found[Number(row.at(0))] = row.textAt(1);
      return found;
    });
  },

  async contents(session, relation) {
    return (await CLICKHOUSE_REUSE.written(session, [relation]))[0] ?? null;
  },

  async load(session, place) {
    const there = await session.execute(
      "select count() from system.tables where database = 'tsdbt' and name = 'node_states'",
      { fetch: true, internal: true },
    );
    if (Number(there.table.rows[0]?.at(0)) === 0) return new Map();
    const { table } = await session.execute(
      `select unique_id, state from ${STATES} final where place = ${quoteText(place)}`,
      { fetch: true, internal: true },
    );
    return new Map(table.rows.map((row) => [row.textAt(0), row.textAt(1)]));
  },

  async save(session, place, states) {
    await session.execute('create database if not exists tsdbt');
    await session.execute(
      `create table if not exists ${STATES} (place String, unique_id String, state String, noted_at DateTime64(6, ` +
        "'UTC') default now64(6, 'UTC')) engine = ReplacingMergeTree(noted_at) order by (place, unique_id) comment " +
        "'tsdbt: what each node was built from, for builds with --reuse'",
    );
    for (const chunk of chunksOf([...states], WRITTEN)) {
      const rows = chunk.map(([id, state]) => `(${[place, id, state].map(quoteText).join(', ')})`);
      await session.execute(`insert into ${STATES} (place, unique_id, state) values ${rows.join(', ')}`);
    }
  },
};
