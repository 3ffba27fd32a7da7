// Whether a target could be loaded, found out without writing: topic, table, types of its columns, key, privileges.
import type { BrokerClient } from './broker.ts';
import type { LoadTarget } from './load-target.ts';
import type { Sink } from './sink.ts';

/** @returns the obstacles, in words; empty when there are none */
export async function checkTarget(
  sink: Pick<Sink, 'problems'>,
  client: BrokerClient,
  target: LoadTarget,
): Promise<string[]> {
  await client.topics([target.topic]);
  await client.check([target.topic]);
  return sink.problems(target);
}
