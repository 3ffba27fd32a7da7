// `npm run oracle -- strangers [--reuse] [--parse] [--listed] [--list] [PROJECT...]`: projects and packages that
// others wrote, each fetched at the commit that strangers.json names, played by real dbt and by tsdbt and compared like
// the cases of cases.mjs: exit codes, lists of `ls`, statuses, compiled SQL, tables, manifests, catalogs. A difference
// that strangers.json does not list with its reason fails; so does a listed one that is not seen any more. Prints a
// table and exits 1 on a failure. `--parse` plays `ls` alone, and compares its list and the manifest; `--listed` prints
// the differences that are listed, too.
//
// An entry of `projects`: `from` (a repository), `folder` in it, `packages` that are put beside it, `on` (postgres,
// clickhouse), `steps` (the name of a list, or the list), `env` for each of them, `replace` { file: [[text, other]], or
// null } for what only its own warehouse reads, `mask` [[regex, text]] for what no two runs write alike into a row
// (text null: a dict without order, whose entries are sorted), `daily` (true: its rows depend on the day), `known`
// [{ area, at (a regex for the line), why, on?, sometimes? }]. With TSDBT_STRANGERS=folder the repositories come from
// Git directories in it, OWNER+NAME, OWNER+NAME/repo or OWNER/NAME.git.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startClickhouse } from './support/clickhouse.mjs';
import { compare, differencesText } from './support/compare.mjs';
import { play, playDbt, TSDBT } from './support/play.mjs';
import { clickhouseOracleBin, oracleBin, startPostgres } from './support/servers.mjs';
import { checkOut, strangers } from './support/strangers.mjs';

/** dbt-clickhouse knows no dbt-core 1.12, and tables that are exchanged have other statements there. */
const NOT_COMPARED = {
  postgres: {},
  clickhouse: { manifest: [''], 'compiled SQL': ['(^|/)snapshots/'], 'run SQL': [''] },
};
const MINUTES = 20;
const LIST = '--quiet ls';

const { projects } = strangers();
const wanted = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const names = Object.keys(projects).filter((name) => wanted.length === 0 || wanted.includes(name));
const showListed = process.argv.includes('--listed');
const parseOnly = process.argv.includes('--parse');
if (process.argv.includes('--list')) {
  for (const name of names) console.log(`${name.padEnd(28)} ${projects[name].on.join(', ')}`);
  process.exit(0);
}

const servers = {};
const start = { postgres: startPostgres, clickhouse: startClickhouse };
const dbtOn = {
  postgres: () => [join(oracleBin(), 'dbt')],
  clickhouse: () => [join(clickhouseOracleBin(), 'dbt')],
};
const stop = () => {
  for (const server of Object.values(servers)) server.stop();
};
process.once('SIGINT', () => {
  stop();
  process.exit(130);
});

