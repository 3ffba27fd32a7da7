// A million rows of a Postgres kept equal in a ClickHouse: the first sync, one that finds nothing new, and one that
// finds 1,000 rows. The servers' CPU is not counted.
import { BenchProject, cells } from './program.ts';

const COLUMNS =
  "md5(g::text) as name, g % 1000 as country, (g * 1.5)::numeric(12, 2) as amount, now() - g * interval '1 s' as at, " +
  "g % 7 = 0 as paid, 'some text of a usual length ' || g as note, null::text as gone";

export async function main(small: boolean): Promise<void> {
  const rows = small ? 100_000 : 1_000_000;
  const table = "{{ config(materialized='table') }}\n";
  const project = new BenchProject({
    'profiles.yml':
      'shop: {target: copy, outputs: {app: {type: postgres, embedded: .app, schema: s, threads: 1}, ' +
      'copy: {type: clickhouse, path: .ch, schema: s, threads: 1}}}\n',
    'connections.yml': 'app_db: {type: postgres, embedded: .app, schema: s}\n',
    'models/users.sql': `${table}select g as id, ${COLUMNS} from generate_series(1, ${rows}) g\n`,
    'models/more.sql':
      `{{ config(materialized='table', pre_hook="update s.users set note = 'other', at = now() ` +
      `where id <= 1000") }}\nselect 1 as id\n`,
  });
  const source = (strategy: string, more: string): string =>
    `sources: [{name: raw, schema: s, tables: [{name: ${strategy}, config: {meta: {tsdbt: {load: {` +
    `connection: app_db, table: s.users, strategy: ${strategy}${more}, key: id, every: 1h}}}}}]}]\n`;
  try {
    for (const target of ['app', 'copy']) await project.run('db', 'start', '--target', target);
    await project.run('run', '--target', 'app', '--select', 'users');
    console.log(`| ${rows} rows | wall s | CPU s | MB |\n|---|---|---|---|`);
    for (const [strategy, more] of [
      ['full', ''],
      ['incremental', ', cursor: at'],
    ] as const) {
      project.write({ 'models/s.yml': source(strategy, more) });
      const sync = () => project.run('load', '--once');
      console.log(`| ${strategy}, first | ${cells([await sync()])} |`);
      console.log(`| ${strategy}, nothing new | ${cells([await sync()])} |`);
      await project.run('run', '--target', 'app', '--select', 'more');
      console.log(`| ${strategy}, 1,000 rows changed | ${cells([await sync()])} |`);
    }
  } finally {
    for (const target of ['app', 'copy']) await project.run('db', 'stop', '--target', target).catch(() => undefined);
    project.close();
  }
}
