// Whether a target could be loaded, found out without writing: topic, table, types of its columns, key, privileges.
import type { Adapter } from '../adapters/adapter.ts';
import type { BrokerClient } from './broker.ts';
import type { LoadTarget } from './load-target.ts';
import { databaseProblems } from './postgres/problems.ts';

/** @returns what stands in the way, in words; empty when nothing does */
export async function checkTarget(adapter: Adapter, client: BrokerClient, target: LoadTarget): Promise<string[]> {
  await client.topics([target.topic]);
  await client.check([target.topic]);
  const session = adapter.session({ name: `load check ${target.name}` });
  try {
    return await databaseProblems(session, target);
  } finally {
    await session.release();
  }
}
