// Queries on the bookkeeping and the tables: live members, loaded and repeated offsets, dead letters near the
// positions. SQL texts only.
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import type { ReadPosition, TopicPartition } from '../brokers/broker.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { GroupMember } from '../sink.ts';
import { ofTopic, relationOf, STATE_DATABASE } from './load-flushes.ts';

const MEMBERS = `${STATE_DATABASE}.load_members`;

/** Renews or deletes members. */
export function insertMembers(members: readonly GroupMember[], gone: boolean): string {
  const values = members.map(({ group, member }) => `(${quoteText(group)}, ${quoteText(member)}, ${gone})`);
  return `INSERT INTO ${MEMBERS} (group_id, member_id, gone) SETTINGS async_insert = 0 VALUES ${values.join(', ')}`;
}

/** Members of the groups other than our own: group, member, when it was last seen, milliseconds since then. */
export function selectMembers(own: readonly GroupMember[], groups: readonly string[]): string {
  const others =
    own.length === 0 ? '' : ` AND member_id NOT IN (${own.map(({ member }) => quoteText(member)).join(', ')})`;
  return (
    'SELECT group_id, member_id, toString(max(seen_at)), ' +
    "toString(dateDiff('millisecond', max(seen_at), now64(3, 'UTC'))) " +
    `FROM ${MEMBERS} WHERE group_id IN (${groups.map(quoteText).join(', ')})${others} GROUP BY group_id, member_id ` +
    'HAVING NOT argMax(gone, seen_at)'
  );
}

/** A condition for rows of the topic in the table. */
function held({ topic }: LoadTarget): string {
  return `_topic = ${quoteText(topic)}`;
}

/** Whether the table has rows of the topic. */
export function heldRows(target: LoadTarget): string {
  return `SELECT 1 FROM ${relationOf(target)} WHERE ${held(target)} LIMIT 1`;
}

/** The partitions of the topic with rows in the table. */
export function heldPartitions(target: LoadTarget): string {
  return `SELECT DISTINCT toString(_partition) FROM ${relationOf(target)} WHERE ${held(target)} ORDER BY _partition`;
}

/** The highest position of the topic's snapshot rows, by partition. */
export function snapshots(target: LoadTarget): string {
  return (
    `SELECT toString(_partition), toString(max(_lsn)) FROM ${relationOf(target)} WHERE _op = 'r' AND ${held(target)} ` +
    'GROUP BY _partition'
  );
}

/** How many offsets before a position are checked. */
const NEWEST = 10_000n;
const LARGEST = (1n << 63n) - 1n;

/** The offsets shortly before a position. */
export function shortlyBefore({ topic, partition, next }: ReadPosition): Span {
  return { topic, partition, from: next > NEWEST ? next - NEWEST : 0n, to: next };
}

/** All offsets of a partition, including those of earlier topics of its name. */
export function allOffsets({ topic, partition }: TopicPartition): Span {
  return { topic, partition, from: 0n, to: LARGEST };
}

/**
 * The highest position of a change within ranges, its time in microseconds, and the last source, by partition; position
 * and time are 0 if there are only snapshot rows.
 */
export function newestChanges(target: LoadTarget, spans: readonly Span[]): string {
  // A tombstone has no source, and its position is that of another change.
  const change = "_op != 'r' AND NOT (_deleted AND _source = '')";
  return (
    `SELECT toString(_partition), toString(maxIf(_lsn, ${change})), ` +
    `toString(toUnixTimestamp64Micro(toDateTime64(argMaxIf(_source_ts, _lsn, ${change}), 6, 'UTC'))), ` +
    "toString(argMaxIf(_source, _offset, _source != '')) " +
    `FROM ${relationOf(target)} WHERE ${within(target, spans)} GROUP BY _partition`
  );
}

/**
 * The same for positions higher than the highest one shortly before. A long transaction has lower positions than
 * changes before it, and may have more changes than are checked there.
 * @param known by partition
 */
export function higherChanges(
  target: LoadTarget,
  known: readonly (ReadPosition & { readonly position: bigint })[],
): string {
  const higher = known
    .map(({ partition, next, position }) => `(_partition = ${partition} AND _offset < ${next} AND _lsn > ${position})`)
    .join(' OR ');
  return (
    'SELECT toString(_partition), toString(max(_lsn)), ' +
    "toString(toUnixTimestamp64Micro(toDateTime64(argMax(_source_ts, _lsn), 6, 'UTC'))) FROM " +
    `${relationOf(target)} WHERE ${held(target)} AND _op != 'r' AND NOT (_deleted AND _source = '') AND (${higher}) ` +
    'GROUP BY _partition'
  );
}

