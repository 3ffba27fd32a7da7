// Bad input, as a user meets it: a tiny project a row, the built program as a child process, its exit code and its
// whole message. Exit codes and main words are those of dbt 1.12; places, carets and hints are ours. Leaves single
// functions to the unit tests.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVERS, type TestServer } from '../adapters/servers.ts';
import type { Credentials } from '../../../src/contracts/project.ts';

const CLI = join(import.meta.dirname, '../../../dist/cli.cjs');
const PROJECT = "name: p\nversion: '1.0'\nprofile: p\n";

let base: string;
let credentials: Credentials;
let server: Awaited<ReturnType<TestServer['open']>>;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'tsdbt-bad-input-'));
  server = await SERVERS[0]!.open();
  credentials = server.credentials;
});
afterAll(async () => {
  await server.close();
  rmSync(base, { recursive: true, force: true });
});

interface Row {
  readonly name: string;
  readonly command?: string;
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly output?: Readonly<Record<string, unknown>>;
  readonly exit: number;
  /** The whole message: what stands behind the head of the log, without the summary of a run. */
  readonly says: string;
}

let count = 0;
async function tsdbt(row: Row): Promise<{ exit: number | null; says: string; all: string }> {
  const dir = join(base, String(count++));
  const dev = {
    ...credentials,
    dbname: credentials['database'],
    database: undefined,
    pass: undefined,
    schema: `bad_${count}`,
    threads: 1,
    ...row.output,
  };
  const files = {
    'dbt_project.yml': PROJECT,
    'profiles.yml': JSON.stringify({ p: { target: 'dev', outputs: { dev } } }),
    ...row.files,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  return new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      [CLI, ...(row.command ?? 'parse').split(' '), '--no-use-colors', '--profiles-dir', dir],
      { cwd: dir },
    );
    let all = '';
    child.stdout.on('data', (data: Buffer) => {
      all += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => {
      all += data.toString();
    });
    child.on('close', (exit) => resolve({ exit, says: message(all, dir), all }));
  });
}

/** Without times, folders and the lines that tell how far a run is. */
function message(all: string, dir: string): string {
  const lines = all
    .replaceAll(dir, 'DIR')
    .replaceAll(base, 'BASE')
    .split('\n')
    .map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, ''));
  const noise = new RegExp(
    String.raw`^(Running with dbt|Registered adapter|Unable to do partial|Performance info|Found \d` +
      String.raw`|Concurrency:|Finished running|\d+ of \d+ |Completed with|Done\.| {2}compiled code at|$)`,
  );
  return lines.filter((line) => !noise.test(line)).join('\n');
}

const text = (...lines: string[]): string => lines.join('\n');
const stopped = (...lines: string[]): string => text('[ERROR]: Encountered an error:', ...lines);

