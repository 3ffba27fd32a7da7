// `npm run oracle [-- CASE...]`: runs real dbt and tsdbt over the root project and every project of tests/engine/cases, step by step,
// each in a database of the same name, and compares what they leave: exit codes, statuses, compiled SQL (models, analyses byte for
// byte; tests and DDL token for token), tables row by row, manifests field by field. Exits 1 on any difference.
//
// A case is a dbt project; its `steps.json` is a list of { "run": "build --select x", "files": { path: text | null }, "sql": "…" }
// (default: one step, `build`) or { "steps": [...], "ignore": { "manifest": [regex…], "why": "…" } }.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { differences, sqlTokens } from './oracle/differences.mjs';
import { readDatabase } from './oracle/database.mjs';
import { oracleBin, root, startPostgres } from './oracle/servers.mjs';

const DATABASE = 'oracle';
const NOT_COPIED = new Set(['node_modules', '.git', 'dist', 'target', 'logs', '.tsdbt', 'src', 'bench', 'scripts', 'bin', 'profiles.yml', '.ci']);

/** Fields of the manifest that cannot or need not be equal, each with its reason. */
const MANIFEST_IGNORED = [
  [/^metadata\.(generated_at|invocation_id|invocation_started_at|run_started_at|user_id|tsdbt_version)$/, 'identity and clock of the invocation'],
  [/\.created_at$/, 'clock'],
  [/\.root_path$/, 'the copies stand in different folders'],
  [/^macros\.macro\.(dbt|dbt_postgres)\./, 'our own text of the built-in macros; oracle:macros compares names and arguments'],
  [/^(parent_map|child_map)\.(macro)\./, 'macros have no edges there'],
  [/\.depends_on\.macros(\.|$)/, 'compared as sets of names of macros outside the built-in packages'],
];

function projectsUnder(dir) {
  if (!existsSync(dir)) return [];
  if (existsSync(join(dir, 'dbt_project.yml'))) return [dir];
  return readdirSync(dir).sort().filter((n) => statSync(join(dir, n)).isDirectory()).flatMap((n) => projectsUnder(join(dir, n)));
}

function readSteps(project) {
  const file = join(project, 'steps.json');
  const read = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [{ run: 'build' }];
  return Array.isArray(read) ? { steps: read, ignore: {} } : { ignore: {}, ...read };
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
    }
  }
  for (const map of ['parent_map', 'child_map', 'group_map']) for (const ids of Object.values(manifest[map] ?? {})) ids.sort();
  return manifest;
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
      results: Object.fromEntries((results?.results ?? []).map((r) => [r.unique_id, { status: r.status, failures: r.failures, relation_name: r.relation_name }])),
      database: await readDatabase(server.psql, DATABASE, since),
    });
  }
  const target = join(dir, 'target');
  const played = { seen, compiled: filesUnder(join(target, 'compiled')), run: filesUnder(join(target, 'run')), manifest: comparableManifest(readJson(join(target, 'manifest.json'))) };
  rmSync(work, { recursive: true, force: true });
  return played;
}

function compare(theirs, ours, ignore) {
  const found = {};
  const note = (area, lines) => { if (lines.length > 0) (found[area] ??= []).push(...lines); };
  theirs.seen.forEach((step, i) => {
    const mine = ours.seen[i];
    if (step.exit !== mine.exit) note('exit code', [`step ${i + 1} \`${step.run}\`: ${step.exit} ≠ ${mine.exit}\n${mine.output.slice(-1500)}`]);
    note('results', differences(step.results, mine.results, () => false, `step ${i + 1}`));
    note('tables', differences(step.database, mine.database, () => false, `step ${i + 1}`));
  });
  const byBytes = (path) => /(^|\/)(models|analyses|analysis)\//.test(path) && !/\.(yml|yaml)\//.test(path);
  const form = (files, exact) => Object.fromEntries(Object.entries(files).map(([path, text]) => [path, exact(path) ? text : sqlTokens(text)]));
  note('compiled SQL', differences(form(theirs.compiled, byBytes), form(ours.compiled, byBytes)));
  note('run SQL', differences(form(theirs.run, () => false), form(ours.run, () => false)));
  const ignored = [...MANIFEST_IGNORED.map(([pattern]) => pattern), ...(ignore.manifest ?? []).map((p) => new RegExp(p))];
  note('manifest', differences(theirs.manifest, ours.manifest, (path) => ignored.some((p) => p.test(path))));
  return found;
}

const wanted = process.argv.slice(2);
const dbt = [join(oracleBin(), 'dbt')];
const tsdbt = [process.execPath, join(root, 'bin', 'tsdbt.js')];
const projects = [root, ...projectsUnder(join(root, 'tests', 'engine', 'cases')).filter((p) => !existsSync(join(p, 'no-oracle')))]
  .filter((p) => wanted.length === 0 || wanted.some((w) => (relative(root, p) || 'root').includes(w)));
const server = await startPostgres();
let same = 0;
let different = 0;
try {
  for (const project of projects) {
    const name = relative(join(root, 'tests', 'engine', 'cases'), project).startsWith('..') ? 'root' : relative(join(root, 'tests', 'engine', 'cases'), project);
    const plan = readSteps(project);
    const since = Date.now() - 60_000;
    const theirs = await play(dbt, project, plan, server, since);
    const ours = await play(tsdbt, project, plan, server, since);
    const found = compare(theirs, ours, plan.ignore);
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
