// Measures an incremental run on ClickHouse by strategy: new versions of rows of one month, and of several, into a
// table of a million rows. Prints Markdown: the node's seconds from the log, median of --reps. Uses the embedded
// server.
//
//   node bench/upsert.mjs [--reps 5] [--rows 1000000] [NAME=COMMAND]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startClickhouse } from '../tests/oracle/support/clickhouse.mjs';
import { toolsOf } from './timing.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { reps: { type: 'string', default: '5' }, rows: { type: 'string', default: '1000000' } },
});
const [tool = { name: 'tsdbt', command: [process.execPath, join(here, '..', 'bin', 'tsdbt.js')] }] =
  toolsOf(positionals);
const rows = Number(values.rows);
/** About 90,000 rows a month, whatever the size of the table. */
const day = "toDate('2024-01-01') + intDiv(id, 3000)";

const dir = mkdtempSync(join(tmpdir(), 'tsdbt-bench-upsert-'));
const server = await startClickhouse();
try {
  mkdirSync(join(dir, 'models'));
  writeFileSync(
    join(dir, 'dbt_project.yml'),
    'name: bench\nversion: "1.0.0"\nconfig-version: 2\nprofile: bench\nflags: {send_anonymous_usage_stats: false}\n',
  );
  writeFileSync(
    join(dir, 'profiles.yml'),
    `bench: {target: dev, outputs: {dev: {type: clickhouse, host: ${server.host}, port: ${server.port}, user: ` +
      `${server.user}, password: "${server.password}", schema: bench, threads: 1, use_lw_deletes: true}}}\n`,
  );
  writeFileSync(
    join(dir, 'models', 'm.sql'),
    "{{ config(materialized='incremental', order_by='id', partition_by='toYYYYMM(day)', " +
      "incremental_strategy=var('strategy'), unique_key='id') }} select id, day, v from bench.batch",
  );
  await server.ask('create database if not exists bench');
  console.log(
    `${cpus().length} cores (${cpus()[0].model.trim()}), ${rows} rows; median of ${values.reps}, s.\n\n| new ` +
      'rows | in months | atomic_upsert | delete_insert |\n|---|---|---|---|',
  );
  for (const count of [10_000, 30_000]) {
    const medians = [];
    for (const strategy of ['atomic_upsert', 'delete_insert']) {
      await server.ask('drop table if exists bench.m sync');
      await server.ask(
        'create table bench.m (id UInt64, day Date, v String) engine = MergeTree order by id partition by ' +
          'toYYYYMM(day)',
      );
      await server.ask(
        `insert into bench.m select number as id, ${day}, toString(cityHash64(number)) from numbers(${rows})`,
      );
      const seconds = [];
      for (let rep = 0; rep < Number(values.reps); rep += 1) {
        await server.ask(
          'create or replace table bench.batch engine = MergeTree order by id as select id, day, v from ' +
            'bench.m limit 0',
        );
        await server.ask(`insert into bench.batch select number * 7 as id, ${day}, '${rep}' from numbers(${count})`);
        const { status, stdout } = spawnSync(
          tool.command[0],
          [...tool.command.slice(1), 'run', '--no-use-colors', '--vars', `{strategy: ${strategy}}`],
          { cwd: dir, encoding: 'utf8', env: { ...process.env, DBT_PROFILES_DIR: dir } },
        );
        if (status !== 0) throw new Error(stdout);
        seconds.push(Number(/OK created .* in ([\d.]+)s/.exec(stdout)[1]));
      }
      medians.push(seconds.sort((a, b) => a - b)[Math.floor(seconds.length / 2)]);
    }
    const [{ 0: months }] = await server.ask('select uniqExact(toYYYYMM(day)) from bench.batch');
    console.log(`| ${count} | ${months} | ${medians.map((s) => s.toFixed(2)).join(' | ')} |`);
  }
} finally {
  server.stop();
  rmSync(dir, { recursive: true, force: true });
}
