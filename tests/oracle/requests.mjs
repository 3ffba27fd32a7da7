// Writes down how many messages and statements real dbt sends to Postgres for each node of
// tests/engine/requests/postgres: tests/engine/requests/postgres-golden.json, which postgres.test.ts puts beside ours.
// npm run oracle -- requests: dbt is that of TSDBT_ORACLE, a Python venv that is made when it is missing.
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countSteps, startCountingProxy } from './support/counting-proxy.mjs';
import { oracleBin, root, startPostgres } from './support/servers.mjs';

const folder = join(root, 'tests', 'engine', 'requests');
const dbt = join(oracleBin(), 'dbt');
const server = await startPostgres();
const proxy = await startCountingProxy(server);
const dir = mkdtempSync(join(tmpdir(), 'oracle-requests-'));
try {
  await server.psql('postgres', 'create database requests');
  cpSync(join(folder, 'postgres'), dir, { recursive: true });
  const output = {
    type: 'postgres',
    host: '127.0.0.1',
    port: proxy.port,
    user: server.user,
    password: server.password,
    dbname: 'requests',
    schema: 'dev',
    threads: 1,
    sslmode: 'disable',
  };
  writeFileSync(join(dir, 'profiles.yml'), JSON.stringify({ requests: { target: 'dev', outputs: { dev: output } } }));
  const counted = await countSteps(
    proxy,
    JSON.parse(readFileSync(join(folder, 'postgres', 'steps.json'), 'utf8')),
    async (step) => {
      const child = spawn(dbt, [...step.split(' '), '--project-dir', dir, '--profiles-dir', dir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      child.stdout.on('data', (chunk) => {
        text += chunk;
      });
      const code = await new Promise((done) => child.on('close', done));
      if (code !== 0) throw new Error(`dbt ${step} ends with ${code}\n${text}`);
    },
  );
  const lines = counted.map(
    ({ run, nodes }) =>
      ` {"run": ${JSON.stringify(run)}, "nodes": {\n${Object.entries(nodes)
        .map(([name, count]) => `  ${JSON.stringify(name)}: ${JSON.stringify(count)}`)
        .join(',\n')}\n }}`,
  );
  writeFileSync(join(folder, 'postgres-golden.json'), `[\n${lines.join(',\n')}\n]\n`);
} finally {
  await proxy.close();
  server.stop();
  rmSync(dir, { recursive: true, force: true });
}
