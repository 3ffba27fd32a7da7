// Every file that a command writes, in the project, the user's folders and the temporary folder: it holds no secret in
// any encoding, and only its user may read it. Secrets come from everywhere that they can come from, each of its own.
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadClientLibrary } from '../../../src/loader/brokers/kafka/client-library.ts';
import { OWN_SERVER, SERVERS, type TestServer } from '../adapters/servers.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { FakeKafka } from '../support/fake-kafka.ts';
import { packedBatch } from '../support/kafka-batches.ts';
import { type Ended, start } from '../support/program.ts';
import { canary, found, NEEDLE, places } from './canary.ts';

const LONG = process.env['TSDBT_HOSTILE'] === 'long';
/** Values of the environment. The names without DBT_ENV_SECRET_ are those that the documentation shows. */
const ENV = {
  DBT_ENV_SECRET_USER: `user-${NEEDLE}`,
  DBT_ENV_SECRET_SASL: canary('sasl'),
  DBT_ENV_SECRET_STORE: canary('store'),
  DBT_ENV_SECRET_HOOK: `whsec_${Buffer.from(canary('hook')).toString('base64')}`,
  DBT_ENV_SECRET_SMTP: canary('smtp'),
  DBT_ENV_SECRET_SLACK: `https://127.0.0.1:9/${NEEDLE}/slack`,
  DBT_ENV_SECRET_GIT: `me:git-${NEEDLE}`,
  DBT_ENV_SECRET_UNUSED: canary('unused'),
  LOOKUP_PASSWORD: canary('lookup'),
  REGISTRY_PASSWORD: canary('registry'),
  LAKE_TOKEN: `lake-${NEEDLE}-token`,
  PGPASSWORD: canary('libpq'),
  TSDBT_HASH_KEY: canary('hash'),
  TSDBT_SERVE_TOKEN: canary('serve'),
  TSDBT_SERVE_READ_TOKEN: canary('read'),
  OPENLINEAGE_API_KEY: canary('lineage'),
  HTTPS_PROXY: `http://me:proxy-${NEEDLE}@127.0.0.1:9`,
};
const VARS = JSON.stringify({ token: ENV.DBT_ENV_SECRET_UNUSED, DBT_ENV_SECRET_V: canary('variable') });
const PROFILE_PASSWORD = canary('profile');
/** Of a column that is hashed. */
const EMAIL = `${NEEDLE}@example.com`;
/** A text that is not a secret: the search finds it where values are written. */
const PLAIN = 'pl41n-v4lue';

let base = '';
/** What commands may write into. */
let root = '';
let broker: FakeKafka;
/** Refuses every request, and repeats what was sent. */
let echo: Server;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'tsdbt-written-'));
  root = join(base, 'root');
  broker = await FakeKafka.start();
  echo = createServer((request, response) => {
    const [, basic = ''] = (request.headers.authorization ?? '').split('Basic ');
    const sent = [...request.rawHeaders, request.url, Buffer.from(basic, 'base64').toString()].join(' ');
    response.writeHead(403, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error_code: 40301, message: sent }));
  }).listen(0, '127.0.0.1');
  await new Promise((done) => echo.once('listening', done));
  const library = await loadClientLibrary();
  broker.create('kept');
  broker.create('people');
  const values = [`{"id": 1, "email": "${EMAIL}"}`, `{"id": "${EMAIL}"}`, EMAIL];
  const messages = values.map((value) => ({
    key: Buffer.from(EMAIL),
    value: Buffer.from(value),
    headers: new Map([[Buffer.from('who'), Buffer.from(EMAIL)]]),
    timestamp: 1_700_000_000_000n,
  }));
  broker.append('people', 0, packedBatch(library, 'people', messages, { first: 0n }), messages.length);
});
afterAll(async () => {
  echo.close();
  echo.closeAllConnections();
  await broker.close();
  rmSync(base, { recursive: true, force: true, maxRetries: 5 });
});

function write(dir: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
}

const secret = (name: keyof typeof ENV): string => `"{{ env_var('${name}') }}"`;
const QUOTED = "'{{ var('token', '') | string | replace(\"'\", \"''\") }}'";