/** By partition, since when its topic is the current one, in milliseconds since 1970; null: always. */
export type TopicTimes = ReadonlyMap<number, { readonly topicSince: number | null }>;

/** The offset after the table's last row of the current topic, by partition. */
export function heldEnds(target: LoadTarget, times: TopicTimes): string {
  return (
    `SELECT toString(_partition), toString(max(_offset) + 1) FROM ${relationOf(target)} WHERE ${held(target)}` +
    `${notEarlier('_partition', '_loaded_at', times)} GROUP BY _partition`
  );
}

/** The same for its last dead letter. */
export function deadEnds(target: LoadTarget, times: TopicTimes): string {
  return (
    `SELECT toString(partition), toString(max(offset) + 1) FROM ${STATE_DATABASE}.dead_letters WHERE ` +
    `${ofTopic(target)}${notEarlier('partition', 'failed_at', times)} GROUP BY partition`
  );
}

function notEarlier(partition: string, time: string, times: TopicTimes): string {
  return [...times]
    .filter(([, { topicSince }]) => topicSince !== null)
    .map(([number, { topicSince }]) => ` AND (${partition} != ${number} OR (1${since(time, topicSince)}))`)
    .join('');
}

/** Number of dead letters, by topic and partition. */
export function deadCounts(target: LoadTarget): string {
  return (
    `SELECT topic, toString(partition), toString(count()) FROM ${STATE_DATABASE}.dead_letters WHERE relation = ` +
    `${quoteText(relationOf(target))} GROUP BY topic, partition`
  );
}

/** Dead letters shortly before the positions: the distance of each, nearest first, and its reason. */
export function recentDead(
  target: LoadTarget,
  next: ReadonlyMap<number, bigint>,
  window: number,
  limit: number,
): string {
  const places = [...next.keys()].join(', ');
  const offsets = [...next.values()].map((offset) => `toInt64(${offset})`).join(', ');
  return (
    `SELECT toString((transform(partition, [${places}], [${offsets}], toInt64(-1)) - offset) * ${next.size} AS back)` +
    `, error, toString(partition), toString(offset) FROM ${STATE_DATABASE}.dead_letters WHERE ${ofTopic(target)} ` +
    `AND partition IN (${places}) AND replayed_at IS NULL AND back > 0 AND back <= ${window} ORDER BY back ` +
    `LIMIT ${limit}`
  );
}

/** A range of offsets of one partition. */
export interface Span {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  /** Since when the topic is the current one: an earlier one of its name had the same offsets. Null: always. */
  readonly topicSince?: number | null;
}

/** The offsets of ranges in the table: rows of topic, partition and a list. */
export function heldOffsets(target: LoadTarget, spans: readonly Span[]): string {
  return (
    'SELECT _topic, toString(_partition), toString(groupUniqArray(_offset)) FROM ' +
    `${relationOf(target)} WHERE ${within(target, spans)} GROUP BY _topic, _partition`
  );
}

/** Whether the table has a row of the range that was loaded before a time, in milliseconds since 1970. */
export function heldBefore(target: LoadTarget, span: Span, moment: number): string {
  return (
    `SELECT 1 FROM ${relationOf(target)} WHERE ${within(target, [span])} AND _loaded_at < ` +
    `fromUnixTimestamp64Milli(toInt64(${moment}), 'UTC') LIMIT 1`
  );
}

/**
 * A time after the newest one of a partition's rows and dead letters, in milliseconds since 1970; 0: there are none.
 */
export function newestTime(target: LoadTarget, partition: number): string {
  const after = (column: string): string =>
    `toUnixTimestamp64Milli(ifNull(toDateTime64(max(${column}), 3, 'UTC'), toDateTime64(0, 3, 'UTC'))) + (count() > 0)`;
  const letters =
    `SELECT ${after('failed_at')} AS moment FROM ${STATE_DATABASE}.dead_letters WHERE ${ofTopic(target)} AND ` +
    `partition = ${partition}`;
  const rows = `SELECT ${after('_loaded_at')} AS moment FROM ${relationOf(target)} WHERE ${held(target)} AND `;
  const all = target.inFiles === true ? letters : `${letters} UNION ALL ${rows}_partition = ${partition}`;
  return `SELECT toString(max(moment)) FROM (${all})`;
}

