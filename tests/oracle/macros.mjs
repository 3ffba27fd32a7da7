// Compares the macros of src/include with those of a real dbt: unique_ids, arguments in order, languages, files. Says
// nothing about what they do. npm run oracle -- macros: dbt-core 1.12 and dbt-postgres are those of TSDBT_ORACLE,
// dbt-clickhouse that of TSDBT_ORACLE_CLICKHOUSE, Python venvs that are made when they are not there.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { clickhouseOracleBin, oracleBin, root } from './support/servers.mjs';

const packages = {
  dbt: 'src/include/global',
  dbt_postgres: 'src/include/postgres',
  dbt_clickhouse: 'src/include/clickhouse',
};
const targets = {
  postgres: { port: 5432, password: 'none', dbname: 'none' },
  clickhouse: { port: 8123, password: 'none' },
};

const ours = new Map(Object.entries(packages).flatMap(([name, folder]) => macrosIn(name, join(root, folder))));
const theirs = new Map([
  ...oracleMacros(oracleBin(), 'postgres', ['dbt', 'dbt_postgres']),
  ...oracleMacros(clickhouseOracleBin(), 'clickhouse', ['dbt_clickhouse']),
]);
const problems = [];
for (const [id, macro] of theirs) {
  const mine = ours.get(id);
  if (mine === undefined) problems.push(`missing: ${id}(${macro.arguments.join(', ')})`);
  else
    for (const key of ['arguments', 'languages', 'path']) {
      if (String(mine[key]) !== String(macro[key]))
        problems.push(`${id}: ${key} are (${mine[key]}), dbt has (${macro[key]})`);
    }
}
// What dbt does not have: macros of our own, which a project may use and dbt's users do without; and the files that
// hold nothing else.
const OWN = new Set([
  ...[
    'publish_intermediate',
    'get_publish_sql',
    'replaced_by_own_macros',
    'drop_dependants',
    'get_view_leftovers_sql',
    'default__get_view_leftovers_sql',
  ].map((name) => `macro.dbt.${name}`),
  ...['check_changes', 'key_names', 'broken_keys', 'prefixed', 'refuse', 'require_time'].map(
    (name) => `macro.dbt.snapshot_${name}`,
  ),
  'macro.dbt.default__snapshot_check_changes',
  ...['fixture_type', 'fixture_literal', 'expected_type', 'default__fixture_collection'].map(
    (name) => `macro.dbt.${name}`,
  ),
  'macro.dbt_clickhouse.clickhouse__fixture_collection',
  'macro.dbt_clickhouse.get_dbt_valid_to_current',
  'macro.dbt.merge_columns',
  ...['rounded_columns', 'default__rounded_columns', 'warn_of_rounded_columns', 'widen_rounded_columns'].map(
    (name) => `macro.dbt.${name}`,
  ),
  'macro.dbt.default__snapshot_differs',
  'macro.dbt.has_null_keys',
  'macro.dbt.key_record',
  ...['rounded_columns', 'may_round', 'snapshot_keys_are_staged'].map((name) => `macro.dbt_postgres.postgres__${name}`),
  'macro.dbt_clickhouse.clickhouse__snapshot_differs',
  'macro.dbt_clickhouse.clickhouse__require_castable',
  'macro.dbt.warn_of_merge_columns',
  'macro.dbt_postgres.postgres__alter_column_type',
  'macro.dbt_postgres.postgres__materialized_view_query_changed',
  'macro.dbt_clickhouse.clickhouse__mv_on_schema_change',
  'macro.dbt_clickhouse.clickhouse__require_distributed',
  'macro.dbt_postgres.postgres__get_view_leftovers_sql',
  ...['drop_table', 'drop_view', 'table_of_query', 'insert_columns', 'incremental_microbatch'].map(
    (name) => `macro.dbt_clickhouse.clickhouse__${name}`,
  ),
  'macro.dbt_clickhouse.clickhouse__local_relation',
  'macro.dbt_clickhouse.clickhouse__warn_of_rows_outside',
  'macro.dbt_clickhouse.clickhouse__fill_new_table',
  'macro.dbt_clickhouse.clickhouse__get_limit_sql',
  'macro.dbt_clickhouse.materialization_seed_clickhouse',
  'macro.dbt_clickhouse.clickhouse__reset_csv_table',
  'macro.dbt_clickhouse.clickhouse__create_seed_table',
  'macro.dbt_clickhouse.clickhouse__load_seed_rows',
  'macro.dbt_clickhouse.clickhouse__publish_local',
  'macro.dbt_clickhouse.materialization_snapshot_clickhouse',
  ...['is_current', 'key', 'refuse_audit', 'require_one_current', 'require_one_row'].map(
    (name) => `macro.dbt_clickhouse.clickhouse__snapshot_${name}`,
  ),
]);
const OWN_FILES = new Set([
  // The generic test `usual`.
  'tests/generic/usual.sql',
  'macros/generic_test_sql/usual.sql',
  'macros/schema_tests/usual.sql',
  // Tests that share a statement.
  'macros/materializations/tests/batch.sql',
  'macros/schema_tests/batch.sql',
  'macros/materializations/own_views.sql',
  'macros/materializations/live_views.sql',
  'macros/materializations/publish.sql',
  'macros/materializations/hooks.sql',
  'macros/new_rows.sql',
  'macros/etc/new_rows.sql',
  'macros/relations/table/partitions.sql',
  'macros/etc/archived_rows.sql',
  'macros/archived_rows.sql',
  'macros/materializations/incremental/strategies.sql',
  ...['append', 'atomic_upsert', 'staging'].map((name) => `macros/materializations/incremental/${name}.sql`),
]);
for (const [id, { path }] of ours)
  if (!theirs.has(id) && !OWN.has(id) && !OWN_FILES.has(path)) problems.push(`not in dbt: ${id}`);
