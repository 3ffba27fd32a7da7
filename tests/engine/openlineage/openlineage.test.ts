// OpenLineage events of real commands beside what openlineage-dbt makes of the same runs (golden.json, written by `npm
// run oracle -- openlineage`, which also has openlineage-python read the events).
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namespaceOf } from '../../../src/openlineage/datasets.ts';
import type { LineageEvent } from '../../../src/openlineage/events.ts';
import { SERVERS, type TestServer } from '../adapters/servers.ts';
import { run } from '../support/program.ts';

/** Type, job, inputs, outputs. */
type Short = [string, string, string[][], string[][]];
type Facet = { [field: string]: unknown };
interface Read extends Omit<LineageEvent, 'run' | 'job' | 'inputs' | 'outputs'> {
  readonly run: { readonly runId: string; readonly facets: Record<string, Facet> };
  readonly job: { readonly namespace: string; readonly name: string; readonly facets: Record<string, Facet> };
  readonly inputs: readonly Dataset[];
  readonly outputs: readonly Dataset[];
}
interface Dataset {
  readonly namespace: string;
  readonly name: string;
  readonly facets: Record<string, Facet>;
  readonly inputFacets?: Record<string, Facet>;
  readonly outputFacets?: Record<string, Facet>;
}
interface Golden {
  readonly commands: Record<string, { readonly run: string; readonly theirs: Short[] }>;
  /** Fields of facets' classes, and whether each must be there. */
  readonly classes: Record<string, Record<string, boolean>>;
}

const golden = JSON.parse(readFileSync(join(import.meta.dirname, 'golden.json'), 'utf8')) as Golden;
let server: Awaited<ReturnType<TestServer['open']>>;
let dir = '';
let namespace = '';
let database = '';
beforeAll(async () => {
  server = await SERVERS[0]!.open();
  dir = mkdtempSync(join(tmpdir(), 'tsdbt-lineage-'));
  cpSync(join(import.meta.dirname, 'project'), dir, { recursive: true });
  const { database: dbname, ...credentials } = server.credentials;
  const { host, port } = credentials as unknown as { host: string; port: number };
  namespace = `postgres://${host}:${port}`;
  database = dbname;
  const dev = { ...credentials, dbname, schema: 's', threads: 1 };
  writeFileSync(join(dir, 'profiles.yml'), JSON.stringify({ shop: { target: 'dev', outputs: { dev } } }));
});
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

const play = (command: string, env: Readonly<Record<string, string>> = {}) =>
  run([command, '--profiles-dir', dir], { cwd: dir, env: { ...process.env, ...env } });

/** Runs a command with its events in a file. */
async function eventsOf(command: string, env: Readonly<Record<string, string>> = {}): Promise<Read[]> {
  const file = join(dir, `${command}.jsonl`);
  rmSync(file, { force: true });
  const { out } = await play(command, {
    OPENLINEAGE__TRANSPORT__TYPE: 'file',
    OPENLINEAGE__TRANSPORT__LOG_FILE_PATH: file,
    ...env,
  });
  expect(existsSync(file), out).toBe(true);
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Read);
}

function short({ eventType, job, inputs, outputs }: Read): Short {
  const plain = (text: string) => text.replace(namespace, 'NAMESPACE').replace(`${database}.`, 'postgres.');
  const named = (sets: readonly Dataset[]) => sets.map((each) => [plain(each.namespace), plain(each.name)]).sort();
  return [eventType, plain(job.name), named(inputs), named(outputs)];
}

/** What a facet has too much or too little. */
function misfits(facets: Record<string, Facet> = {}): string[] {
  return Object.entries(facets).flatMap(([name, facet]) => {
    const fields = golden.classes[String(facet['_schemaURL']).split('/').at(-1) ?? ''];
    if (fields === undefined) return [`${name}: ${String(facet['_schemaURL'])}`];
    const unknown = Object.keys(facet).filter((field) => !(field in fields) && !field.startsWith('_'));
    const missing = Object.keys(fields).filter((field) => fields[field] && !(field in facet));
    return [...unknown, ...missing].map((field) => `${name}.${field}`);
  });
}

