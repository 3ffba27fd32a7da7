// Secrets as canaries: every command, also failing ones, with secrets from everywhere that they can come from; none
// stands in what the command says or writes. The program runs as a child, as users run it. Which texts are hidden and
// how is secrets.test.ts's.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Credentials } from '../../../src/contracts/project.ts';
import { SERVERS, type TestServer } from '../adapters/servers.ts';
import { BIN } from '../support/program.ts';
import { canary, found, NEEDLE, places } from './canary.ts';
import { packed, file } from './tar.ts';

const LONG = process.env['TSDBT_HOSTILE'] === 'long';
const SECRET = {
  profile: canary('profile'),
  env: canary('env'),
  variable: canary('variable'),
  word: `word-${NEEDLE}`,
  sasl: canary('sasl'),
  hash: canary('hash'),
  url: `url-${NEEDLE}`,
};
const ENV = {
  DBT_ENV_SECRET_CANARY: SECRET.env,
  DBT_ENV_SECRET_WORD: SECRET.word,
  DBT_ENV_SECRET_SASL: SECRET.sasl,
  TSDBT_HASH_KEY: SECRET.hash,
  DBT_ENV_SECRET_GIT: `me:${SECRET.url}`,
};
/** A secret of the environment in a variable of another name, and a variable that is named as a secret. */
const VARS = JSON.stringify({ token: SECRET.env, DBT_ENV_SECRET_V: SECRET.variable });

let base = '';
let database: Awaited<ReturnType<TestServer['open']>>;
let credentials: Credentials;
let registry: Server;
let hub = '';

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'tsdbt-canary-'));
  database = await SERVERS[0]!.open();
  const owner = {
    ...database.credentials,
    ...database.superuser,
    port: Number(database.credentials['port']),
  };
  const client = new pg.Client(owner as pg.ClientConfig);
  await client.connect();
  await client.query(
    "do $$ begin if not exists (select from pg_roles where rolname = 'canary') then create role canary login " +
      `superuser password ${pg.escapeLiteral(SECRET.profile)}; end if; end $$`,
  );
  await client.end();
  credentials = { ...database.credentials, user: 'canary', password: SECRET.profile };
  registry = createServer((request, response) => {
    response.statusCode = request.url === '/x.tar.gz' ? 200 : 401;
    response.end(request.url === '/x.tar.gz' ? packed([file('p/dbt_project.yml', 'name: boxed\n')]) : 'no');
  }).listen(0, '127.0.0.1');
  await new Promise((done) => registry.once('listening', done));
  hub = `127.0.0.1:${(registry.address() as AddressInfo).port}`;
});
afterAll(async () => {
  registry.close();
  registry.closeAllConnections();
  await database.close();
  rmSync(base, { recursive: true, force: true });
});