function files(type: 'postgres' | 'clickhouse'): Readonly<Record<string, string>> {
  const url = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
  const at = `brokers: ['127.0.0.1:${broker.port}']`;
  const number = type === 'clickhouse' ? 'Nullable(Int64)' : 'bigint';
  const table = (name: string, load: string): string =>
    `      - {name: ${name}, config: {meta: {tsdbt: {load: {${load}, max_dead: false}}}}, ` +
    `columns: [{name: id, data_type: ${number}}, {name: email}]}\n`;
  const publish = '{to: lookup, table: PLACE, when: built}';
  return {
    'dbt_project.yml': `name: p\nversion: '1.0'\nprofile: p\nvars: {plain: ${PLAIN}}\n`,
    'models/a.sql': `{{ config(materialized='table') }} select ${QUOTED} as x, '{{ var("plain") }}' as y, 1 as id`,
    'models/v.sql': "select * from {{ ref('a') }}",
    'models/i.sql':
      `{{ config(materialized='incremental', unique_key='id', meta={'held': var('token', '')}) }} ` +
      "select id, y from {{ ref('a') }}",
    'models/broken.sql': `select cast(${QUOTED} as int) as x from {{ ref('a') }}`,
    'models/s.yml':
      'models:\n' +
      "  - name: a\n    description: \"{{ var('plain') }} {{ var('token', '') }}\"\n" +
      `    config: {meta: {tsdbt: {audit: true, publish: ${publish.replace('PLACE', 'serving.a')}}}}\n` +
      '    columns: [{name: id, data_tests: [not_null, {accepted_values: {arguments: {values: [2]}, ' +
      'config: {severity: warn}}}]}]\n' +
      'sources:\n  - name: raw\n    schema: written\n    loaded_at_field: _loaded_at\n' +
      '    freshness: {warn_after: {count: 1, period: day}}\n    tables:\n' +
      table('people', 'topic: people, hash: [email]') +
      table('refused', 'topic: people, hash: [email], connection: refused') +
      table('avro', 'topic: people, hash: [email], format: avro, connection: registry') +
      table('archived', 'topic: kept, archive: {connection: store, path: "raw/{day}/"}'),
    'macros/m.sql': '{% macro op(a) %}{{ log(a, info=true) }}{% endmacro %}',
    'seeds/seed.csv': 'id,x\n1,a\n',
    'snapshots/n.sql':
      "{% snapshot n %}{{ config(unique_key='id', strategy='check', check_cols='all', target_schema=target.schema) }}" +
      ' select 1 as id{% endsnapshot %}',
    'connections.yml':
      `connections:\n  default: {${at}}\n` +
      `  refused: {${at}, sasl: {mechanism: PLAIN, username: me, password: ${secret('DBT_ENV_SECRET_SASL')}}}\n` +
      `  registry: {${at}, registry: {url: '${url}', username: me, password: ${secret('REGISTRY_PASSWORD')}}}\n` +
      `  store: {type: s3, endpoint: '${url}', bucket: b, access_key_id: me, ` +
      `secret_access_key: ${secret('DBT_ENV_SECRET_STORE')}}\n` +
      `  ice: {type: iceberg, uri: '${url}', token: ${secret('LAKE_TOKEN')}, endpoint: '${url}', bucket: b, ` +
      `access_key_id: me, secret_access_key: ${secret('DBT_ENV_SECRET_STORE')}}\n` +
      `  lookup: {type: postgres, host: 127.0.0.1, port: 9, user: me, dbname: app, connect_timeout: 1, retries: 0, ` +
      `password: ${secret('LOOKUP_PASSWORD')}}\n`,
    'jobs.yml':
      'jobs:\n  marts: {every: 2s, build: a v, retries: 0}\n  broken: {every: 2s, run: broken, retries: 0}\n' +
      '  raw: {load: "source:raw.people source:raw.refused"}\n' +
      'alerts:\n' +
      `  hook: {webhook: "${url}/hook", secret: ${secret('DBT_ENV_SECRET_HOOK')}}\n` +
      `  slack: {slack: ${secret('DBT_ENV_SECRET_SLACK')}}\n` +
      '  mail: {email: a@b.c, from: d@e.f, smtp: {host: 127.0.0.1, port: 9, user: me, ' +
      `password: ${secret('DBT_ENV_SECRET_SMTP')}}}\n`,
  };
}

