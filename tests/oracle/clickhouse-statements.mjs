// Writes down which statements dbt-clickhouse sends for each case of tests/engine/macros/clickhouse-cases.json, against
// a server that only listens: tests/engine/macros/clickhouse-golden.json, which tests/engine/macros/clickhouse.test.ts
// compares ours with. npm run oracle -- clickhouse-statements: dbt is that of TSDBT_ORACLE_CLICKHOUSE, a Python
// venv that is made when it is not there.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRecorder } from './support/clickhouse-recorder.mjs';
import { clickhouseOracleBin, root } from './support/servers.mjs';

const folder = join(root, 'tests/engine/macros');
const cases = JSON.parse(readFileSync(join(folder, 'clickhouse-cases.json'), 'utf8')).map((test, index) => ({
  ...test,
  model: `m_${String(index).padStart(3, '0')}`,
}));
const dbt = join(clickhouseOracleBin(), 'dbt');
const golden = {};

for (const cluster of [false, true])
  for (const fullRefresh of [false, true]) {
    const selected = cases.filter(
      (test) => (test.cluster ?? false) === cluster && (test.fullRefresh ?? false) === fullRefresh,
    );
    if (selected.length > 0) await runCases(selected, cluster, fullRefresh);
  }
writeFileSync(
  join(folder, 'clickhouse-golden.json'),
  `${JSON.stringify(Object.fromEntries(cases.map((test) => [test.name, golden[test.name] ?? null])), null, 1)}\n`,
);
console.log(`${cases.length} cases, ${Object.values(golden).flat().length} statements`);

async function runCases(selected, cluster, fullRefresh) {
  const project = mkdtempSync(join(tmpdir(), 'oracle-clickhouse-'));
  const server = await startRecorder((sql) => answer(sql, selected));
  try {
    mkdirSync(join(project, 'models'));
    writeFileSync(
      join(project, 'dbt_project.yml'),
      'name: p\nversion: "1.0.0"\nprofile: p\nflags: {send_anonymous_usage_stats: false}\n',
    );
    const target = {
      type: 'clickhouse',
      host: '127.0.0.1',
      port: server.port,
      user: 'u',
      password: 'pw',
      schema: 's',
      threads: 1,
      ...(cluster ? { cluster: 'c' } : {}),
    };
    writeFileSync(join(project, 'profiles.yml'), JSON.stringify({ p: { target: 't', outputs: { t: target } } }));
    writeFileSync(
      join(project, 'models/models.yml'),
      JSON.stringify({
        models: selected.map((test) => ({
          name: test.model,
          config: { materialized: test.materialization, ...test.config },
          ...Object.fromEntries(
            ['description', 'columns', 'constraints'].flatMap((key) =>
              test[key] === undefined ? [] : [[key, test[key]]],
            ),
          ),
        })),
      }),
    );
    for (const test of selected)
      writeFileSync(join(project, `models/${test.model}.sql`), test.sql ?? "select 1 as id, 'x' as name");
    const run = spawn(
      dbt,
      ['run', '--project-dir', project, '--profiles-dir', project, ...(fullRefresh ? ['--full-refresh'] : [])],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let output = '';
    for await (const chunk of run.stdout) output += chunk;
    for (const test of selected) {
      golden[test.name] = server.statements
        .filter((sql) => sql.includes(`"node_id": "model.p.${test.model}"`))
        .map((sql) =>
          sql
            .replace(/\/\*[\s\S]*?\*\//g, '')
            .replaceAll(test.model, 'm')
            .replace(/__dbt_new_data_[0-9a-f_]{36}/g, '__dbt_new_data_<id>')
            .replace(/--[^\n]*/g, '')
            .replace(/\s+/g, ' ')
            .trim(),
        );
      if (new RegExp(`ERROR creating[^\\n]*${test.model}\\b`).test(output))
        console.log(
          `${test.name}: dbt fails\n${output
            .split('\n')
            .filter((line) => line.includes(test.model) || /Error|rror:/.test(line))
            .slice(0, 12)
            .join('\n')}`,
        );
    }
  } finally {
    await server.close();
    rmSync(project, { recursive: true });
  }
}

/** What the catalogue says: of the case whose model a statement is about. */
function answer(sql, selected) {
  const test = selected.find(({ model }) => sql.includes(`"node_id": "model.p.${model}"`));
  const texts = (names, rows) => ({ names, types: names.map(() => 'String'), rows });
  if (/mvs_pointing_to_it/.test(sql)) {
    const rows = selected.flatMap(({ model, relations = {}, writers = [], refreshable = [] }) =>
      Object.entries(relations).map(([name, type]) => {
        const mvs =
          name === 'm' ? writers.map((mv) => ({ schema: 's', name: mv.replace(/^m/, model), sql: 'select 1' })) : [];
        return [
          name.replace(/^m/, model),
          's',
          type,
          'Atomic',
          JSON.stringify(mvs),
          refreshable.includes(name) ? 1 : 0,
          0,
          0,
        ];
      }),
    );
    return {
      names: [
        'name',
        'schema',
        'type',
        'db_engine',
        'mvs_pointing_to_it',
        'is_refreshable',
        'refreshable_append',
        'is_on_cluster',
      ],
      types: ['String', 'String', 'String', 'String', 'String', 'UInt8', 'UInt8', 'UInt64'],
      rows,
    };
  }
  if (/from system\.databases/.test(sql)) return texts(['name', 'engine', 'comment'], [['s', 'Atomic', '']]);
  if (/from system\.columns/.test(sql)) {
    const present =
      test?.present && /table = 'm_\d+'|table = 'm_\d+_local'/.test(sql)
        ? test.present
        : [
            ['id', 'Int32'],
            ['name', 'String'],
          ];
    return texts(['name', 'type'], present);
  }
  if (/engine = 'MaterializedView'\s+and extract/.test(sql))
    return texts(
      ['name'],
      (test.writers ?? []).map((mv) => [mv.replace(/^m/, test.model)]),
    );
  if (/from system\.grants/.test(sql)) return texts(['privilege_type', 'grantee'], [['SELECT', 'old']]);
  if (/system\.parts/.test(sql)) return texts(['partition_id'], [['7'], ['8']]);
  if (/system\.settings/.test(sql)) return texts(['value'], [['1']]);
  if (/^\s*(\/\*[\s\S]*?\*\/)?\s*select \*\s+from \(/i.test(sql))
    return { names: ['id', 'name'], types: ['Int32', 'String'], rows: [] };
  return null;
}
