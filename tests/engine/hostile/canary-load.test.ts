// Secrets as canaries in `load`: credentials of broker, registry, store and database, and values of columns that are
// hashed or dropped. Each way in which loading fails, and what it leaves behind, shows none of them.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadClientLibrary } from '../../../src/loader/brokers/kafka/client-library.ts';
import { SERVERS, type TestServer } from '../adapters/servers.ts';
import { clickhouseAdapter, clickhouseFolder, clickhouseMissing, textsOf } from '../support/clickhouse.ts';
import { FakeKafka } from '../support/fake-kafka.ts';
import { packedBatch } from '../support/kafka-batches.ts';
import { type Ended, start } from '../support/program.ts';
import { canary, found, NEEDLE, places } from './canary.ts';

const LONG = process.env['TSDBT_HOSTILE'] === 'long';
const ENV = {
  DBT_ENV_SECRET_SASL: canary('sasl'),
  DBT_ENV_SECRET_REGISTRY: canary('registry'),
  DBT_ENV_SECRET_STORE: canary('store'),
  DBT_ENV_SECRET_DATABASE: canary('database'),
  TSDBT_HASH_KEY: canary('hash'),
};
const EMAIL = `${NEEDLE}@example.com`;

let base = '';
let database: Awaited<ReturnType<TestServer['open']>>;
let broker: FakeKafka;
/** Refuses everything, and repeats what it was sent. */
let echo: Server;
let echoed = 0;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'tsdbt-canary-load-'));
  database = await SERVERS[0]!.open();
  broker = await FakeKafka.start();
  echo = createServer((request, response) => {
    echoed++;
    const [, basic = ''] = (request.headers.authorization ?? '').split('Basic ');
    const sent = [...request.rawHeaders, request.url, Buffer.from(basic, 'base64').toString()].join(' ');
    response.writeHead(403, { 'content-type': 'application/json', 'x-sent': encodeURIComponent(sent) });
    response.end(JSON.stringify({ error_code: 40301, message: sent }));
  }).listen(0, '127.0.0.1');
  await new Promise((done) => echo.once('listening', done));
  const library = await loadClientLibrary();
  const send = (topic: string, values: readonly (string | Buffer)[]): void => {
    broker.create(topic);
    const messages = values.map((value) => ({
      key: Buffer.from(EMAIL),
      value: Buffer.from(value),
      headers: new Map([[Buffer.from('who'), Buffer.from(EMAIL)]]),
      timestamp: 1_700_000_000_000n,
    }));
    broker.append(topic, 0, packedBatch(library, topic, messages, { first: 0n }), messages.length);
  };
  const person = (more: object): string => JSON.stringify({ id: 1, email: EMAIL, token: EMAIL, ...more });
  send('people', [
    person({}),
    person({ id: EMAIL }),
    person({ id: 10 ** 30 }),
    person({ born: EMAIL }),
    person({ email: { inner: EMAIL } }),
    person({ email: [EMAIL] }),
    person({ id: 2, note: '\0' }),
    person({ id: 3 }).slice(0, -9),
    `${person({ id: 4 })}${EMAIL}`,
    `"${EMAIL}"`,
    EMAIL,
    Buffer.concat([Buffer.from(EMAIL), Buffer.from([0xff, 0xfe])]),
    '',
  ]);
  send('strangers', [person({}), person({ [`field ${'x'.repeat(200)}`]: EMAIL })]);
  send('schemas', [Buffer.concat([Buffer.from([0, 0, 0, 0, 9]), Buffer.from(EMAIL)])]);
  send('kept', ['{"id": 1}']);
});
afterAll(async () => {
  echo.close();
  echo.closeAllConnections();
  await broker.close();
  await database.close();
  rmSync(base, { recursive: true, force: true });
});

