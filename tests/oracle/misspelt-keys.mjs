// Misspells a key at each kind of place in a project's YAML, and prints what real dbt and this program say of it, one
// table: npm run oracle -- misspelt-keys [part of a name]. Needs no database. Exit code 1 where the two end otherwise.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ENV, writeProject } from './fuzz/dbt.mjs';
import { oracleBin, root } from './support/servers.mjs';

const FILES = {
  'dbt_project.yml': `name: shop
version: '1.0'
profile: shop
model-paths: [models]
on-run-start: [select 1]
quoting: {schema: true}
query-comment: {comment: c, append: true}
dispatch:
  - macro_namespace: dbt
    search_order: [shop, dbt]
models:
  shop:
    +materialized: view
vars: {a: 1}
flags: {use_colors: false}
`,
  'profiles.yml': `shop:
  target: dev
  outputs:
    dev: {type: postgres, host: 127.0.0.1, port: 1, user: u, password: p, dbname: d, schema: s, threads: 1}
`,
  'packages.yml': 'packages: []\n',
  'dependencies.yml': 'projects: []\n',
  'selectors.yml': `selectors:
  - name: nightly
    description: d
    definition:
      union:
        - method: tag
          value: x
          children: true
`,
  'models/orders.sql': 'select 1 as id, current_date as day\n',
  'models/versioned_v1.sql': 'select 1 as id\n',
  'models/time_spine.sql': 'select current_date as day\n',
  'macros/m.sql': '{% macro money(x) %}{{ x }}{% endmacro %}\n',
  'seeds/countries.csv': 'code\nx\n',
  'analyses/look.sql': 'select 1\n',
  'tests/singular.sql': 'select 1 where false\n',
  'models/p.yml': `models:
  - name: orders
    description: d
    config: {materialized: table, tags: [a]}
    columns:
      - name: id
        description: the id
        data_type: int
        data_tests:
          - unique:
              arguments: {}
              config: {severity: warn}
    data_tests:
      - not_null:
          arguments: {column_name: id}
  - name: versioned
    latest_version: 1
    versions:
      - v: 1
        description: first
  - name: time_spine
    time_spine: {standard_granularity_column: day}
    columns: [{name: day, granularity: day}]
sources:
  - name: raw
    schema: s
    loader: l
    tables:
      - name: events
        identifier: e
        freshness: {warn_after: {count: 1, period: day}}
        loaded_at_field: t
        columns: [{name: id, description: d}]
seeds:
  - name: countries
    config: {quote_columns: true}
    columns: [{name: code}]
snapshots:
  - name: snap
    relation: ref('orders')
    description: d
    config: {unique_key: id, strategy: check, check_cols: all}
exposures:
  - name: report
    type: dashboard
    description: d
    owner: {name: n, email: e@x.y}
    depends_on: [ref('orders')]
groups:
  - name: finance
    owner: {name: n, email: e@x.y}
macros:
  - name: money
    description: d
    arguments: [{name: x, type: int, description: d}]
analyses:
  - name: look
    description: d
data_tests:
  - name: singular
    description: d
unit_tests:
  - name: t
    model: orders
    description: d
    given: []
    expect: {rows: [{id: 1}]}
semantic_models:
  - name: sem
    model: ref('orders')
    description: d
    defaults: {agg_time_dimension: ordered}
    entities: [{name: id, type: primary}]
    dimensions: [{name: ordered, expr: day, type: time, type_params: {time_granularity: day}}]
    measures: [{name: rows_seen, agg: count, expr: id}]
metrics:
  - name: orders_count
    label: l
    type: simple
    type_params: {measure: rows_seen}
saved_queries:
  - name: all_orders
    description: d
    query_params: {metrics: [orders_count]}
`,
};

/** dbt validates the semantic manifest, which this program does not: it misses the time spine. */
const KNOWN = new Set(['properties file, models']);