const vars = ['--vars', VARS];
/** One after the other in one project: later ones find what earlier ones wrote. */
const COMMANDS: readonly (readonly [exit: number, ...args: string[]])[] = [
  [2, 'deps', '--project-dir', '../packages'],
  [0, 'parse', ...vars],
  [0, 'compile', ...vars],
  [1, 'build', ...vars, '--debug', '--store-failures'],
  [1, 'retry', ...vars],
  [2, 'retry'],
  [0, 'run', ...vars, '--select', 'a', 'v', 'i', '--exclude', 'resource_type:publication', '--log-format-file', 'json'],
  [0, 'run', ...vars, '--select', 'v', 'i'],
  [1, 'run', ...vars, '--select', 'broken'],
  [0, 'seed', ...vars, '--show', '--select', 'seed'],
  [0, 'snapshot', ...vars, '--select', 'n'],
  [0, 'test', ...vars, '--store-failures'],
  [0, 'docs', 'generate', '--static', ...vars, '--select', 'a', 'v'],
  [2, 'load', '--once', '--timeout', '2s'],
  [0, 'load', 'status', '--select', 'source:raw.people'],
  [0, 'load', 'replay-dlq', '--select', 'source:raw.people'],
  [1, 'source', 'freshness', ...vars],
  [1, 'publish', ...vars, '--select', 'a'],
  [2, 'diff', ...vars, '--select', 'a', '--copies', '--key', 'id'],
  [2, 'diff', ...vars, '--select', 'a', '--to-target', 'other', '--key', 'id'],
  [0, 'clone', ...vars, '--state', 'target', '--select', 'a'],
  [0, 'run-operation', 'op', '--args', JSON.stringify({ a: ENV.DBT_ENV_SECRET_UNUSED })],
  [2, 'show', '--inline', `select '${ENV.DBT_ENV_SECRET_UNUSED.replaceAll("'", "''")}' from nowhere`],
  [0, 'jobs', 'check'],
  [0, 'jobs', 'run', 'marts'],
  [1, 'debug'],
  [1, 'debug', '--connection', 'registry'],
  [0, 'serve'],
  // A parse that saw secrets is not kept.
  [0, 'parse'],
];

/** Those that write files of their own. */
const SMALL = COMMANDS.filter(
  ([, name = '']) => !['clone', 'debug', 'diff', 'jobs', 'run-operation', 'show'].includes(name),
);

/**
 * The same where the database's files are below the root: tables get no secret there, only statements that fail do.
 * The servers keep a log of their own.
 */
const EMBEDDED: typeof COMMANDS = [
  [0, 'run', '--select', 'a', 'v', 'i', '--exclude', 'resource_type:publication'],
  [1, 'run', ...vars, '--select', 'broken'],
  [0, 'seed', '--select', 'seed'],
  [0, 'snapshot', '--select', 'n'],
  [0, 'test', '--store-failures'],
  [0, 'docs', 'generate', '--select', 'a', 'v'],
  [2, 'load', '--once', '--timeout', '2s'],
  [0, 'load', 'replay-dlq', '--select', 'source:raw.people'],
  [2, 'show', '--inline', `select '${ENV.DBT_ENV_SECRET_UNUSED.replaceAll("'", "''")}' from nowhere`],
  [0, 'db', 'stop'],
];

/** What the test itself puts there. Everything else is private. */
const OWN =
  /^(?:(?:project|packages|home|tmp|state)$|packages\/\w+\.yml$|project\/(?:models|macros|seeds|snapshots|\w+\.yml))/;

/** Files and folders below the root that others may read. */
function open(): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => {
    if (OWN.test(path)) return false;
    const stat = lstatSync(join(root, path), { throwIfNoEntry: false });
    return stat !== undefined && !stat.isSymbolicLink() && (stat.mode & 0o077) !== 0 && !isCovered(path);
  });
}