const PARSING: readonly Row[] = [
  {
    name: 'a ref to nothing, with the nearest name',
    exit: 2,
    files: { 'models/orders.sql': 'select 1 as a', 'models/b.sql': "select *\nfrom {{ ref('ordres') }}\n" },
    says: stopped(
      'Compilation Error in model b (models/b.sql)',
      "  Model 'model.p.b' (models/b.sql) depends on a node named 'ordres' which was not found",
      '    line 2, column 13',
      "      from {{ ref('ordres') }}",
      '                  ^',
      "  did you mean 'orders'?",
    ),
  },
  {
    name: 'a source that no file declares',
    exit: 2,
    files: {
      'models/b.sql': "select * from {{ source('raw', 'evnts') }}",
      'models/s.yml': 'sources:\n  - name: raw\n    tables:\n      - name: events\n',
    },
    says: stopped(
      'Compilation Error in model b (models/b.sql)',
      "  Model 'model.p.b' (models/b.sql) depends on a source named 'raw.evnts' which was not found",
      '    line 1, column 32',
      "      select * from {{ source('raw', 'evnts') }}",
      '                                     ^',
      "  did you mean 'raw.events'?",
    ),
  },
  {
    name: 'a cycle, in order',
    exit: 2,
    files: {
      'models/a.sql': "select * from {{ ref('c') }}",
      'models/b.sql': "select * from {{ ref('a') }}",
      'models/c.sql': "select * from {{ ref('b') }}",
    },
    says: stopped('Compilation Error', '  Found a cycle: model.p.a --> model.p.b --> model.p.c'),
  },
  {
    name: 'two models of one name',
    exit: 2,
    files: { 'models/x/a.sql': 'select 1', 'models/y/a.sql': 'select 2' },
    says: stopped(
      'Compilation Error in models/y/a.sql',
      '  dbt found two models with the name "a".',
      '  ',
      '  Since these resources have the same name, dbt will be unable to find the correct resource',
      '  when looking for ref("a").',
      '  ',
      '  To fix this, change the name of one of these resources:',
      '  - model.p.a (models/y/a.sql)',
      '  - model.p.a (models/x/a.sql)',
    ),
  },
  {
    name: 'a tab in YAML',
    exit: 2,
    files: { 'models/s.yml': 'models:\n\t- name: a\n' },
    says: stopped(
      'Parsing Error',
      '  Error reading p: s.yml - Runtime Error',
      '    Syntax error near line 2',
      '    ------------------------------',
      '    1  | models:',
      '    2  | \t- name: a',
      '    ',
      '    Raw Error:',
      '    ------------------------------',
      '    found character that cannot start any token',
      '      in "<unicode string>", line 2, column 1',
      '    models/s.yml line 2, column 1',
    ),
  },
  {
    name: 'a ref to nothing below empty lines',
    exit: 2,
    files: { 'models/b.sql': "\n\nselect *\nfrom {{ ref('ordres') }}\n" },
    says: stopped(
      'Compilation Error in model b (models/b.sql)',
      "  Model 'model.p.b' (models/b.sql) depends on a node named 'ordres' which was not found",
      '    line 4, column 13',
      "      from {{ ref('ordres') }}",
      '                  ^',
    ),
  },
  {
    name: 'a list where YAML wants models',
    exit: 2,
    files: { 'models/s.yml': 'models: 5\n' },
    says: stopped(
      'Parsing Error',
      "  The schema file at models/s.yml is invalid because the value of 'models' is not a list",
      '    models/s.yml line 1, column 1',
      '      models: 5',
      '      ^',
    ),
  },
  {
    name: 'a model entry without a name',
    exit: 2,
    files: { 'models/s.yml': 'models:\n  - description: a\n' },
    says: stopped(
      'Parsing Error',
      "  The schema file at models/s.yml is invalid because a list element for 'models' does not have a name " +
        'attribute.',
      '    models/s.yml line 2, column 5',
      '        - description: a',
      '          ^',
    ),
  },
  {
    name: 'a key that dbt_project.yml does not have',
    exit: 2,
    files: { 'dbt_project.yml': `${PROJECT}modls: {}\n` },
    says: stopped(
      'Runtime Error',
      "  at path []: Additional properties are not allowed ('modls' was unexpected)",
      'Error encountered in DIR/dbt_project.yml',
    ),
  },
  {
    name: 'an environment variable that is not set',
    exit: 2,
    files: { 'models/a.sql': "select\n{{ env_var('TSDBT_NO_SUCH') }}" },
    says: stopped(
      'Parsing Error in model a (models/a.sql)',
      "  Env var required but not provided: 'TSDBT_NO_SUCH'",
      '    models/a.sql line 2',
      "      {{ env_var('TSDBT_NO_SUCH') }}",
    ),
  },
  {
    name: 'broken YAML in dbt_project.yml',
    exit: 2,
    files: { 'dbt_project.yml': 'name: p\n\tversion: 1\n' },
    says: stopped(
      'Runtime Error',
      '  Syntax error near line 2',
      '  ------------------------------',
      '  1  | name: p',
      '  2  | \tversion: 1',
      '  ',
      '  Raw Error:',
      '  ------------------------------',
      '  found character that cannot start any token',
      '    in "<unicode string>", line 2, column 1',
      '    DIR/dbt_project.yml line 2, column 1',
    ),
  },
  {
    name: 'broken YAML in profiles.yml, without the password that stands there',
    exit: 2,
    files: { 'profiles.yml': 'p:\n  password: s3cr3t\n\tx: 1\n' },
    says: stopped(
      'Runtime Error',
      '  ',
      '  dbt encountered an error while trying to read your profiles.yml file.',
      '  ',
      '  Syntax error near line 3',
      '  ------------------------------',
      '  1  | p:',
      '  2  |   password: *****',
      '  3  | \tx: 1',
      '  4  | ',
      '  ',
      '  Raw Error:',
      '  ------------------------------',
      '  found character that cannot start any token',
      '    in "<unicode string>", line 3, column 1',
      '  ',
      '    DIR/profiles.yml line 3, column 1',
    ),
  },
  {
    name: 'an environment variable of profiles.yml that is not set',
    exit: 2,
    files: {
      'profiles.yml':
        'p:\n  target: dev\n  outputs:\n    dev: {type: postgres, password: s3cr3t, host: "{{ ' +
        "env_var('TSDBT_NO_SUCH') }}\"}\n",
    },
    says: stopped(
      'Parsing Error',
      "  Env var required but not provided: 'TSDBT_NO_SUCH'",
      '    DIR/profiles.yml line 4',
      "      {{ env_var('TSDBT_NO_SUCH') }}",
    ),
  },
  {
    name: 'a password from a variable that is not set: its text is taken, as dbt does, and that is said',
    exit: 0,
    files: {},
    output: { password: "{{ env_var('TSDBT_NO_SUCH') }}" },
    says: "The password of target 'dev' is taken as it is written: Env var required but not provided: 'TSDBT_NO_SUCH'",
  },
  {
    name: 'a folder without a project',
    command: 'parse --project-dir ..',
    exit: 2,
    files: {},
    says: stopped(
      'Runtime Error',
      '  No dbt_project.yml found at expected path BASE/dbt_project.yml',
      '  Verify that each entry within packages.yml (and their transitive dependencies) contains a file named ' +
        'dbt_project.yml',
      '  ',
      '  Run from the folder of a project, or name it with --project-dir; `tsdbt init NAME` makes a new one.',
    ),
  },
  {
    name: 'a state that is not there',
    command: 'ls --select state:modified --state prod',
    exit: 2,
    files: {},
    says: stopped(
      'Runtime Error',
      '  Got a state selector method, but no comparison manifest',
      '  There is no manifest.json in the folder prod that --state names.',
    ),
  },
  {
    name: 'a target folder that cannot be made',
    command: 'parse --target-path dbt_project.yml/sub',
    exit: 2,
    files: {},
    says: stopped(
      'Runtime Error',
      '  Could not write DIR/dbt_project.yml/sub/manifest.json: DIR/dbt_project.yml/sub: a part of its path is ' +
        'not a folder',
      '  Is there room, and may this user write there? --target-path names another folder.',
    ),
  },
  {
    name: 'a folder of packages that cannot be made',
    command: 'deps',
    exit: 2,
    files: {
      'dbt_project.yml': `${PROJECT}packages-install-path: profiles.yml/sub\n`,
      'packages.yml': 'packages: [{local: other}]\n',
      'other/dbt_project.yml': "name: o\nversion: '1.0'\n",
    },
    says: text(
      'Updating lock file in file path: DIR/package-lock.yml',
      stopped('Runtime Error', '  DIR/profiles.yml: a part of its path is not a folder'),
    ),
  },
  {
    name: 'a profile that is not there',
    exit: 2,
    files: { 'dbt_project.yml': PROJECT.replace('profile: p', 'profile: q') },
    says: stopped(
      'Runtime Error',
      "  Could not find profile named 'q'",
      '  Profiles in DIR/profiles.yml: p. `tsdbt init` in the folder of the project adds one.',
    ),
  },
  {
    name: 'a target that is not there',
    command: 'parse --target prd',
    exit: 2,
    files: {},
    says: stopped(
      'Runtime Error',
      "  The profile 'p' does not have a target named 'prd'. The valid target names for this profile are:",
      '   - dev',
    ),
  },
  {
    name: 'a loop without end',
    exit: 2,
    files: { 'models/a.sql': '{% set xs = [1] %}{% for x in xs %}{% do xs.append(x) %}{% endfor %}' },
    says: stopped(
      'Compilation Error in model a (models/a.sql)',
      '  the template has gone through more than 5000000 rounds of its loops: it does not seem to end',
      '    models/a.sql line 1',
      '      {% set xs = [1] %}{% for x in xs %}{% do xs.append(x) %}{% endfor %}',
    ),
  },
  {
    name: 'a macro that calls itself for ever, with the middle of the stack left out',
    exit: 2,
    files: { 'macros/m.sql': '{% macro m() %}\n{{ m() }}\n{% endmacro %}', 'models/a.sql': 'select\n{{ m() }}' },
    says: stopped(
      'Compilation Error in model a (models/a.sql)',
      '  maximum recursion depth exceeded: macros are nested more than 700 deep',
      '    macros/m.sql line 2',
      '      {{ m() }}',
      '  ',
      '  > in macro m (macros/m.sql) line 2',
      ...Array.from({ length: 11 }, () => '  > called by macro m (macros/m.sql) line 2'),
      '  > … 683 calls more …',
      ...Array.from({ length: 4 }, () => '  > called by macro m (macros/m.sql) line 2'),
    ),
  },
  {
    name: 'Python that is out of bounds',
    exit: 2,
    files: { 'models/a.sql': "select {{ ''.__class__.__mro__ }}" },
    says: stopped(
      'Compilation Error in model a (models/a.sql)',
      "  access to attribute '__class__' of 'str' object is unsafe.",
      '    models/a.sql line 1',
      "      select {{ ''.__class__.__mro__ }}",
    ),
  },
  {
    name: 'JavaScript that is out of bounds',
    command: 'compile',
    exit: 2,
    files: { 'models/a.sql': "select {{ this.constructor.constructor('return process.env')() }}" },
    says: stopped(
      'Runtime Error',
      '  Compilation Error in model a (models/a.sql)',
      "    'dbt.adapters.postgres.relation.PostgresRelation object' has no attribute 'constructor'. This can " +
        'happen when calling a macro that does not exist. Check for typos and/or install package dependencies ' +
        'with "dbt deps".',
      '      models/a.sql line 1',
      "        select {{ this.constructor.constructor('return process.env')() }}",
    ),
  },
  {
    name: 'config keys one letter from known ones, which pass with a notice',
    exit: 0,
    files: { 'models/a.sql': "{{ config(materialised='table', unique_ky='a', foo_bar=1) }} select 1 as a" },
    says: text(
      "Config 'materialised' of model p.a is kept as a custom one; did you mean 'materialized'?",
      "Config 'unique_ky' of model p.a is kept as a custom one; did you mean 'unique_key'?",
    ),
  },
  {
    name: 'an error raised in the second macro of a file, through the stack',
    exit: 2,
    files: {
      'macros/m.sql':
        '{% macro outer() %}\n{{ inner() }}\n{% endmacro %}\n{% macro inner() %}\n\n{{ ' +
        'exceptions.raise_compiler_error("my words") }}\n{% endmacro %}',
      'models/a.sql': 'select 1\n\n{{ outer() }}',
    },
    says: stopped(
      'Compilation Error in model a (models/a.sql)',
      '  my words',
      '    macros/m.sql line 6',
      '      {{ exceptions.raise_compiler_error("my words") }}',
      '  ',
      '  > in macro inner (macros/m.sql) line 6',
      '  > called by macro outer (macros/m.sql) line 2',
    ),
  },
  {
    name: 'a macro that nobody wrote',
    command: 'compile',
    exit: 2,
    files: { 'models/a.sql': 'select 1,\n {{ nosuch(1) }}' },
    says: stopped(
      'Runtime Error',
      '  Compilation Error in model a (models/a.sql)',
      "    'nosuch' is undefined. This can happen when calling a macro that does not exist. Check for typos " +
        'and/or install package dependencies with "dbt deps".',
      '      models/a.sql line 2',
      '         {{ nosuch(1) }}',
    ),
  },
  {
    name: 'a file that is not UTF-8',
    exit: 2,
    files: { 'models/a.sql': Buffer.from([0x73, 0xe9]) },
    says: stopped('Runtime Error in DIR/models/a.sql', '  DIR/models/a.sql is not UTF-8 text'),
  },
  {
    name: 'a block that is never closed',
    exit: 2,
    files: { 'models/a.sql': 'select 1\n{% if x %}\nfoo' },
    says: stopped(
      'Compilation Error in model a (models/a.sql)',
      "  Unexpected end of template. Jinja was looking for the following tags: 'elif' or 'else' or 'endif'. " +
        "The innermost block that needs to be closed is 'if'.",
      '    models/a.sql line 2',
      '      {% if x %}',
    ),
  },
];

