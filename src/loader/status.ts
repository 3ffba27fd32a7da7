// How far a target is behind its topic, from the kept positions and the broker's ends.
import { quoteText } from '../adapters/postgres/literal.ts';
import type { Adapter } from '../adapters/adapter.ts';
import { STATE_SCHEMA } from '../state/load-offsets.ts';
import { type BrokerClient, partitionKey } from './broker.ts';
import type { LoadTarget } from './load-target.ts';

/** One partition. Null: not known. */
export interface PartitionStatus {
  readonly topic: string;
  readonly partition: number;
  readonly next: bigint | null;
  readonly end: bigint | null;
  readonly lagRows: bigint | null;
  /** Seconds between now and the newest loaded message; 0 when nothing is behind. */
  readonly lagSeconds: number | null;
  readonly dead: number;
}

/** @param now milliseconds since 1970 */
export async function loadStatus(adapter: Adapter, client: BrokerClient, target: LoadTarget, now: number): Promise<PartitionStatus[]> {
  const ends = await client.ends([target.topic]);
  const session = adapter.session({ name: `load status ${target.name}` });
  const kept = new Map<string, { next: bigint; newest: number | null; dead: number }>();
  try {
    const there = await session.execute(`select to_regclass('${STATE_SCHEMA}.load_offsets') is not null`, { fetch: true });
    if (there.table.rows[0]?.values[0] === true) {
      const { table } = await session.execute(`select topic, partition, next_offset::text, floor(extract(epoch from last_kafka_ts) * 1000)::bigint::text, dead_rows from ${STATE_SCHEMA}.load_offsets where target = ${quoteText(target.uniqueId)} and partition >= 0 order by 1, 2`, { fetch: true });
      for (const { values: [topic, partition, next, newest, dead] } of table.rows) kept.set(partitionKey({ topic: String(topic), partition: Number(partition) }), { next: BigInt(String(next)), newest: newest === null ? null : Number(newest), dead: Number(dead) });
    }
  } finally {
    await session.release();
  }
  const keys = [...new Set([...kept.keys(), ...ends.keys()])].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return keys.map((key) => {
    const split = key.lastIndexOf('/');
    const known = kept.get(key);
    const range = ends.get(key);
    const next = known?.next ?? null;
    const lagRows = range === undefined ? null : range.end - (next ?? range.earliest);
    const lagSeconds = lagRows === null ? null : lagRows <= 0n ? 0 : known?.newest == null ? null : Math.max(0, (now - known.newest) / 1000);
    return { topic: key.slice(0, split), partition: Number(key.slice(split + 1)), next, end: range?.end ?? null, lagRows, lagSeconds, dead: known?.dead ?? 0 };
  });
}

