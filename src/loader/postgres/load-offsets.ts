// The loader's bookkeeping as SQL, in schema `tsdbt` of the target database: positions, dead letters, and the offsets
// of a source that each model has consumed. The caller runs the texts in its transaction.
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import type { OffsetRange } from '../sink.ts';
import { NO_ID } from '../topic-ids.ts';

/** Schema of the bookkeeping. A project that loads nothing never needs it. */
export const STATE_SCHEMA = 'tsdbt';

/** The table that positions belong to, and the source that currently loads it. */
export interface LoadedTable {
  readonly uniqueId: string;
  readonly schema: string;
  readonly identifier: string;
}

/** The table's name in `relation`. Unlike dbt's unique id it does not change when a source is renamed. */
export function relationOf({ schema, identifier }: Pick<LoadedTable, 'schema' | 'identifier'>): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(identifier)}`;
}

/** Creates what is missing. Separate statements: an older version may have created a part. */
export const CREATE_STATE: readonly string[] = [
  `create schema if not exists ${STATE_SCHEMA}`,
  `create table if not exists ${STATE_SCHEMA}.load_offsets (
  target text not null,
  topic text not null,
  partition integer not null,
  topic_id text,
  next_offset bigint not null,
  end_offset bigint,
  last_kafka_ts timestamptz,
  last_rows_at timestamptz,
  loaded_rows bigint not null default 0,
  dead_rows bigint not null default 0,
  updated_at timestamptz not null default now(),
  primary key (target, topic, partition)
)`,
  `create table if not exists ${STATE_SCHEMA}.dead_letters (
  id bigint generated always as identity primary key,
  target text not null,
  topic text not null,
  partition integer not null,
  "offset" bigint not null,
  kafka_ts timestamptz not null,
  key bytea,
  value bytea,
  headers jsonb,
  sealed boolean not null default false,
  error text not null,
  load_id text not null,
  failed_at timestamptz not null default now(),
  replayed_at timestamptz
)`,
  `alter table ${STATE_SCHEMA}.dead_letters add column if not exists replay bigint`,
  `create index if not exists dead_letters_target on ${STATE_SCHEMA}.dead_letters (target, topic, partition, "offset")`,
  `create table if not exists ${STATE_SCHEMA}.consumed_offsets (
  model text not null,
  source text not null,
  topic text not null,
  partition integer not null,
  next_offset bigint not null,
  updated_at timestamptz not null default now(),
  primary key (model, source, topic, partition)
)`,
  // Positions belong to tables. Older loaders cannot set a position's table: the constraint rejects them.
  "set local lock_timeout = '5s'",
  `alter table ${STATE_SCHEMA}.load_offsets add column if not exists relation text`,
  `alter table ${STATE_SCHEMA}.dead_letters add column if not exists relation text`,
  `alter table ${STATE_SCHEMA}.load_offsets drop constraint if exists load_offsets_pkey`,
  `create unique index if not exists load_offsets_relation on ${STATE_SCHEMA}.load_offsets (relation, topic, ` +
    'partition)',
  `do $$ begin
  if not exists (select from pg_constraint where conrelid = '${STATE_SCHEMA}.load_offsets'::regclass and ` +
    `conname = 'a_newer_tsdbt_loads_here_update_this_one') then
    alter table ${STATE_SCHEMA}.load_offsets add constraint a_newer_tsdbt_loads_here_update_this_one check ` +
    `(relation is not null) not valid;
  end if;
end $$`,
  `create index if not exists dead_letters_relation on ${STATE_SCHEMA}.dead_letters (relation, topic, ` +
    'partition, "offset")',
  `create table if not exists ${STATE_SCHEMA}.load_failures (
  relation text not null,
  topic text not null,
  message text not null,
  failed_at timestamptz not null default now(),
  primary key (relation, topic)
)`,
  `create unlogged table if not exists ${STATE_SCHEMA}.load_members (
  group_id text not null,
  member_id text not null,
  seen_at timestamptz not null,
  primary key (group_id, member_id)
)`,
  // Messages may have no timestamp. A position stores the leader epoch of the message before it, since when the topic
  // is the current one, and the highest position of a snapshot row before it.
  `alter table ${STATE_SCHEMA}.dead_letters alter column kafka_ts drop not null`,
  `alter table ${STATE_SCHEMA}.load_offsets add column if not exists leader_epoch integer, add column if not ` +
    'exists topic_since timestamptz, add column if not exists snapshot_floor bigint',
  // How often a position was set other than by a flush, and the offset after the last row or dead letter of earlier
  // topics of that name in the table.
  `alter table ${STATE_SCHEMA}.load_offsets add column if not exists resets bigint not null default 0, add column if ` +
    'not exists earlier_end bigint',
  'set local lock_timeout to default',
  `create table if not exists ${STATE_SCHEMA}.load_pauses (
  relation text primary key,
  paused_at timestamptz not null default now()
)`,
];

/** Whether its newest parts exist. */
export const STATE_PRESENT =
  `select to_regclass('${STATE_SCHEMA}.load_pauses') is not null
  and (select count(*) = 3 from pg_attribute where attrelid = to_regclass('${STATE_SCHEMA}.load_offsets') and ` +
  "attname in ('snapshot_floor', 'resets', 'earlier_end'))";

/**
 * A condition for this table's rows, including those that an older version stored under the source's name.
 * @param row alias
 */
export function ofTable(table: LoadedTable, row: string): string {
  return (
    `(${row}.relation = ${quoteText(relationOf(table))} or (${row}.relation is null and ${row}.target = ` +
    `${quoteText(table.uniqueId)}))`
  );
}

/** Whether an older version has left rows of the table. */
export function toAdopt(table: LoadedTable): string {
  return `select exists (select from ${STATE_SCHEMA}.load_offsets as o where ${foreign(table, 'o')})`;
}

function foreign(table: LoadedTable, row: string): string {
  const relation = quoteText(relationOf(table));
  const id = quoteText(table.uniqueId);
  return (
    `((${row}.relation is null and ${row}.target = ${id}) or (${row}.relation = ${relation} and ${row}.target <> ` +
    `${id}))`
  );
}

/**
 * Moves what an older version stored under the source's name to the table, and updates the source's name. If the table
 * already has a position, that one counts.
 */
export function adoptState(table: LoadedTable): string[] {
  const relation = quoteText(relationOf(table));
  const id = quoteText(table.uniqueId);
  return [
    `update ${STATE_SCHEMA}.load_offsets as o set relation = ${relation}, target = ${id} where ` +
      `${foreign(table, 'o')}
  and (o.relation is not null or not exists (select from ${STATE_SCHEMA}.load_offsets as k where ` +
      `k.relation = ${relation} and k.topic = o.topic and k.partition = o.partition))`,
    `update ${STATE_SCHEMA}.dead_letters as d set relation = ${relation}, target = ${id} where ${foreign(table, 'd')}`,
    `insert into ${STATE_SCHEMA}.consumed_offsets (model, source, topic, partition, next_offset)
select c.model, ${relation}, c.topic, c.partition, c.next_offset from ${STATE_SCHEMA}.consumed_offsets as ` +
      `c where c.source = ${id} on conflict do nothing`,
  ];
}

/**
 * The partition number under which a table's replays are counted. Models have passed the offsets of replayed rows, and
 * find the rows by this number.
 */
const REPLAYS = -1;

/** A UTC timestamp, for messages. */
function inWords(time: string): string {
  return `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/**
 * Moves the positions, each only from where this flush began, unless it was set in the meantime. Returns a row per
 * partition that moved: another loader has taken over the others. The third column is null, or the time when the topic
 * was found recreated, if the clock, the fourth column, has not passed it and rows of the earlier topic have such
 * offsets.
 */
export function moveOffsets(table: LoadedTable, ranges: readonly OffsetRange[]): string {
  const values = ranges.map((range) => {
    const newest = range.lastTimestamp === null ? 'null' : `'${new Date(range.lastTimestamp).toISOString()}'`;
    return (
      `(${quoteText(range.topic)}, ${range.partition}, ${range.from}::bigint, ${range.to}::bigint, ` +
      `${range.end}::bigint, ${newest}::timestamptz, ${range.rows}, ${range.dead}, ` +
      `${range.epoch ?? 'null'}::integer, ${range.floor ?? 'null'}::bigint, ${range.resets ?? 'null'}::bigint)`
    );
  });
  return (
    `update ${STATE_SCHEMA}.load_offsets as o
set next_offset = v.upto, end_offset = v.ends, last_kafka_ts = coalesce(greatest(o.last_kafka_ts, v.newest),` +
    ` v.newest),
  loaded_rows = o.loaded_rows + v.loaded, dead_rows = o.dead_rows + v.dead, updated_at = clock_timestamp(),
  last_rows_at = case when v.loaded > 0 then clock_timestamp() else o.last_rows_at end, leader_epoch = ` +
    `coalesce(v.epoch, o.leader_epoch), snapshot_floor = greatest(o.snapshot_floor, v.floor)
from (values ${values.join(', ')}) as v(topic, partition, since, upto, ends, newest, loaded, dead, epoch, floor, ` +
    `resets)
where o.relation = ${quoteText(relationOf(table))} and o.topic = v.topic and o.partition = v.partition and ` +
    `o.next_offset = v.since and o.resets = coalesce(v.resets, o.resets)
returning o.topic, o.partition, case when now() <= o.topic_since and v.since < coalesce(o.earlier_end, v.upto) then ` +
    `${inWords('o.topic_since')} end, ${inWords('now()')}`
  );
}

/** Corrects the counts for rows that became dead letters. */
export function recount(
  table: LoadedTable,
  letters: readonly { readonly topic: string; readonly partition: number }[],
): string {
  const counts = new Map<string, number>();
  for (const { topic, partition } of letters) {
    const key = `${quoteText(topic)}, ${partition}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return (
    `update ${STATE_SCHEMA}.load_offsets as o set loaded_rows = o.loaded_rows - v.dead, dead_rows = o.dead_rows ` +
    `+ v.dead
from (values ${[...counts].map(([key, count]) => `(${key}, ${count})`).join(', ')}) as v(topic, partition, ` +
    `dead)
where o.relation = ${quoteText(relationOf(table))} and o.topic = v.topic and o.partition = v.partition`
  );
}

/** The stored positions of a table's topic. */
export function selectOffsets(table: LoadedTable, topic: string): string {
  return (
    `select partition, next_offset, topic_id, leader_epoch, resets from ${STATE_SCHEMA}.load_offsets where ` +
    `relation = ${quoteText(relationOf(table))} and topic = ${quoteText(topic)}`
  );
}

function positionRows(
  table: LoadedTable,
  topic: string,
  topicId: string | null,
  next: ReadonlyMap<number, bigint>,
): string {
  const id = topicId === null ? 'null' : quoteText(topicId);
  const rows = [...next].map(
    ([partition, offset]) =>
      `(${quoteText(relationOf(table))}, ${quoteText(table.uniqueId)}, ${quoteText(topic)}, ${partition}, ` +
      `${id}, ${offset})`,
  );
  return `(relation, target, topic, partition, topic_id, next_offset) values ${rows.join(', ')}`;
}

/** Adds the topic's id to positions without one, by partition. */
export function nameTopics(table: LoadedTable, topic: string, ids: ReadonlyMap<number, string>): string {
  const values = [...ids].map(([partition, id]) => `(${partition}, ${quoteText(id)})`);
  return (
    `update ${STATE_SCHEMA}.load_offsets as o set topic_id = v.id from (values ${values.join(', ')}) as v(partition, ` +
    `id) where o.relation = ${quoteText(relationOf(table))} and o.topic = ${quoteText(topic)} and o.partition = ` +
    `v.partition and (o.topic_id is null or o.topic_id in (${quoteText(topic)}, ${quoteText(NO_ID)}))`
  );
}

/** Inserts positions of partitions that have none; existing ones are kept. */
export function insertOffsets(
  table: LoadedTable,
  topic: string,
  topicId: string | null,
  starts: ReadonlyMap<number, bigint>,
): string {
  return (
    `insert into ${STATE_SCHEMA}.load_offsets ${positionRows(table, topic, topicId, starts)} on conflict ` +
    '(relation, topic, partition) do nothing'
  );
}

/** Sets positions for `load rewind`, and for a recreated topic. */
export function setOffsets(
  table: LoadedTable,
  topic: string,
  topicId: string | null,
  next: ReadonlyMap<number, bigint>,
): string {
  return (
    `insert into ${STATE_SCHEMA}.load_offsets as o ${positionRows(table, topic, topicId, next)}
on conflict (relation, topic, partition) do update set next_offset = excluded.next_offset, topic_id = ` +
    `coalesce(excluded.topic_id, o.topic_id), leader_epoch = null, snapshot_floor = null,
  updated_at = clock_timestamp(), resets = o.resets + 1,
  topic_since = case when excluded.topic_id is distinct from o.topic_id and o.topic_id is not null and ` +
    'excluded.topic_id is not null then greatest(o.topic_since, clock_timestamp()) else o.topic_since end'
  );
}

/**
 * Serializes rewinds and replays of a table: a rewind would not see the rows that a replay is about to commit, and
 * would delete their dead letters.
 */
export function lockReplays(table: LoadedTable): string {
  return `select pg_advisory_xact_lock(hashtext('tsdbt load rewind'), hashtext(${quoteText(relationOf(table))}))`;
}

/** Locks the positions of a table's topic. A flush in flight ends first; later ones are fenced. */
export function lockOffsets(table: LoadedTable, topic: string): string {
  return (
    `select from ${STATE_SCHEMA}.load_offsets where relation = ${quoteText(relationOf(table))} and topic = ` +
    `${quoteText(topic)} for update`
  );
}

/**
 * Marks dead letters as replayed, with the table's next replay number. Returns a row for each that was not marked
 * before.
 */
export function markReplayed(table: LoadedTable, ids: readonly string[]): string {
  return (
    `with number as (
  insert into ${STATE_SCHEMA}.load_offsets as o (relation, target, topic, partition, next_offset) values ` +
    `(${quoteText(relationOf(table))}, ${quoteText(table.uniqueId)}, '', ${REPLAYS}, 1)
  on conflict (relation, topic, partition) do update set next_offset = o.next_offset + 1, updated_at = ` +
    `clock_timestamp() returning next_offset - 1 as replay
)
update ${STATE_SCHEMA}.dead_letters as d set replayed_at = now(), replay = number.replay from number where ` +
    `d.id in (${ids.join(', ')}) and d.replayed_at is null returning d.id`
  );
}

/** Stores why a table is not being loaded, for `load status`; null: it is. */
export function noteFailure(table: LoadedTable, topic: string, message: string | null): string {
  const relation = quoteText(relationOf(table));
  if (message === null)
    return `delete from ${STATE_SCHEMA}.load_failures where relation = ${relation} and topic = ${quoteText(topic)}`;
  return (
    `insert into ${STATE_SCHEMA}.load_failures (relation, topic, message) values (${relation}, ` +
    `${quoteText(topic)}, ${quoteText(message)})
on conflict (relation, topic) do update set message = excluded.message, failed_at = case when ` +
    'load_failures.message = excluded.message then load_failures.failed_at else now() end'
  );
}