const MACROS =
  '{% macro outer() %}\n{{ inner() }}\n{% endmacro %}\n{% macro inner() %}\n\n amout + 1\n{% endmacro %}\n{% ' +
  'macro hk() %}\nselect\n  nope\n{% endmacro %}';

const RUNNING: readonly Row[] = [
  {
    name: 'nobody listens: host and port, not the password',
    command: 'run',
    exit: 2,
    files: { 'models/a.sql': 'select 1' },
    output: { host: '127.0.0.1', port: 1, password: 's3cr3t' },
    says: stopped(
      'Database Error',
      '  connection to server at "127.0.0.1", port 1 failed: Connection refused',
      '  \tIs the server running on that host and accepting TCP/IP connections?',
    ),
  },
  {
    name: 'a database error two macros deep',
    command: 'run',
    exit: 1,
    files: { 'macros/m.sql': MACROS, 'models/a.sql': 'select 1 as b,\n\n{{ outer() }}' },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Database Error in model a (models/a.sql)',
      '  column "amout" does not exist',
      '  LINE 9:  amout + 1',
      '           ^',
      '    macros/m.sql line 6, column 2',
      '       amout + 1',
      '       ^',
      '  ',
      '  > in macro inner (macros/m.sql) line 6',
      '  > called by macro outer (macros/m.sql) line 2',
      '  > called by model a (models/a.sql)',
    ),
  },
  {
    name:
      "a database error behind the model's code names its last line, one in a built-in macro the line that calls " +
      'it',
    command: 'run',
    exit: 1,
    files: {
      'models/a.sql': 'select 1 as b\nfrom {{ this }} where',
      'models/b.sql': "select 1 as b,\n  {{ dbt.dateadd('day', 1, 'nope') }} as c",
    },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Database Error in model a (models/a.sql)',
      '  syntax error at or near ")"',
      '  LINE 6:   );',
      '            ^',
      '    models/a.sql line 2, column 22',
      '      from {{ this }} where',
      '                           ^',
      '[ERROR]: in model b (models/b.sql)',
      '  Database Error in model b (models/b.sql)',
      '  column "nope" does not exist',
      "  LINE 7:     nope + ((interval '1 day') * (1))",
      '              ^',
      '    models/b.sql line 2, column 29',
      "        {{ dbt.dateadd('day', 1, 'nope') }} as c",
      '                                  ^',
    ),
  },
  {
    name: 'a database error in an ephemeral parent',
    command: 'run',
    exit: 1,
    files: {
      'models/e.sql': '{{ config(materialized="ephemeral") }}\nselect 1 as a,\n  nope',
      'models/a.sql': "select 1 as b\nfrom {{ ref('e') }}",
    },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Database Error in model a (models/a.sql)',
      '  column "nope" does not exist',
      '  LINE 7:   nope',
      '            ^',
      '    models/e.sql line 3, column 3',
      '        nope',
      '        ^',
    ),
  },
  {
    name: 'a database error in on-run-end',
    command: 'run',
    exit: 1,
    files: {
      'dbt_project.yml': `${PROJECT}on-run-end: "{{ hk() }}"\n`,
      'macros/m.sql': MACROS,
      'models/a.sql': 'select 1 as a',
    },
    says: text(
      '[ERROR]: in operation p-on-run-end-0 (./dbt_project.yml)',
      '  p.on-run-end.0 failed, error:',
      ' column "nope" does not exist',
      'LINE 4:   nope',
      '          ^',
      '    macros/m.sql line 10, column 3',
      '        nope',
      '        ^',
      '  ',
      '  > in macro hk (macros/m.sql) line 10',
      '  > called by operation p-on-run-end-0 (./dbt_project.yml)',
    ),
  },
  {
    name: 'a database error in a hook of the properties',
    command: 'run',
    exit: 1,
    files: {
      'models/a.sql': 'select 1 as a',
      'models/s.yml': 'models:\n  - name: a\n    config:\n      pre_hook:\n        - select nope\n',
    },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Database Error in model a (models/a.sql)',
      '  column "nope" does not exist',
      '  LINE 3:         select nope',
      '                         ^',
      '    models/s.yml line 5, column 18',
      '              - select nope',
      '                       ^',
    ),
  },
  {
    name:
      'database errors in what run_query sends, in a hook outside the transaction, in an argument of a test, in ' +
      'a hook of many lines and in unit tests',
    command: 'build',
    exit: 1,
    files: {
      'dbt_project.yml': `${PROJECT}on-run-end:\n  - |\n    select 1,\n      no_end\n`,
      'macros/m.sql':
        '{% macro rq() %}\n{% set q %}\nselect 1,\n  no_query\n{% endset %}\n{% if execute %}{% do ' +
        'run_query(q) %}{% endif %}\n{% endmacro %}\n{% macro hk(t) %}\ninsert into {{ t }} values (1)\n{% ' +
        'endmacro %}',
      'models/a.sql': '{{ rq() }} select 1 as a',
      'models/b.sql':
        "{{ config(pre_hook={'sql': \"{{ hk('no_such_table') }}\", 'transaction': false}) }} select 1 as b",
      'models/c.sql': 'select 1 as c',
      'models/d.sql': "\n\nselect c,\n  no_unit as d from {{ ref('c') }}",
      'models/e.sql': 'select 1 as e',
      'models/s.yml':
        'models:\n  - name: e\n    columns:\n      - name: e\n        data_tests:\n          - ' +
        'accepted_values: {arguments: {values: [no_value], quote: false}}\n' +
        "unit_tests:\n  - name: u\n    model: d\n    given: [{input: ref('c'), rows: [{c: 1}]}]\n    expect: " +
        '{rows: [{d: 1}]}\n',
    },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Database Error in model a (models/a.sql)',
      '  column "no_query" does not exist',
      '  LINE 5:   no_query',
      '            ^',
      '    macros/m.sql line 4, column 3',
      '        no_query',
      '        ^',
      '  ',
      '  > in macro rq (macros/m.sql) line 4',
      '  > called by model a (models/a.sql)',
      '[ERROR]: in model b (models/b.sql)',
      '  Database Error in model b (models/b.sql)',
      '  relation "no_such_table" does not exist',
      '  LINE 3:         insert into no_such_table values (1)',
      '                              ^',
      '    macros/m.sql line 9, column 13',
      '      insert into {{ t }} values (1)',
      '                  ^',
      '  ',
      '  > in macro hk (macros/m.sql) line 9',
      '  > called by macro run_hooks (macros/materializations/hooks.sql) line 12',
      '  > called by macro materialization_view_default (macros/materializations/models/view.sql) line 5',
      '  > called by model b (models/b.sql)',
      '[ERROR]: in unit_test u (models/s.yml)',
      '  Runtime Error in unit_test u (models/s.yml)',
      "  An error occurred during execution of unit test 'u'. There may be an error in the unit test " +
        'definition: check the data types.',
      '   Database Error',
      '    column "no_unit" does not exist',
      '    LINE 17:   no_unit as d from __dbt__cte__c',
      '               ^',
      '      models/d.sql line 4, column 3',
      "          no_unit as d from {{ ref('c') }}",
      '          ^',
      '[ERROR]: in test accepted_values_e_e__False__no_value (models/s.yml)',
      '  Database Error in test accepted_values_e_e__False__no_value (models/s.yml)',
      '  column "no_value" does not exist',
      '  LINE 19:     no_value',
      '               ^',
      '    models/s.yml line 6, column 52',
      '                - accepted_values: {arguments: {values: [no_value], quote: false}}',
      '                                                         ^',
      '[ERROR]: in operation p-on-run-end-0 (./dbt_project.yml)',
      '  p.on-run-end.0 failed, error:',
      ' column "no_end" does not exist',
      'LINE 3:   no_end',
      '          ^',
      '    ./dbt_project.yml line 7, column 7',
      '            no_end',
      '            ^',
    ),
  },
  {
    name: 'a test that does not exist',
    command: 'test',
    exit: 1,
    files: { 'models/a.sql': 'select 1 as a', 'models/s.yml': 'models:\n  - name: a\n    data_tests: [uniqu]\n' },
    says: text(
      '[ERROR]: in test uniqu_a_ (models/s.yml)',
      '  Compilation Error in test uniqu_a_ (models/s.yml)',
      "  'test_uniqu' is undefined. This can happen when calling a macro that does not exist. Check for " +
        'typos and/or install package dependencies with "dbt deps".',
    ),
  },
  {
    name: 'a name of more than 63 bytes',
    command: 'run',
    exit: 1,
    files: { 'models/a.sql': `{{ config(alias='${'ü'.repeat(32)}') }} select 1 as a` },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Runtime Error in model a (models/a.sql)',
      `  Relation name '${'ü'.repeat(32)}' is longer than 63 bytes`,
      '    macros/materializations/models/view.sql line 9',
      "        {%- set target_relation = this.incorporate(type='view') -%}",
      '  ',
      '  > in macro materialization_view_default (macros/materializations/models/view.sql) line 9',
    ),
  },
  {
    name: 'a seed with a zero byte',
    command: 'seed',
    exit: 1,
    files: { 'seeds/s.csv': 'a,b\n1,"q\nq"\nx\0y,2\n' },
    says: text(
      '[ERROR]: in seed s (seeds/s.csv)',
      '  Database Error in seed s (seeds/s.csv)',
      '  A string literal cannot contain NUL (0x00) characters (column "a", row 2).',
      '    seeds/s.csv line 4',
    ),
  },
  {
    name: 'a seed with a value that is not of the configured type',
    command: 'seed',
    exit: 1,
    files: {
      'seeds/s.csv': '\ufeffa,b\n1,"q\nq"\nx,2\n',
      'dbt_project.yml': `${PROJECT}seeds:\n  p:\n    +column_types: {a: integer}\n`,
    },
    says: text(
      '[ERROR]: in seed s (seeds/s.csv)',
      '  Database Error in seed s (seeds/s.csv)',
      '  invalid input syntax for type integer: "x"',
      '  CONTEXT:  COPY s, line 2, column a: "x"',
      '    seeds/s.csv line 4',
      '    in the statement',
      '      copy "SCHEMA"."s" ("a", "b") from stdin',
    ),
  },
  {
    name: 'a seed with a row that is too long',
    command: 'seed',
    exit: 1,
    files: { 'seeds/s.csv': 'a,b\n1,2\n3,4,5\n' },
    says: text(
      '[ERROR]: in seed s (seeds/s.csv)',
      '  Compilation Error in seed s (seeds/s.csv)',
      '  Row 1 has 3 values, but Table only has 2 columns.',
      '    seeds/s.csv line 3',
      '  ',
      '  > in macro materialization_seed_default (macros/materializations/seeds/seed.sql) line 4',
      '  A value with the delimiter in it must stand in double quotes.',
    ),
  },
  {
    name: 'a database error without a position names the statement',
    command: 'run',
    exit: 1,
    files: { 'models/a.sql': "{{ config(materialized='table') }}\nselect 1/(x-1) as a from (values (1)) v(x)" },
    says: text(
      '[ERROR]: in model a (models/a.sql)',
      '  Database Error in model a (models/a.sql)',
      '  division by zero',
      '    in the statement',
      '      create  table "DB"."SCHEMA"."a__dbt_tmp"',
      '        as',
      '        (',
      '      select 1/(x-1) as a from (values (1)) v(x)',
      '        );',
    ),
  },
];

describe('bad input ends in one clear error', () => {
  it.each([...PARSING, ...RUNNING])(
    '$name',
    async (row) => {
      const got = await tsdbt(row);
      const says = got.says.replaceAll(String(credentials['database']), 'DB').replace(/bad_\d+/g, 'SCHEMA');
      expect(says).toBe(row.says);
      expect(got.exit).toBe(row.exit);
      expect(got.all).not.toMatch(/\n\s+at .*(node:|\.[jt]s:\d)|s3cr3t/);
    },
    60_000,
  );
});