it.each([true, '.tsdbt/pg'])('an embedded server (%s) has a stable OpenLineage namespace', (embedded) => {
  const given = { type: 'postgres', database: 'd', schema: 's', host: 'localhost', port: 0 };
  expect([namespaceOf({ ...given, embedded }), namespaceOf({ ...given, port: 5432 })]).toEqual([
    'postgres://embedded',
    'postgres://localhost:5432',
  ]);
});

describe('OpenLineage events', () => {
  it.each(['seed', 'run', 'snapshot', 'test', 'build'])('of %s name jobs and datasets as dbt-ol', async (command) => {
    const events = await eventsOf(command);
    const { run: job, theirs } = golden.commands[command] ?? { run: '', theirs: [] };
    const shorts = events.map(short);
    expect(shorts.at(0)).toEqual(['START', job, [], []]);
    expect(shorts.at(-1)).toEqual([['run', 'build', 'test'].includes(command) ? 'FAIL' : 'COMPLETE', job, [], []]);
    for (const [type, name, inputs, outputs] of theirs) {
      const same = shorts.find((each) => each[0] === type && each[1] === name);
      // Seeds are inputs here, too.
      expect(same, `${type} ${name}`).toEqual([type, name, expect.arrayContaining(inputs), outputs]);
    }
    const facets = events.flatMap(({ run, job, inputs, outputs }) => [
      run.facets,
      job.facets,
      ...[...inputs, ...outputs].flatMap((set) => [set.facets, set.inputFacets, set.outputFacets]),
    ]);
    expect(facets.flatMap((each) => misfits(each))).toEqual([]);
  });

  it('begin and end each node once, as children of the run, with its inputs, outputs and failure', async () => {
    const parent = 'airflow/dag.task/0198ad5c-1111-7222-8333-944455566677';
    const events = await eventsOf('run', { OPENLINEAGE_PARENT_ID: parent, OPENLINEAGE_NAMESPACE: 'shop' });
    const [first] = events;
    const runs = new Map<string, string[]>();
    for (const { run, eventType } of events) runs.set(run.runId, [...(runs.get(run.runId) ?? []), eventType]);
    expect([...runs.values()].filter((types) => types.length !== 2 || types[0] !== 'START')).toEqual([]);
    const root = {
      run: { runId: '0198ad5c-1111-7222-8333-944455566677' },
      job: { namespace: 'airflow', name: 'dag.task' },
    };
    expect(first?.run.facets['parent']).toMatchObject({ ...root, root });
    const of = (type: string, model: string) =>
      events.find(({ eventType, job }) => eventType === type && job.name.endsWith(`.shop.${model}`));
    const orders = of('COMPLETE', 'orders');
    expect(orders?.job.namespace).toBe('shop');
    // It is told as it ends, before what stands on it begins.
    const [over, next] = [orders, of('START', 'totals')].map((event) =>
      event === undefined ? -1 : events.indexOf(event),
    );
    expect(over).toBeGreaterThan(-1);
    expect(next).toBeGreaterThan(over ?? -1);
    expect(orders?.run.facets['parent']).toMatchObject({
      run: { runId: first?.run.runId },
      job: { namespace: 'shop', name: 'dbt-run-shop' },
      root,
    });
    expect(orders?.run.facets['tags']).toMatchObject({ tags: [{ key: 'daily', value: 'true', source: 'DBT' }] });
    expect(orders?.job.facets['sql']).toMatchObject({
      query: expect.stringContaining('select id, amount'),
      dialect: 'postgres',
    });
    expect(orders?.outputs[0]).toMatchObject({
      facets: {
        documentation: { description: 'Each order once.' },
        ownership: { owners: [{ name: 'Ann' }] },
        schema: { fields: [{ name: 'id', type: 'int', description: 'Its number.' }, { name: 'amount' }] },
      },
      outputFacets: { outputStatistics: { rowCount: 3 } },
    });
    expect(of('FAIL', 'broken')?.run.facets['errorMessage']).toMatchObject({
      message: expect.stringContaining('division by zero'),
      programmingLanguage: 'SQL',
    });
    expect(events.at(-1)?.run.facets['errorMessage']).toMatchObject({ message: 'failed: model.shop.broken' });
    expect(events.filter(({ job }) => job.name.endsWith('.below'))).toEqual([]);
  });

  it('contain the columns that each column comes from', async () => {
    const events = await eventsOf('run');
    const lineageOf = (model: string): Facet | undefined =>
      events.find(({ eventType, job }) => eventType === 'COMPLETE' && job.name.endsWith(`.shop.${model}`))?.outputs[0]
        ?.facets['columnLineage'];
    const input = (name: string, field: string, subtype: string): object => ({
      namespace,
      name: `${database}.${name}`,
      field,
      transformations: [{ type: 'DIRECT', subtype }],
    });
    expect(lineageOf('orders')?.['fields']).toEqual({
      id: { inputFields: [input('s.raw_orders', 'id', 'IDENTITY')] },
      amount: { inputFields: [input('s.raw_orders', 'amount', 'IDENTITY')] },
    });
    expect(lineageOf('totals')?.['fields']).toEqual({
      amount: { inputFields: [input('s.all_orders', 'amount', 'AGGREGATION')] },
    });
  });

  it('contain the results of tests', async () => {
    const events = await eventsOf('test');
    const orders = events.find(({ eventType, job }) => eventType !== 'START' && job.name.endsWith('orders.test'));
    const found = orders?.inputs[0]?.inputFacets?.['dataQualityAssertions'] as unknown as { assertions: Facet[] };
    const words = found.assertions
      .map(({ name, success, actual, severity }) => [name, success, actual, severity])
      .sort();
    expect([orders?.eventType, words]).toEqual([
      'FAIL',
      [
        ['amount_is_there', false, '1', 'error'],
        ['few_orders', true, '0', 'error'],
        ['not_null_orders_amount', false, '1', 'warn'],
        ['not_null_orders_id', true, '0', 'error'],
        ['unique_orders_id', true, '0', 'error'],
      ],
    ]);
  });
});

