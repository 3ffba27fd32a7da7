// The loader's bookkeeping as SQL: the schema `tsdbt` of the target database with the next offset of every partition, the dead letters, and the
// offsets up to which each model has consumed a source. Only texts; who runs them and in which transaction is the caller's.
import { quoteText } from '../adapters/postgres/literal.ts';
import type { Json, SourceDefinition } from '../contracts/node.ts';

/** Schema of the bookkeeping. A project that loads nothing never needs it. */
export const STATE_SCHEMA = 'tsdbt';

/** Makes what is missing. Each statement on its own: an older part of it may be there already. */
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
];

/** Is the newest part of it there? */
export const STATE_PRESENT = `select exists (select from pg_attribute where attrelid = to_regclass('${STATE_SCHEMA}.dead_letters') and attname = 'replay') and to_regclass('${STATE_SCHEMA}.consumed_offsets') is not null`;
/** The partition under which the replays of a target are counted, so that models get their rows, whose offsets they have passed. */
const REPLAYS = -1;

/** What a flush has read of one partition: from `from` up to before `to`. */
export interface OffsetRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly end: bigint;
  readonly rows: number;
  readonly dead: number;
  /** Milliseconds since 1970 of the newest message; null when there was none. */
  readonly lastTimestamp: number | null;
}

/**
 * Moves the next offsets, each only from where this flush began. Answers one row for each partition that moved: one that is missing has been
 * taken over by another loader.
 */
export function moveOffsets(target: string, ranges: readonly OffsetRange[]): string {
  const values = ranges.map((range) => {
    const newest = range.lastTimestamp === null ? 'null' : `'${new Date(range.lastTimestamp).toISOString()}'`;
    return `(${quoteText(range.topic)}, ${range.partition}, ${range.from}::bigint, ${range.to}::bigint, ${range.end}::bigint, ${newest}::timestamptz, ${range.rows}, ${range.dead})`;
  });
  return `update ${STATE_SCHEMA}.load_offsets as o
set next_offset = v.upto, end_offset = v.ends, last_kafka_ts = coalesce(greatest(o.last_kafka_ts, v.newest), v.newest),
  loaded_rows = o.loaded_rows + v.loaded, dead_rows = o.dead_rows + v.dead, updated_at = clock_timestamp(),
  last_rows_at = case when v.loaded > 0 then clock_timestamp() else o.last_rows_at end
from (values ${values.join(', ')}) as v(topic, partition, since, upto, ends, newest, loaded, dead)
where o.target = ${quoteText(target)} and o.topic = v.topic and o.partition = v.partition and o.next_offset = v.since
returning o.topic, o.partition`;
}

/** What `meta: tsdbt: load:` says; undefined where it says nothing. */
export function loadSettings(meta: unknown): { readonly [name: string]: Json } | undefined {
  const load = (meta as { tsdbt?: { load?: unknown } } | null | undefined)?.tsdbt?.load;
  return typeof load === 'object' && load !== null && !Array.isArray(load) ? load as { [name: string]: Json } : undefined;
}

/** Is a source's table filled by `tsdbt load`? What the config says in full is the loader's to read. */
export function hasLoadConfig(source: Pick<SourceDefinition, 'meta' | 'config'>): boolean {
  return (loadSettings(source.meta) ?? loadSettings(source.config['meta']))?.['topic'] !== undefined;
}

/** The kept positions of a target's topic. */
export function selectOffsets(target: string, topic: string): string {
  return `select partition, next_offset, topic_id from ${STATE_SCHEMA}.load_offsets where target = ${quoteText(target)} and topic = ${quoteText(topic)}`;
}

/** Starts partitions that have no position yet; one that has keeps it. */
export function insertOffsets(target: string, topic: string, topicId: string | null, starts: ReadonlyMap<number, bigint>): string {
  const values = [...starts].map(([partition, next]) => `(${quoteText(target)}, ${quoteText(topic)}, ${partition}, ${topicId === null ? 'null' : quoteText(topicId)}, ${next})`);
  return `insert into ${STATE_SCHEMA}.load_offsets (target, topic, partition, topic_id, next_offset) values ${values.join(', ')} on conflict do nothing`;
}

/** Sets positions by hand: `load rewind`, and a topic that was made anew. */
export function setOffsets(target: string, topic: string, topicId: string | null, next: ReadonlyMap<number, bigint>): string {
  const values = [...next].map(([partition, offset]) => `(${quoteText(target)}, ${quoteText(topic)}, ${partition}, ${topicId === null ? 'null' : quoteText(topicId)}, ${offset})`);
  return `insert into ${STATE_SCHEMA}.load_offsets as o (target, topic, partition, topic_id, next_offset) values ${values.join(', ')}
on conflict (target, topic, partition) do update set next_offset = excluded.next_offset, topic_id = coalesce(excluded.topic_id, o.topic_id), updated_at = clock_timestamp()`;
}

/** What models have consumed beyond positions that were set back cannot be told from what is loaded again: `new_rows` asks for a full refresh. */
export function forgetConsumed(target: string, topic: string, next: ReadonlyMap<number, bigint>): string {
  const values = [...next].map(([partition, offset]) => `(${partition}, ${offset}::bigint)`);
  return `update ${STATE_SCHEMA}.consumed_offsets as c set next_offset = -1 from (values ${values.join(', ')}) as v(partition, next)
where c.source = ${quoteText(target)} and c.topic = ${quoteText(topic)} and c.partition = v.partition and c.next_offset > v.next`;
}

/** Marks dead letters as replayed, under the next number of their target. Answers one row for each that was not before. */
export function markReplayed(target: string, ids: readonly string[]): string {
  return `with number as (
  insert into ${STATE_SCHEMA}.load_offsets as o (target, topic, partition, next_offset) values (${quoteText(target)}, '', ${REPLAYS}, 1)
  on conflict (target, topic, partition) do update set next_offset = o.next_offset + 1, updated_at = clock_timestamp() returning next_offset - 1 as replay
)
update ${STATE_SCHEMA}.dead_letters as d set replayed_at = now(), replay = number.replay from number where d.id in (${ids.join(', ')}) and d.replayed_at is null returning d.id`;
}