const MODELS: Readonly<Record<string, string>> = {
  'models/a.sql':
    "select {{ tsdbt_quoted(var('token', '')) }} as x, {{ tsdbt_quoted(var('DBT_ENV_SECRET_V', '')) }} as y, 1 as id",
  'models/b.sql':
    "{{ config(meta={'held': var('token', '')}, tags=[var('token', 'none')]) }} select * from {{ ref('a') }}",
  'models/broken.sql':
    "-- {{ var('token', '') }}\nselect {{ tsdbt_quoted(var('token', '')) }}::int as x from {{ ref('a') }}",
  'models/fails.sql':
    "{% if var('fails', false) %}{% do exceptions.raise_compiler_error('with ' ~ var('token', '')) %}{% endif " +
    '%}select 1 as x',
  'models/s.yml':
    "version: 2\nmodels:\n  - name: a\n    description: \"{{ var('token', '') }}\"\n    columns: [{name: id, " +
    'data_tests: [not_null]}]\nsources:\n  - name: raw\n    schema: "{{ target.schema }}"\n    ' +
    'loaded_at_field: now()\n    freshness: {warn_after: {count: 1, period: day}}\n    tables: [{name: a}, ' +
    '{name: gone}, {name: events, config: {meta: {tsdbt: {load: {topic: events, hash: [email]}}}}, columns: ' +
    '[{name: email, data_type: text}]}]\n',
  'macros/m.sql':
    "{% macro tsdbt_quoted(text) %}'{{ text | string | replace(\"'\", \"''\") }}'{% endmacro %}{% macro op(a) " +
    "%}{{ log(a, info=true) }}{{ print(a) }}{% do run_query('select ' ~ tsdbt_quoted(a)) %}{% endmacro %}{% " +
    "macro boom(a) %}{% do run_query('select ' ~ tsdbt_quoted(a) ~ ' from nowhere') %}{% endmacro %}",
  'seeds/s.csv': 'id,x\n1,a\n',
  'snapshots/n.sql':
    "{% snapshot n %}{{ config(unique_key='id', strategy='check', check_cols='all', " +
    "target_schema=target.schema) }} select 1 as id, {{ tsdbt_quoted(var('token', '')) }} as x{% endsnapshot %}",
};

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  /** Over those of the project; null: none. */
  readonly files?: Readonly<Record<string, string>>;
  readonly output?: Readonly<Record<string, unknown>>;
  readonly exit: number;
  /** In the small form of this suite, too. */
  readonly always?: boolean;
}

const inline = (sql: string): string[] => ['--inline', sql];
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const connections = (more = ''): string =>
  "connections:\n  default:\n    brokers: ['127.0.0.1:9']\n    sasl: {mechanism: plain, username: me, " +
  `password: "{{ env_var('DBT_ENV_SECRET_SASL') }}"}\n${more}`;
const BAD_PORT = { port: 9, retries: 0, connect_timeout: 1 };

