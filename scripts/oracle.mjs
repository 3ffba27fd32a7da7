// `npm run oracle [-- --reuse] [CASE...]`: runs real dbt and tsdbt over the root project and every project of tests/engine/cases, step by step,
// each in a database of the same name, and compares what they leave: exit codes, statuses, compiled SQL (models, analyses byte for
// byte; tests and DDL token for token), tables row by row, manifests field by field. Exits 1 on any difference.
//
// A case is a dbt project; its `steps.json` is a list of { "run": "build --select x", "files": { path: text | null }, "sql": "…" }
// (default: one step, `build`) or { "steps": [...], "compareOutput": true, "ignore": { AREA: [regex…], "why": "…" } }; an area is one of those
// printed, its regex is matched with the path in front of a difference. `--reuse` takes what dbt left the last time the case's files
// were the same, which makes a second look fast.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { differences, sqlTokens } from './oracle/differences.mjs';
import { readDatabase } from './oracle/database.mjs';
import { oracleBin, root, startPostgres } from './oracle/servers.mjs';

const DATABASE = 'oracle';
const NOT_COPIED = new Set(['node_modules', '.git', 'dist', 'target', 'logs', '.tsdbt', 'src', 'bench', 'scripts', 'bin', 'profiles.yml', '.ci']);

/** The root project: a second build over the same data, then a late event, which must bring back its whole session. */
const ROOT_STEPS = [
  { run: 'seed' },
  { run: 'build' },
  { run: 'build' },
  {
    sql: `insert into raw.session_events (event_id, session_id, user_id, event_type, event_ts, page_url, payload, processing_ts)
      values ('late1', 's00001', 'u0178', 'purchase', '2026-02-28 00:21:00', '/checkout/done', '{}', '2026-03-02 17:59:59.5')`,
    run: 'build',
  },
  { run: 'source freshness' },
  { run: 'docs generate' },
];

/** Fields of the manifest that cannot or need not be equal, each with its reason. */
const MANIFEST_IGNORED = [
  [/^metadata\.(generated_at|invocation_id|invocation_started_at|run_started_at|user_id|tsdbt_version)$/, 'identity and clock of the invocation'],
  [/\.created_at$/, 'clock'],
  [/\.root_path$/, 'the copies stand in different folders'],
  [/^macros\.macro\.(dbt|dbt_postgres)\./, 'our own text of the built-in macros; oracle:macros compares names and arguments'],
  [/^(parent_map|child_map)\.(macro)\./, 'macros have no edges there'],
  [/\.depends_on\.macros(\.|$)/, 'compared as sets of names of macros outside the built-in packages'],
  [/^docs\.doc\.dbt\.__overview__\.block_contents$/, 'our own text'],
];

function projectsUnder(dir) {
  if (!existsSync(dir)) return [];
  if (existsSync(join(dir, 'dbt_project.yml'))) return [dir];
  return readdirSync(dir).sort().filter((n) => statSync(join(dir, n)).isDirectory()).flatMap((n) => projectsUnder(join(dir, n)));
}

const nameOf = (project) => (project === root ? 'root' : relative(join(root, 'tests', 'engine', 'cases'), project));

function readSteps(project) {
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
      // The text of the generic tests is ours: as in compiled SQL, the tokens are compared.
      if (node.resource_type === 'test' && typeof node.compiled_code === 'string') node.compiled_code = sqlTokens(node.compiled_code);
    }
  }
  for (const map of ['parent_map', 'child_map', 'group_map']) for (const ids of Object.values(manifest[map] ?? {})) ids.sort();
  return manifest;
}

/** Messages of errors are ours; the words of a success are the database's. */
function comparableResult({ status, failures, relation_name, message, adapter_response: { query_id: _, ...response } }) {
  return { status, failures, relation_name, ...(status === 'success' || status === 'pass' ? { message, response } : {}) };
}

function comparableCatalog(catalog) {
  return catalog && { nodes: catalog.nodes, sources: catalog.sources, errors: catalog.errors };
}

/** What a command prints for programs: lines without a clock. */
function printed(output) {
  return output.split('\n').filter((line) => line.trim() !== '' && !/^\S*\d\d:\d\d:\d\d/.test(line));
}