for (const line of problems) console.error(line);
const count = (name) => [...theirs.keys()].filter((id) => id.startsWith(`macro.${name}.`)).length;
console.log(
  `${Object.keys(packages)
    .map((name) => `${count(name)} macro.${name}.*`)
    .join(', ')}: ${problems.length === 0 ? 'all the same' : `${problems.length} differences`}`,
);
process.exitCode = problems.length === 0 && theirs.size > 0 ? 0 : 1;

/**
 * Every block of a package that dbt makes a macro of, by unique_id. A test's arguments are not listed in a manifest.
 */
function macrosIn(name, folder) {
  const found = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.sql')) continue;
    const file = join(entry.parentPath ?? entry.path, entry.name);
    const text = readFileSync(file, 'utf8').replace(/\{#[\s\S]*?#\}/g, '');
    for (const [, kind, title, rest] of text.matchAll(/\{%-?\s*(macro|test|materialization)\s+(\w+)([\s\S]*?)-?%\}/g)) {
      const block = describe(kind, title, rest.trim());
      found.push([`macro.${name}.${block.name}`, { ...block, path: relative(folder, file) }]);
    }
  }
  return found;
}

function describe(kind, title, rest) {
  if (kind === 'macro') return { name: title, arguments: argumentNames(rest.slice(1, -1)), languages: '' };
  if (kind === 'test') return { name: `test_${title}`, arguments: [], languages: '' };
  const adapter = /adapter\s*=\s*'(\w+)'/.exec(rest)?.[1] ?? 'default';
  const languages = /supported_languages\s*=\s*\[(.*?)\]/.exec(rest)?.[1].match(/\w+/g) ?? ['sql'];
  return {
    name: `materialization_${title}_${adapter}`,
    arguments: ['supported_languages'],
    languages: languages.join(),
  };
}

/** `a, b=[], c=f(1, 2)` -> a, b, c */
function argumentNames(text) {
  const parts = [''];
  let depth = 0;
  for (const letter of text.replace(/"[^"]*"|'[^']*'/g, '')) {
    if ('([{'.includes(letter)) depth += 1;
    if (')]}'.includes(letter)) depth -= 1;
    if (letter === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return parts.map((part) => part.split('=')[0].trim()).filter((part) => part !== '');
}

/** The macros of packages in a manifest that an oracle makes of an empty project. */
function oracleMacros(bin, type, names) {
  const project = mkdtempSync(join(tmpdir(), 'oracle-macros-'));
  writeFileSync(
    join(project, 'dbt_project.yml'),
    'name: empty\nversion: "1.0"\nprofile: empty\nflags: {send_anonymous_usage_stats: false, ' +
      'validate_macro_args: true}\n',
  );
  const target = { type, host: 'localhost', user: 'nobody', schema: 'none', threads: 1, ...targets[type] };
  writeFileSync(
    join(project, 'profiles.yml'),
    JSON.stringify({ empty: { target: 'none', outputs: { none: target } } }),
  );
  const run = spawnSync(join(bin, 'dbt'), ['parse', '--project-dir', project, '--profiles-dir', project], {
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`dbt parse failed:\n${run.stdout}${run.stderr}`);
  const { macros } = JSON.parse(readFileSync(join(project, 'target/manifest.json'), 'utf8'));
  rmSync(project, { recursive: true });
  return Object.values(macros)
    .filter((macro) => names.includes(macro.package_name))
    .map((macro) => [
      macro.unique_id,
      {
        arguments: macro.arguments.map((argument) => argument.name),
        languages: (macro.supported_languages ?? []).join(),
        path: macro.path,
      },
    ]);
}
