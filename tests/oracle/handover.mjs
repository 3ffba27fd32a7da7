// `npm run oracle -- handover [--reuse] [PROJECT...]`: switches between dbt and tsdbt after each step of projects whose
// data change (snapshots, incremental models, seeds, the root project) and compares every table, row by row, with what
// dbt alone leaves; `dbt_scd_id` included. Both ways: dbt first, tsdbt first. Exits 1 on any difference.
import { differences } from './support/differences.mjs';
import { DBT, nameOf, play, playDbt, projects, readSteps, TSDBT } from './support/play.mjs';
import { startPostgres } from './support/servers.mjs';

const CHANGING = [
  'root',
  'snapshots/timestamp',
  'snapshots/check',
  'incremental/strategies',
  'incremental/schema-change',
  'seeds/types',
];
/** Those that are asked for, or all. */
const named = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const wanted = named.length === 0 ? CHANGING : CHANGING.filter((name) => named.includes(name));
const ORDERS = { 'dbt → tsdbt → dbt': [DBT, TSDBT], 'tsdbt → dbt → tsdbt': [TSDBT, DBT] };

const server = await startPostgres();
process.once('SIGINT', () => {
  server.stop();
  process.exit(130);
});
let same = 0;
let different = 0;
try {
  for (const project of projects(wanted).filter((p) => wanted.includes(nameOf(p)))) {
    const plan = readSteps(project);
    const since = Date.now() - 60_000;
    const alone = await playDbt(project, plan, server, since, process.argv.includes('--reuse'));
    for (const [order, tools] of Object.entries(ORDERS)) {
      const mixed = await play((i) => tools[i % 2](), project, plan, server, since);
      const lines = alone.seen.flatMap((step, i) => [
        ...differences(step.exit, mixed.seen[i].exit, () => false, `step ${i + 1} exit`),
        ...differences(step.database, mixed.seen[i].database, () => false, `step ${i + 1} \`${step.run}\``),
      ]);
      const tables = Object.values(alone.seen.at(-1).database).filter((r) => r.rows);
      const rows = tables.reduce((sum, r) => sum + r.rows.length, 0);
      if (lines.length === 0) same++;
      else different++;
      process.stdout.write(
        `${lines.length === 0 ? 'same     ' : 'DIFFERENT'} ${nameOf(project)}: ${order} (${plan.steps.length} ` +
          `steps, ${tables.length} relations, ${rows} rows at the end)\n`,
      );
      for (const line of lines.slice(0, 12)) process.stdout.write(`    ${line}\n`);
    }
  }
} finally {
  server.stop();
}
process.stdout.write(`${same} passed, ${different} failed\n`);
process.exitCode = different === 0 && same > 0 ? 0 : 1;