/** Whether a folder above it lets only the user in. */
function isCovered(path: string): boolean {
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder))
    if ((lstatSync(join(root, folder)).mode & 0o077) === 0) return true;
  return false;
}

/** Command lines and environments of the processes that a process started. */
function seenOf(pid: number): string[] {
  const kin = [pid];
  for (const each of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const stat = read(`/proc/${each}/stat`);
    if (kin.includes(Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]))) kin.push(Number(each));
  }
  const [own, ...lines] = kin.map((each) => read(`/proc/${each}/cmdline`));
  // Between fork and exec a child has its parent's, and git runs with the environment of the user.
  return lines.flatMap((line, i) =>
    line === own || /\/git\0/.test(line) ? [] : [line, read(`/proc/${kin[i + 1]}/environ`)],
  );
}
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function command(args: readonly string[]): ReturnType<typeof start> & { readonly seen: string[]; all: Promise<Ended> } {
  const running = start(args, {
    cwd: join(root, 'project'),
    env: {
      PATH: `${join(base, 'bin')}:${process.env['PATH']}`,
      HOME: join(root, 'home'),
      XDG_STATE_HOME: join(root, 'state'),
      TMPDIR: join(root, 'tmp'),
      DBT_PROFILES_DIR: join(base, 'profiles'),
      OPENLINEAGE__TRANSPORT__TYPE: 'file',
      OPENLINEAGE__TRANSPORT__LOG_FILE_PATH: join(root, 'project/lineage.ndjson'),
      ...ENV,
    },
  });
  const seen: string[] = [];
  const look = setInterval(() => seen.push(...seenOf(running.child.pid!)), 100);
  return { ...running, seen, all: running.ended.finally(() => clearInterval(look)) };
}

/** Serves jobs until each channel of alerts has failed. */
async function serveOnce(): Promise<Ended> {
  const serve = command(['serve', '--port', '0', ...vars]);
  const told = ['marts', 'broken', 'hook', 'slack', 'mail'];
  for (const end = Date.now() + 60_000; Date.now() < end && serve.child.exitCode === null; await pause(100))
    if (told.every((word) => serve.out().includes(word))) break;
  serve.child.kill('SIGTERM');
  const ended = await serve.all;
  for (const word of told) expect(ended.out).toContain(word);
  return { ...ended, out: `${ended.out}\n${serve.seen.join('\n')}` };
}

/** Runs commands in a new project. @returns what is wrong */
async function sweep(
  type: 'postgres' | 'clickhouse',
  outputs: Readonly<Record<string, unknown>>,
  commands: readonly (readonly [exit: number, ...args: string[]])[],
): Promise<string[]> {
  rmSync(root, { recursive: true, force: true });
  for (const name of ['home', 'tmp', 'state']) mkdirSync(join(root, name), { recursive: true });
  write(join(root, 'project'), files(type));
  const url = `http://{{ env_var('DBT_ENV_SECRET_GIT') }}@127.0.0.1:${(echo.address() as AddressInfo).port}/r`;
  write(root, {
    'packages/dbt_project.yml': 'name: q\n',
    'packages/packages.yml': `packages: [{git: "${url}", revision: main}]\n`,
  });
  write(base, { 'profiles/profiles.yml': JSON.stringify({ p: { target: 'dev', outputs } }) });
  // Notes what git was given, and fails.
  write(base, { 'bin/git': `#!/bin/sh\numask 077\necho "argv: $*" >> '${root}/tmp/git'\nexit 1\n` });
  chmodSync(join(base, 'bin/git'), 0o755);
  const wrong = new Set<string>();
  const look = (name: string, out: string, seen: readonly string[]): void => {
    for (const place of [...places(out), ...found(root), ...places(seen.join('\n'))]) wrong.add(`${name}: ${place}`);
    for (const path of open()) wrong.add(`others may read ${path}`);
  };
  for (const [exit, ...args] of commands) {
    const running = args[0] === 'serve' ? { all: serveOnce(), seen: [] } : command(args);
    const { code, out } = await running.all;
    if (code !== exit) wrong.add(`${args.join(' ')}: exit ${code}, not ${exit}: ${out.slice(-1500)}`);
    look(args.slice(0, 2).join(' '), out, running.seen);
  }
  return [...wrong];
}

