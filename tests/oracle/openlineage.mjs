// `npm run oracle -- openlineage`: builds the project of tests/engine/openlineage with events in a file, has
// openlineage-python read them, and writes down what openlineage-dbt makes of the same run (golden.json): names of jobs
// and datasets, and the fields of the facets' classes. Exits 1 when an event cannot be read. The readers are in the
// Python environment TSDBT_OPENLINEAGE, or one in the user's cache; made when missing.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, startPostgres } from './support/servers.mjs';

const VERSION = '1.54.0';
const home = join(root, 'tests/engine/openlineage');
const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
const dir = process.env.TSDBT_OPENLINEAGE ?? join(cache, 'tsdbt-openlineage');
const python = join(dir, 'bin', 'python');
if (!existsSync(python)) {
  execFileSync('python3', ['-m', 'venv', dir], { stdio: 'inherit' });
  const pip = (...args) =>
    execFileSync(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...args], { stdio: 'inherit' });
  pip('attrs', 'python-dateutil', 'httpx', 'httpx2', 'pyyaml', 'packaging', 'requests', 'tqdm', 'jinja2');
  const packages = ['openlineage-dbt', 'openlineage-python', 'openlineage-integration-common'];
  pip('--no-deps', ...packages.map((name) => `${name}==${VERSION}`));
}

const server = await startPostgres();
const folder = mkdtempSync(join(tmpdir(), 'tsdbt-openlineage-'));
try {
  cpSync(join(home, 'project'), folder, { recursive: true });
  const { host, port, user, password } = server;
  const dev = { type: 'postgres', host, port, user, password, dbname: 'postgres', schema: 's', threads: 1 };
  writeFileSync(join(folder, 'profiles.yml'), JSON.stringify({ shop: { target: 'dev', outputs: { dev } } }));
  const golden = { version: VERSION, commands: {} };
  for (const command of ['seed', 'run', 'snapshot', 'test', 'build']) {
    const file = join(folder, `${command}.jsonl`);
    const env = { ...process.env, OPENLINEAGE__TRANSPORT__TYPE: 'file', OPENLINEAGE__TRANSPORT__LOG_FILE_PATH: file };
    spawnSync(process.execPath, [join(root, 'bin/tsdbt.js'), command, '--profiles-dir', folder], { cwd: folder, env });
    const read = join(root, 'tests/oracle/support/read_lineage.py');
    const found = JSON.parse(execFileSync(python, [read, folder, file], { encoding: 'utf8' }));
    const plain = (value) => JSON.parse(JSON.stringify(value).replaceAll(`postgres://${host}:${port}`, 'NAMESPACE'));
    golden.commands[command] = { run: found.run, theirs: plain(found.theirs).sort(byText) };
    golden.classes = found.classes;
    console.log(`${command}: ${found.ours.length} events read, openlineage-dbt makes ${found.theirs.length}`);
  }
  writeFileSync(join(home, 'golden.json'), `${JSON.stringify(golden, null, 1)}\n`);
} finally {
  server.stop();
  rmSync(folder, { recursive: true, force: true });
}

function byText(a, b) {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
