// Setting positions by hand: to the beginning, the end, an offset, or a moment.
import { TsdbtError } from '../errors.ts';
import { type BrokerClient, partitionKey } from './broker.ts';
import type { LoadTarget } from './load-target.ts';
import type { Sink } from './sink.ts';

/**
 * @param to `earliest`, `latest`, `loaded` (behind the last offsets that the table has), an offset (of every partition), or a time in ISO form, UTC where it names no zone
 * @returns the next offset of each partition
 * @throws `usage` error for anything else
 */
export async function rewindTo(client: BrokerClient, sink: Sink, target: LoadTarget, to: string): Promise<ReadonlyMap<number, bigint>> {
  const [topic] = await client.topics([target.topic]);
  const ends = await client.ends([target.topic]);
  await sink.prepare(target);
  const held = to === 'loaded' ? await sink.ends(target) : null;
  const times = /^(earliest|latest|loaded|\d+)$/.test(to) ? null : await client.offsetsAt([target.topic], momentOf(to));
  const next = new Map<number, bigint>();
  for (let partition = 0; partition < (topic?.partitions ?? 0); partition++) {
    const key = partitionKey({ topic: target.topic, partition });
    const { earliest, end } = ends.get(key) ?? { earliest: 0n, end: 0n };
    const wanted = held !== null ? (held.get(partition) ?? earliest) : to === 'earliest' ? earliest : to === 'latest' ? end : times === null ? BigInt(to) : (times.get(key) ?? end);
    if (wanted < earliest || wanted > end) {
      throw new TsdbtError('usage', `Error: offset ${wanted} is not in ${key}, which has ${earliest} to ${end}.`);
    }
    next.set(partition, wanted);
  }
  await sink.rewind(target, topic?.id ?? null, next);
  return next;
}

function momentOf(text: string): number {
  const iso = text.trim().replace(' ', 'T');
  const time = Date.parse(iso.includes('T') && !/([zZ]|[+-]\d\d:?\d\d)$/.test(iso) ? `${iso}Z` : iso);
  if (Number.isNaN(time)) throw new TsdbtError('usage', `Error: Invalid value for '--to': '${text}' is not earliest, latest, loaded, an offset or a time.`);
  return time;
}
