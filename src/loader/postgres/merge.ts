// Statements that merge flushed rows into the table by key, keeping the newest row of each key. sink.ts sends them.
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { type LoadColumn, type LoadTarget, rowColumns } from '../settings/load-target.ts';
import { hasSeveral } from '../settings/target-topics.ts';
import { tableName } from './table.ts';

/** Whether the incoming row replaces the existing one. A partition's offsets are its order. */
const NEWER =
  't._topic is distinct from excluded._topic or t._partition is distinct from excluded._partition or ' +
  't._offset is null or t._offset < excluded._offset';
/**
 * The same with several topics, whose offsets are unrelated: the message's time decides between them, then the name, so
 * that the result does not depend on the reading order.
 */
const NEWER_OF_SEVERAL =
  'case when t._topic = excluded._topic then t._partition is distinct from excluded._partition or t._offset is null ' +
  'or t._offset < excluded._offset else t._kafka_ts is null or (t._kafka_ts, t._topic) <= (excluded._kafka_ts, ' +
  'excluded._topic) end';

/** Statements that merge the last row of each key. @param order an expression that increases from row to row */
export function mergeRows(
  target: LoadTarget,
  columns: readonly LoadColumn[],
  source: string,
  order: string,
  tombstones: boolean,
): string[] {
  const names = rowColumns(target, columns);
  const list = names.map(quoteIdentifier).join(', ');
  const key = target.key.map(quoteIdentifier).join(', ');
  const updates = names
    .filter((name) => !target.key.includes(name))
    .map((name) =>
      name.startsWith('_') && name !== target.rest
        ? `${quoteIdentifier(name)} = excluded.${quoteIdentifier(name)}`
        : `${quoteIdentifier(name)} = case when excluded._deleted then t.${quoteIdentifier(name)} else ` +
          `excluded.${quoteIdentifier(name)} end`,
    );
  const upsert = (last: string): string =>
    `insert into ${tableName(target)} as t (${list})
${last}
on conflict (${key}) do update set ${updates.join(', ')}, _loaded_at = now()
where ${hasSeveral(target) ? NEWER_OF_SEVERAL : NEWER}`;
  const last = (where: string): string =>
    hasSeveral(target)
      ? `select distinct on (${key}) ${list} from ` +
        `(select distinct on (${key}, _topic) ${list}, ${order} as tsdbt_order from ${source}${where} ` +
        `order by ${key}, _topic, ${order} desc) as of_topics ` +
        `order by ${key}, _kafka_ts desc nulls last, _topic desc, tsdbt_order desc`
      : `select distinct on (${key}) ${list} from ${source}${where} order by ${key}, ${order} desc`;
  if (!tombstones) return [upsert(last(''))];
  // A row that is inserted and deleted within one flush keeps its values, as over two flushes.
  return [upsert(last(' where not _deleted')), upsert(`select * from (${last('')}) as newest where _deleted`)];
}
