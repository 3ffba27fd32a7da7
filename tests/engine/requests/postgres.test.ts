// How many messages and statements a node costs on Postgres, beside what real dbt sends for the same project
// (tests/oracle/requests.mjs makes postgres-golden.json). A number that goes up is a cost for every node of every
// run: it is changed here on purpose or not at all.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { type Counted, countSteps, startCountingProxy } from '../../oracle/support/counting-proxy.mjs';
import { SERVERS } from '../adapters/servers.ts';
import { run } from '../support/program.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const THEIRS = JSON.parse(readFileSync(join(HERE, 'postgres-golden.json'), 'utf8')) as Counted[];

/** `step node: messages/statements, dbt messages/statements`. */
function table(ours: readonly Counted[]): string[] {
  return ours.flatMap(({ run, nodes }, i) =>
    Object.entries(THEIRS[i]!.nodes).map(([name, theirs]) => {
      const { messages, statements } = nodes[name] ?? { messages: 0, statements: 0 };
      return `${run} ${i} ${name}: ${messages}/${statements}, dbt ${theirs.messages}/${theirs.statements}`;
    }),
  );
}

it('a Postgres node costs the listed number of messages and statements', async () => {
  const server = await SERVERS[0]!.open();
  const { host, port, user, password, database } = server.credentials as unknown as Record<
    'host' | 'user' | 'password' | 'database',
    string
  > & { port: number };
  const proxy = await startCountingProxy({ host, port });
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-requests-'));
  try {
    cpSync(join(HERE, 'postgres'), dir, { recursive: true });
    const output = {
      type: 'postgres',
      host: '127.0.0.1',
      port: proxy.port,
      user,
      password,
      dbname: database,
      schema: 'dev',
      threads: 1,
      sslmode: 'disable',
    };
    writeFileSync(join(dir, 'profiles.yml'), JSON.stringify({ requests: { target: 'dev', outputs: { dev: output } } }));
    const ours = await countSteps(
      proxy,
      JSON.parse(readFileSync(join(dir, 'steps.json'), 'utf8')) as string[],
      async (step) => {
        const { code, out } = await run([...step.split(' '), '--project-dir', dir, '--profiles-dir', dir], {
          cwd: dir,
        });
        expect(code, out).toBe(0);
      },
    );
    expect(table(ours)).toEqual([
      'seed 0 rows: 5/8, dbt 4/4',
      'seed 1 rows: 5/8, dbt 4/4',
      'run 2 append: 2/7, dbt 3/3',
      'run 2 delete_insert: 2/7, dbt 3/3',
      'run 2 full: 9/13, dbt 11/11',
      'run 2 materialized_view: 3/7, dbt 5/5',
      'run 2 merge: 2/7, dbt 3/3',
      'run 2 microbatch: 9/19, dbt 3/3',
      'run 2 table: 3/10, dbt 5/5',
      'run 2 view: 2/10, dbt 5/5',
      'run 3 append: 6/13, dbt 7/7',
      'run 3 delete_insert: 6/14, dbt 7/8',
      'run 3 full: 10/16, dbt 12/12',
      'run 3 materialized_view: 6/11, dbt 6/6',
      'run 3 merge: 6/13, dbt 7/7',
      'run 3 microbatch: 18/34, dbt 14/14',
      'run 3 table: 2/11, dbt 6/6',
      'run 3 view: 2/7, dbt 6/6',
      'snapshot 4 snapshot: 5/9, dbt 5/5',
      'snapshot 5 snapshot: 14/19, dbt 14/15',
      'test 6 test: 4/9, dbt 3/3',
    ]);
  } finally {
    await proxy.close();
    await server.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
