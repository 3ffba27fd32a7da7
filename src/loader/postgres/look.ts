// Questions of the loader to its bookkeeping and its tables that change nothing that was loaded: who is alive, where
// the tables are, what they hold. SQL texts only.
import { quoteText } from '../../adapters/postgres/literal.ts';
import { relationOf, STATE_SCHEMA } from './load-offsets.ts';
import type { LoadTarget } from '../load-target.ts';
import type { GroupMember } from '../sink.ts';
import { tableName } from './table.ts';

/**
 * Members that own say they are alive, the others of the groups, the positions of the targets; null where nothing is to
 * be asked.
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
        : `select relation, topic, partition, next_offset::text, leader_epoch from ${STATE_SCHEMA}.load_offsets ` +
          'where partition >= 0 and relation in ' +
          `(${targets.map((target) => quoteText(relationOf(target))).join(', ')})`,
  };
}

/** Members that are gone. */
export function forgetMembers(members: readonly GroupMember[]): string {
  return (
    `delete from ${STATE_SCHEMA}.load_members where (group_id, member_id) in ` +
    `(${members.map(({ group, member }) => `(${quoteText(group)}, ${quoteText(member)})`).join(', ')})`
  );
}

/** Are there rows of the topic in the table? */
export function heldRows(target: LoadTarget): string {
  return (
    `select exists (select from ${tableName(target)} where _topic = ${quoteText(target.topic)} and _partition is ` +
    'not null and _offset is not null)'
  );
}

/** The offset behind the last one of the topic in each partition, in the table. */
export function heldEnds(target: LoadTarget): string {
  return (
    `select _partition, (max(_offset) + 1)::text from ${tableName(target)} where _topic = ` +
    `${quoteText(target.topic)} and _partition is not null and _offset is not null group by 1`
  );
}

/** The same among the dead letters. */
export function deadEnds(target: LoadTarget): string {
  return (
    `select partition, (max("offset") + 1)::text from ${STATE_SCHEMA}.dead_letters where relation = ` +
    `${quoteText(relationOf(target))} and topic = ${quoteText(target.topic)} group by 1`
  );
}

/** Dead letters of the last offsets before the positions: how far back each is, the nearest first, and why. */
export function recentDeadSql(
  target: LoadTarget,
  next: ReadonlyMap<number, bigint>,
  window: number,
  limit: number,
): string {
  const values = [...next].map(([partition, offset]) => `(${partition}, ${offset}::bigint)`).join(', ');
  return (
    `select ((v.next - d."offset") * ${next.size})::text as back, d.error from ${STATE_SCHEMA}.dead_letters as d ` +
    `join (values ${values}) as v(partition, next) on v.partition = d.partition
where d.relation = ${quoteText(relationOf(target))} and d.topic = ${quoteText(target.topic)} and ` +
    `d.replayed_at is null and d."offset" < v.next and (v.next - d."offset") * ${next.size} <= ${window}
order by v.next - d."offset" limit ${limit}`
  );
}
