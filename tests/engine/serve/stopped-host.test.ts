// Tests a `tsdbt serve` that is suspended during a job for longer than its lease, on both databases: another host takes
// over the due time and builds the rest, and the first one resumes and publishes nothing.
import { afterEach, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { AnyProject, PROJECT_DATABASES, type ProjectDatabase } from '../support/any-project.ts';
import { pause } from '../faults/project.ts';
import { type Running, start } from '../support/program.ts';

/** Seconds: long enough that a busy machine loses no lease. */
const LEASE = 8;

interface Run {
  readonly attempt: number;
  readonly host: string;
  readonly state: string;
  readonly reason: string | null;
}

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const DATABASES: Readonly<Record<string, ProjectDatabase>> = {
  postgres: PROJECT_DATABASES.postgres,
  clickhouse: {
    missing: PROJECT_DATABASES.clickhouse.missing,
    // A separate server: with so short a lease, runs of other files would be lost.
    async open() {
      const lab = await ClickhouseLab.open({});
      return { credentials: { ...lab.credentials }, close: () => lab.close() };
    },
  },
};

for (const [name, database] of Object.entries(DATABASES))
  it.skipIf(database.missing !== null)(`a suspended host does no harm on ${name}`, { timeout: 400_000 }, async () => {
    const schema = `stopped_${process.pid}`;
    const isPostgres = name === 'postgres';
    const rows = isPostgres ? 'generate_series(1, 60) as number' : 'numbers(1, 60)';
    // A tenth of a second per row, so that it is suspended in the middle.
    const slow = isPostgres ? 'pg_sleep(0.1)::text' : 'toString(sleepEachRow(0.1))';
    const project = await AnyProject.open(database, schema, {
      'models/early.sql': "{{ config(materialized='table') }} select '{{ invocation_id }}' as made_by",
      'models/between.sql': "{{ config(materialized='ephemeral') }} select * from {{ ref('early') }}",
      'models/mart.sql':
        `{{ config(materialized='table'${isPostgres ? '' : ', engine="MergeTree()", order_by="id"'}) }}\n` +
        `select number as id, '{{ invocation_id }}' as made_by, ${slow} as s from ${rows} ` +
        "where number > (select count(*) - 1 from {{ ref('between') }})" +
        (isPostgres ? '' : ' settings max_block_size = 1'),
      'models/total.sql':
        "{{ config(materialized='table') }} select count(*) as n, sum(id) as s, min(made_by) as a, max(made_by) as b " +
        "from {{ ref('mart') }}",
      'jobs.yml': `jobs:\n  ${schema}: { run: }\n`,
    });
    closers.push(() => project.close());
    const ask = async (sql: string): Promise<string[][]> => {
      const session = project.adapter.session({ name: 'test' });
      try {
        const { table } = await session.execute(sql, { fetch: true });
        return table.rows.map((row) => row.values.map(String));
      } finally {
        await session.release();
      }
    };
    const runs = async (): Promise<readonly Run[]> => {
      const { stdout } = await project.tsdbt('runs', '--job', schema, '--output', 'json', '--quiet');
      return (JSON.parse(stdout) as { runs: Run[] }).runs;
    };
    const serve = (folder: string): Running => {
      const host = start(
        [
          'serve',
          '--port',
          '0',
          '--no-use-colors',
          '--target-path',
          `target-${folder}`,
          '--log-path',
          `logs-${folder}`,
        ],
        {
          cwd: project.dir,
          env: { ...process.env, DBT_PROFILES_DIR: project.dir, TSDBT_LEASE: String(LEASE) },
        },
      );
      closers.push(async () => {
        if (host.child.exitCode === null) host.child.kill('SIGKILL');
        await host.ended;
      });
      return host;
    };
    // On ClickHouse, which has no locks, the work of a suspended host is protected for two minutes.
    const until = async (what: string, asked: () => boolean | Promise<boolean>): Promise<void> => {
      for (const end = Date.now() + 240_000; Date.now() < end; await pause(100)) if (await asked()) return;
      throw new Error(`never: ${what}\n${first.out()}\n---\n${second?.out()}`);
    };

    const first = serve('a');
    let second: Running | undefined;
    await until('it serves', () => /jobs of \S+ at http/.test(first.out()));
    await project.tsdbt('jobs', 'run', schema, '--quiet');
    await until('it runs', async () => (await runs()).length > 0);
    const early = "select run_id from tsdbt.node_runs where unique_id like '%.early'";
    await until('a node is in the history', async () => (await ask(early)).length === 1);
    first.child.kill('SIGSTOP');
    const before = await ask(`select made_by from ${schema}.early`);
    second = serve('b');
    await until('another host has finished it', async () => (await runs()).some(({ state }) => state === 'success'));
    const made = await ask(`select made_by, count(*), sum(id) from ${schema}.mart group by made_by`);
    expect(made.map(([, n, sum]) => [n, sum])).toEqual([['60', '1830']]);
    first.child.kill('SIGCONT');
    // It finds its run lost, and ends it.
    await until('it wakes', () => /lease/.test(first.out()));
    for (const host of [first, second]) host.child.kill('SIGTERM');
    for (const host of [first, second]) expect((await host.ended).code, host.out()).toBe(0);

    expect(await ask(`select made_by, count(*), sum(id) from ${schema}.mart group by made_by`)).toEqual(made);
    const by = made[0]?.[0];
    expect(await ask(`select n, s, a, b from ${schema}.total`)).toEqual([['60', '1830', by, by]]);
    // What the first host had built is not built again.
    expect(await ask(`select made_by from ${schema}.early`)).toEqual(before);
    expect(before).not.toEqual([[by]]);
    const all = await runs();
    expect(all.find(({ attempt }) => attempt === 2)?.reason).toBe('1 of 4 nodes were made by a try before');
    expect(all.map(({ attempt, state }) => [attempt, state]).sort()).toEqual([
      [1, 'lost'],
      [2, 'success'],
    ]);
    expect(new Set(all.map(({ host }) => host)).size).toBe(2);
  });
