// `npm run oracle -- mistakes [PART-OF-A-NAME...] [--reuse] [--out FILE]`: makes typical mistakes in a small project
// (mistakes/cases.mjs), runs dbt and tsdbt on Postgres, and prints a table of both messages. Worse is: another exit
// code, a name, file or line that dbt says and this program does not, or much more to read. `--reuse` keeps what dbt
// said last time; `--out` writes the table as Markdown: of all mistakes, by default, into mistakes/table.md. Exits 1
// when something is worse.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MISTAKES, PROJECT } from './mistakes/cases.mjs';
import { loadedDbt } from './support/loaded-dbt.mjs';
import { oracleBin, root, startPostgres } from './support/servers.mjs';

const words = process.argv.slice(2);
const named = words.includes('--out') ? words[words.indexOf('--out') + 1] : null;
const wanted = words.filter((word) => !word.startsWith('--') && word !== named);
const outFile = named ?? (wanted.length === 0 ? join(root, 'tests', 'oracle', 'mistakes', 'table.md') : null);
const chosen = MISTAKES.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
const bin = oracleBin();
const kept = join(dirname(bin), 'mistakes.json');
const remembered = existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) : {};
const reuse = words.includes('--reuse');

async function tsdbt(cwd, args, env) {
  const child = spawn(process.execPath, [join(root, 'bin/tsdbt.js'), ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      out += text;
    });
  const code = await new Promise((done) => child.on('close', done));
  return { code, out };
}

/** A hub of one package in two versions. */
async function startHub() {
  const server = createServer((request, response) => {
    const version = (number) => ({
      id: `dbt-labs/dbt_utils/${number}`,
      name: 'dbt_utils',
      version: number,
      packages: [],
      downloads: {},
    });
    const answer = request.url.endsWith('index.json')
      ? ['dbt-labs/dbt_utils']
      : {
          name: 'dbt_utils',
          namespace: 'dbt-labs',
          versions: { '1.1.0': version('1.1.0'), '1.3.0': version('1.3.0') },
        };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => server.close() };
}

/** Without the folders of one machine. */
const anywhere = (text) =>
  text.replace(/\/\S*\/(?=site-packages\/|lib\/python3\.\d+\/)/g, '').replaceAll(`${tmpdir()}/`, '../');

const PROGRESS = [
  /^(?:Running with dbt|Registered adapter|Found \d|Concurrency:|Finished running|Done\. |Log file)/,
  /^Unable to do partial parsing|^Performance info:|^Sending event|^Completed (?:with|successfully)/,
  /^\d+ of \d+ (?:START|OK|PASS|SKIP|ERROR|FAIL|NO-OP|CANCEL|REUSED)\b/,
  /resource_tracker|^warnings\.warn/,
  /^Started to|^Updating lock file|^Installing |^Installed from|^Updated version/,
];

/** What is said of the mistake: without times, progress, colours and the folder's name. */
function message(out, cwd) {
  const lines = out
    .replace(/\u001b\[[\d;]*m/g, '')
    .replaceAll(`/private${cwd}`, '.')
    .replaceAll(cwd, '.')
    .replace(/\b(host "127\.0\.0\.1", |at "127\.0\.0\.1", )?port \d{4,5}\b/g, '$1port N')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:N')
    .split('\n')
    .map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, '').trimEnd())
    .filter((line) => !PROGRESS.some((pattern) => pattern.test(line.trimStart())))
    .filter((line) => !/^\s*=+$/.test(line));
  const plain = lines.filter((line, i) => line !== '' || lines[i - 1] !== '');
  return plain.join('\n').replace(/^\n+|\n+$/g, '');
}