const HIDDEN = 'hash: [email], drop: [token]';
/** One table each, so that one kind of failure does not hide the next one. */
const TABLES: Readonly<Record<string, string>> = {
  people: `{topic: people, ${HIDDEN}, max_dead: false}`,
  few_dead: `{topic: people, ${HIDDEN}, max_dead: 2}`,
  strangers: `{topic: strangers, ${HIDDEN}, schema_drift: fail}`,
  upserted: `{topic: people, ${HIDDEN}, mode: upsert, key: [id], max_dead: false}`,
  changes: `{topic: people, ${HIDDEN}, format: debezium, key: [id], max_dead: false}`,
  schemas: `{topic: schemas, ${HIDDEN}, format: json_schema, connection: registry}`,
  avro: `{topic: schemas, ${HIDDEN}, format: avro, connection: registry}`,
  archived: `{topic: kept, archive: {connection: store, path: 'raw/{day}/'}}`,
  refused: `{topic: kept, ${HIDDEN}, connection: refused}`,
  tls: `{topic: kept, ${HIDDEN}, connection: tls}`,
  away: `{topic: kept, ${HIDDEN}, connection: away}`,
  no_topic: `{topic: nowhere, ${HIDDEN}}`,
};

/** What the commands say: each kind of failure did happen. */
const EXPECTED = [
  /raw\.people: [34] rows loaded, (?:9|10) dead letters/,
  /more than max_dead \(2\)/,
  /A message of topic strangers has 'field x+'/,
  /The schema registry at \S+ refuses the credentials/,
  /The object store 'store' at \S+ refuses GET/,
  /The broker at \S+ refuses the credentials of connection 'refused'/,
  /no broker answers at 127\.0\.0\.1:9/,
  ...(LONG ? [/Loading raw\.tls gave up after 2 s/, /Topic nowhere does not exist/] : []),
];

const secret = (name: string): string => `"{{ env_var('DBT_ENV_SECRET_${name}') }}"`;

function files(output: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const at = `'127.0.0.1:${broker.port}'`;
  const url = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
  const sasl = `{mechanism: PLAIN, username: me, password: ${secret('SASL')}}`;
  const columns = '[{name: id, data_type: TYPE}, {name: email}, {name: born, data_type: date}, {name: note}]';
  const type = output['type'] === 'clickhouse' ? 'Nullable(Int64)' : 'bigint';
  const dates = output['type'] === 'clickhouse' ? 'Nullable(Date32)' : 'date';
  const keyed = output['type'] === 'clickhouse' ? 'Int64' : 'bigint';
  const tables = Object.entries(TABLES).map(([name, load]) => {
    const typed = columns.replace('TYPE', /key:/.test(load) ? keyed : type).replace('date}', `${dates}}`);
    return `      - {name: ${name}, config: {meta: {tsdbt: {load: ${load}}}}, columns: ${typed}}\n`;
  });
  return {
    'dbt_project.yml': "name: p\nversion: '1.0'\nprofile: p\n",
    'profiles.yml': JSON.stringify({ p: { target: 'dev', outputs: { dev: output } } }),
    'models/s.yml': `sources:\n  - name: raw\n    schema: canary_load\n    tables:\n${tables.join('')}`,
    'connections.yml':
      `connections:\n  default: {brokers: [${at}]}\n` +
      `  refused: {brokers: [${at}], sasl: ${sasl}}\n` +
      `  tls: {brokers: [${at}], tls: true, sasl: ${sasl}}\n` +
      `  away: {brokers: ['127.0.0.1:9'], sasl: ${sasl}}\n` +
      `  registry: {brokers: [${at}], registry: {url: '${url}', username: me, password: ${secret('REGISTRY')}}}\n` +
      `  store: {type: s3, endpoint: '${url}', bucket: b, access_key_id: me, ` +
      `secret_access_key: ${secret('STORE')}}\n`,
  };
}

function project(name: string, output: Readonly<Record<string, unknown>>): string {
  const dir = join(base, name);
  for (const [path, text] of Object.entries(files(output))) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  return dir;
}

