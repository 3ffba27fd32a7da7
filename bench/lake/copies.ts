// A million rows of a ClickHouse as Parquet files in an object store, and as an Iceberg table. The servers' CPU is not
// counted. With `--small` a fifth of the rows, and no Iceberg.
import { IcebergCatalog } from '../../tests/engine/kafka/iceberg-catalog.ts';
import { ACCESS_KEY, S3Server } from '../../tests/engine/support/s3-server.ts';
import { BenchProject, cells, type Taken } from './program.ts';

export async function main(small: boolean, args: readonly string[]): Promise<void> {
  const rows = small ? 200_000 : 1_000_000;
  const server = await new S3Server().start();
  const catalog = small || args.includes('--parquet') ? null : await IcebergCatalog.start(server.endpoint);
  const place = {
    endpoint: server.endpoint,
    bucket: 'lake',
    access_key_id: ACCESS_KEY,
    secret_access_key: "{{ env_var('S3_SECRET') }}",
  };
  const project = new BenchProject({
    'profiles.yml': 'shop: {target: t, outputs: {t: {type: clickhouse, path: .ch, schema: s, threads: 1}}}\n',
    'connections.yml': JSON.stringify({
      lake: { type: 's3', ...place },
      ice: { type: 'iceberg', uri: catalog?.uri ?? 'http://127.0.0.1:1', ...place },
    }),
    'models/m.sql':
      "{{ config(materialized='table', order_by='id') }}\nselect toInt64(number) as id, " +
      'lower(hex(MD5(toString(number)))) as name, toInt32(number % 1000) as country, ' +
      "toDecimal64(number * 1.5, 2) as amount, toDateTime64('2026-05-01', 3, 'UTC') - number as at, " +
      "number % 7 = 0 as paid, concat('some text of a usual length ', toString(number)) as note, " +
      `cast(null as Nullable(String)) as gone from numbers(${rows})\n`,
  });
  const publications = {
    Parquet: { to: 'lake', path: 'm' },
    'Parquet, by country in 1,000 partitions': { to: 'lake', path: 'n', partition_by: ['country'] },
    ...(catalog === null ? {} : { Iceberg: { to: 'ice', table: 's.m' } }),
  };
  try {
    await project.run('db', 'start');
    await project.run('run');
    console.log(`| ${rows} rows of a ClickHouse to | wall s | CPU s | MB |\n|---|---|---|---|`);
    for (const [name, publish] of Object.entries(publications)) {
      const config = { meta: { tsdbt: { publish } } };
      project.write({ 'models/m.yml': JSON.stringify({ models: [{ name: 'm', config }] }) });
      const all: Taken[] = [];
      for (let turn = 0; turn < 2; turn++) all.push(await project.run('publish', '--full-refresh'));
      console.log(`| ${name} | ${cells(all)} |`);
    }
  } finally {
    await project.run('db', 'stop').catch(() => undefined);
    await catalog?.close();
    await server.stop();
    project.close();
  }
}
