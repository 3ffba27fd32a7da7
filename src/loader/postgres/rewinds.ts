// Sets positions in Postgres other than by a flush: for `load rewind`, after a gap, for a recreated topic. Deletes what
// will be read again, and keeps rows of earlier topics of the name. Runs in the caller's transaction.
import type { Session } from '../../adapters/adapter.ts';
import { quoteText } from '../../adapters/postgres/literal.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { Sink } from '../sink.ts';
import { isAnother } from '../starts.ts';
import {
  type LoadedTable,
  lockOffsets,
  lockReplays,
  relationOf,
  selectOffsets,
  setOffsets,
  STATE_SCHEMA,
} from './load-offsets.ts';
import { read } from './statements.ts';
import { tableName } from './table.ts';

/** See `Sink.rewind`. */
export async function rewindOffsets(
  session: Session,
  target: LoadTarget,
  topicId: string | null,
  wanted: ReadonlyMap<number, bigint>,
  from: ReadonlyMap<number, bigint> | undefined,
): ReturnType<Sink['rewind']> {
  const { topic } = target;
  const name = tableName(target);
  // `_loaded_at` may have been created by the user, as a timestamp without a zone.
  await session.execute("set local timezone to 'UTC'");
  await session.execute(lockReplays(target));
  await session.execute(lockOffsets(target, topic));
  const next = from === undefined ? await behind(session, target, topicId, wanted) : wanted;
  if (next.size === 0) return { rows: 0, letters: 0 };
  const gone =
    from === undefined || from.size === 0 ? [] : await read(session, deleteFrom(target, topic, topicId, name, from));
  if (topicId !== null) {
    if (target.mode === 'upsert' && target.changes === null)
      await session.execute(forgetOffsets(target, topic, topicId, name, [...next.keys()]));
    const anew = await read(session, madeAnew(target, topic, topicId, [...next.keys()]));
    const earlier = anew.map(([partition]) => Number(partition));
    if (earlier.length > 0 && target.inFiles !== true) await session.execute(noteEarlier(target, topic, name, earlier));
  }
  await session.execute(setOffsets(target, topic, topicId, next));
  await session.execute(forgetConsumed(target, topic, next));
  return {
    rows: gone.reduce((sum, [rows]) => sum + Number(rows), 0),
    letters: gone.reduce((sum, [, letters]) => sum + Number(letters), 0),
  };
}

/** Those of the positions that are ahead of the table's, or belong to another topic. */
async function behind(
  session: Session,
  target: LoadTarget,
  topicId: string | null,
  wanted: ReadonlyMap<number, bigint>,
): Promise<ReadonlyMap<number, bigint>> {
  const kept = new Map(
    (await read(session, selectOffsets(target, target.topic))).map(([partition, next, id]) => [
      Number(partition),
      { next: BigInt(String(next)), topicId: typeof id === 'string' ? id : null },
    ]),
  );
  return new Map(
    [...wanted].filter(([partition, offset]) => {
      const known = kept.get(partition);
      return known === undefined || known.next < offset || isAnother(known.topicId, topicId);
    }),
  );
}

/** Which of the partitions have a position of an earlier topic of the name. */
function madeAnew(table: LoadedTable, topic: string, topicId: string, partitions: readonly number[]): string {
  return (
    `select partition from ${STATE_SCHEMA}.load_offsets where relation = ${quoteText(relationOf(table))} and topic = ` +
    `${quoteText(topic)} and partition in (${partitions.join(', ')}) and topic_id <> ${quoteText(topicId)}`
  );
}

/**
 * Records up to which time, and before which offset, the table has rows and dead letters of earlier topics of the name:
 * those of the current one get later times (`moveOffsets`). Runs before `setOffsets`.
 * @param name the table, quoted
 */
function noteEarlier(table: LoadedTable, topic: string, name: string, partitions: readonly number[]): string {
  const places = `(${partitions.join(', ')})`;
  const relation = quoteText(relationOf(table));
  return (
    `with held as (
  select _partition as place, _offset as at, _loaded_at::timestamptz as written from ${name} where _topic = ` +
    `${quoteText(topic)} and _partition in ${places} and _offset >= 0
  union all select partition, "offset", failed_at from ${STATE_SCHEMA}.dead_letters where relation = ${relation} and ` +
    `topic = ${quoteText(topic)} and partition in ${places}
)
update ${STATE_SCHEMA}.load_offsets as o set ` +
    'earlier_end = coalesce((select max(at) + 1 from held where place = o.partition), 0),\n' +
    '  topic_since = greatest(clock_timestamp(), (select max(written) from held where place = o.partition))\n' +
    `where o.relation = ${relation} and o.topic = ${quoteText(topic)} and o.partition in ${places}`
  );
}

/**
 * Removes the offsets from rows of an earlier topic of this name, or sets them to -1 if the column is not null: they
 * are unrelated to the current topic's offsets, which decide which row of a key is newer. Runs between `lockOffsets`
 * and `setOffsets`.
 * @param topicId the current topic's
 * @param name the table, quoted
 */