/** How many offsets of ranges are rows or dead letters. A replayed dead letter is both. */
export function countMessages(target: LoadTarget, spans: readonly Span[]): string {
  return (
    'SELECT toString(uniqExact(topic, partition, offset)) FROM (SELECT toString(_topic) AS topic, ' +
    `toInt32(_partition) AS partition, toInt64(_offset) AS offset FROM ${relationOf(target)} WHERE ` +
    `${within(target, spans)} UNION ALL SELECT topic, partition, offset FROM ${STATE_DATABASE}.dead_letters WHERE ` +
    `${deadWithin(target, spans)})`
  );
}

/** How many rows of ranges the table has in addition to the first of each offset. */
export function repeats(target: LoadTarget, spans: readonly Span[]): string {
  return (
    `SELECT toString(count() - uniqExact(_topic, _partition, _offset)) FROM ${relationOf(target)} WHERE ` +
    within(target, spans)
  );
}

/** Deletes the rows of ranges that a later insert repeated; views keep theirs. */
export function deleteRepeats(target: LoadTarget, spans: readonly Span[]): string {
  const table = relationOf(target);
  const rows = within(target, spans);
  return (
    `ALTER TABLE ${table} DELETE WHERE (${rows}) AND (_topic, _partition, _offset, _loaded_at) NOT IN (SELECT ` +
    `_topic, _partition, _offset, min(_loaded_at) FROM ${table} WHERE ${rows} GROUP BY _topic, _partition, _offset)`
  );
}

function within(target: LoadTarget, spans: readonly Span[]): string {
  return spans
    .map(
      ({ topic, partition, from, to, topicSince = null }) =>
        `(_topic = ${quoteText(topic)} AND _partition = ${partition} AND _offset >= ${from} AND _offset < ${to}` +
        `${since('_loaded_at', topicSince)}${ofNoReplay(target, '_load_id', 'load_id', topicSince)})`,
    )
    .join(' OR ');
}

/**
 * A condition that excludes rows from replays if a topic was recreated: dead letters of the earlier topic have offsets
 * that the current one also has. The dead letters of the current one are found in any case.
 * @param column the replay's id in the rows
 * @param name the same among the intents
 */
function ofNoReplay(target: LoadTarget, column: string, name: string, topicSince: number | null): string {
  return topicSince === null ? '' : ` AND ifNull(${column}, '') NOT IN ${replaysOf(target, name)}`;
}

/** A subquery: the replays of a table's dead letters. @param name the column of their intents */
export function replaysOf(target: LoadTarget, name: string): string {
  return (
    `(SELECT ${name} FROM ${STATE_DATABASE}.load_flushes WHERE relation = ${quoteText(relationOf(target))} ` +
    "AND kind = 'replay')"
  );
}

/** A condition for rows or dead letters of the current topic. @param time their time column */
export function since(time: string, topicSince: number | null): string {
  return topicSince === null ? '' : ` AND ${time} > fromUnixTimestamp64Milli(toInt64(${topicSince}), 'UTC')`;
}

/** The offsets of dead letters in ranges, including replayed ones, in the same form as for rows. */
export function deadOffsets(target: LoadTarget, spans: readonly Span[]): string {
  return (
    'SELECT topic, toString(partition), toString(groupUniqArray(offset)) FROM ' +
    `${STATE_DATABASE}.dead_letters WHERE ${deadWithin(target, spans)} GROUP BY topic, partition`
  );
}

function deadWithin(target: LoadTarget, spans: readonly Span[]): string {
  const places = spans.map(
    ({ topic, partition, from, to, topicSince = null }) =>
      `(topic = ${quoteText(topic)} AND partition = ${partition} AND offset >= ${from} AND offset < ${to}` +
      `${since('failed_at', topicSince)}${ofNoReplay(target, 'flush', 'id', topicSince)})`,
  );
  return `relation = ${quoteText(relationOf(target))} AND (${places.join(' OR ')})`;
}

/** Combines queries with text columns into one: rows of the query's name and its cells as JSON. */
export function together(queries: Readonly<Record<string, string | null>>): string {
  return Object.entries(queries)
    .flatMap(([name, sql]) => (sql === null ? [] : [`SELECT ${quoteText(name)}, toJSONString(array(*)) FROM (${sql})`]))
    .join(' UNION ALL ');
}