describe('an OpenLineage receiver', () => {
  let receiver: Server;
  let url = '';
  let status: number | 'never' = 201;
  const asked: { path: string; key: string; body: string }[] = [];
  beforeAll(async () => {
    receiver = createServer(async (request, response) => {
      let body = '';
      for await (const part of request) body += String(part);
      asked.push({ path: request.url ?? '', key: request.headers.authorization ?? '', body });
      if (status !== 'never') response.writeHead(status).end();
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    receiver.closeAllConnections();
    receiver.close();
  });
  const exits = async (env: Readonly<Record<string, string>>) => {
    asked.length = 0;
    const { code, out } = await play('snapshot', env);
    return { code, said: out.split('\n').filter((line) => /openlineage/i.test(line)) };
  };

  it('gets each event by HTTP with the key', async () => {
    expect(await exits({ OPENLINEAGE_URL: url, OPENLINEAGE_API_KEY: 'k-1234567' })).toEqual({ code: 0, said: [] });
    expect(asked.map(({ path, key }) => [path, key])).toEqual(
      Array.from({ length: 4 }, () => ['/api/v1/lineage', 'Bearer k-1234567']),
    );
    const types = asked.map(({ body }) => (JSON.parse(body) as Read).eventType);
    expect(types).toEqual(['START', 'START', 'COMPLETE', 'COMPLETE']);
  });

  it('that rejects, is silent or does not exist fails no run', async () => {
    status = 503;
    const refused = await exits({ OPENLINEAGE_URL: url });
    expect(refused).toEqual({
      code: 0,
      said: [
        expect.stringContaining('OpenLineage events cannot be sent: HTTP 503'),
        expect.stringContaining('4 OpenLineage events were not sent'),
      ],
    });
    status = 'never';
    expect((await exits({ OPENLINEAGE_URL: url })).code).toBe(0);
    expect((await exits({ OPENLINEAGE_URL: 'http://127.0.0.1:1' })).code).toBe(0);
    expect((await exits({ OPENLINEAGE_URL: 'nonsense' })).said[0]).toContain('OPENLINEAGE_URL must be a URL');
    const file = { OPENLINEAGE__TRANSPORT__TYPE: 'file', OPENLINEAGE__TRANSPORT__LOG_FILE_PATH: '/nowhere/x' };
    expect((await exits(file)).said[0]).toContain('OpenLineage events cannot be sent: ENOENT');
  });

  it('receives nothing if that is disabled', async () => {
    status = 201;
    expect(await exits({ OPENLINEAGE_URL: url, OPENLINEAGE_DISABLED: 'true' })).toEqual({ code: 0, said: [] });
    expect(asked).toEqual([]);
  });
});