/** Command lines of a process and of all that it started. */
function commandLines(pid: number): string[] {
  const kin = [pid];
  for (const each of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const stat = read(`/proc/${each}/stat`);
    if (kin.includes(Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]))) kin.push(Number(each));
  }
  return kin.map((each) => read(`/proc/${each}/cmdline`));
}
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The first of those that fail in one place stand for the others in the small form. */
const SMALL = ['people', 'few_dead', 'strangers', 'schemas', 'archived', 'refused', 'away'];
const COMMANDS = [
  ...Object.keys(TABLES)
    .filter((table) => LONG || SMALL.includes(table))
    .map((table) => ['load', '--once', '--timeout', '2s', '--select', `source:raw.${table}`]),
  ['load', 'status'],
  ['load', 'replay-dlq', '--select', 'source:raw.people'],
  ...(LONG
    ? [
        ['load', 'check'],
        ['load', 'status', '--output', 'json'],
        ['load', 'rewind', '--select', 'source:raw.people', '--to', 'earliest'],
        ['load', 'repair'],
        ...['registry', 'store', 'refused'].map((name) => ['debug', '--connection', name]),
      ]
    : []),
];

async function load(dir: string, args: readonly string[]): Promise<Ended & { lines: string[] }> {
  const running = start([...args, '--debug'], {
    cwd: dir,
    env: { PATH: process.env['PATH'], HOME: base, XDG_STATE_HOME: process.env['XDG_STATE_HOME'], ...ENV },
  });
  const lines: string[] = [];
  const look = setInterval(() => lines.push(...commandLines(running.child.pid!)), 200);
  const ended = await running.ended;
  clearInterval(look);
  return { ...ended, lines };
}

/** @param rows the texts of every table that the loader wrote */
async function show(dir: string, rows: () => Promise<readonly string[]>): Promise<void> {
  const wrong: string[] = [];
  const said: string[] = [];
  for (const args of COMMANDS) {
    const name = args.join(' ');
    const { out, code, lines } = await load(dir, args);
    said.push(`${name}: ${code}\n${out}`);
    // `connections.yml` and `profiles.yml` name the variables only.
    for (const place of [...places(out), ...found(dir), ...places(lines.join('\n'))]) wrong.push(`${name}: ${place}`);
  }
  for (const row of await rows()) for (const place of places(row)) wrong.push(`a table: ${place}`);
  expect(wrong).toEqual([]);
  const all = said.join('\n');
  for (const word of EXPECTED) expect(all).toMatch(word);
  expect(echoed).toBeGreaterThan(1);
}

describe('a secret is neither shown nor stored by a load', () => {
  it('into Postgres', { timeout: 600_000 }, async () => {
    const output = { ...database.credentials, dbname: database.credentials['database'], schema: 'x', threads: 2 };
    const client = new pg.Client({ ...output, port: Number(database.credentials['port']) } as pg.ClientConfig);
    await client.connect();
    try {
      await show(project('postgres', { ...output, database: undefined }), async () => {
        const { rows: tables } = await client.query<{ name: string }>(
          "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in " +
            "('canary_load', 'tsdbt')",
        );
        expect(tables.length).toBeGreaterThan(5);
        const texts: string[] = [];
        for (const { name } of tables)
          texts.push(...(await client.query(`select t::text as x from ${name} t`)).rows.map(({ x }) => `${name} ${x}`));
        return texts;
      });
    } finally {
      await client.end();
    }
  });

  it.skipIf(clickhouseMissing !== null)('into ClickHouse', { timeout: 600_000 }, async () => {
    const adapter = clickhouseAdapter('canary_load');
    try {
      const output = { type: 'clickhouse', path: clickhouseFolder(), schema: 'x', threads: 2 };
      await show(project('clickhouse', output), async () => {
        const tables = await textsOf(
          adapter,
          "select database, name from system.tables where database in ('canary_load', 'tsdbt') and engine like '%Tree'",
        );
        expect(tables.length).toBeGreaterThan(5);
        const texts: string[] = [];
        for (const [schema, name] of tables)
          for (const row of await textsOf(adapter, `select toString(tuple(*)) from \`${schema}\`.\`${name}\``))
            texts.push(`${name} ${row[0]}`);
        return texts;
      });
    } finally {
      await adapter.close();
    }
  });
});