/** One after the other in one project: later ones find what earlier ones wrote. */
const CASES: readonly Case[] = [
  { name: 'parse', args: ['parse', '--vars', VARS], exit: 0 },
  { name: 'parse again', args: ['parse', '--vars', VARS], exit: 0 },
  {
    name: 'parse that fails',
    args: ['parse', '--vars', VARS],
    files: { 'models/bad.sql': "select {{ var('token') }} {% if" },
    exit: 2,
    always: true,
  },
  {
    name: 'parse of YAML that is none',
    args: ['parse', '--vars', VARS],
    files: { 'models/bad.yml': `models: [ {name: "{{ var('token') }}" ` },
    exit: 2,
  },
  {
    name: 'parse with a missing variable',
    args: ['parse', '--vars', VARS],
    files: { 'models/bad.yml': 'models: [{name: a, description: "{{ var(\'nobody\') }}"}]' },
    exit: 2,
  },
  {
    name: 'parse that names a secret',
    args: ['parse'],
    files: { 'models/bad.sql': "select '{{ env_var('DBT_ENV_SECRET_CANARY') }}'" },
    exit: 2,
  },
  {
    name: 'parse with a template that raises',
    args: ['parse', '--vars', JSON.stringify({ ...(JSON.parse(VARS) as object), fails: true })],
    exit: 2,
    always: true,
  },
  { name: 'build', args: ['build', '--vars', VARS, '--debug'], exit: 1, always: true },
  { name: 'run', args: ['run', '--vars', VARS, '--select', 'a', 'b', '--log-format', 'json'], exit: 0, always: true },
  {
    name: 'run that fails',
    args: ['run', '--vars', VARS, '--select', 'broken', '--log-format-file', 'json'],
    exit: 1,
    always: true,
  },
  { name: 'retry', args: ['retry'], exit: 2, always: true },
  { name: 'retry with variables', args: ['retry', '--vars', VARS], exit: 1 },
  { name: 'test', args: ['test', '--vars', VARS, '--store-failures'], exit: 0 },
  { name: 'seed', args: ['seed', '--show', '--vars', VARS], exit: 0 },
  { name: 'snapshot', args: ['snapshot', '--vars', VARS], exit: 0 },
  { name: 'compile', args: ['compile', '--vars', VARS, '--select', 'a'], exit: 0 },
  { name: 'compile --inline', args: ['compile', ...inline(`select ${literal(SECRET.env)}`)], exit: 0, always: true },
  {
    name: 'compile --inline that names a secret',
    args: ['compile', ...inline("select '{{ env_var('DBT_ENV_SECRET_CANARY') }}'")],
    exit: 2,
  },
  {
    name: 'show --inline',
    args: ['show', ...inline(`select ${literal(SECRET.env)} as x`), '--output', 'json'],
    exit: 0,
  },
  {
    name: 'show --inline that fails',
    args: ['show', ...inline(`select ${literal(SECRET.env)}::int as x`)],
    exit: 2,
    always: true,
  },
  { name: 'show', args: ['show', '--vars', VARS, '--select', 'a'], exit: 0, always: true },
  {
    name: 'list',
    args: [
      'list',
      '--vars',
      VARS,
      '--output',
      'json',
      '--output-keys',
      'name',
      'config',
      'raw_code',
      'tags',
      'description',
    ],
    exit: 0,
  },
  { name: 'list of nothing', args: ['list', '--vars', VARS, '--select', SECRET.word], exit: 0 },
  { name: 'source freshness', args: ['source', 'freshness', '--vars', VARS], exit: 1 },
  {
    name: 'docs generate',
    args: ['docs', 'generate', '--static', '--vars', VARS, '--select', 'a', 'b'],
    exit: 0,
    always: true,
  },
  { name: 'clone', args: ['clone', '--state', 'target', '--vars', VARS, '--select', 'a'], exit: 0 },
  {
    name: 'run-operation',
    args: ['run-operation', 'op', '--args', JSON.stringify({ a: SECRET.env })],
    exit: 0,
    always: true,
  },
  {
    name: 'run-operation that fails',
    args: ['run-operation', 'boom', '--args', JSON.stringify({ a: SECRET.env }), '--debug'],
    exit: 1,
    always: true,
  },
  { name: 'run-operation --sql', args: ['run-operation', '--sql', `select ${literal(SECRET.env)}`], exit: 0 },
  {
    name: 'run-operation --sql that fails',
    args: ['run-operation', '--sql', `select ${literal(SECRET.env)} from nowhere`],
    exit: 1,
  },
  { name: 'debug', args: ['debug'], exit: 0 },
  { name: 'debug with a server that is away', args: ['debug', '--debug'], output: BAD_PORT, exit: 1 },
  { name: 'run with a server that is away', args: ['run', '--vars', VARS], output: BAD_PORT, exit: 2 },
  {
    name: 'run with a wrong password',
    args: ['run', '--debug'],
    output: { password: `wrong ${SECRET.profile}` },
    exit: 2,
    always: true,
  },
  { name: 'run with a password that is a list', args: ['run'], output: { password: [SECRET.profile] }, exit: 2 },
  {
    name: 'run with a password from the environment',
    args: ['run', '--select', 'a'],
    output: { password: "{{ env_var('DBT_ENV_SECRET_CANARY') }}" },
    exit: 2,
  },
  {
    name: 'run with profiles.yml that is none',
    args: ['run'],
    files: { 'profiles.yml': `p:\n  outputs:\n    dev: {password: ${JSON.stringify(SECRET.profile)}\n   x` },
    exit: 2,
  },
  { name: 'load check', args: ['load', 'check'], files: { 'connections.yml': connections() }, exit: 1 },
  { name: 'load', args: ['load', '--once', '--no-such'], files: { 'connections.yml': connections() }, exit: 2 },
  {
    name: 'produce',
    args: ['produce', '--topic', 't', '--from', 'nowhere.jsonl'],
    files: { 'connections.yml': connections() },
    exit: 2,
  },
  {
    name: 'produce with a connection that holds a secret',
    args: ['produce', '--topic', 't', '--from', 'x'],
    files: { 'connections.yml': connections().replace(/"\{\{.*\}\}"/, JSON.stringify(SECRET.sasl)) },
    exit: 2,
  },
  {
    name: 'produce with a connection that is wrong',
    args: ['produce', '--topic', 't', '--from', 'x'],
    files: { 'connections.yml': connections(`    registry: {url: "http://me:${SECRET.url}@localhost"}\n`) },
    exit: 2,
    always: true,
  },
  {
    name: 'deps by git',
    args: ['deps', '--debug'],
    files: {
      'packages.yml': 'packages: [{git: "http://{{ env_var(\'DBT_ENV_SECRET_GIT\') }}@HUB/r", revision: main}]',
    },
    exit: 2,
    always: true,
  },
  {
    name: 'deps by a literal',
    args: ['deps', '--debug'],
    files: { 'packages.yml': `packages: [{tarball: "http://me:${SECRET.url}@HUB/gone.tar.gz", name: x}]` },
    exit: 2,
  },
  {
    name: 'deps that works',
    args: ['deps'],
    files: {
      'packages.yml': 'packages: [{tarball: "http://{{ env_var(\'DBT_ENV_SECRET_GIT\') }}@HUB/x.tar.gz", name: boxed}]',
    },
    exit: 0,
    always: true,
  },
  { name: 'clean', args: ['clean'], exit: 0 },
  { name: 'an option that is none', args: ['run', `--${SECRET.word}`], exit: 2 },
  {
    name: 'variables that are no YAML',
    args: ['run', '--vars', `{DBT_ENV_SECRET_V: ${SECRET.url}, x: [`],
    exit: 2,
    always: true,
  },
  { name: 'variables that are no YAML, with a known secret', args: ['run', '--vars', `{x: ${SECRET.env}`], exit: 2 },
  { name: 'a number that is none', args: ['run', '--threads', SECRET.env], exit: 2 },
  { name: 'a command that is none', args: [SECRET.env], exit: 2, always: true },
  { name: 'a selector that is none', args: ['run', '--selector', SECRET.env], exit: 2 },
  { name: 'a macro that is none', args: ['run-operation', SECRET.env], exit: 2 },
  { name: 'a folder that is none', args: ['run', '--project-dir', `/nowhere/${SECRET.env}`], exit: 2 },
];

