// Writes V8's code cache of the command line after running usual commands: parse, ls, compile, run, test of a small
// project, against a Postgres without rows. Other functions are compiled when first called, because loading all of them
// at each start takes longer. The scripts of built-in macros keep the macros that these commands call. build.mjs starts
// it as a separate process.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { compileLazily, keepCode, requireOf } from '../bin/program.js';
import { onlyCalled } from './build-macros.mjs';

const [cli, place] = process.argv.slice(2);

const COMMANDS = [
  ['parse'],
  ['parse'],
  ['ls'],
  ['compile', '--select', 'first'],
  ['run'],
  ['run', '--select', 'first'],
  ['test'],
  ['build'],
];

/** How many of them need no database. */
const OFFLINE = 3;

const FILES = {
  'dbt_project.yml': `name: warm
version: '1.0'
profile: warm
models:
  warm:
    +materialized: table
    sub: {+tags: [t], +schema: "{{ var('s', 'x') }}"}
on-run-start: "select 1"
`,
  'models/first.sql':
    "{{ config(tags=['a']) }}\nselect 1 as id, {{ var('v', 2) }} as v from {{ source('raw', 'r') }}\n",
  'models/sub/second.sql': `{{ config(materialized='view') }}
{% set columns = ['id', 'v'] %}
select {% for c in columns %}{{ c | upper }}{{ "," if not loop.last }}{% endfor %}, {{ twice('v') }}
from {{ ref('first') }}
`,
  'models/third.sql': `{{ config(materialized='incremental', unique_key='id') }}
select * from {{ ref('second') }} {% if is_incremental() %}where id > 1{% endif %}
`,
  'models/s.yml': `version: 2
sources:
  - name: raw
    tables: [{name: r, description: "rows"}]
models:
  - name: first
    description: The *first*.
    columns:
      - name: id
        data_tests:
          - unique
          - not_null
          - accepted_values: {arguments: {values: [1, 2]}}
          - relationships: {arguments: {to: ref('second'), field: id}}
  - name: second
    description: '{{ doc("d") }}'
`,
  'models/d.md': '{% docs d %}Words.{% enddocs %}\n',
  'macros/twice.sql': '{% macro twice(x, by=2) -%}\n  {{ x }} * {{ by }}\n{%- endmacro %}\n',
  'tests/t.sql': "select * from {{ ref('first') }} where id < 0\n",
};

/** One message of the protocol. */
function message(type, ...parts) {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)));
  const head = Buffer.alloc(5);
  head.write(type, 0);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const READY = message('Z', Buffer.from('I'));
const GREETING = [
  message('R', Buffer.alloc(4)),
  message('S', 'server_version', '15.0'),
  message('S', 'client_encoding', 'UTF8'),
  message('S', 'standard_conforming_strings', 'on'),
  message('K', Buffer.alloc(8)),
  READY,
];

/** The only row of statements that return one: a lock, and the result of a data test. */
function rowOf(statement) {
  if (statement.includes('should_warn')) return { failures: '0', should_warn: 'f', should_error: 'f' };
  return /pg_try_advisory/.test(statement) ? { locked: 't' } : null;
}

function columns(row) {
  if (row === null) return message('n');
  const int16 = Buffer.alloc(2);
  int16.writeInt16BE(Object.keys(row).length);
  const fields = Object.entries(row).map(([name, value]) => {
    const type = Buffer.alloc(18);
    type.writeInt32BE(value === '0' ? 20 : 16, 6); // int8, bool
    return Buffer.concat([Buffer.from(`${name}\0`), type]);
  });
  return message('T', int16, ...fields);
}

function result(row) {
  if (row === null) return message('C', 'SELECT 0');
  const head = Buffer.alloc(2);
  head.writeInt16BE(Object.keys(row).length);
  const values = Object.values(row).map((value) => Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.from(value)]));
  return Buffer.concat([message('D', head, ...values), message('C', 'SELECT 1')]);
}

/** The answer to one message. @param asked the last prepared statement */
function answer(type, asked) {
  const row = rowOf(asked);
  switch (type) {
    case 'Q':
      return Buffer.concat([...(row === null ? [] : [columns(row)]), result(row), READY]);
    case 'P':
      return message('1');
    case 'B':
      return message('2');
    case 'D':
      return columns(row);
    case 'E':
      return result(row);
    case 'C':
      return message('3');
    case 'S':
      return READY;
    default:
      return Buffer.alloc(0);
  }
}

/** A server that accepts every login and every statement. */
const server = createServer((socket) => {
  let pending = Buffer.alloc(0);
  let greeted = false;
  let asked = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => {
    pending = Buffer.concat([pending, data]);
    for (;;) {
      const at = greeted ? 1 : 0;
      if (pending.length < at + 4) return;
      const size = at + pending.readInt32BE(at);
      if (pending.length < size) return;
      const type = greeted ? pending.toString('latin1', 0, 1) : '';
      if (type === 'Q' || type === 'P') asked = pending.toString('utf8', 5, size);
      pending = pending.subarray(size);
      if (type === 'X') socket.end();
      else socket.write(greeted ? answer(type, asked) : Buffer.concat(GREETING));
      greeted = true;
    }
  });
});
/** If listening is not permitted, only the commands that need no database run. */
const listens = await new Promise((resolve) => {
  server.once('error', () => resolve(false)).listen(0, '127.0.0.1', () => resolve(true));
});
server.unref();

const folder = mkdtempSync(join(tmpdir(), 'tsdbt-warm-'));
for (const [path, text] of Object.entries({
  ...FILES,
  'profiles.yml': JSON.stringify({
    warm: {
      target: 'dev',
      outputs: {
        dev: {
          type: 'postgres',
          host: '127.0.0.1',
          port: listens ? server.address().port : 1,
          user: 'u',
          password: 'p',
          dbname: 'd',
          schema: 's',
          threads: 2,
          sslmode: 'disable',
        },
      },
    },
  }),
})) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const script = compileLazily(cli, place);
/** The macro scripts that the commands have loaded, and the keys of the macros that they have called. */
const loaded = new Set();
const called = new Set();
const recorded = (path) => ({
  runInThisContext:
    () =>
    (exports, ...others) => {
      loaded.add(path);
      compileLazily(path, path).runInThisContext()(exports, ...others);
      const get = (macros, key) => {
        called.add(key);
        return macros[key];
      };
      exports.macros = new Proxy(exports.macros, { get });
    },
});
const home = process.cwd();
process.chdir(folder);
for (const name of Object.keys(process.env)) if (/^(DBT|TSDBT|PG)/.test(name)) delete process.env[name];
const write = process.stdout.write;
process.stdout.write = () => true;
for (const command of listens ? COMMANDS : COMMANDS.slice(0, OFFLINE)) {
  process.argv = [process.execPath, cli, ...command, '--profiles-dir', folder];
  const module = { exports: {} };
  script.runInThisContext()(module.exports, requireOf(cli, recorded), module, cli, dirname(cli));
  await module.exports.finished;
}
process.stdout.write = write;
process.chdir(home);
process.exitCode = 0;
rmSync(folder, { recursive: true, force: true });
keepCode(script, cli);
for (const path of loaded) {
  writeFileSync(path, onlyCalled(readFileSync(path, 'utf8'), called));
  keepCode(compileLazily(path, join(dirname(place), basename(path))), path);
}
