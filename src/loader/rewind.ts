// `load rewind`: sets positions to the beginning, the end, an offset, a time, or after the table's last row, for all
// partitions or some. Deletes what was loaded from there on.
import { TsdbtError } from '../errors.ts';
import { type BrokerClient, partitionKey } from './brokers/broker.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { Sink } from './sink.ts';
import { isAnother, refuseOlderVersions } from './starts.ts';
import { nameTopic } from './topic-ids.ts';
import { hasSeveral, ofTopic, topicNames } from './settings/target-topics.ts';
import { writtenTime } from '../settings/load-settings.ts';

/** The result of a rewind. */
export interface Rewound {
  /** The next offset of each repositioned partition, by `topic/partition`. */
  readonly next: ReadonlyMap<string, bigint>;
  /** Number of deleted rows and dead letters. */
  readonly rows: number;
  readonly letters: number;
}

const PLACE = 'earliest|latest|loaded|\\d+';
const IN_WORDS = new RegExp(`^(${PLACE})$`);
const BY_PARTITION = new RegExp(`^\\d+:(${PLACE})(,\\d+:(${PLACE}))*$`);
const BY_NAME = new RegExp(`^[\\w.-]+(/\\d+)?:(${PLACE})(,[\\w.-]+(/\\d+)?:(${PLACE}))*$`);

/** @throws `usage` error for a `--to` that is never a position of the target */
export function refuseNoPlace(target: LoadTarget, to: string): void {
  if (hasSeveral(target) && BY_NAME.test(to)) return;
  const place = hasSeveral(target) ? to.replace(/^[\w.-]+:(?=.)/, '') : to;
  for (const each of new Set([to, place])) if (IN_WORDS.test(each) || BY_PARTITION.test(each)) return;
  momentOf(writtenTime(place) === null ? to : place);
}

/**
 * Sets positions, and in the same transaction deletes rows and dead letters from there on. If the log was truncated,
 * everything after the cut is deleted too. An upsert's earlier values are lost: if its log was truncated, the table is
 * read from the beginning, which changes no other row. `loaded` adopts a table: positions after its last offsets; only
 * what the log has lost is deleted.
 * @param to `earliest`, `latest`, `loaded`, an offset or an ISO time (UTC without a zone) for every partition;
 *   `2:1500,3:earliest` for some. With several topics, `a/2:1500,b:earliest` for some partitions or topics
 * @throws `usage` error for anything else
 */
export async function rewindTo(client: BrokerClient, sink: Sink, target: LoadTarget, to: string): Promise<Rewound> {
  const names = await topicNames(client, target);
  const next = new Map<string, bigint>();
  let [rows, letters] = [0, 0];
  for (const [topic, place] of hasSeveral(target) ? byTopic(names, to) : names.map((name) => [name, to] as const)) {
    const done = await rewindTopic(client, sink, ofTopic(target, topic), place);
    for (const [partition, offset] of done.next) next.set(partitionKey({ topic, partition }), offset);
    rows += done.rows;
    letters += done.letters;
  }
  return { next, rows, letters };
}

/** The part of `--to` for each of several topics. */
function byTopic(names: readonly string[], to: string): ReadonlyMap<string, string> {
  const unknown = (found: string): TsdbtError =>
    new TsdbtError('usage', `Error: '--to ${to}' names topic '${found}', and the table has ${names.join(', ')}.`, {
      hint: `TOPIC/PARTITION:OFFSET or TOPIC:earliest, such as ${names[0]}/0:1500.`,
    });
  const [named = ''] = /^[\w.-]+(?=:)/.exec(to) ?? [];
  // A time may look like a topic and an offset: 2026-05-01T12:00.
  if (!BY_NAME.test(to) || (!names.includes(named) && writtenTime(to) !== null))
    return names.includes(named)
      ? new Map([[named, to.slice(named.length + 1)]])
      : new Map(names.map((name) => [name, to]));
  const places = new Map<string, string>();
  for (const part of to.split(',')) {
    const at = part.lastIndexOf(':');
    const [topic = '', partition] = part.slice(0, at).split('/');
    if (!names.includes(topic)) throw unknown(topic);
    const place = partition === undefined ? part.slice(at + 1) : `${partition}:${part.slice(at + 1)}`;
    const before = places.get(topic);
    places.set(topic, before === undefined ? place : `${before},${place}`);
  }
  return places;
}