/** Everything that decides what dbt leaves: the files, the steps, this script's own way of reading. */
function keyOf(project) {
  const hash = createHash('sha256').update(readFileSync(fileURLToPath(import.meta.url))).update(readFileSync(new URL('./oracle/database.mjs', import.meta.url)));
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

/** What dbt leaves, from the cache when it may be reused. */
async function playDbt(dbt, project, plan, server, since) {
  const file = join(dirname(oracleBin()), 'played', `${keyOf(project)}.json`);
  if (REUSE && existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const played = await play(dbt, project, plan, server, since);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(played));
  return played;
}

async function play(tool, project, { steps }, server, since) {
  const work = mkdtempSync(join(tmpdir(), 'tsdbt-oracle-'));
  const dir = join(work, 'project');
  cpSync(project, dir, {
    recursive: true,
    filter: (path) => !(NOT_COPIED.has(relative(project, path)) || (project === root && relative(project, path) === join('tests', 'engine'))),
  });
  const profile = /^profile:\s*['"]?([\w-]+)/m.exec(readFileSync(join(dir, 'dbt_project.yml'), 'utf8'))?.[1] ?? 'default';
  mkdirSync(join(work, 'profiles'));
  writeFileSync(join(work, 'profiles', 'profiles.yml'), JSON.stringify({
    [profile]: { target: 'dev', outputs: { dev: { type: 'postgres', host: server.host, port: server.port, user: server.user, password: server.password, dbname: DATABASE, schema: 'dev', threads: 1 } } },
  }));
  await server.psql('postgres', `drop database if exists ${DATABASE} with (force)`);
  await server.psql('postgres', `create database ${DATABASE}`);
  const seen = [];
  for (const step of steps) {
    for (const [path, text] of Object.entries(step.files ?? {})) {
      if (text === null) rmSync(join(dir, path));
      else {
        mkdirSync(dirname(join(dir, path)), { recursive: true });
        writeFileSync(join(dir, path), text);
      }
    }
    if (step.sql) await server.psql(DATABASE, step.sql);
    if (!step.run) continue;
    rmSync(join(dir, 'target', 'run_results.json'), { force: true });
    const args = step.run.match(/'[^']*'|"[^"]*"|\S+/g).map((a) => a.replace(/^(['"])(.*)\1$/, '$2'));
    const done = spawnSync(tool[0], [...tool.slice(1), ...args], {
      cwd: dir, encoding: 'utf8', timeout: 300_000, maxBuffer: 1 << 28,
      env: { ...process.env, DBT_PROFILES_DIR: join(work, 'profiles'), DBT_SEND_ANONYMOUS_USAGE_STATS: 'false', NO_COLOR: '1', ...step.env },
    });
    const results = readJson(join(dir, 'target', 'run_results.json'));
    seen.push({
      run: step.run,
      exit: done.status,
      output: `${done.stdout}${done.stderr}`,
      results: Object.fromEntries((results?.results ?? []).map((r) => [r.unique_id, comparableResult(r)])),
      sources: Object.fromEntries((readJson(join(dir, 'target', 'sources.json'))?.results ?? []).map((r) => [r.unique_id, { status: r.status, criteria: r.criteria }])),
      catalog: comparableCatalog(readJson(join(dir, 'target', 'catalog.json'))),
      database: await readDatabase(server.psql, DATABASE, since),
    });
  }
  const target = join(dir, 'target');
  const played = { seen, compiled: filesUnder(join(target, 'compiled')), run: filesUnder(join(target, 'run')), manifest: comparableManifest(readJson(join(target, 'manifest.json'))) };
  rmSync(work, { recursive: true, force: true });
  return played;
}

function compare(theirs, ours, { ignore, compareOutput }) {
  const found = {};
  const note = (area, lines) => {
    const patterns = (ignore[area] ?? []).map((p) => new RegExp(p));
    const counted = lines.filter((line) => !patterns.some((p) => p.test(line)));
    if (counted.length > 0) (found[area] ??= []).push(...counted);
  };
  theirs.seen.forEach((step, i) => {
    const mine = ours.seen[i];
    if (step.exit !== mine.exit) note('exit code', [`step ${i + 1} \`${step.run}\`: ${step.exit} ≠ ${mine.exit}\n${mine.output.slice(-1500)}`]);
    note('results', differences(step.results, mine.results, () => false, `step ${i + 1}`));
    note('freshness', differences(step.sources, mine.sources, () => false, `step ${i + 1}`));
    note('catalog', differences(step.catalog, mine.catalog, () => false, `step ${i + 1}`));
    if (compareOutput) note('output', differences(printed(step.output), printed(mine.output), () => false, `step ${i + 1} \`${step.run}\``));
    note('tables', differences(step.database, mine.database, () => false, `step ${i + 1}`));
  });
  const byBytes = (path) => /(^|\/)(models|analyses|analysis)\//.test(path) && !/\.(yml|yaml)\//.test(path);
  const form = (files, exact) => Object.fromEntries(Object.entries(files).map(([path, text]) => [path, exact(path) ? text : sqlTokens(text)]));
  note('compiled SQL', differences(form(theirs.compiled, byBytes), form(ours.compiled, byBytes)));
  // A seed is emptied by DELETE: readers keep their rows until the commit, where TRUNCATE would show them an empty table.
  const emptied = (files) => Object.fromEntries(Object.entries(files).map(([path, sql]) => [path, sql.replace(/^truncate table /, 'delete from ')]));
  note('run SQL', differences(emptied(form(theirs.run, () => false)), emptied(form(ours.run, () => false))));
  const ignored = MANIFEST_IGNORED.map(([pattern]) => pattern);
  note('manifest', differences(theirs.manifest, ours.manifest, (path) => ignored.some((p) => p.test(path))));
  return found;
}

const REUSE = process.argv.includes('--reuse');
const wanted = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const dbt = [join(oracleBin(), 'dbt')];
const tsdbt = [process.execPath, join(root, 'bin', 'tsdbt.js')];
const projects = [root, ...projectsUnder(join(root, 'tests', 'engine', 'cases')).filter((p) => !existsSync(join(p, 'no-oracle')))]
  .filter((p) => wanted.length === 0 || wanted.some((w) => nameOf(p).includes(w)));
const server = await startPostgres();
let same = 0;
let different = 0;
try {
  for (const project of projects) {
    const name = nameOf(project);
    const plan = readSteps(project);
    const since = Date.now() - 60_000;
    const theirs = await playDbt(dbt, project, plan, server, since);
    const ours = await play(tsdbt, project, plan, server, since);
    const found = compare(theirs, ours, plan);
    const areas = Object.entries(found);
    if (areas.length === 0) same++;
    else different++;
    process.stdout.write(`${areas.length === 0 ? 'same     ' : 'DIFFERENT'} ${name} (${plan.steps.length} steps, ${Object.keys(theirs.compiled).length} compiled files)\n`);
    for (const [area, lines] of areas) {
      process.stdout.write(`  ${area}: ${lines.length}\n${lines.slice(0, 12).map((l) => `    ${l.replaceAll('\n', '\n      ')}\n`).join('')}`);
    }
  }
} finally {
  server.stop();
}
process.stdout.write(`${same} passed, ${different} failed\n`);
process.exitCode = different === 0 && same > 0 ? 0 : 1;
