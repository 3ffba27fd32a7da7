// The loader's bookkeeping in ClickHouse as SQL, in database `tsdbt`: what each flush is going to write (intents), dead
// letters, failures, members of groups. Only SQL texts; intents.ts and sink.ts run them.
import { randomUUID } from 'node:crypto';
import { quoteWritten, quoteText } from '../../adapters/clickhouse/literal.ts';
import type { TopicPartition } from '../brokers/broker.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import { idOf } from '../topic-ids.ts';

/** Database of the bookkeeping. A project that loads nothing never needs it. */
export const STATE_DATABASE = 'tsdbt';
/** How many tokens of inserts are remembered; an intent is rejected if another has its number. */
const WINDOW = 10_000;
/** How many intents are kept per partition. */
const KEPT_INTENTS = 1000;

const KINDS = ['start', 'flush', 'rewind', 'replay'] as const;
/**
 * `start`: the first position of a partition. `flush`: rows and dead letters of a range of offsets. `rewind`: a
 * position set by hand, and rows to delete. `replay`: dead letters that become rows, under partition -1.
 */
export type IntentKind = (typeof KINDS)[number];

/** What a loader is going to write, recorded before it writes: the partition's position moves from `from` to `to`. */
export interface Intent {
  /** Names its inserts: a second one with this id inserts nothing. One for all partitions of a flush. */
  readonly id: string;
  readonly kind: IntentKind;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly end: bigint | null;
  readonly rows: number;
  readonly dead: number;
  readonly epoch: number | null;
  /** Milliseconds since 1970 of the newest message; null: none has a time. */
  readonly newest: number | null;
  readonly topicId: string | null;
  /** Since when the topic is the current one, in milliseconds since 1970; null: always. */
  readonly topicSince: number | null;
  /** Dead letters that a `replay` turns into rows. */
  readonly letters: readonly string[];
  /** The highest position of a snapshot row up to `to`; absent: not known, or there is none. */
  readonly floor?: bigint;
}

/** An intent with a new id that changes nothing. */
export function newIntent(kind: IntentKind, partition: number): Intent {
  return {
    id: randomUUID(),
    kind,
    partition,
    from: 0n,
    to: 0n,
    end: null,
    rows: 0,
    dead: 0,
    epoch: null,
    newest: null,
    topicId: null,
    topicSince: null,
    letters: [],
  };
}

/** The newest intent of a partition, as stored. */
export interface KeptIntent extends Intent {
  readonly seq: bigint;
  /** Number of the INSERT that recorded it, among those of its table; 0: recorded by a version without numbers. */
  readonly chain: bigint;
  /** Whether all of it is written. A newer intent implies the same. */
  readonly done: boolean;
  /** Milliseconds since it was recorded, by the server's clock. */
  readonly ageMs: number;
  /** When it was recorded, in milliseconds since 1970, by the same clock. */
  readonly writtenAt: number;
}

/** The table's name in `relation`. Unlike dbt's unique id it does not change when a source is renamed. */
export function relationOf({ schema, identifier }: Pick<LoadTarget, 'schema' | 'identifier'>): string {
  return `${quoteWritten(schema)}.${quoteWritten(identifier)}`;
}

/** Older versions created the table without them. */
const ADDED_COLUMNS = { snapshot_floor: 'Nullable(Int64)', chain: 'UInt64' };
const ADD_COLUMNS = `ALTER TABLE ${STATE_DATABASE}.load_flushes ${Object.entries(ADDED_COLUMNS)
  .map(([name, type]) => `ADD COLUMN IF NOT EXISTS ${name} ${type}`)
  .join(', ')}`;