function forgetOffsets(
  table: LoadedTable,
  topic: string,
  topicId: string,
  name: string,
  partitions: readonly number[],
): string {
  // The table may have been created by the user.
  const lowest =
    `(select case when attnotnull then -1 end from pg_attribute where attrelid = to_regclass(${quoteText(name)}) and ` +
    "attname = '_offset')";
  return (
    `update ${name} as t set _offset = ${lowest} from ${STATE_SCHEMA}.load_offsets as o where o.relation = ` +
    `${quoteText(relationOf(table))} and o.topic = ${quoteText(topic)} and o.partition in (${partitions.join(', ')}) ` +
    `and o.topic_id <> ${quoteText(topicId)} and t._topic = o.topic and t._partition = o.partition and t._offset >= 0`
  );
}

/**
 * Deletes the rows and dead letters from some offsets on, and corrects the counts. Keeps those of earlier topics of the
 * name, which are in no log any more: they are before `earlier_end`, and their times are not after `topic_since`, or a
 * replay has created them from such letters. Runs after `lockOffsets`, in a separate statement, and before
 * `setOffsets`. Returns the number of rows and letters per partition.
 * @param name the table, quoted
 * @param topicId the current topic's
 */
function deleteFrom(
  table: LoadedTable,
  topic: string,
  topicId: string | null,
  name: string,
  from: ReadonlyMap<number, bigint>,
): string {
  const values = [...from].map(([partition, offset]) => `(${partition}, ${offset}::bigint)`);
  const relation = quoteText(relationOf(table));
  const isPresent = (offset: string, time: string): string =>
    `(k.topic_since is null or ${offset} >= k.earlier_end or ${time} > k.topic_since)`;
  // Both topics may have a letter with the offset, and one replay may have created rows from both: their times differ.
  const ofRow = (letter: string): string =>
    `${letter}.relation = ${relation} and ${letter}.topic = t._topic and ${letter}.partition = t._partition and ` +
    `${letter}."offset" = t._offset and ${letter}.replayed_at = t._loaded_at`;
  return (
    `with kept as (
  select v.partition, v.since, o.topic_since, o.earlier_end from (values ${values.join(', ')}) as v(partition, since)
  left join ${STATE_SCHEMA}.load_offsets as o on o.relation = ${relation} and o.topic = ${quoteText(topic)} ` +
    `and o.partition = v.partition
  where (o.topic_id is null or ${topicId === null ? 'true' : `o.topic_id = ${quoteText(topicId)}`})
), gone as (
  delete from ${name} as t using kept as k where t._topic = ${quoteText(topic)} and t._partition = ` +
    `k.partition and t._offset >= k.since and ${isPresent('t._offset', 't._loaded_at')} and not exists (select from ` +
    `${STATE_SCHEMA}.dead_letters as d where ${ofRow('d')} and d.failed_at <= k.topic_since and (d.kafka_ts = ` +
    `t._kafka_ts or not exists (select from ${STATE_SCHEMA}.dead_letters as p where ${ofRow('p')} and p.failed_at > ` +
    `k.topic_since and p.kafka_ts = t._kafka_ts)))
  returning k.partition
), letters as (
  delete from ${STATE_SCHEMA}.dead_letters as d using kept as k where d.relation = ${relation} and d.topic ` +
    `= ${quoteText(topic)} and d.partition = k.partition and d."offset" >= k.since
    and ${isPresent('d."offset"', 'd.failed_at')}
  returning k.partition
), counts as (
  select k.partition, (select count(*) from gone as g where g.partition = k.partition) as loaded, (select ` +
    `count(*) from letters as l where l.partition = k.partition) as dead from kept as k
), counted as (
  update ${STATE_SCHEMA}.load_offsets as o set loaded_rows = greatest(0, o.loaded_rows - c.loaded), ` +
    `dead_rows = greatest(0, o.dead_rows - c.dead) from counts as c
  where o.relation = ${relation} and o.topic = ${quoteText(topic)} and o.partition = c.partition
)
select loaded, dead from counts`
  );
}

/**
 * Models that have consumed beyond a position that is set back cannot distinguish new rows from repeated ones:
 * `new_rows` requires a full refresh.
 */
function forgetConsumed(table: LoadedTable, topic: string, next: ReadonlyMap<number, bigint>): string {
  const values = [...next].map(([partition, offset]) => `(${partition}, ${offset}::bigint)`);
  return (
    `update ${STATE_SCHEMA}.consumed_offsets as c set next_offset = -1 from (values ${values.join(', ')}) as ` +
    `v(partition, next)
where c.source in (${quoteText(relationOf(table))}, ${quoteText(table.uniqueId)}) and c.topic = ` +
    `${quoteText(topic)} and c.partition = v.partition and c.next_offset > v.next`
  );
}
