// `npm run oracle [-- --reuse] [CASE...]`: runs real dbt and tsdbt over the root project and every project of tests/engine/cases, step by step,
// each in a database of the same name, and compares what they leave: exit codes, statuses, compiled SQL (models, analyses byte for
// byte; tests and DDL token for token), tables row by row, manifests field by field. Exits 1 on any difference.
//
// A case is a dbt project; its `steps.json` is a list of { "run": "build --select x", "files": { path: text | null }, "sql": "…" }
// (default: one step, `build`) or { "steps": [...], "compareOutput": true, "ignore": { AREA: [regex…], "why": "…" } }; an area is one of those
// printed, its regex is matched with the path in front of a difference. `--reuse` takes what dbt left the last time the case's files
// were the same, which makes a second look fast.
import { differences, sqlTokens } from './oracle/differences.mjs';
import { nameOf, play, playDbt, printed, projects, readSteps, TSDBT } from './oracle/play.mjs';
import { startPostgres } from './oracle/servers.mjs';

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

const reuse = process.argv.includes('--reuse');
const server = await startPostgres();
process.once('SIGINT', () => {
  server.stop();
  process.exit(130);
});
let same = 0;
let different = 0;
try {
  for (const project of projects(process.argv.slice(2).filter((a) => !a.startsWith('--')))) {
    const name = nameOf(project);
    const plan = readSteps(project);
    const since = Date.now() - 60_000;
    const theirs = await playDbt(project, plan, server, since, reuse);
    const ours = await play(TSDBT, project, plan, server, since);
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