/** Sets the positions of one topic. */
async function rewindTopic(
  client: BrokerClient,
  sink: Sink,
  target: LoadTarget,
  to: string,
): Promise<{ readonly next: ReadonlyMap<number, bigint>; readonly rows: number; readonly letters: number }> {
  const [topic] = await client.topics([target.topic]);
  const ends = await client.ends([target.topic]);
  const partitions = topic?.partitions ?? 0;
  const places = BY_PARTITION.test(to)
    ? new Map(to.split(',').map((part) => [Number(part.split(':')[0]), part.slice(part.indexOf(':') + 1)]))
    : null;
  const times = places !== null || IN_WORDS.test(to) ? null : await client.offsetsAt([target.topic], momentOf(to));
  await sink.prepare(target);
  let kept = await sink.positions(target);
  if (await nameTopic({ sink, client }, target, topic?.id ?? null, kept)) kept = await sink.positions(target);
  // Positions of partitions that the new topic does not have are kept.
  const isSet = (partition: number): boolean => partition < partitions && places?.has(partition) !== false;
  if ([...kept].some(([partition, { topicId }]) => isSet(partition) && isAnother(topicId, topic?.id ?? null)))
    await refuseOlderVersions(sink, target, topic?.id ?? null);
  const held = /loaded/.test(to) ? new Map(await sink.ends(target)) : new Map<number, bigint>();
  // Rows of an earlier topic of this name say nothing about the current one.
  for (const [partition, { topicId }] of kept) if (isAnother(topicId, topic?.id ?? null)) held.delete(partition);
  const next = new Map<number, bigint>();
  const from = new Map<number, bigint>();
  const cut = new Map(
    (
      await client.verify(
        [...kept]
          .filter(([partition, { topicId }]) => partition < partitions && !isAnother(topicId, topic?.id ?? null))
          .map(([partition, { next: read, epoch }]) => ({ topic: target.topic, partition, next: read, epoch })),
      )
    ).map(({ partition, from: lost }) => [partition, lost]),
  );
  for (const partition of places?.keys() ?? Array.from({ length: partitions }, (_, i) => i)) {
    const key = partitionKey({ topic: target.topic, partition });
    const range = ends.get(key);
    if (range === undefined)
      throw new TsdbtError('usage', `Error: ${target.topic} has no partition ${partition}: it has ${partitions}.`);
    const { earliest, end } = range;
    const place = places?.get(partition) ?? to;
    const lost = cut.get(partition);
    const loaded = held.get(partition) ?? earliest;
    const wanted =
      place === 'earliest'
        ? earliest
        : place === 'latest'
          ? end
          : place === 'loaded'
            ? lost !== undefined && lost < loaded
              ? lost
              : loaded
            : times === null
              ? BigInt(place)
              : (times.get(key) ?? end);
    if (wanted < earliest || wanted > end) {
      throw new TsdbtError('usage', `Error: offset ${wanted} is not in ${key}, which has ${earliest} to ${end}.`, {
        ...(place === 'loaded' && wanted > end
          ? { hint: `--to ${partition}:${end} deletes the rows that the topic does not have.` }
          : {}),
      });
    }
    next.set(partition, lost !== undefined && target.mode === 'upsert' ? earliest : wanted);
    if (place !== 'loaded' || lost !== undefined)
      from.set(partition, lost !== undefined && lost < wanted ? lost : wanted);
  }
  await refuseHalves(sink, target, next, ends);
  return { next, ...(await sink.rewind(target, topic?.id ?? null, next, from)) };
}

/**
 * A partly written flush before the new position must be completed first by the loader.
 * @throws `runtime` error, unless the topic has lost its messages
 */
async function refuseHalves(
  sink: Sink,
  target: LoadTarget,
  next: ReadonlyMap<number, bigint>,
  ends: Awaited<ReturnType<BrokerClient['ends']>>,
): Promise<void> {
  const open = await sink.unsettled(target, [...next.keys()]);
  for (const { topic, partition, from, to } of open.flatMap(({ ranges }) => ranges)) {
    if (topic !== target.topic || !next.has(partition)) continue;
    const range = ends.get(partitionKey({ topic, partition }));
    if ((next.get(partition) ?? 0n) <= from || range === undefined || range.earliest > from || range.end < to) continue;
    throw new TsdbtError(
      'runtime',
      `A loader ended while it wrote offsets ${from} to ${to} of ${topic}/${partition}: some of them may be missing.`,
      {
        path: target.path,
        hint:
          `\`tsdbt load --once --select source:${target.name}\` writes the rest; or go back to ${partition}:${from} ` +
          'or before.',
      },
    );
  }
}

function momentOf(text: string): number {
  const time = writtenTime(text);
  if (time === null)
    throw new TsdbtError(
      'usage',
      `Error: Invalid value for '--to': '${text}' is not earliest, latest, loaded, an offset, a time, or ` +
        'PARTITION:OFFSET.',
    );
  return time;
}
