// `npm run oracle -- NAME [ARGUMENT...]`: the one entry of all that sets this program beside real dbt or jinja2.
// Without a name it lists them. What each does, and its arguments, stand in the head of its file.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { clickhouseOracleBin, oracleBin, root } from './support/servers.mjs';

/** name: [file, what it does]. */
const NAMES = {
  all: ['many.mjs', 'all that compare, with one table at the end'],
  sample: ['many.mjs', 'what each run of CI plays of them'],
  cases: ['cases.mjs', 'the root project and tests/engine/cases, built by both on Postgres'],
  clickhouse: ['clickhouse.mjs', 'tests/engine/clickhouse, built by both on ClickHouse, alone and in turns'],
  handover: ['handover.mjs', 'projects whose data change, built in turns by both on Postgres'],
  packages: ['packages.mjs', 'integration projects of well-known packages, built by both'],
  strangers: ['strangers.mjs', 'projects that others wrote, at pinned commits, played by both'],
  artifacts: ['artifacts.mjs', "what readers of dbt's artifacts make of both programs'"],
  conformance: ['conformance.mjs', "dbt's published adapter tests, with this program in the place of dbt"],
  functional: ['functional.mjs', "dbt-core's and dbt-postgres's functional tests, with this program in dbt's place"],
  macros: ['macros.mjs', "names and arguments of the built-in macros, beside dbt's"],
  mistakes: ['mistakes.mjs', 'typical mistakes, and what both programs say of them'],
  jinja: ['jinja.mjs', 'syntax trees and goldens, beside jinja2'],
  'compare-manifests': ['compare-manifests.mjs', 'two manifests, field by field'],
  'fuzz-jinja': ['fuzz/jinja.mjs', 'random templates, beside jinja2'],
  'fuzz-parse': ['fuzz/parse.mjs', 'manifests of random projects, beside dbt'],
  'fuzz-select': ['fuzz/select.mjs', 'selections in random projects, beside dbt ls'],
  'fuzz-tables': ['fuzz/tables.mjs', "differences of unit tests and rows of CSV texts, beside dbt's"],
  openlineage: ['openlineage.mjs', "reads our lineage events, and writes down openlineage-dbt's"],
  'fuzz-avro': ['fuzz/avro.mjs', 'messages of random Avro schemas, beside fastavro'],
  'misspelt-keys': ['misspelt-keys.mjs', 'what both say of a misspelt key, place by place'],
  overrides: ['overrides.mjs', 'writes down which macros dbt calls'],
  requests: ['requests.mjs', 'writes down how many messages dbt sends to Postgres'],
  'clickhouse-requests': ['clickhouse-requests.mjs', 'writes down how many requests dbt sends to ClickHouse'],
  'clickhouse-statements': ['clickhouse-statements.mjs', 'writes down which statements dbt sends to ClickHouse'],
  'clickhouse-methods': ['clickhouse-methods.py', 'writes what methods of dbt-clickhouse answer to a file'],
  agate: ['agate-tables.py', 'prints what agate makes of CSV texts and tables'],
  relation: ['relation.py', 'prints what templates see of relations, columns and the adapter'],
  selection: ['selection.py', 'writes what dbt selects in the case of every method'],
  'semantic-rules': ['semantic-rules.py', 'writes what dbt says of mistakes in the semantic layer'],
  state: ['state.py', 'writes what dbt selects by state: after each edit'],
  yaml: ['yaml-texts.py', 'writes what PyYAML makes of texts'],
};

const [name, ...args] = process.argv.slice(2);
const [file] = NAMES[name] ?? [];
if (file === undefined) {
  const asked = name === undefined || name === '--help';
  if (!asked) console.error(`There is no oracle '${name}'; these are:`);
  for (const [each, [, what]] of Object.entries(NAMES)) console.log(`  ${each.padEnd(22)} ${what}`);
  process.exitCode = asked ? 0 : 2;
} else {
  const program = file.endsWith('.py')
    ? join(name === 'clickhouse-methods' ? clickhouseOracleBin() : oracleBin(), 'python')
    : process.execPath;
  const done = spawnSync(program, [join(root, 'tests/oracle', file), ...(file === 'many.mjs' ? [name] : []), ...args], {
    stdio: 'inherit',
  });
  process.exitCode = done.status ?? 1;
}