/** Creates what is missing. */
export const CREATE_STATE: readonly string[] = [
  `CREATE DATABASE IF NOT EXISTS ${STATE_DATABASE}`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.load_flushes (
  relation String,
  topic String,
  partition Int32,
  seq UInt64,
  kind LowCardinality(String),
  id String,
  from_offset Int64,
  to_offset Int64,
  end_offset Nullable(Int64),
  rows UInt64,
  dead UInt64,
  leader_epoch Nullable(Int32),
  last_kafka_ts Nullable(DateTime64(3, 'UTC')),
  topic_id Nullable(String),
  topic_since Nullable(DateTime64(3, 'UTC')),
  letters Array(UInt64),
  target String,
  load_id String,
  written_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
) ENGINE = MergeTree ORDER BY (relation, topic, partition, seq, written_at)
SETTINGS non_replicated_deduplication_window = ${WINDOW}
COMMENT 'tsdbt: what each flush of a loaded table was going to write, recorded before it was written'`,
  ADD_COLUMNS,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.dead_letters (
  id UInt64 DEFAULT generateSnowflakeID(),
  relation String,
  target String,
  topic String,
  partition Int32,
  offset Int64,
  kafka_ts Nullable(DateTime64(3, 'UTC')),
  key Nullable(String),
  value Nullable(String),
  headers String,
  sealed Bool,
  error String,
  load_id String,
  flush String,
  failed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
  replayed_at Nullable(DateTime64(3, 'UTC')),
  replay Nullable(UInt64)
) ENGINE = MergeTree ORDER BY (relation, topic, partition, offset)
SETTINGS non_replicated_deduplication_window = ${WINDOW}
COMMENT 'tsdbt: messages that could not become rows'`,
  // A note with a uuid is valid while the model's table has it; the zero uuid is always valid.
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.consumed_offsets (
  model String,
  source String,
  topic String,
  partition Int32,
  next_offset Int64,
  seq UInt64,
  uuid UUID,
  noted_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
) ENGINE = ReplacingMergeTree(noted_at) ORDER BY (model, source, topic, partition, uuid)
TTL toDateTime(noted_at) + INTERVAL 90 DAY DELETE WHERE uuid != toUUID('00000000-0000-0000-0000-000000000000')
COMMENT 'tsdbt: offsets of loaded tables that models have consumed'`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.load_failures (
  relation String,
  topic String,
  message String,
  failed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = ReplacingMergeTree(failed_at) ORDER BY (relation, topic)
COMMENT 'tsdbt: why a table is not being loaded; empty: it is'`,
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.load_pauses (
  relation String,
  paused Bool,
  changed_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
) ENGINE = ReplacingMergeTree(changed_at) ORDER BY relation
COMMENT 'tsdbt: loaded tables that are paused, and since when'`,
  // In memory, as members write several times per second: no parts are written, and a restart loses the rows.
  `CREATE TABLE IF NOT EXISTS ${STATE_DATABASE}.load_members (
  group_id String,
  member_id String,
  gone Bool,
  seen_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = Memory SETTINGS min_rows_to_keep = 500, max_rows_to_keep = 1000
COMMENT 'tsdbt: loaders that are at work'`,
];

/** Counts its existing tables and added columns. All are `STATE_TABLES` and `STATE_COLUMNS`. */
export const STATE_PRESENT =
  'SELECT count(), (SELECT count() FROM system.columns WHERE database = ' +
  `${quoteText(STATE_DATABASE)} AND table = 'load_flushes' AND name IN (` +
  `${Object.keys(ADDED_COLUMNS).map(quoteText).join(', ')})) FROM system.tables WHERE database = ` +
  `${quoteText(STATE_DATABASE)} AND name IN ` +
  "('load_flushes', 'dead_letters', 'consumed_offsets', 'load_failures', 'load_pauses', 'load_members')";
export const STATE_TABLES = 6;
export const STATE_COLUMNS = Object.keys(ADDED_COLUMNS).length;

/** Condition for the rows of a table's topic. */
export function ofTopic(target: LoadTarget, topic = target.topic): string {
  return `relation = ${quoteText(relationOf(target))} AND topic = ${quoteText(topic)}`;
}

const INTENT_COLUMNS =
  'topic, toString(partition), toString(seq), kind, id, toString(from_offset), toString(to_offset), ' +
  'toString(end_offset), ' +
  'toString(rows), toString(dead), toString(leader_epoch), toString(toUnixTimestamp64Milli(last_kafka_ts)), ' +
  'topic_id, toString(toUnixTimestamp64Milli(topic_since)), toString(letters), ' +
  "toString(dateDiff('millisecond', written_at, now64(6, 'UTC'))), toString(chain), " +
  'toString(toUnixTimestamp64Milli(toDateTime64(written_at, 3)))';
/** Rows with the same number: the intent, its done mark, and late ones of loaders that slept. */
const OF_A_NUMBER = 12;

/**
 * The newest rows of each partition, for `newestIntents`.
 * @param where a condition on rows
 */
export function selectIntents(where: string): string {
  return (
    `SELECT relation, ${INTENT_COLUMNS} FROM ${STATE_DATABASE}.load_flushes WHERE ${where} ORDER BY relation, topic, ` +
    `partition, seq DESC, kind = 'done', chain, written_at, id LIMIT ${OF_A_NUMBER} BY relation, topic, partition`
  );
}

/**
 * An expression that is least in a partition's newest intent. Of two with the same number, it is least in the one whose
 * INSERT has the lower number, as the server's clock may be set back in between. Grouping by it costs the server a
 * third less than sorting.
 */
export const BEFORE = '(bitNot(seq), chain, written_at, id)';

/** The same as a sort order of rows other than done marks. */
export const NEWEST_FIRST = 'seq DESC, chain, written_at, id';

/**
 * The position of each partition and the epoch of the message before it, as texts after its table, topic and number.
 * @param where a condition on rows
 */
export function selectPositions(where: string): string {
  return (
    'SELECT relation, topic, toString(partition), toString((argMin((to_offset, leader_epoch), ' +
    `${BEFORE}) AS newest).1), toString(newest.2) FROM ${STATE_DATABASE}.load_flushes WHERE ${where} AND ` +
    "kind != 'done' GROUP BY relation, topic, partition"
  );
}

/** An intent with its table and topic. */
export interface PlacedIntent extends KeptIntent {
  readonly relation: string;
  readonly topic: string;
}

/** Condition for the rows of some partitions of a table. */
export function ofPlaces(target: LoadTarget, places: readonly TopicPartition[]): string {
  const wanted = places.map(({ topic, partition }) => `(${quoteText(topic)}, ${partition})`).join(', ');
  return `relation = ${quoteText(relationOf(target))} AND (topic, partition) IN (${wanted})`;
}

/** Condition for the rows of the partitions with an intent of this id. */
export function ofGroup(target: LoadTarget, id: string): string {
  const relation = `relation = ${quoteText(relationOf(target))}`;
  return (
    `${relation} AND (topic, partition) IN (SELECT topic, partition FROM ${STATE_DATABASE}.load_flushes WHERE ` +
    `${relation} AND id = ${quoteText(id)})`
  );
}

/**
 * The newest intent of each partition from the rows of `selectIntents`. Of two with the same number the first one
 * counts: the server had forgotten its token.
 */
export function newestIntents(rows: readonly (readonly (string | null)[])[]): PlacedIntent[] {
  const found = new Map<string, { intent: PlacedIntent; done: boolean }>();
  for (const [relation, topic, partition, seq, kind, id, ...rest] of rows) {
    const key = JSON.stringify([relation, topic, partition]);
    const known = found.get(key);
    if (kind === 'done') {
      if (known !== undefined && known.intent.id === id) known.done = true;
      continue;
    }
    if (known !== undefined) continue;
    const [from, to, end, count, dead, epoch, newest, topicId, topicSince, letters, age, chain, at] = rest;
    const intent: PlacedIntent = {
      relation: relation ?? '',
      topic: topic ?? '',
      partition: Number(partition),
      seq: BigInt(seq ?? '0'),
      chain: BigInt(chain ?? '0'),
      kind: KINDS.find((each) => each === kind) ?? 'flush',
      id: id ?? '',
      from: BigInt(from ?? '0'),
      to: BigInt(to ?? '0'),
      end: end == null ? null : BigInt(end),
      rows: Number(count),
      dead: Number(dead),
      epoch: epoch == null ? null : Number(epoch),
      newest: newest == null ? null : Number(newest),
      topicId: idOf(topic ?? '', topicId ?? null),
      topicSince: topicSince == null ? null : Number(topicSince),
      letters: (letters ?? '[]').slice(1, -1).split(',').filter(Boolean),
      done: kind === 'start',
      ageMs: Number(age),
      writtenAt: Number(at),
    };
    found.set(key, { intent, done: intent.done });
  }
  return [...found.values()].map(({ intent, done }) => ({ ...intent, done }));
}

const INSERTED_COLUMNS =
  'relation, topic, partition, seq, kind, id, from_offset, to_offset, end_offset, rows, dead, leader_epoch, ' +
  'last_kafka_ts, topic_id, topic_since, letters, target, load_id, snapshot_floor, chain';

/** A time as a literal if it can be one: the server parses expressions much more slowly. */
function moment(time: number | null): string {
  if (time === null) return 'NULL';
  const date = new Date(time);
  const iso = Number.isNaN(date.getTime()) ? '' : date.toISOString();
  return /^(?:19[7-9]|20|21)/.test(iso)
    ? quoteText(iso.slice(0, -1).replace('T', ' '))
    : `fromUnixTimestamp64Milli(toInt64(${time}), 'UTC')`;
}

/** An intent under its number, and the topic of its partition. */
export interface NumberedIntent extends Intent {
  readonly topic: string;
  readonly seq: bigint;
}

function intentValues(
  target: LoadTarget,
  loadId: string,
  { kind, chain }: { readonly kind: string; readonly chain: bigint },
  intent: NumberedIntent,
): string {
  const text = (value: string | null): string => (value === null ? 'NULL' : quoteText(value));
  return `(${[
    quoteText(relationOf(target)),
    quoteText(intent.topic),
    intent.partition,
    intent.seq,
    quoteText(kind),
    quoteText(intent.id),
    intent.from,
    intent.to,
    intent.end ?? 'NULL',
    intent.rows,
    intent.dead,
    intent.epoch ?? 'NULL',
    moment(intent.newest),
    text(intent.topicId),
    moment(intent.topicSince),
    `[${intent.letters.join(', ')}]`,
    quoteText(target.uniqueId),
    quoteText(loadId),
    intent.floor ?? 'NULL',
    chain,
  ].join(', ')})`;
}

/**
 * Records intents, all or none, as an INSERT of this number among those of the table, unless another one has it.
 * @param done earlier intents of the table that the same INSERT marks as done
 */
export function insertIntents(
  target: LoadTarget,
  loadId: string,
  chain: bigint,
  intents: readonly NumberedIntent[],
  done: readonly NumberedIntent[] = [],
): string {
  const token = JSON.stringify([relationOf(target), String(chain)]);
  const rows = [
    ...intents.map((intent) => intentValues(target, loadId, { kind: intent.kind, chain }, intent)),
    ...doneValues(target, loadId, done),
  ];
  return (
    `INSERT INTO ${STATE_DATABASE}.load_flushes (${INSERTED_COLUMNS}) SETTINGS async_insert = 0, ` +
    `insert_deduplicate = 1, insert_deduplication_token = ${quoteText(token)} VALUES ${rows.join(', ')}`
  );
}

/** The highest number of an INSERT of the table's intents. */
export function selectChain(target: LoadTarget): string {
  return (
    `SELECT toString(max(chain)) FROM ${STATE_DATABASE}.load_flushes WHERE relation = ` + quoteText(relationOf(target))
  );
}

/**
 * The floor that the newest flush of each partition knew; null after a position that was set by hand. A fenced flush
 * does not count: of two intents with the same number the first one counts.
 */
export function selectFloors(target: LoadTarget): string {
  const recorded =
    `SELECT partition, seq, kind, snapshot_floor FROM ${STATE_DATABASE}.load_flushes WHERE ${ofTopic(target)} AND ` +
    `partition >= 0 AND kind != 'done' ORDER BY partition, ${NEWEST_FIRST} LIMIT 1 BY partition, seq`;
  return (
    `SELECT toString(partition), toString(snapshot_floor) FROM (${recorded}) WHERE kind IN ('start', 'rewind') OR ` +
    "(kind = 'flush' AND snapshot_floor IS NOT NULL) ORDER BY partition, seq DESC LIMIT 1 BY partition"
  );
}

/** Marks intents as completely written, with their outcome. */
export function insertDone(target: LoadTarget, loadId: string, intents: readonly NumberedIntent[]): string {
  return (
    `INSERT INTO ${STATE_DATABASE}.load_flushes (${INSERTED_COLUMNS}) SETTINGS async_insert = 0, ` +
    `insert_deduplicate = 0 VALUES ${doneValues(target, loadId, intents).join(', ')}`
  );
}

function doneValues(target: LoadTarget, loadId: string, intents: readonly NumberedIntent[]): string[] {
  return intents.map((intent) => intentValues(target, loadId, { kind: 'done', chain: 0n }, intent));
}

/** Deletes the oldest intents of a partition once there are many; null: there are few. @param seq the newest one's */
export function pruneIntents(target: LoadTarget, topic: string, partition: number, seq: bigint): string | null {
  if (seq < BigInt(KEPT_INTENTS) * 2n) return null;
  return (
    `ALTER TABLE ${STATE_DATABASE}.load_flushes DELETE WHERE ${ofTopic(target, topic)} AND partition = ${partition} ` +
    `AND seq < ${seq - BigInt(KEPT_INTENTS)} AND kind IN ('start', 'flush', 'done')`
  );
}

/** Stores why a table is not being loaded; null: it is. The newest row counts, even if the clock was set back. */
export function noteFailure(target: LoadTarget, message: string | null): string {
  const failures = `${STATE_DATABASE}.load_failures`;
  return (
    `INSERT INTO ${failures} (relation, topic, message, failed_at) SETTINGS async_insert = 0 SELECT ` +
    `${quoteText(relationOf(target))}, ${quoteText(target.topic)}, ${quoteText(message ?? '')}, ` +
    `greatest(now64(3, 'UTC'), (SELECT max(failed_at) + toIntervalMillisecond(1) FROM ${failures} WHERE ` +
    `${ofTopic(target)})) ` +
    // The time of the first failure is kept.
    `WHERE NOT EXISTS (SELECT 1 FROM ${failures} FINAL WHERE ${ofTopic(target)} AND message = ` +
    `${quoteText(message ?? '')})`
  );
}

/** Why the table is not being loaded, and since when; no row or an empty text: it is. */
export function selectFailure(target: LoadTarget): string {
  return (
    "SELECT message, formatDateTime(failed_at, '%Y-%m-%d %H:%i:%S', 'UTC') FROM " +
    `${STATE_DATABASE}.load_failures FINAL WHERE ${ofTopic(target)}`
  );
}

/** Pauses or resumes the table. */
export function insertPause(target: LoadTarget, paused: boolean): string {
  const relation = quoteText(relationOf(target));
  // The newest row counts, even if the server's clock was set back.
  return (
    `INSERT INTO ${STATE_DATABASE}.load_pauses (relation, paused, changed_at) SETTINGS async_insert = 0 SELECT ` +
    `${relation}, ${paused}, greatest(now64(6, 'UTC'), max(changed_at) + toIntervalMicrosecond(1)) FROM ` +
    `${STATE_DATABASE}.load_pauses WHERE relation = ${relation}`
  );
}

/** The paused relations among these tables, and since when, as an ISO time. */
export function selectPauses(targets: readonly LoadTarget[]): string {
  return (
    `SELECT relation, formatDateTime(changed_at, '%Y-%m-%dT%H:%i:%SZ', 'UTC') FROM ${STATE_DATABASE}.load_pauses ` +
    `FINAL WHERE paused AND relation IN (${targets.map((target) => quoteText(relationOf(target))).join(', ')})`
  );
}
