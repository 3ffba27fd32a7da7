// Read-only queries on the bookkeeping and the loaded tables: live members, positions, contents of the tables.
import { quoteText } from '../../adapters/postgres/literal.ts';
import { relationOf, STATE_SCHEMA } from './load-offsets.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { GroupMember } from '../sink.ts';
import { tableName } from './table.ts';

/**
 * Statements that renew the own members, list the others of the groups, and read the targets' positions; null if there
 * is nothing to read.
 */
export function lookSql(
  own: readonly GroupMember[],
  groups: readonly string[],
  targets: readonly LoadTarget[],
): { readonly alive: string | null; readonly members: string | null; readonly positions: string | null } {
  const values = own
    .map(({ group, member }) => `(${quoteText(group)}, ${quoteText(member)}, clock_timestamp())`)
    .join(', ');
  const mine = own.map(({ member }) => quoteText(member)).join(', ');
  return {
    alive:
      own.length === 0
        ? null
        : `insert into ${STATE_SCHEMA}.load_members (group_id, member_id, seen_at) values ${values} on conflict ` +
          '(group_id, member_id) do update set seen_at = excluded.seen_at',
    members:
      groups.length === 0
        ? null
        : 'select group_id, member_id, seen_at::text, floor(extract(epoch from clock_timestamp() - seen_at) * ' +
          `1000)::bigint::text from ${STATE_SCHEMA}.load_members
where group_id in ` +
          `(${groups.map(quoteText).join(', ')})${mine === '' ? '' : ` and member_id not in (${mine})`}`,
    positions:
      targets.length === 0
        ? null
        : 'select relation, topic, partition, next_offset::text, leader_epoch, resets from ' +
          `${STATE_SCHEMA}.load_offsets where partition >= 0 and relation in ` +
          `(${[...new Set(targets.map(relationOf))].map(quoteText).join(', ')})`,
  };
}

/** Deletes members that have left. */
export function forgetMembers(members: readonly GroupMember[]): string {
  return (
    `delete from ${STATE_SCHEMA}.load_members where (group_id, member_id) in ` +
    `(${members.map(({ group, member }) => `(${quoteText(group)}, ${quoteText(member)})`).join(', ')})`
  );
}

/** Whether the table contains rows of the topic. */
export function heldRows(target: LoadTarget): string {
  return (
    `select exists (select from ${tableName(target)} where _topic = ${quoteText(target.topic)} and _partition is ` +
    'not null and _offset >= 0)'
  );
}

/**
 * A condition for rows or letters of the current topic: those of earlier topics of its name are before `earlier_end`,
 * and their times are not after `topic_since`.
 */
function ofPresent(target: LoadTarget, partition: string, offset: string, time: string): string {
  return (
    `not exists (select from ${STATE_SCHEMA}.load_offsets as o where o.relation = ${quoteText(relationOf(target))} ` +
    `and o.topic = ${quoteText(target.topic)} and o.partition = ${partition} and ${time} <= o.topic_since and ` +
    `(o.earlier_end is null or ${offset} < o.earlier_end))`
  );
}

/** The highest position of a snapshot row of the current topic, by partition. */
export function snapshotsSql(target: LoadTarget): string {
  // A snapshot row that was changed later is no longer one: the positions contain it.
  return (
    `select place, max(floor)::text from (select _partition as place, _lsn as floor from ${tableName(target)} as t ` +
    `where _op = 'r' and _topic = ${quoteText(target.topic)} and _partition is not null and ` +
    `${ofPresent(target, 't._partition', 't._offset', 't._loaded_at')} union all ` +
    `select partition, snapshot_floor from ${STATE_SCHEMA}.load_offsets where relation = ` +
    `${quoteText(relationOf(target))} and topic = ${quoteText(target.topic)}) as found ` +
    'where floor is not null group by 1'
  );
}

/** The offset after the last row of the current topic in the table, by partition. */
export function heldEnds(target: LoadTarget): string {
  return (
    `select _partition, (max(_offset) + 1)::text from ${tableName(target)} as t where _topic = ` +
    `${quoteText(target.topic)} and _partition is not null and _offset >= 0 and ` +
    `${ofPresent(target, 't._partition', 't._offset', 't._loaded_at')} group by 1`
  );
}

/** The same for its last dead letter. */
export function deadEnds(target: LoadTarget): string {
  return (
    `select partition, (max("offset") + 1)::text from ${STATE_SCHEMA}.dead_letters as d where relation = ` +
    `${quoteText(relationOf(target))} and topic = ${quoteText(target.topic)} and ` +
    `${ofPresent(target, 'd.partition', 'd."offset"', 'd.failed_at')} group by 1`
  );
}

/** Dead letters shortly before the positions: the distance of each, the nearest first, and its reason. */
export function recentDeadSql(
  target: LoadTarget,
  next: ReadonlyMap<number, bigint>,
  window: number,
  limit: number,
): string {
  const values = [...next].map(([partition, offset]) => `(${partition}, ${offset}::bigint)`).join(', ');
  return (
    `select ((v.next - d."offset") * ${next.size})::text as back, d.error, d.partition, ` +
    `d."offset"::text from ${STATE_SCHEMA}.dead_letters as d join (values ${values}) as v(partition, next) on ` +
    `v.partition = d.partition
where d.relation = ${quoteText(relationOf(target))} and d.topic = ${quoteText(target.topic)} and ` +
    `d.replayed_at is null and d."offset" < v.next and (v.next - d."offset") * ${next.size} <= ${window}
order by v.next - d."offset" limit ${limit}`
  );
}
