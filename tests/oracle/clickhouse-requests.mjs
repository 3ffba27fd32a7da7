// Counts the HTTP requests of dbt-clickhouse's commands, step by step of tests/engine/requests/clickhouse-steps.json,
// against the embedded server: tests/engine/requests/clickhouse-golden.json, which
// tests/engine/requests/clickhouse.test.ts sets beside ours. npm run oracle -- clickhouse-requests [TEXT...]: all
// steps, or those whose name has one of the texts; dbt is that of TSDBT_ORACLE_CLICKHOUSE, a Python venv that is made
// when it is not there.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startClickhouse } from './support/clickhouse.mjs';
import { clickhouseOracleBin, root } from './support/servers.mjs';

const folder = join(root, 'tests/engine/requests');
const plan = JSON.parse(readFileSync(join(folder, 'clickhouse-steps.json'), 'utf8'));
const dbt = join(clickhouseOracleBin(), 'dbt');
const project = mkdtempSync(join(tmpdir(), 'oracle-requests-'));
const server = await startClickhouse();
const golden = existsSync(join(folder, 'clickhouse-golden.json'))
  ? JSON.parse(readFileSync(join(folder, 'clickhouse-golden.json'), 'utf8'))
  : {};
const wanted = process.argv.slice(2);
let count = 0;
const proxy = createServer((req, res) => {
  count++;
  const out = request(
    { host: server.host, port: server.port, method: req.method, path: req.url, headers: req.headers },
    (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    },
  );
  out.on('error', () => res.destroy());
  req.pipe(out);
});
await new Promise((resolve) => {
  proxy.listen(0, '127.0.0.1', resolve);
});

try {
  const write = (path, text) => {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), text);
  };
  const target = {
    type: 'clickhouse',
    host: '127.0.0.1',
    port: proxy.address().port,
    user: server.user,
    password: server.password,
    schema: 's',
    threads: 1,
    use_lw_deletes: true,
  };
  write(
    'dbt_project.yml',
    'name: requests\nversion: "1.0.0"\nprofile: p\nflags: {send_anonymous_usage_stats: false}\n',
  );
  write('profiles.yml', JSON.stringify({ p: { target: 't', outputs: { t: target } } }));
  for (const [path, text] of Object.entries(plan.files)) write(path, text);
  for (const sql of plan.before) await server.ask(sql);
  for (const step of plan.steps) {
    for (const sql of step.sql ?? []) await server.ask(sql);
    if (step.ours || (wanted.length > 0 && !wanted.some((text) => step.name.includes(text)))) continue;
    count = 0;
    const run = spawn(dbt, [...step.run.split(' '), '--project-dir', project, '--profiles-dir', project], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    run.stdout.on('data', (chunk) => {
      output += chunk;
    });
    const code = await new Promise((resolve) => {
      run.on('close', resolve);
    });
    if (code !== 0) throw new Error(`${step.name}: dbt fails\n${output}`);
    golden[step.name] = count;
    console.log(`${step.name}: ${count}`);
  }
  const ordered = plan.steps.flatMap(({ name }) => (golden[name] === undefined ? [] : [[name, golden[name]]]));
  writeFileSync(join(folder, 'clickhouse-golden.json'), `${JSON.stringify(Object.fromEntries(ordered), null, 1)}\n`);
} finally {
  proxy.close();
  proxy.closeAllConnections();
  server.stop();
  rmSync(project, { recursive: true });
}