/** name: [file, what stands there, what is written instead]. */
const CASES = {
  'nothing misspelt': ['models/p.yml', 'models:', 'models:'],
  'dbt_project.yml': ['dbt_project.yml', 'model-paths:', 'model-path:'],
  'dbt_project.yml quoting': ['dbt_project.yml', '{schema: true}', '{shema: true}'],
  'dbt_project.yml query-comment': ['dbt_project.yml', 'append: true', 'apend: true'],
  'dbt_project.yml dispatch': ['dbt_project.yml', 'search_order:', 'search_ordr:'],
  'dbt_project.yml config': ['dbt_project.yml', '+materialized:', '+materialised:'],
  'dbt_project.yml flags': ['dbt_project.yml', 'use_colors:', 'use_colours:'],
  'profiles.yml target': ['profiles.yml', 'target:', 'targt:'],
  'profiles.yml outputs': ['profiles.yml', 'outputs:', 'output:'],
  'profiles.yml credentials': ['profiles.yml', 'schema:', 'shema:'],
  'profiles.yml optional': ['profiles.yml', 'threads:', 'thread:'],
  'packages.yml': ['packages.yml', 'packages:', 'package:'],
  'packages.yml entry': ['packages.yml', '[]', '[{package: dbt-labs/dbt_utils, versoin: 1.3.0}]'],
  'selectors.yml': ['selectors.yml', 'selectors:', 'selector:'],
  'selectors.yml entry': ['selectors.yml', 'definition:', 'definiton:'],
  'selectors.yml definition': ['selectors.yml', 'value:', 'vale:'],
  'selectors.yml option': ['selectors.yml', 'children:', 'childern:'],
  'properties file': ['models/p.yml', 'exposures:', 'exposure:'],
  'properties file, models': ['models/p.yml', 'models:', 'model:'],
  model: ['models/p.yml', '    columns:\n      - name: id', '    colums:\n      - name: id'],
  'model description': ['models/p.yml', 'description: d\n    config: {mat', 'desciption: d\n    config: {mat'],
  'model config': ['models/p.yml', 'materialized: table', 'materialised: table'],
  'model tests': ['models/p.yml', '    data_tests:\n      - not_null', '    data_test:\n      - not_null'],
  version: ['models/p.yml', 'description: first', 'desription: first'],
  'time spine': ['models/p.yml', 'standard_granularity_column:', 'standard_granularity_colum:'],
  column: ['models/p.yml', 'data_type: int', 'datatype: int'],
  'column tests': ['models/p.yml', '        data_tests:', '        data_test:'],
  'column description': ['models/p.yml', 'description: the id', 'descripton: the id'],
  'test config': ['models/p.yml', 'severity: warn', 'severty: warn'],
  'test property': ['models/p.yml', 'config: {severity', 'confg: {severity'],
  'test arguments': ['models/p.yml', 'arguments: {column_name', 'argumnts: {column_name'],
  'test argument': ['models/p.yml', '{column_name: id}', '{column_nme: id}'],
  source: ['models/p.yml', 'loader: l', 'loder: l'],
  table: ['models/p.yml', 'identifier: e', 'identifer: e'],
  'table freshness': ['models/p.yml', 'warn_after:', 'warn_afer:'],
  'table loaded_at_field': ['models/p.yml', 'loaded_at_field:', 'loaded_at_feild:'],
  'table column': ['models/p.yml', '{name: id, description: d}', '{name: id, descriptio: d}'],
  seed: ['models/p.yml', 'columns: [{name: code}]', 'colums: [{name: code}]'],
  'seed config': ['models/p.yml', 'quote_columns:', 'quote_colums:'],
  snapshot: ['models/p.yml', "relation: ref('orders')", "relaton: ref('orders')"],
  'snapshot config': ['models/p.yml', 'unique_key:', 'uniqe_key:'],
  exposure: ['models/p.yml', "depends_on: [ref('orders')]", "depend_on: [ref('orders')]"],
  'exposure owner': ['models/p.yml', 'name: n, email', 'name: n, emial'],
  group: ['models/p.yml', 'finance\n    owner:', 'finance\n    ownr:'],
  macro: ['models/p.yml', 'arguments: [{name: x', 'argumets: [{name: x'],
  'macro argument': ['models/p.yml', 'type: int, desc', 'typ: int, desc'],
  analysis: ['models/p.yml', 'look\n    description', 'look\n    descripion'],
  'singular test': ['models/p.yml', 'singular\n    description', 'singular\n    descripion'],
  'unit test': ['models/p.yml', 'given: []', 'givn: []'],
  'unit test expect': ['models/p.yml', '{rows: [', '{row: ['],
  'semantic model': ['models/p.yml', 'entities:', 'entites:'],
  dimension: ['models/p.yml', 'type_params: {time', 'type_param: {time'],
  measure: ['models/p.yml', 'expr: id', 'exp: id'],
  metric: ['models/p.yml', 'label: l', 'lable: l'],
  'metric type_params': ['models/p.yml', '{measure: rows_seen}', '{mesure: rows_seen}'],
  'saved query': ['models/p.yml', 'query_params:', 'query_parms:'],
};

const [only = ''] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), 'misspelt-keys-'));
const python = spawn(join(oracleBin(), 'python'), [join(root, 'tests/oracle/misspelt-keys.py')], {
  stdio: ['pipe', 'pipe', 'ignore'],
  env: { ...process.env, ...ENV },
});
const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
const one = (text) => text.replace(/\s+/g, ' ').trim();
let unlike = 0;
try {
  for (const [name, [file, from, to]] of Object.entries(CASES)) {
    if (!name.includes(only)) continue;
    if (!FILES[file].includes(from)) throw new Error(`${name}: ${file} has no ${from}`);
    const dir = join(work, 'project');
    writeProject(dir, { ...FILES, [file]: FILES[file].replace(from, to) });
    const command = [name.startsWith('packages.yml') ? 'deps' : 'parse'];
    python.stdin.write(`${JSON.stringify({ dir, command })}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error('misspelt-keys.py ended');
    const dbt = JSON.parse(value);
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(root, 'bin/tsdbt.js'), ...command, '--no-partial-parse', '--log-format', 'json'],
      { cwd: dir, encoding: 'utf8', env: { ...process.env, ...ENV } },
    );
    const said = stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line).info)
      .filter(({ name, level }) => level === 'warn' || level === 'error' || name === 'Note');
    const same = dbt.ok === (status === 0);
    if (!same && !KNOWN.has(name)) unlike++;
    console.log(`${same ? ' ' : '!'} ${name}: \`${one(to)}\``);
    const theirs = [...dbt.said.map(([event, msg]) => `${event}: ${msg}`), ...(dbt.error === null ? [] : [dbt.error])];
    console.log(`    dbt  ${dbt.ok ? 'ok' : 'error'}  ${one(theirs.join(' | '))}`);
    const mine = one(said.map(({ name, msg }) => `${name}: ${msg}`).join(' | '));
    console.log(`    ours ${status === 0 ? 'ok' : `exit ${status}`}  ${mine}`);
  }
} finally {
  python.stdin.end();
  rmSync(work, { recursive: true, force: true });
}
console.log(`${unlike} end otherwise`);
process.exitCode = unlike > 0 ? 1 : 0;