/** What a message names: files, lines of files, quoted words. */
function facts(text) {
  return new Set([
    ...[...text.matchAll(/[\w./-]+\.(?:sql|ya?ml|csv|py)\b/g)].map(([path]) => path.replace(/^\.\//, '')),
    ...[...text.matchAll(/['"`]([\w.:$ -]{2,40})['"`]/g)].map(([, word]) => word),
  ]);
}

function judge({ accept = '', files = {} }, theirs, ours) {
  const worse = [];
  if (theirs.code !== ours.code) worse.push(`exit ${ours.code}, not ${theirs.code}`);
  const said = ours.text.replaceAll('tsdbt ', 'dbt ').toLowerCase();
  // The compiled SQL is shown for want of the line that was written; built-in macros are in no file of the user's.
  // Frames of Python's stack say nothing of the project.
  const theirText = theirs.text.replace(/^ *LINE \d+: .*$/gm, '').replace(/^Traceback [\s\S]*/m, '');
  const elsewhere = (fact) => /^target\/|site-packages/.test(fact) || (/^macros\//.test(fact) && !(fact in files));
  const missing = [...facts(theirText)].filter((fact) => !said.includes(fact.toLowerCase()) && !elsewhere(fact));
  if (missing.length > 0) worse.push(`does not say ${missing.join(', ')}`);
  if (/\bline \d/i.test(theirText) && !/\bline \d/i.test(ours.text)) worse.push('no line');
  // The lines that show the place and one hint are worth their length.
  const shown = ours.text.split('\n').filter((line) => !/^ {4}|^\s*\^/.test(line));
  if (shown.join('\n').length > theirs.text.length * 1.34 + 220) worse.push('longer');
  if (/^\s+at .*\.js|Internal Error/m.test(ours.text)) worse.push('a stack');
  return worse.length === 0 ? null : { why: worse.join('; '), accepted: accept };
}

const server = await startPostgres();
const hub = await startHub();
process.once('SIGINT', () => {
  server.stop();
  process.exit(130);
});
const dbt = loadedDbt(join(bin, 'dbt'));
const rows = [];
try {
  await server.psql('postgres', "create role guarded login password 'right'");
  const [[hba]] = await server.psql('postgres', 'show hba_file');
  writeFileSync(hba, `host all guarded 127.0.0.1/32 scram-sha-256\n${readFileSync(hba, 'utf8')}`);
  await server.psql('postgres', 'select pg_reload_conf()');
  for (const each of chosen) rows.push(await playCase(each));
} finally {
  hub.stop();
  server.stop();
}

async function playCase(each) {
  const command = each.run ?? 'build';
  const output = {
    type: 'postgres',
    host: '127.0.0.1',
    port: server.port,
    user: 'postgres',
    password: 'postgres',
    dbname: 'shop',
    schema: 'shop',
    threads: 1,
    ...each.output,
  };
  const files = { ...PROJECT, ...each.files };
  const env = {
    DBT_PACKAGE_HUB_URL: hub.url,
    DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
    TSDBT_NO_LINK: '1',
    COLUMNS: '100',
  };
  const args = typeof command === 'string' ? command.split(' ') : command;
  const play = async (program) => {
    await server.psql('postgres', 'drop database if exists shop');
    await server.psql('postgres', 'drop role if exists reader; drop role if exists writer');
    await server.psql('postgres', 'create database shop');
    if (each.sql) await server.psql('shop', each.sql);
    const cwd = mkdtempSync(join(tmpdir(), 'mistake-'));
    try {
      const write = (path, text) => {
        mkdirSync(dirname(join(cwd, path)), { recursive: true });
        writeFileSync(join(cwd, path), text);
      };
      for (const [path, text] of Object.entries(files)) if (text !== null) write(path, text);
      write('profiles.yml', JSON.stringify({ shop: { target: 'dev', outputs: { dev: output } } }));
      if (each.again) await program(cwd, args, env);
      const { code, out } = await program(cwd, args, env);
      return { code, text: message(out, cwd) };
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  };
  const key = createHash('sha256')
    .update(JSON.stringify([each, PROJECT, 1]))
    .digest('hex');
  if (!reuse || remembered[key] === undefined)
    remembered[key] = await play((cwd, line, more) => dbt.run(cwd, line, more));
  const theirs = remembered[key];
  const ours = await play(tsdbt);
  for (const said of [theirs, ours]) said.text = anywhere(said.text);
  const verdict = judge(each, theirs, ours);
  const text = [
    `## ${each.name}${verdict === null ? '' : ` (${verdict.accepted ? 'differs' : 'WORSE'}: ${verdict.why})`}`,
    ...(verdict?.accepted ? [verdict.accepted, ''] : []),
    `dbt (exit ${theirs.code}):`,
    '```text',
    theirs.text,
    '```',
    `tsdbt (exit ${ours.code}):`,
    '```text',
    ours.text,
    '```',
    '',
  ].join('\n');
  process.stdout.write(`${text}\n`);
  const worse = verdict !== null && !verdict.accepted;
  const lines = (said) => said.text.split('\n').length;
  return {
    worse,
    text,
    name: each.name,
    row: [
      each.name,
      `${theirs.code} / ${ours.code}`,
      `${lines(theirs)} / ${lines(ours)}`,
      verdict === null ? '' : `${verdict.accepted ? 'differs' : 'WORSE'}: ${verdict.why}`,
    ],
  };
}

/** The summary: a row a mistake, dbt's number before ours. */
function summary() {
  const head = [
    ['mistake', 'exit code', 'lines', ''],
    ['---', '---', '---', '---'],
  ];
  return [...head, ...rows.map(({ row }) => row)].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

writeFileSync(kept, JSON.stringify(remembered));
if (outFile !== null) {
  const head =
    '# Typical mistakes\n\nMade by `npm run oracle -- mistakes`: what dbt 1.12 and this program say of each.\n\n';
  writeFileSync(outFile, `${head}${summary()}\n${rows.map(({ text }) => text).join('\n')}`);
}
const worse = rows.filter((row) => row.worse);
for (const { name } of worse) process.stdout.write(`WORSE: ${name}\n`);
process.stdout.write(`${rows.length - worse.length} passed, ${worse.length} failed\n`);
process.exitCode = worse.length === 0 && rows.length > 0 ? 0 : 1;
