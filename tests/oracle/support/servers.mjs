// What the comparisons with real dbt need: a Python environment with dbt, and a throw-away Postgres on the loopback
// address. Leaves what is compared to the scripts that import this.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/**
 * The environment named by TSDBT_ORACLE, else one kept in the user's cache folder; made when missing.
 * @param parts `tests` adds dbt's adapter tests
 * @returns its bin folder
 */
export function oracleBin(...parts) {
  const dir = process.env.TSDBT_ORACLE || join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tsdbt-oracle');
  execFileSync('bash', [join(root, 'tests', 'oracle', 'setup.sh'), dir, ...parts], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return join(dir, 'bin');
}

/**
 * Python with fastavro and Confluent's serializers: the environment named by TSDBT_AVRO, else one kept in the user's
 * cache folder.
 */
export function avroPython() {
  const dir = process.env.TSDBT_AVRO ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tsdbt-avro');
  execFileSync('bash', [join(root, 'tests', 'oracle', 'setup.sh'), dir, 'avro'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return join(dir, 'bin', 'python');
}

/**
 * The same with dbt-clickhouse: the environment named by TSDBT_ORACLE_CLICKHOUSE, else one kept in the user's cache
 * folder.
 * @returns its bin folder
 */
export function clickhouseOracleBin() {
  const dir =
    process.env.TSDBT_ORACLE_CLICKHOUSE ??
    join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tsdbt-oracle-clickhouse');
  execFileSync('bash', [join(root, 'tests', 'oracle', 'setup.sh'), dir, 'clickhouse'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return join(dir, 'bin');
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** The newest installed server programs of Debian's layout, or those on PATH. */
function serverPrograms() {
  const base = '/usr/lib/postgresql';
  const found = existsSync(base)
    ? readdirSync(base)
        .sort((a, b) => Number(b) - Number(a))
        .map((v) => join(base, v, 'bin'))
    : [];
  const onPath = spawnSync('sh', ['-c', 'dirname "$(command -v initdb)"'], { encoding: 'utf8' });
  const dir = [...found, onPath.stdout.trim()].find((d) => d && existsSync(join(d, 'initdb')));
  if (!dir) throw new Error('no Postgres server programs found: install the package postgresql');
  return dir;
}

/**
 * Starts a Postgres with durability off in a folder of its own.
 * @returns host, port, user and password, `psql(database, sql)` → rows as arrays of text, and `stop()`
 */
export async function startPostgres() {
  const bin = serverPrograms();
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-oracle-pg-'));
  const asRoot = process.getuid?.() === 0;
  const prefix = asRoot ? ['runuser', '-u', 'postgres', '--'] : [];
  if (asRoot) {
    const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    chownSync(dir, id('-u'), id('-g'));
  }
  const run = (...args) => {
    const [program, ...rest] = [...prefix, ...args];
    execFileSync(program, rest, { cwd: '/', stdio: ['ignore', 'ignore', 'inherit'] });
  };
  const port = await freePort();
  run(
    join(bin, 'initdb'),
    '-D',
    join(dir, 'data'),
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
    '--no-sync',
  );
  const [program, ...args] = [
    ...prefix,
    join(bin, 'postgres'),
    '-D',
    join(dir, 'data'),
    '-p',
    String(port),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    `unix_socket_directories=${dir}`,
    '-c',
    'fsync=off',
    '-c',
    'max_connections=200',
  ];
  const server = spawn(program, args, { cwd: '/', stdio: 'ignore' });
  const { default: pg } = await import('pg');
  const connect = async (database) => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password: 'postgres', database });
    await client.connect();
    return client;
  };
  for (let i = 0; ; i++) {
    try {
      await (await connect('postgres')).end();
      break;
    } catch (error) {
      if (i === 100) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
  return {
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password: 'postgres',
    async psql(database, sql) {
      const client = await connect(database);
      try {
        const result = await client.query({ text: sql, rowMode: 'array' });
        return (Array.isArray(result) ? result.at(-1) : result).rows;
      } finally {
        await client.end();
      }
    },
    stop() {
      server.kill(asRoot ? 'SIGTERM' : 'SIGINT');
      spawnSync(
        prefix[0] ?? join(bin, 'pg_ctl'),
        prefix.length
          ? [...prefix.slice(1), join(bin, 'pg_ctl'), '-D', join(dir, 'data'), '-m', 'immediate', 'stop']
          : ['-D', join(dir, 'data'), '-m', 'immediate', 'stop'],
        { cwd: '/', stdio: 'ignore' },
      );
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
