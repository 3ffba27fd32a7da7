// Writes down which macros real dbt calls, and when: every macro of dbt and its adapter is overridden by a project
// (tests/engine/overrides/DIALECT) whose overrides note their calls. The result is
// tests/engine/overrides/DIALECT-golden.json, which overrides.test.ts compares our calls with.
// npm run oracle -- overrides [postgres|clickhouse]: dbt is that of TSDBT_ORACLE and TSDBT_ORACLE_CLICKHOUSE, Python
// venvs that are made when missing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startClickhouse } from './support/clickhouse.mjs';
import { macrosOf, playOverridden, processes } from './support/overrides.mjs';
import { clickhouseOracleBin, oracleBin, root, startPostgres } from './support/servers.mjs';

const folder = join(root, 'tests', 'engine', 'overrides');
const dialects = {
  async postgres() {
    const server = await startPostgres();
    await server.psql('postgres', 'create database shop');
    const { host, port, user, password } = server;
    return {
      bin: oracleBin(),
      output: { type: 'postgres', host, port, user, password, dbname: 'shop' },
      sql: (text) => server.psql('shop', text),
      stop: () => server.stop(),
    };
  },
  async clickhouse() {
    const server = await startClickhouse();
    return {
      bin: clickhouseOracleBin(),
      output: server.database.output,
      sql: (text) => server.database.execute(text),
      stop: () => server.stop(),
    };
  },
};
const wanted = process.argv.slice(2);
for (const [dialect, start] of Object.entries(dialects)) {
  if (wanted.length > 0 && !wanted.includes(dialect)) continue;
  const server = await start();
  try {
    const dbt = join(server.bin, 'dbt');
    const macros = macrosOf(manifestOf(dbt, server.output), [`dbt_${dialect}`, 'dbt']);
    const project = join(folder, dialect);
    const steps = JSON.parse(readFileSync(join(project, 'steps.json'), 'utf8'));
    const { output: target, sql } = server;
    const played = await playOverridden(processes(dbt), { project, macros, output: target, sql, steps });
    for (const { run, exit, output } of played)
      if (exit !== 0)
        console.error(
          `${dialect}: ${run} ends with ${exit}\n${output
            .split('\n')
            .filter((line) => !/ (START|OK) /.test(line))
            .slice(-40)
            .join('\n')}`,
        );
    const list = (value) => JSON.stringify(value);
    writeFileSync(
      join(folder, `${dialect}-golden.json`),
      `{
"macros": [\n${macros.map((macro) => ` ${list(macro)}`).join(',\n')}\n],
"steps": [\n${played
        .map(
          ({ run, exit, calls }) =>
            ` {"run": ${list(run)}, "exit": ${exit}, "calls": {\n${Object.entries(calls)
              .map(([node, names]) => `  ${list(node)}: ${list(names)}`)
              .join(',\n')}\n }}`,
        )
        .join(',\n')}\n]
}\n`,
    );
    const called = new Set(played.flatMap(({ calls }) => Object.values(calls).flat()));
    console.log(
      `${dialect}: ${called.size} of ${macros.length} macros called; never: ${macros
        .filter(({ name }) => !called.has(name))
        .map(({ name }) => name)
        .join(' ')}`,
    );
  } finally {
    await server.stop();
  }
}

/** The manifest of an empty project. */
function manifestOf(dbt, output) {
  const project = mkdtempSync(join(tmpdir(), 'oracle-overrides-'));
  writeFileSync(
    join(project, 'dbt_project.yml'),
    'name: empty\nversion: "1.0.0"\nprofile: empty\nflags: {send_anonymous_usage_stats: false}\n',
  );
  writeFileSync(
    join(project, 'profiles.yml'),
    JSON.stringify({ empty: { target: 'none', outputs: { none: { ...output, schema: 'none', threads: 1 } } } }),
  );
  const run = spawnSync(dbt, ['parse', '--project-dir', project, '--profiles-dir', project], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`dbt parse failed:\n${run.stdout}${run.stderr}`);
  const manifest = JSON.parse(readFileSync(join(project, 'target/manifest.json'), 'utf8'));
  rmSync(project, { recursive: true });
  return manifest;
}
