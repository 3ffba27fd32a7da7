// Verifies that the log still contains what was read up to the positions, by the leader epoch of the last message and
// by the log's ends. The loader decides what happens to a partition whose log was truncated.
import { TsdbtError } from '../../../errors.ts';
import { type PartitionFailure, partitionKey, type ReadPosition, type TopicPartition } from '../broker.ts';
import type { Cluster, Topics } from './cluster.ts';
import { errorName, remedyOf } from './protocol-errors.ts';
import { parting } from './fetch-positions.ts';
import type { EpochEnd } from './epoch-request.ts';

/** A position whose epoch is known. */
export interface EpochPosition {
  readonly at: TopicPartition;
  readonly next: bigint;
  readonly epoch: number;
}

/** The broker did not answer this and must be asked again. */
export interface Unanswered {
  readonly reason: 'unanswered';
  readonly trouble: string;
}

/** Returns the positions beyond the end of their epoch, by `topic/partition`. */
export async function partings(
  cluster: Cluster,
  positions: readonly EpochPosition[],
  topics: Topics,
): Promise<ReadonlyMap<string, PartitionFailure | Unanswered>> {
  const found = new Map<string, PartitionFailure | Unanswered>();
  if (positions.length === 0 || !(await cluster.knowsEpochs())) return found;
  const byLeader = new Map<number, EpochPosition[]>();
  for (const position of positions) {
    const leader = topics.get(position.at.topic)?.partitions[position.at.partition]?.leader ?? -1;
    byLeader.set(leader, [...(byLeader.get(leader) ?? []), position]);
  }
  await Promise.all(
    [...byLeader].map(async ([leader, asked]) => {
      for (const [key, outcome] of await askLeader(cluster, leader, asked, topics)) found.set(key, outcome);
    }),
  );
  return found;
}

async function askLeader(
  cluster: Cluster,
  leader: number,
  asked: readonly EpochPosition[],
  topics: Topics,
): Promise<readonly (readonly [key: string, PartitionFailure | Unanswered])[]> {
  let ends: readonly EpochEnd[];
  try {
    ends = await cluster.epochEnds(
      leader,
      asked.map(({ at, epoch }) => ({
        ...at,
        epoch,
        leaderEpoch: topics.get(at.topic)?.partitions[at.partition]?.leaderEpoch ?? -1,
      })),
    );
  } catch (error) {
    if (!(error instanceof TsdbtError) || error.kind !== 'connection') throw error;
    const { message } = error;
    return asked.map(({ at }) => [partitionKey(at), { reason: 'unanswered', trouble: message }]);
  }
  return asked.flatMap((position) => {
    const { at } = position;
    const end = ends.find(({ topic, partition }) => topic === at.topic && partition === at.partition);
    const outcome = outcomeOf(position, end);
    return outcome === null ? [] : [[partitionKey(at), outcome] as const];
  });
}

/** @param end the broker's answer; undefined: none @returns null if the log contains everything up to the position */
export function outcomeOf(position: EpochPosition, end: EpochEnd | undefined): PartitionFailure | Unanswered | null {
  const code = end?.errorCode ?? -1;
  if (end !== undefined && code === 0) return parting(position, end);
  const remedy = remedyOf(code);
  if (remedy === 'retry' || remedy === 'verify')
    return { reason: 'unanswered', trouble: `the broker answers ${errorName(code)}` };
  return {
    ...position.at,
    reason: 'refused',
    message: `the broker answers ${errorName(code)} when it is asked where epoch ${position.epoch} ends`,
  };
}

/** Returns the positions up to which the log is no longer intact, by their epochs and by the log's ends. */
export async function verify(
  cluster: Cluster,
  positions: readonly ReadPosition[],
): Promise<readonly PartitionFailure[]> {
  if (positions.length === 0) return [];
  const names = [...new Set(positions.map(({ topic }) => topic))];
  const topics = await cluster.wholeTopics(names, true, positions);
  const failures = new Map<string, PartitionFailure>();
  for (const [key, outcome] of await partings(cluster, positions.flatMap(withEpoch), topics)) {
    if (outcome.reason === 'unanswered') {
      cluster.stale = true;
      throw new TsdbtError(
        'connection',
        `the broker at ${cluster.connection.brokers.join(', ')} does not say where an epoch of ` +
          `${key} ends: ${outcome.trouble}`,
      );
    }
    failures.set(key, outcome);
  }
  const ends = await cluster.ends(names, positions);
  for (const { topic, partition, next } of positions) {
    const key = partitionKey({ topic, partition });
    const end = ends.get(key)?.end;
    if (end !== undefined && next > end && !failures.has(key))
      failures.set(key, {
        topic,
        partition,
        reason: 'beyond_end',
        message: `position ${next} is beyond the end of the log, ${end}`,
        from: end,
      });
  }
  return [...failures.values()];
}

/** The position, if the epoch of the last message is known. */
export function withEpoch({ topic, partition, next, epoch }: ReadPosition): readonly EpochPosition[] {
  return epoch === null ? [] : [{ at: { topic, partition }, next, epoch }];
}
