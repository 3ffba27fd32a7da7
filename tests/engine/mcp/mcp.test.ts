// `tsdbt mcp` with the protocol's own client: every tool on a small project on both databases, and what it refuses.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnyProject, PROJECT_DATABASES } from '../support/any-project.ts';
import { BIN } from '../support/program.ts';

const FILES = {
  'models/sources.yml': 'sources: [{name: raw, tables: [{name: payments, columns: [{name: id}, {name: amount}]}]}]',
  'models/orders.sql':
    "{{ config(materialized='ephemeral') }} select id, amount * 2 as total from {{ source('raw', 'payments') }}",
  'models/numbers.sql': "{{ config(materialized='table') }} select 1 as id",
  'models/numbers.yml':
    'models: [{name: numbers, description: One row., columns: [{name: id, data_tests: [not_null, ' +
    '{accepted_values: {arguments: {values: [2], quote: false}}}]}]}]',
};

describe.each(['postgres', 'clickhouse'] as const)('mcp on %s', (type) => {
  const { missing } = PROJECT_DATABASES[type];
  const on = it.skipIf(missing !== null);
  /** Tests of what does not depend on the database. */
  const once = it.skipIf(type !== 'postgres');
  let project: AnyProject;
  const clients: Client[] = [];
  const connect = async (...args: string[]): Promise<Client> => {
    const client = new Client({ name: 'test', version: '1' });
    const env = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? '']));
    await client.connect(
      new StdioClientTransport({ command: process.execPath, args: [BIN, 'mcp', ...args], cwd: project.dir, env }),
    );
    clients.push(client);
    return client;
  };
  let client: Client;
  /** @returns the answer of a tool; its text, if it is not JSON or an error */
  const call = async (name: string, args: object = {}, by = client): Promise<unknown> => {
    const { content, isError } = await by.callTool({ name, arguments: { ...args } });
    const [first] = content;
    if (first?.type !== 'text') throw new Error('expected text');
    if (isError === true) return `error: ${first.text}`;
    return /^[[{]/.test(first.text) ? JSON.parse(first.text) : first.text;
  };

  beforeAll(async () => {
    if (missing !== null) return;
    project = await AnyProject.open(PROJECT_DATABASES[type], `mcp_${process.pid}`, FILES);
    await project.tsdbt('build', '--select', 'numbers');
    client = await connect('--allow-query');
  });
  afterAll(async () => {
    if (missing !== null) return;
    await Promise.all(clients.map((each) => each.close()));
    await project.close();
  });

  on('offers read-only tools, and queries only if they are allowed', async () => {
    const { tools } = await client.listTools();
    expect(tools.map(({ annotations }) => annotations?.readOnlyHint)).toEqual(tools.map(() => true));
    const plain = await (await connect()).listTools();
    const names = plain.tools.map(({ name }) => name);
    expect(names).not.toContain('query');
    expect(tools.map(({ name }) => name)).toEqual([...names, 'query']);
  });

  once('lists and describes nodes', async () => {
    expect(await call('list_nodes', { resource_type: 'model', limit: 1 })).toMatchObject({
      total: 2,
      nodes: [{ unique_id: expect.stringMatching(/^model\.\w+\.numbers$/), description: 'One row.' }],
    });
    expect(await call('list_nodes', { select: 'nothing' })).toEqual({ total: 0, nodes: [] });
    expect(await call('describe_node', { node: 'raw.payments' })).toMatchObject({
      resource_type: 'source',
      children: [expect.stringMatching(/\.orders$/)],
      tests: [],
    });
    expect(await call('describe_node', { node: 'numbers' })).toMatchObject({
      columns: { id: { name: 'id' } },
      parents: [],
      children: [],
      tests: [expect.stringContaining('accepted_values'), expect.stringContaining('not_null')],
    });
    expect(await call('describe_node', { node: 'number' })).toContain("Did you mean 'numbers'?");
  });

  on('compiles SQL, shows lineage and finds mistakes', async () => {
    expect(await call('compiled_sql', { node: 'orders' })).toMatchObject({
      node: 'orders',
      compiled: expect.stringContaining('amount * 2 as total from'),
    });
    expect(await call('column_lineage', { node: 'orders', column: 'total', direction: 'up' })).toMatchObject([
      { column: 'total', sources: [{ column: 'amount', kind: 'expression' }] },
      { column: 'amount', sources: [] },
    ]);
    expect(await call('check_sql', { select: 'numbers' })).toEqual([]);
    const wrong = join(project.dir, 'models', 'numbers.sql');
    writeFileSync(wrong, 'select missing from (select 1 as id) as one');
    expect(await call('check_sql', { select: 'numbers' })).toContainEqual(
      expect.objectContaining({ status: 'mistake', path: 'models/numbers.sql', line: 1 }),
    );
    writeFileSync(wrong, FILES['models/numbers.sql']);
  });

  on('shows the failures of the last run, and runs of jobs', async () => {
    expect(await call('last_run')).toMatchObject({ total: 3, results: [{ status: 'fail', failures: 1 }] });
    expect(await call('last_run', { all: true })).toMatchObject({ total: 3, results: [{}, {}, {}] });
    // Other tests on the same server may have run jobs.
    expect(await call('job_runs')).toMatchObject({ runs: expect.any(Array), left_out: expect.any(Array) });
  });

  once('compares with the state that it was started with', async () => {
    expect(await call('impact')).toContain('Missing option --state');
    await project.tsdbt('compile', '--no-introspect', '--target-path', 'state');
    const compared = await connect('--state', 'state');
    expect(await call('impact', {}, compared)).toEqual([]);
    const changed = join(project.dir, 'models', 'orders.sql');
    writeFileSync(changed, FILES['models/orders.sql'].replace('2', '3'));
    expect(await call('impact', {}, compared)).toMatchObject([
      { status: 'changed', changes: [{ column: 'total', change: 'values' }] },
    ]);
    writeFileSync(changed, FILES['models/orders.sql']);
  });

  on('returns rows of queries that change nothing', async () => {
    expect(await call('query', { sql: "select id from {{ ref('numbers') }}" })).toEqual([{ id: 1 }]);
    const changes = "{% do run_query('drop table ' ~ ref('numbers')) %} select 1 as id";
    expect(await call('query', { sql: changes })).toMatch(/^error: .*read-?only/is);
    expect(await call('query', { sql: '-- a comment\nselect 7 as id' })).toEqual([{ id: 7 }]);
    expect(await call('query', { sql: "select id from {{ ref('numbers') }}" })).toEqual([{ id: 1 }]);
  });

  once('ends a query if the server is killed', async () => {
    const killed = await connect('--allow-query');
    const { transport } = killed;
    if (!(transport instanceof StdioClientTransport) || transport.pid === null) throw new Error('expected a process');
    const sql = "select pg_sleep(60) as x, 'of a killed server' as y";
    const asked = killed.callTool({ name: 'query', arguments: { sql } }).catch(() => null);
    const running = async (): Promise<number> => {
      const found = await call('query', {
        sql:
          "select count(*) as n from pg_stat_activity where query like '%of a killed ' || 'server%' and state = " +
          "'active'",
      });
      return Number(JSON.stringify(found).replace(/\D/g, ''));
    };
    await expect.poll(running, { timeout: 30_000 }).toBe(1);
    process.kill(transport.pid, 'SIGKILL');
    await expect.poll(running, { timeout: 20_000 }).toBe(0);
    await asked;
  });
  once('refuses arguments that a command would read as options', async () => {
    for (const [tool, args] of [
      ['list_nodes', { select: '--project-dir=/' }],
      ['describe_node', { node: '-h' }],
      ['column_lineage', { node: ' --up', direction: 'direct' }],
      ['job_runs', { run: '--output' }],
    ] as const)
      expect(await call(tool, args)).toContain('must not begin with a hyphen');
    expect(await call('list_nodes', { select: 'a\0b' })).toContain('must not contain a NUL character');
    expect(await call('list_nodes', { select: 'a'.repeat(200_000) })).toContain('<=10000 characters');
    expect(await call('query', { sql: "select 'x' as a", limit: 1_000_000 })).toContain('error: ');
  });

  on('finds versions of models and analyses, and reports nodes without SQL', async () => {
    const files = {
      'models/sizes_v1.sql': 'select 1 as id',
      'models/sizes_v2.sql': "{{ print('printed') }} select 2 as id",
      'models/sizes.yml': 'models: [{name: sizes, versions: [{v: 1}, {v: 2}]}]',
      'analyses/twice.sql': "select id * 2 as twice from {{ ref('numbers') }}",
    };
    project.write(files);
    const compiled = (of: string): object => ({ compiled: expect.stringContaining(of) });
    expect(await call('compiled_sql', { node: 'sizes' })).toMatchObject(compiled('select 2'));
    expect(await call('compiled_sql', { node: 'sizes.v1' })).toMatchObject(compiled('select 1'));
    expect(await call('describe_node', { node: 'sizes.v2' })).toMatchObject({ name: 'sizes', version: 2 });
    expect(await call('describe_node', { node: 'sizes.v3' })).toContain("Did you mean 'sizes.v");
    expect(await call('compiled_sql', { node: 'twice' })).toMatchObject(compiled('id * 2'));
    expect(await call('compiled_sql', { node: 'raw.payments' })).toBe(
      "error: 'raw.payments' is a source, which has no SQL.",
    );
    for (const path of Object.keys(files)) rmSync(join(project.dir, path));
  });

  once('reports a broken project, and serves it when it is mended', async () => {
    const broken = join(project.dir, 'models', 'broken.sql');
    writeFileSync(broken, "select {{ ref('nowhere') }}");
    expect(await call('list_nodes')).toMatch(/^error: .*depends on a node named 'nowhere'/s);
    writeFileSync(broken, 'select 1 as id');
    expect(await call('list_nodes', { resource_type: 'model' })).toMatchObject({ total: 3 });
  });
});
