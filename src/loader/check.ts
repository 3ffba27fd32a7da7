// Whether a target could be loaded, found out without writing: topics, table, types of its columns, key, privileges.
import type { BrokerClient } from './broker.ts';
import type { LoadTarget } from './load-target.ts';
import type { Sink } from './sink.ts';
import { topicNames } from './topics.ts';

/** @returns the obstacles, in words; empty when there are none */
export async function checkTarget(
  sink: Pick<Sink, 'problems'>,
  client: BrokerClient,
  target: LoadTarget,
): Promise<string[]> {
  const names = await topicNames(client, target);
  await client.topics(names);
  await client.check(names);
  return sink.problems(target);
}
