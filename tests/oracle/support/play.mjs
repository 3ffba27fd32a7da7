// Plays a case: copies the project, runs its steps with a program that takes dbt's command line, and reads what each
// step left: exit code, results, artifacts, compiled files, the whole database. Leaves comparing to its callers.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { readDatabase } from './database.mjs';
import { sqlTokens } from './differences.mjs';
import { loadedDbt } from './loaded-dbt.mjs';
import { oracleBin, root } from './servers.mjs';

const DATABASE = 'oracle';
/** To be raised when what is read changes, so that nothing old is reused. */
const FORMAT = 2;
const NOT_COPIED = new Set([
  '.cache',
  'node_modules',
  '.git',
  'dist',
  'target',
  'logs',
  '.tsdbt',
  'src',
  'bench',
  'scripts',
  'bin',
  'profiles.yml',
  '.ci',
]);

/** The root project: a second build over the same data, then a late event, which must bring back its whole session. */
const ROOT_STEPS = [
  { run: 'seed' },
  { run: 'build' },
  { run: 'build' },
  {
    sql:
      'insert into raw.session_events (event_id, session_id, user_id, event_type, event_ts, page_url, payload, ' +
      `processing_ts)
      values ('late1', 's00001', 'u0178', 'purchase', '2026-02-28 00:21:00', '/checkout/done', '{}', ` +
      "'2026-03-02 17:59:59.5')",
    run: 'build',
  },
  { run: 'source freshness' },
  { run: 'docs generate' },
];

/** The root project and every case whose name holds one of `wanted`. */
export function projects(wanted) {
  return [root, ...projectsUnder(join(root, 'tests', 'engine', 'cases'))].filter(
    (p) => wanted.length === 0 || wanted.some((w) => nameOf(p).includes(w)),
  );
}

export const DBT = () => [join(oracleBin(), 'dbt')];
export const TSDBT = () => [process.execPath, join(root, 'bin', 'tsdbt.js')];

export function projectsUnder(dir) {
  if (!existsSync(dir)) return [];
  if (existsSync(join(dir, 'dbt_project.yml'))) return [dir];
  return readdirSync(dir)
    .sort()
    .filter((n) => statSync(join(dir, n)).isDirectory())
    .flatMap((n) => projectsUnder(join(dir, n)));
}

export const nameOf = (project) =>
  project === root ? 'root' : relative(join(root, 'tests', 'engine'), project).replace(/^cases\//, '');

export function readSteps(project) {
  if (project === root) return { steps: ROOT_STEPS, ignore: {} };
  const file = join(project, 'steps.json');
  const read = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [{ run: 'build' }];
  return { ignore: {}, ...(Array.isArray(read) ? { steps: read } : read) };
}

function filesUnder(dir, base = dir) {
  if (!existsSync(dir)) return {};
  const out = {};
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) Object.assign(out, filesUnder(path, base));
    else out[relative(base, path)] = readFileSync(path, 'utf8');
  }
  return out;
}

const readJson = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined);

/** The manifest in a form in which order of macros and built-in texts does not count. */
function comparableManifest(manifest) {
  if (!manifest) return manifest;
  const own = (list) => [...new Set(list.filter((id) => !/^macro\.(dbt|dbt_postgres)\./.test(id)))].sort();
  for (const group of ['nodes', 'macros', 'exposures', 'unit_tests', 'metrics']) {
    for (const node of Object.values(manifest[group] ?? {})) {
      if (node.depends_on?.macros) node.depends_on_own_macros = own(node.depends_on.macros);
      // dbt makes the tags of a column a Python set, whose order is another in every process.
      for (const column of Object.values(node.columns ?? {}))
        for (const tags of [column.tags, column.config?.tags]) tags?.sort();
      // The text of the generic tests is ours: as in compiled SQL, the tokens are compared.
      if (node.resource_type === 'test' && typeof node.compiled_code === 'string')
        node.compiled_code = sqlTokens(node.compiled_code);
    }
  }
  for (const map of ['parent_map', 'child_map', 'group_map'])
    for (const ids of Object.values(manifest[map] ?? {})) ids.sort();
  return manifest;
}

/** Messages of errors are ours; the words of a success are the database's. */
function comparableResult({
  status,
  failures,
  relation_name,
  message,
  adapter_response: { query_id: _, ...response },
}) {
  return {
    status,
    failures,
    relation_name,
    ...(status === 'success' || status === 'pass' ? { message, response } : {}),
  };
}

function comparableCatalog(catalog) {
  return catalog && { nodes: catalog.nodes, sources: catalog.sources, errors: catalog.errors };
}

/** What a command prints for programs: lines without a clock. */
export function printed(output) {
  return output
    .replaceAll('tsdbt', 'dbt')
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\S*\d\d:\d\d:\d\d/.test(line));
}

/** Everything that decides what dbt leaves: the files, the steps, this script's own way of reading. */
function keyOf(project) {
  const hash = createHash('sha256').update(`${FORMAT}`);
  const add = (dir) => {
    for (const name of readdirSync(dir).sort()) {
      if (NOT_COPIED.has(name)) continue;
      const path = join(dir, name);
      if (project === root && path === join(root, 'tests', 'engine')) continue;
      if (statSync(path).isDirectory()) add(path);
      else hash.update(relative(project, path)).update('\0').update(readFileSync(path));
    }
  };
  add(project);
  return hash.digest('hex');
}

