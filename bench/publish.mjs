// A million rows into another Postgres, mode replace, against COPY to COPY by psql with the same index and key:
// node bench/publish.mjs [ROWS] [RUNS]. Wall seconds, the least of the runs, in turns; the publisher's greatest memory.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [rows = 1_000_000, runs = 3] = process.argv.slice(2).map(Number);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = join(root, 'bin/tsdbt.js');
const psql = process.env.PSQL ?? 'psql';
const dir = mkdtempSync(join(tmpdir(), 'tsdbt-bench-publish-'));
const write = (name, text) => writeFileSync(join(dir, name), text);

write('dbt_project.yml', 'name: shop\nversion: "1.0"\nprofile: shop\nflags: {send_anonymous_usage_stats: false}\n');
const target = (path) => `{type: postgres, embedded: ${path}, schema: s, threads: 2}`;
const outputs = `{source: ${target('.source')}, copy: ${target('.copy')}}`;
write('profiles.yml', `shop: {target: source, outputs: ${outputs}}\n`);
write('connections.yml', 'lookup: {type: postgres, embedded: .copy, schema: s}\n');
const env = { ...process.env, DBT_PROFILES_DIR: dir };

function run(command, args, { shell = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: dir, env, shell, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, peak] = ['', 0];
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (out += text));
    const look = setInterval(() => {
      try {
        const kb = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
        peak = Math.max(peak, Number(kb ?? 0) / 1024);
      } catch {
        // It has ended.
      }
    }, 20);
    child.on('close', (code) => {
      clearInterval(look);
      if (code === 0) resolve({ out, peak });
      else reject(new Error(`${command} ${args.join(' ')}\n${out}`));
    });
  });
}
const tsdbt = (...args) => run(process.execPath, [bin, ...args, '--no-use-colors']);
const urlOf = async (side) => (await tsdbt('db', 'url', '--target', side)).out.trim().split('\n').at(-1);
const timed = async (work) => {
  const began = performance.now();
  const { peak } = await work();
  return { seconds: (performance.now() - began) / 1000, peak };
};

try {
  mkdirSync(join(dir, 'models'));
  write(
    'models/m.sql',
    "{{ config(materialized='table') }}\nselect g as id, md5(g::text) as name, g % 1000 as country, " +
      'g * 1.5 as amount, ' +
      "now() - g * interval '1 s' as at, g % 7 = 0 as paid, 'some text of a usual length ' || g as note, " +
      `null::text as gone from generate_series(1, ${rows}) g\n`,
  );
  const publish = { to: 'lookup', table: 's.m', key: 'id', indexes: [['country']] };
  write('models/m.yml', `models: [{name: m, config: {meta: {tsdbt: {publish: ${JSON.stringify(publish)}}}}}]\n`);
  for (const side of ['source', 'copy']) await tsdbt('db', 'start', '--target', side);
  await tsdbt('run');
  const [from, to] = [await urlOf('source'), await urlOf('copy')];
  await tsdbt('publish');
  const byHand = [
    `${psql} '${from}' -Xqc 'copy s.m to stdout' | ${psql} '${to}' -Xq --single-transaction -v ON_ERROR_STOP=1`,
    `-c 'drop table if exists s.hand' -c 'create table s.hand (like s.m)' -c 'copy s.hand from stdin (freeze)'`,
    `-c 'alter table s.hand add primary key (id)' -c 'create index on s.hand (country)' -c 'analyze s.hand'`,
  ].join(' ');
  const best = { publish: { seconds: Infinity, peak: 0 }, psql: { seconds: Infinity, peak: 0 } };
  for (let turn = 0; turn < runs; turn++) {
    for (const [name, work] of [
      ['psql', () => run(byHand, [], { shell: true })],
      ['publish', () => tsdbt('publish', '--full-refresh')],
    ]) {
      const { seconds, peak } = await timed(work);
      best[name] = { seconds: Math.min(best[name].seconds, seconds), peak: Math.max(best[name].peak, peak) };
      console.log(`${name.padEnd(8)} ${seconds.toFixed(2)} s, ${peak.toFixed(0)} MB`);
    }
  }
  const ratio = best.publish.seconds / best.psql.seconds;
  console.log(`\n${rows} rows: ${ratio.toFixed(2)} x psql's COPY to COPY, ${best.publish.peak.toFixed(0)} MB at most`);
} finally {
  for (const side of ['source', 'copy']) await tsdbt('db', 'stop', '--target', side).catch(() => undefined);
  rmSync(dir, { recursive: true, force: true });
}
