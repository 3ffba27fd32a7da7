// How far a target is behind its topic, from the kept positions and the broker's ends; and what keeps it from being
// loaded.
import { quoteText } from '../adapters/postgres/literal.ts';
import type { Adapter } from '../adapters/adapter.ts';
import { TsdbtError } from '../errors.ts';
import { ofTable, relationOf, STATE_SCHEMA } from '../state/load-offsets.ts';
import { type BrokerClient, partitionKey, type TopicPartition } from './broker.ts';
import type { LoadTarget } from './load-target.ts';
import { explain, isAnother, madeAnew } from './starts.ts';
import { textOf } from './supervise.ts';

/** One partition. Null: not known. */
export interface PartitionStatus {
  readonly topic: string;
  readonly partition: number;
  readonly next: bigint | null;
  readonly end: bigint | null;
  /** Null also where the log does not lead up to the position: what is behind it cannot be told. */
  readonly lagRows: bigint | null;
  /** Seconds between now and the newest loaded message; 0 when nothing is behind. */
  readonly lagSeconds: number | null;
  readonly dead: number;
}

/** What is known of a target. */
export interface TargetStatus {
  readonly partitions: readonly PartitionStatus[];
  readonly problems: readonly string[];
}

interface Kept extends TopicPartition {
  readonly next: bigint;
  readonly epoch: number | null;
  readonly topicId: string | null;
  readonly end: bigint | null;
  readonly newest: number | null;
  readonly dead: number;
}

/**
 * A broker that cannot be asked is one of the problems; what is kept is told all the same. A file's end is where it
 * ended when it was loaded.
 * @param now milliseconds since 1970
 */
export async function loadStatus(
  adapter: Adapter,
  connect: () => Promise<BrokerClient>,
  target: LoadTarget,
  now: number,
): Promise<TargetStatus> {
  const problems: string[] = [];
  const { kept, failure } = await keptState(adapter, target);
  if (failure !== null) problems.push(`failed: ${failure}`);
  let ends: Awaited<ReturnType<BrokerClient['ends']>> = new Map();
  /** Partitions whose position is not in the topic. */
  const lost = new Set<string>();
  const fileOnly = kept.size > 0 && [...kept.keys()].every(isFile);
  try {
    const client = await connect();
    try {
      const [topic] = await client.topics([target.topic]);
      ends = await client.ends([target.topic]);
      const own = [...kept].filter(([key]) => ends.has(key));
      const others = own.filter(([, { topicId }]) => isAnother(topicId, topic?.id ?? null));
      for (const [key] of others) lost.add(key);
      if (others.length > 0 && target.onGap === 'stop') problems.push(textOf(madeAnew(target)));
      for (const failure of await client.verify(own.flatMap(([key, at]) => (lost.has(key) ? [] : [at])))) {
        const key = partitionKey(failure);
        lost.add(key);
        problems.push(`stopped at ${key}: ${explain(target, failure, kept.get(key)?.next ?? 0n)}`);
      }
    } finally {
      await client.close();
    }
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    // A table that only files have filled needs no broker.
    if (!fileOnly) problems.push(textOf(error));
  }
  const keys = [...new Set([...kept.keys(), ...ends.keys()])].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  const partitions = keys.map((key) => {
    const split = key.lastIndexOf('/');
    const known = kept.get(key);
    const range = ends.get(key);
    const end = range?.end ?? (isFile(key) ? (known?.end ?? null) : null);
    const next = known?.next ?? null;
    const lagRows = end === null || lost.has(key) ? null : end - (next ?? range?.earliest ?? 0n);
    const lagSeconds =
      lagRows === null
        ? null
        : lagRows <= 0n
          ? 0
          : known?.newest == null
            ? null
            : Math.max(0, (now - known.newest) / 1000);
    return {
      topic: key.slice(0, split),
      partition: Number(key.slice(split + 1)),
      next,
      end,
      lagRows,
      lagSeconds,
      dead: known?.dead ?? 0,
    };
  });
  return { partitions, problems };
}

function isFile(key: string): boolean {
  return key.startsWith('file:');
}

async function keptState(
  adapter: Adapter,
  target: LoadTarget,
): Promise<{ kept: Map<string, Kept>; failure: string | null }> {
  const kept = new Map<string, Kept>();
  const session = adapter.session({ name: `load status ${target.name}` });
  const ask = async (sql: string): Promise<readonly (readonly unknown[])[]> =>
    (await session.execute(sql, { fetch: true })).table.rows.map(({ values }) => values);
  try {
    const [there] = await ask(
      `select to_regclass('${STATE_SCHEMA}.load_offsets') is not null, ` +
        `to_regclass('${STATE_SCHEMA}.load_failures') is not null`,
    );
    if (there?.[0] !== true) return { kept, failure: null };
    // An older version's table has no column for the relation.
    const rows = there[1] === true ? ofTable(target, 'o') : `o.target = ${quoteText(target.uniqueId)}`;
    const offsets = await ask(
      'select topic, partition, next_offset::text, end_offset::text, floor(extract(epoch from last_kafka_ts) * ' +
        `1000)::bigint::text, dead_rows,
  topic_id, to_jsonb(o)->>'leader_epoch'
from ${STATE_SCHEMA}.load_offsets as o where ${rows} and partition >= 0 order by 1, 2`,
    );
    for (const [topic, partition, next, end, newest, dead, topicId, epoch] of offsets) {
      const at = { topic: String(topic), partition: Number(partition) };
      kept.set(partitionKey(at), {
        ...at,
        epoch: epoch === null ? null : Number(epoch),
        topicId: topicId === null ? null : String(topicId),
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
    return { kept, failure: failure === undefined ? null : String(failure[0]) };
  } finally {
    await session.release();
  }
}
