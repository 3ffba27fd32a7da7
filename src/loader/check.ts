// Checks without writing whether a target could be loaded: topics, table, column types, key, privileges.
import type { BrokerClient } from './brokers/broker.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { Sink } from './sink.ts';
import { topicNames } from './settings/target-topics.ts';

/** @returns descriptions of the obstacles; empty if there are none */
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