async function tsdbt(
  dir: string,
  { args, files = {}, output }: Pick<Case, 'args' | 'files' | 'output'>,
  spawned: (child: ChildProcess) => void = () => undefined,
): Promise<{ exit: number | null; says: string; stdout: string }> {
  const dev = {
    ...credentials,
    dbname: credentials['database'],
    database: undefined,
    schema: 'canary',
    threads: 2,
    ...output,
  };
  const all = {
    'dbt_project.yml': "name: p\nversion: '1.0'\nprofile: p\nclean-targets: [target, dbt_packages]\n",
    'profiles.yml': JSON.stringify({ p: { target: 'dev', outputs: { dev } } }),
    ...MODELS,
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text.replaceAll('HUB', hub));
  }
  try {
    return await new Promise((resolve) => {
      const child = spawn(process.execPath, [BIN, ...args], {
        cwd: dir,
        env: { PATH: process.env['PATH'], HOME: base, ...ENV },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      spawned(child);
      let [says, stdout] = ['', ''];
      child.stdout.on('data', (data: Buffer) => {
        says += data.toString();
        stdout += data.toString();
      });
      child.stderr.on('data', (data: Buffer) => {
        says += data.toString();
      });
      child.on('close', (exit) => resolve({ exit, says, stdout }));
    });
  } finally {
    // What a case brings is there for it alone, and holds secrets that nobody has to hide.
    for (const path of [...Object.keys(files), 'profiles.yml']) rmSync(join(dir, path), { force: true });
  }
}

describe('a secret is stored nowhere after', () => {
  it(
    'any command, one after the other in one project',
    async () => {
      const dir = join(base, 'p');
      const wrong: string[] = [];
      for (const each of CASES.filter(({ always }) => LONG || always === true)) {
        const { exit, says } = await tsdbt(dir, each);
        if (exit !== each.exit) wrong.push(`${each.name}: exit ${exit}, not ${each.exit}: ${says.slice(-300)}`);
        const left = found(dir);
        for (const place of [...places(says), ...left]) wrong.push(`${each.name}: ${place}`);
        // What one command left is not told of all that come after it.
        if (left.length > 0) rmSync(join(dir, 'logs'), { recursive: true, force: true });
        if (/\n\s+at .*:\d+:\d+/.test(says) && !each.args.includes('--debug')) wrong.push(`${each.name}: a stack`);
      }
      expect(wrong).toEqual([]);
      expect(statSync(join(dir, 'logs/dbt.log')).mode & 0o777).toBe(0o600);
    },
    LONG ? 600_000 : 300_000,
  );

  it('a killed run, in its journal and in the results of the next command', async () => {
    const dir = join(base, 'killed');
    let child: ChildProcess | undefined;
    const slow =
      "{{ config(materialized='table') }}select {{ tsdbt_quoted(var('token')) }}::text as x from pg_sleep(600)";
    const running = tsdbt(
      dir,
      { args: ['run', '--vars', VARS, '--select', 'slow'], files: { 'models/slow.sql': slow } },
      (started) => {
        child = started;
      },
    );
    const client = new pg.Client({ ...credentials, port: Number(credentials['port']) } as pg.ClientConfig);
    await client.connect();
    let pid: number | undefined;
    for (const deadline = Date.now() + 200_000; pid === undefined && Date.now() < deadline; ) {
      const { rows } = await client.query<{ pid: number }>(
        "select a.pid from pg_sleep(0.1), pg_stat_activity a where a.query like '%pg_sleep(600)%' and a.pid <> " +
          "pg_backend_pid() and a.state = 'active' and a.datname = current_database()",
      );
      pid = rows[0]?.pid;
    }
    child?.kill('SIGKILL');
    const { says } = await running;
    await client.query('select pg_terminate_backend($1)', [pid]);
    await client.end();
    expect(readFileSync(join(dir, 'target/run.journal'), 'utf8')).toContain('"token":"*****"');
    const next = await tsdbt(dir, { args: ['parse'] });
    expect(readFileSync(join(dir, 'target/run_results.json'), 'utf8')).toContain('"token":"*****"');
    expect([...places(says), ...places(next.says), ...found(dir)]).toEqual([]);
  });
});

describe('the db url command', () => {
  it('shows the password on the console and not in the log', async () => {
    const dir = join(base, 'url');
    const folder = join(dir, 'embedded');
    const files = {
      'profiles.yml': JSON.stringify({
        p: { target: 'dev', outputs: { dev: { type: 'postgres', embedded: folder, schema: 'x', threads: 1 } } },
      }),
    };
    const stopped = await tsdbt(dir, { args: ['db', 'url'], files });
    expect([stopped.exit, stopped.stdout]).toEqual([2, '']);
    expect(stopped.says).toContain('The embedded Postgres is not running, so it has no address.');
    await tsdbt(dir, { args: ['db', 'start'], files });
    const { exit, stdout, says } = await tsdbt(dir, { args: ['db', 'url', '--log-format-file', 'json'], files });
    expect([exit, says]).toEqual([0, stdout]);
    const { password } = new URL(stdout.trim());
    expect(password.length).toBeGreaterThan(8);
    const log = readFileSync(join(dir, 'logs/dbt.log'), 'utf8');
    expect(log).toContain('postgresql://');
    expect(log).not.toContain(password);
    await tsdbt(dir, { args: ['db', 'stop'], files });
  });
});
