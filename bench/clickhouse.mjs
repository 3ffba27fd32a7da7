// Compares dbt-clickhouse and tsdbt on one ClickHouse, in turns: a project's first run and a second one. Prints
// Markdown. Both reach the embedded server by HTTP.
//
//   node bench/clickhouse.mjs [--reps 3] [--models 100] NAME=COMMAND...
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startClickhouse } from '../tests/oracle/support/clickhouse.mjs';
import { best, NOTHING, run, toolsOf } from './timing.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { reps: { type: 'string', default: '3' }, models: { type: 'string', default: '100' } },
});
const tools = toolsOf(positionals);
if (tools.length === 0) throw new Error('usage: clickhouse.mjs [--reps N] [--models N] NAME=COMMAND...');

const dir = mkdtempSync(join(tmpdir(), 'tsdbt-bench-ch-'));
const server = await startClickhouse();
const found = new Map();
try {
  execFileSync(
    process.execPath,
    [join(here, 'generate.mjs'), '--models', values.models, '--out', join(dir, 'p'), '--database', 'clickhouse'],
    { stdio: 'ignore' },
  );
  Object.assign(process.env, {
    CLICKHOUSE_HOST: server.host,
    CLICKHOUSE_PORT: String(server.port),
    CLICKHOUSE_USER: server.user,
    CLICKHOUSE_PASSWORD: server.password,
  });
  const project = join(dir, 'p');
  const args = ['run', '--threads', '4'];
  const measure = async (step, tool) =>
    found.set(
      `${step} ${tool.name}`,
      best(found.get(`${step} ${tool.name}`) ?? NOTHING, await run(project, tool, args)),
    );
  for (let rep = 0; rep < Number(values.reps); rep += 1) {
    for (const tool of tools) {
      await server.ask(`drop database if exists \`bench_${tool.name}\` sync`);
      await run(project, tool, ['seed']);
      await measure('first run', tool);
      await measure('run again', tool);
    }
  }
  const [{ 0: version }] = await server.ask('select version()');
  console.log(
    `${cpus().length} cores (${cpus()[0].model.trim()}), ClickHouse ${version} (chdb), 4 threads; least of ` +
      `${values.reps}.\n`,
  );
  console.log(
    `| models | step | ${tools.map(({ name }) => name).join(' | ')} |\n|---|---|${tools.map(() => '---').join('|')}|`,
  );
  for (const step of ['first run', 'run again']) {
    for (const what of ['wall', 'cpu'])
      console.log(
        `| ${values.models} | ${step}, ${what === 'wall' ? 'wall s' : 'CPU s'} | ` +
          `${tools.map(({ name }) => found.get(`${step} ${name}`)[what].toFixed(2)).join(' | ')} |`,
      );
  }
} finally {
  server.stop();
  rmSync(dir, { recursive: true, force: true });
}