/** A dict as text, without braces, its entries in the order of their texts. */
const sortedEntries = (dict) =>
  dict
    .replace(/[{}]/g, '')
    .split(/, (?=")/)
    .sort()
    .join(', ');

/** Replaces in every row what no two runs write alike. */
function masked(played, mask = []) {
  const patterns = mask.map(([pattern, text]) => [new RegExp(pattern, 'g'), text]);
  const tables = played.seen.flatMap(({ database }) => Object.values(database));
  for (const table of tables.filter(({ rows }) => rows !== undefined && patterns.length > 0))
    table.rows = table.rows
      .map((row) => patterns.reduce((text, [pattern, other]) => text.replace(pattern, other ?? sortedEntries), row))
      .sort();
  return played;
}

/** Where the order of a model's sources is that of a Python set (dbt's static parser), only which they are counts. */
function sourcesInOrder(played) {
  const { nodes = {}, disabled = {} } = played.manifest ?? {};
  for (const { sources, depends_on } of [...Object.values(nodes), ...Object.values(disabled).flat()]) {
    sources?.sort();
    const isSource = (id) => id.startsWith('source.');
    const sorted = (depends_on?.nodes ?? []).filter(isSource).sort();
    for (const [i, id] of (depends_on?.nodes ?? []).entries()) if (isSource(id)) depends_on.nodes[i] = sorted.shift();
  }
  return played;
}

/** What is seen of a project that is not listed, what the list covers, and what is listed and not seen. */
function judge(areas, known, on) {
  const listed = known
    .filter((each) => each.on === undefined || each.on === on)
    .map((each) => ({ ...each, pattern: new RegExp(each.at), seen: 0 }));
  const unlisted = {};
  const covered = {};
  for (const [area, lines] of Object.entries(areas))
    for (const line of lines) {
      const entry = listed.find((each) => each.area === area && each.pattern.test(line));
      if (entry === undefined) (unlisted[area] ??= []).push(line);
      else {
        entry.seen++;
        (covered[`${area}, listed (${entry.why})`] ??= []).push(line);
      }
    }
  // What a part of the steps cannot show is no longer asked for.
  const stale = parseOnly ? [] : listed.filter(({ seen, sometimes }) => seen === 0 && !sometimes);
  if (stale.length > 0) unlisted['listed, but not seen'] = stale.map(({ area, at }) => `${area}: ${at}`);
  return { unlisted, covered, known: listed.reduce((sum, { seen }) => sum + seen, 0) };
}

const passed = ({ seen }) => {
  const ran = seen.filter(({ run }) => !run.startsWith('docs'));
  const results = Object.values(Object.assign({}, ...ran.map((step) => step.results)));
  return `${results.filter(({ status }) => status === 'success' || status === 'pass').length}/${results.length}`;
};

const table = [];
try {
  for (const name of names)
    for (const on of projects[name].on) {
      servers[on] ??= await start[on]();
      const dir = checkOut(name, parseOnly ? [LIST] : undefined);
      const { steps } = JSON.parse(readFileSync(join(dir, 'steps.json'), 'utf8'));
      const compareOutput = ({ run, exit }) => run === LIST && exit === 0;
      const plan = { steps, timeout: MINUTES * 60_000, ignore: NOT_COMPARED[on], compareOutput };
      const since = Date.now() - 60_000;
      const reuse = process.argv.includes('--reuse');
      const { mask } = projects[name];
      const comparable = (played) => sourcesInOrder(masked(played, mask));
      const theirs = comparable(await playDbt(dir, plan, servers[on], since, reuse, dbtOn[on]()));
      const ours = comparable(await play(TSDBT, dir, plan, servers[on], since));
      // What dbt refuses is compared as well, but says little: it needs a reason, too.
      const refused = theirs.seen
        .filter(({ exit }) => ![0, 1].includes(exit))
        .map(({ run, output }) => `${run}: ${output}`);
      const areas = { ...compare(theirs, ours, plan), ...(refused.length > 0 ? { refused } : {}) };
      const { unlisted, covered, known } = judge(areas, projects[name].known ?? [], on);
      const found = Object.entries(unlisted);
      table.push({
        project: name,
        on,
        nodes: Object.keys(theirs.manifest?.nodes ?? {}).length,
        exits: theirs.seen.map(({ exit }) => exit).join(' '),
        'passed with dbt': passed(theirs),
        'passed with tsdbt': passed(ours),
        listed: known,
        differences: found.reduce((sum, [, lines]) => sum + lines.length, 0),
      });
      process.stdout.write(`${found.length === 0 ? 'same     ' : 'DIFFERENT'} ${name} on ${on}\n`);
      for (const [area, lines] of found) process.stdout.write(differencesText(area, lines));
      for (const [area, lines] of showListed ? Object.entries(covered) : [])
        process.stdout.write(differencesText(area, lines, lines.length));
    }
} finally {
  stop();
}
console.table(table);
const failed = table.filter(({ differences }) => differences > 0).length;
process.stdout.write(`${table.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && table.length > 0 ? 0 : 1;
