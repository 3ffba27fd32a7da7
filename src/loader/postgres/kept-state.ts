// Reads Postgres's bookkeeping of a table: positions, counts, why it is not being loaded, and since when it is paused.
import type { Session } from '../../adapters/adapter.ts';
import { quoteText } from '../../adapters/postgres/literal.ts';
import { partitionKey } from '../brokers/broker.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { KeptPosition, KeptState } from '../sink.ts';
import { idOf } from '../topic-ids.ts';
import { KNOWS_PAUSES, pausedSince } from './pauses.ts';
import { ofTable, relationOf, STATE_SCHEMA } from './load-offsets.ts';

/** See `Sink.kept`. */
export async function keptState(session: Session, target: LoadTarget): Promise<KeptState> {
  const positions = new Map<string, KeptPosition>();
  const ask = async (sql: string): Promise<readonly (readonly unknown[])[]> =>
    (await session.execute(sql, { fetch: true })).table.rows.map(({ values }) => values);
  const [there] = await ask(
    `select to_regclass('${STATE_SCHEMA}.load_offsets') is not null, ` +
      `to_regclass('${STATE_SCHEMA}.load_failures') is not null`,
  );
  const [knows] = await ask(KNOWS_PAUSES);
  const [since] = knows?.[0] === true ? await ask(pausedSince(target)) : [];
  const paused = since === undefined ? null : String(since[0]);
  if (there?.[0] !== true) return { positions, failure: null, paused };
  // An older version's table has no column for the relation.
  const rows = there[1] === true ? ofTable(target, 'o') : `o.target = ${quoteText(target.uniqueId)}`;
  const offsets = await ask(
    'select topic, partition, next_offset::text, end_offset::text, floor(extract(epoch from last_kafka_ts) * ' +
      `1000)::bigint::text, dead_rows,
topic_id, to_jsonb(o)->>'leader_epoch', to_jsonb(o)->>'resets'
from ${STATE_SCHEMA}.load_offsets as o where ${rows} and partition >= 0 order by 1, 2`,
  );
  for (const [topic, partition, next, end, newest, dead, topicId, epoch, resets] of offsets) {
    const at = { topic: String(topic), partition: Number(partition) };
    positions.set(partitionKey(at), {
      ...at,
      epoch: epoch === null ? null : Number(epoch),
      ...(resets === null ? {} : { resets: Number(resets) }),
      topicId: idOf(at.topic, topicId === null ? null : String(topicId)),
      next: BigInt(String(next)),
      end: end === null ? null : BigInt(String(end)),
      newest: newest === null ? null : Number(newest),
      dead: Number(dead),
    });
  }
  const [failure] =
    there[1] !== true
      ? []
      : await ask(
          "select message || ' (since ' || to_char(failed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || " +
            `' UTC)' from ${STATE_SCHEMA}.load_failures where relation = ${quoteText(relationOf(target))} and ` +
            `topic = ${quoteText(target.topic)}`,
        );
  return { positions, failure: failure === undefined ? null : String(failure[0]), paused };
}
