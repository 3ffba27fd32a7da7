// `npm run oracle -- clickhouse [--reuse] [CASE...]`: runs dbt-core with dbt-clickhouse and tsdbt over every project of
// tests/engine/clickhouse, step by step, each on an emptied ClickHouse (the embedded server, by HTTP), and compares
// what they leave: exit codes, statuses, compiled SQL (models byte for byte, tests token for token), tables with
// engine, keys, columns and rows. Then the programs take turns, dbt → tsdbt → dbt and the other way round, and every
// table must hold what dbt alone leaves (`--alone`: without that). Exits 1 on any difference. `steps.json`: see
// cases.mjs.
import { join } from 'node:path';
import { startClickhouse } from './support/clickhouse.mjs';
import { differences, sqlTokens } from './support/differences.mjs';
import { nameOf, play, playDbt, projectsUnder, readSteps, TSDBT } from './support/play.mjs';
import { clickhouseOracleBin, root } from './support/servers.mjs';

const ORDERS = { 'dbt → tsdbt → dbt': 0, 'tsdbt → dbt → tsdbt': 1 };
const dbt = [join(clickhouseOracleBin(), 'dbt')];
const reuse = process.argv.includes('--reuse');
const wanted = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const cases = projectsUnder(join(root, 'tests', 'engine', 'clickhouse')).filter(
  (p) => wanted.length === 0 || wanted.some((w) => nameOf(p).includes(w)),
);
const server = await startClickhouse();
process.once('SIGINT', () => {
  server.stop();
  process.exit(130);
});
let same = 0;
let different = 0;
const tell = (what, lines) => {
  if (lines.length === 0) same++;
  else different++;
  process.stdout.write(
    `${lines.length === 0 ? 'same     ' : 'DIFFERENT'} ${what}\n${lines
      .slice(0, 12)
      .map((l) => `    ${l.replaceAll('\n', '\n      ')}\n`)
      .join('')}`,
  );
};

/** The words of a success are the same in both: `OK`, `INSERT 3`. */
function compareSteps(theirs, mine, ignored) {
  return theirs.seen.flatMap((step, i) => {
    const other = mine.seen[i];
    const at = `step ${i + 1} \`${step.run}\``;
    const exit =
      step.exit === other.exit
        ? []
        : [
            `${at}: exit code ${step.exit} ≠ ${other.exit}\n${other.output.slice(-1500)}\n-- dbt:\n` +
              `${step.output.slice(-1500)}`,
          ];
    return [
      ...exit,
      ...differences(step.database, other.database, ignored, `${at} tables`),
      ...differences(step.results, other.results, ignored, `${at} results`),
      ...differences(step.sources, other.sources, ignored, `${at} freshness`),
      ...differences(step.catalog, other.catalog, ignored, `${at} catalog`),
    ];
  });
}

try {
  for (const project of cases) {
    const plan = readSteps(project);
    const since = Date.now() - 60_000;
    const patterns = (plan.ignore.any ?? []).map((p) => new RegExp(p));
    const ignored = (path) => patterns.some((p) => p.test(path));
    const theirs = await playDbt(project, plan, server, since, reuse, dbt);
    const ours = await play(TSDBT, project, plan, server, since);
    // dbt-core 1.11 keeps no compiled snapshots.
    const form = (files) =>
      Object.fromEntries(
        Object.entries(files)
          .filter(([path]) => !path.includes('snapshots/'))
          .map(([path, text]) => [
            path,
            /(^|\/)models\//.test(path) && !/\.ya?ml\//.test(path) ? text : sqlTokens(text),
          ]),
      );
    tell(`${nameOf(project)} (${plan.steps.length} steps, ${Object.keys(theirs.compiled).length} compiled files)`, [
      ...compareSteps(theirs, ours, ignored),
      ...differences(form(theirs.compiled), form(ours.compiled), ignored, 'compiled'),
    ]);
    if (plan.steps.length < 2 || process.argv.includes('--alone')) continue;
    for (const [order, first] of Object.entries(ORDERS)) {
      const mixed = await play((i) => ((i + first) % 2 === 0 ? dbt : TSDBT()), project, plan, server, since);
      tell(
        `${nameOf(project)}: ${order}`,
        theirs.seen.flatMap((step, i) =>
          differences(step.database, mixed.seen[i].database, ignored, `step ${i + 1} \`${step.run}\` tables`),
        ),
      );
    }
  }
} finally {
  server.stop();
}
process.stdout.write(`${same} passed, ${different} failed\n`);
process.exitCode = different === 0 && same > 0 ? 0 : 1;
