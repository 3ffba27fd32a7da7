// `npm run oracle -- cases [--reuse] [CASE...]`: runs real dbt and tsdbt over the root project and every project of
// tests/engine/cases, step by step, each in a database of the same name, and compares what they leave: exit codes,
// statuses, compiled SQL (models, analyses byte for byte; tests and DDL token for token), tables row by row, manifests
// field by field. Exits 1 on any difference.
//
// A case is a dbt project; its `steps.json` is a list of { "run": "build --select x", "files": { path: text | null },
// "sql": "…" } (default: one step, `build`) or { "steps": [...], "compareOutput": true, "ignore": { AREA: [regex…],
// "why": "…" } }; an area is one of those printed, its regex is matched with the path in front of a difference.
// `--reuse` takes what dbt left the last time the case's files were the same, which makes a second look fast.
import { compare, differencesText } from './support/compare.mjs';
import { nameOf, play, playDbt, projects, readSteps, TSDBT } from './support/play.mjs';
import { startPostgres } from './support/servers.mjs';

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
    process.stdout.write(
      `${areas.length === 0 ? 'same     ' : 'DIFFERENT'} ${name} (${plan.steps.length} steps, ` +
        `${Object.keys(theirs.compiled).length} compiled files)\n`,
    );
    for (const [area, lines] of areas) {
      process.stdout.write(differencesText(area, lines));
    }
  }
} finally {
  server.stop();
}
process.stdout.write(`${same} passed, ${different} failed\n`);
process.exitCode = different === 0 && same > 0 ? 0 : 1;
