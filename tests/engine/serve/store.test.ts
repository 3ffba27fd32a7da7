// Runs the cases of every store on each of them, with two adapters for two hosts.
import type { Adapter } from '../../../src/adapters/adapter.ts';
import { createClickHouseAdapter } from '../../../src/adapters/clickhouse/create.ts';
import { createPostgresAdapter } from '../../../src/adapters/postgres/create.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { MemoryData, MemoryStore } from './memory-store.ts';
import { createStore } from '../../../src/serve/store/create-store.ts';
import { SERVERS } from '../adapters/servers.ts';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { type Place, storeCases } from './store-cases.ts';

storeCases('memory', async () => {
  const data = new MemoryData();
  let now = Date.UTC(2027, 0, 1);
  return {
    host: async (leaseMs) => new MemoryStore({ now: () => now, data, ...(leaseMs === undefined ? {} : { leaseMs }) }),
    pass: async (ms) => {
      now += ms;
    },
    end: async () => undefined,
  };
});

/**
 * Stores of a database, each on an adapter of its own.
 * @param older statements that make an earlier version of it
 * @param later statements after which it is of an hour that comes yet
 */
function hosts(
  create: () => Adapter,
  end: () => Promise<void>,
  older: readonly string[],
  later: readonly string[] = [],
): Place {
  const adapters: Adapter[] = [];
  const run = async (statements: readonly string[]): Promise<void> => {
    const session = adapters[0]?.session({ name: 'test' });
    for (const sql of statements) await session?.execute(sql);
    await session?.release();
  };
  return {
    async host(leaseMs) {
      const adapter = create();
      adapters.push(adapter);
      return createStore(adapter, leaseMs);
    },
    pass: (ms) =>
      new Promise((resolve) => {
        setTimeout(resolve, ms);
      }),
    age: () => run(older),
    setBack: () => run(later),
    async end() {
      for (const adapter of adapters) await adapter.close();
      await end();
    },
  };
}

function postgres(credentials: Credentials): Adapter {
  const profile = { profile_name: 'test', target_name: 'test', threads: 4, profiles_dir: null, credentials };
  return createPostgresAdapter(profile, { quoting: {}, projectDir: process.cwd(), env: {} });
}

function clickhouse(credentials: Credentials): Adapter {
  const profile = { profile_name: 'test', target_name: 'test', threads: 4, profiles_dir: null, credentials };
  return createClickHouseAdapter(profile, { quoting: {}, projectDir: process.cwd(), threads: 4 });
}

for (const server of SERVERS)
  storeCases(server.name, async () => {
    const { credentials, close } = await server.open();
    return hosts(() => postgres(credentials), close, [
      'alter table tsdbt.job_runs drop column again_at',
      'drop table tsdbt.due_left_out, tsdbt.job_begins',
    ]);
  });

if (clickhouseMissing === null)
  // A separate server: a run that is recorded as lost here may belong to another file.
  storeCases('ClickHouse', async () => {
    const lab = await ClickhouseLab.open({});
    return hosts(
      () => clickhouse(lab.credentials),
      () => lab.close(),
      [
        'alter table tsdbt.job_ends drop column again_at',
        'drop table tsdbt.due_left_out',
        'drop table tsdbt.job_begins',
      ],
      ['insert into tsdbt.job_pauses select job, paused, changed_at + interval 1 hour from tsdbt.job_pauses final'],
    );
  });