const WRITTEN = [
  ...['manifest.json', 'run_results.json', 'catalog.json', 'sources.json', 'index.html', 'partial_parse.json'],
  ...['compiled/p/models/a.sql', 'run/p/models/a.sql', 'view_state.json', 'semantic_manifest.json'],
].map((name) => `target/${name}`);

/** That the search sees what is there, and all that it is for was written. */
function control(): void {
  const project = join(root, 'project');
  for (const path of [...WRITTEN, 'logs/dbt.log', 'lineage.ndjson'])
    expect(lstatSync(join(project, path), { throwIfNoEntry: false })?.isFile(), path).toBe(true);
  for (const path of ['manifest.json', 'partial_parse.json', 'compiled/p/models/a.sql', 'run/p/models/a.sql'])
    expect(readFileSync(join(project, 'target', path), 'utf8'), path).toContain(PLAIN);
  const text = canary('control');
  const planted: Readonly<Record<string, string | Buffer>> = {
    'project/target/plain': text,
    'project/logs/json': JSON.stringify({ a: JSON.stringify({ text }) }),
    'home/url': encodeURIComponent(text),
    ...Object.fromEntries(
      ['', 'x', 'xy'].map((before, i) => [`tmp/base64-${i}`, Buffer.from(before + text).toString('base64')]),
    ),
    'state/hex': Buffer.from(text).toString('hex'),
    'state/packed': gzipSync(text),
    'state/binary': Buffer.concat([Buffer.from([0, 255, 254]), Buffer.from(text)]),
  };
  for (const [path, bytes] of Object.entries(planted)) writeFileSync(join(root, path), bytes, { mode: 0o644 });
  const seen = found(root);
  for (const path of Object.keys(planted))
    expect(
      seen.some((place) => place.startsWith(`${path}: `)),
      path,
    ).toBe(true);
  expect(open()).toContain('home/url');
}

describe('a written file contains no secret and is private', () => {
  it('with Postgres', { timeout: 600_000 }, async () => {
    const server: TestServer = process.env['TSDBT_TEST_PG'] === undefined ? OWN_SERVER : SERVERS[0]!;
    const database = await server.open();
    const { credentials } = database;
    const owner = { ...credentials, ...database.superuser, port: Number(credentials['port']) } as pg.ClientConfig;
    const client = new pg.Client(owner);
    try {
      const at = { type: 'postgres', host: credentials['host'], port: Number(credentials['port']), schema: 's' };
      await client.connect();
      await client.query(
        `create role "${ENV.DBT_ENV_SECRET_USER}" login superuser password ${pg.escapeLiteral(PROFILE_PASSWORD)}`,
      );
      const dbname = credentials['database'];
      const outputs = {
        dev: { ...at, dbname, threads: 2, user: "{{ env_var('DBT_ENV_SECRET_USER') }}", password: PROFILE_PASSWORD },
        other: { ...at, dbname, user: 'other', password: canary('other'), retries: 0 },
      };
      const wrong = await sweep('postgres', outputs, LONG ? COMMANDS : SMALL);
      expect(wrong).toEqual([]);
      control();
    } finally {
      await client.end();
      await database.close();
    }
  });
  it('with the embedded Postgres', { timeout: 300_000 }, async () => {
    const dev = { type: 'postgres', embedded: true, schema: 's', threads: 2 };
    expect(await sweep('postgres', { dev }, EMBEDDED)).toEqual([]);
  });

  it.skipIf(clickhouseMissing !== null)('with the embedded ClickHouse', { timeout: 300_000 }, async () => {
    const dev = { type: 'clickhouse', path: '.tsdbt/clickhouse', schema: 's', threads: 2 };
    expect(await sweep('clickhouse', { dev }, EMBEDDED)).toEqual([]);
  });
});