/**
 * What dbt leaves, from the cache when it may be reused.
 * @param dbt the program, in the bin folder of its environment
 */
export async function playDbt(project, plan, server, since, reuse, dbt = DBT()) {
  const file = join(dirname(dirname(dbt[0])), 'played', `${keyOf(project)}.json`);
  if (reuse && existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const played = await play(() => dbt, project, plan, server, since);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(played));
  return played;
}

/** The database of a case on a Postgres: what a profile says of it, how it is emptied, filled and read. */
function postgresDatabase({ host, port, user, password, psql }) {
  return {
    output: { type: 'postgres', host, port, user, password, dbname: DATABASE },
    async reset() {
      await psql('postgres', `drop database if exists ${DATABASE} with (force)`);
      await psql('postgres', `create database ${DATABASE}`);
    },
    execute: (sql) => psql(DATABASE, sql),
    read: (since) => readDatabase(psql, DATABASE, since),
  };
}

/** Runs a command to its end. Its standard error stands behind the rest of what it says. */
async function command(tool, cwd, args, env, timeout) {
  if (basename(tool[0]) === 'dbt') return loadedDbt(tool[0]).run(cwd, args, env, { apart: true, timeout });
  const { status, stdout, stderr } = spawnSync(tool[0], [...tool.slice(1), ...args], {
    cwd,
    encoding: 'utf8',
    timeout,
    maxBuffer: 1 << 28,
    env: { ...process.env, ...env },
  });
  return { code: status, out: `${stdout}${stderr}` };
}

/** @param inspect called with the project's folder and that of its profile, when all steps are done */
export async function play(toolOf, project, { steps, timeout = 300_000 }, server, since, inspect) {
  const database = server.database ?? postgresDatabase(server);
  const work = mkdtempSync(join(tmpdir(), 'tsdbt-oracle-'));
  const dir = join(work, 'project');
  cpSync(project, dir, {
    recursive: true,
    filter: (path) =>
      !(
        NOT_COPIED.has(relative(project, path)) ||
        (project === root && relative(project, path) === join('tests', 'engine'))
      ),
  });
  const profile =
    /^profile:\s*['"]?([\w-]+)/m.exec(readFileSync(join(dir, 'dbt_project.yml'), 'utf8'))?.[1] ?? 'default';
  mkdirSync(join(work, 'profiles'));
  writeFileSync(
    join(work, 'profiles', 'profiles.yml'),
    JSON.stringify({
      [profile]: { target: 'dev', outputs: { dev: { ...database.output, schema: 'dev', threads: 1 } } },
    }),
  );
  await database.reset();
  const seen = [];
  for (const [i, step] of steps.entries()) {
    for (const [path, text] of Object.entries(step.files ?? {})) {
      if (text === null) rmSync(join(dir, path));
      else {
        mkdirSync(dirname(join(dir, path)), { recursive: true });
        writeFileSync(join(dir, path), text);
      }
    }
    if (step.sql) await database.execute(step.sql);
    if (!step.run) continue;
    if (!step.run.startsWith('retry')) rmSync(join(dir, 'target', 'run_results.json'), { force: true });
    const args = step.run.match(/'[^']*'|"[^"]*"|\S+/g).map((a) => a.replace(/^(['"])(.*)\1$/, '$2'));
    const tool = toolOf(i);
    // dbt-core 1.11 keeps a snapshot's SQL in a file where 1.12 has a folder.
    if (i > 0 && tool[0] !== toolOf(i - 1)[0]) rmSync(join(dir, 'target', 'run'), { recursive: true, force: true });
    const env = {
      DBT_PROFILES_DIR: join(work, 'profiles'),
      DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
      // dbt does not read it, and wraps warnings by width with their colours.
      NO_COLOR: '',
      ...step.env,
    };
    const { code, out } = await command(tool, dir, args, env, timeout);
    const results = readJson(join(dir, 'target', 'run_results.json'));
    seen.push({
      run: step.run,
      exit: code,
      output: out,
      results: Object.fromEntries((results?.results ?? []).map((r) => [r.unique_id, comparableResult(r)])),
      sources: Object.fromEntries(
        (readJson(join(dir, 'target', 'sources.json'))?.results ?? []).map((r) => [
          r.unique_id,
          { status: r.status, criteria: r.criteria },
        ]),
      ),
      catalog: comparableCatalog(readJson(join(dir, 'target', 'catalog.json'))),
      database: await database.read(since),
    });
  }
  inspect?.(dir, join(work, 'profiles'));
  const target = join(dir, 'target');
  const played = {
    seen,
    compiled: filesUnder(join(target, 'compiled')),
    run: filesUnder(join(target, 'run')),
    manifest: comparableManifest(readJson(join(target, 'manifest.json'))),
  };
  rmSync(work, { recursive: true, force: true });
  return played;
}
