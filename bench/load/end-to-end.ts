// Measures the whole pipeline: events produced at a steady rate, `tsdbt load` and `tsdbt build --every 10s` on the
// sample project, and a reader that polls the mart. The final mart must equal the events. A poll must never find fewer
// events, a duplicate session, or a missing table.
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { TopicWriter } from '../../tests/engine/kafka/topic-writer.ts';
import { now, openBench, pause, produce } from './setup.ts';

interface Session {
  events: number;
  pages: number;
  first: number;
  last: number;
}

export async function main(small: boolean): Promise<void> {
  const rate = small ? 200 : 1000;
  const seconds = small ? 30 : 300;
  const bench = await openBench();
  const children: ChildProcess[] = [];
  const outputs: string[] = [];
  try {
    for (const part of ['models', 'macros', 'seeds', 'snapshots', 'analyses', 'tests', '.dbtignore', 'dbt_project.yml'])
      cpSync(part, join(bench.dir, part), {
        recursive: true,
        filter: (path) => !path.includes(join('tests', 'engine')),
      });
    writeFileSync(
      join(bench.dir, 'profiles.yml'),
      'session_analytics: {target: dev, outputs: {dev: {type: postgres, embedded: true, schema: bench, threads: 4}}}\n',
    );
    writeFileSync(
      join(bench.dir, 'connections.yml'),
      `connections: {events: {brokers: ["127.0.0.1:${bench.broker.port}"]}}\n`,
    );
    await produce(bench, 'session_events', 4, 0, 200);
    bench.tsdbt('seed', '--select', 'user_profiles');

    const start = (name: string, ...args: string[]): ChildProcess => {
      const child = spawn(
        process.execPath,
        [
          resolve('bin/tsdbt.js'),
          ...args,
          '--project-dir',
          bench.dir,
          '--profiles-dir',
          bench.dir,
          '--target-path',
          join(bench.dir, `target_${name}`),
          '--log-path',
          join(bench.dir, `logs_${name}`),
          '--no-use-colors',
          '--vars',
          '{as_of: now}',
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      child.stdout!.on('data', (text) => outputs.push(String(text)));
      children.push(child);
      return child;
    };
    const ended = (child: ChildProcess): Promise<number | null> =>
      new Promise((done) => {
        if (child.exitCode !== null) done(child.exitCode);
        else child.once('exit', done);
      });
    const loader = start('load', 'load');
    await pause(5000);
    const builder = start(
      'build',
      'build',
      '--every',
      '10s',
      '--select',
      'stg_sessions+',
      'stg_user_profiles',
      '--exclude',
      'resource_type:seed',
      'test_type:unit',
    );

    const writer = await TopicWriter.open(bench.connection.brokers, { retries: 50, retryDelay: 200 });
    const sessions = new Map<string, Session>();
    let seq = 0;
    const event = (): { topic: string; key: Buffer; value: Buffer } => {
      const n = seq++;
      // A few hundred sessions are open at the same time; every fiftieth event is ten minutes late.
      const id = `s${Math.floor(n / 5000) * 500 + ((n * 7919) % 500)}`;
      const at = now() - (n % 50 === 0 ? 600_000 : 0);
      const page = n % 4 !== 0;
      const session = sessions.get(id) ?? { events: 0, pages: 0, first: at, last: at };
      sessions.set(id, {
        events: session.events + 1,
        pages: session.pages + (page ? 1 : 0),
        first: Math.min(session.first, at),
        last: Math.max(session.last, at),
      });
      const value = {
        event_id: `e${n}`,
        session_id: id,
        user_id: `u${String((n % 200) + 1).padStart(4, '0')}`,
        event_type: page ? 'page_view' : 'add_to_cart',
        event_ts: new Date(at).toISOString().slice(0, -1),
        page_url: `/p/${n % 97}`,
        referrer_url: '',
        payload: { n },
      };
      return { topic: 'session_events', key: Buffer.from(id), value: Buffer.from(JSON.stringify(value)) };
    };

    const reader = new pg.Client({ connectionString: bench.url.href });
    await reader.connect();
    const ages: number[] = [];
    let looks = 0;
    let seen = 0;
    const faults: string[] = [];
    let reading = true;
    const watching = (async () => {
      while (reading) {
        await pause(250);
        if (
          seen === 0 &&
          (await reader.query("select to_regclass('marts.mart_session_metrics') is null as absent")).rows[0].absent
        )
          continue;
        try {
          const {
            rows: [row],
          } = await reader.query(
            'select coalesce(sum(events), 0)::bigint as events, count(*) - count(distinct session_id) as twice,' +
              " extract(epoch from (now() at time zone 'utc') - max(processing_ts)) as age from " +
              'marts.mart_session_metrics',
          );
          looks++;
          if (Number(row.events) < seen) faults.push(`${seen} events, then ${row.events}`);
          if (Number(row.twice) !== 0) faults.push(`${row.twice} sessions twice`);
          seen = Number(row.events);
          if (row.age !== null) ages.push(Number(row.age));
        } catch (error) {
          faults.push(String(error));
        }
      }
    })();

    const began = now();
    while (now() - began < seconds * 1000) {
      const due = Math.floor(((now() - began) / 1000) * rate) - seq;
      if (due > 0) await writer.send(Array.from({ length: Math.min(due, 2000) }, event));
      await pause(20);
    }
    await writer.close();
    const measured = ages.length;
    const wanted = [...sessions]
      .filter(([, { first, last }]) => last > first)
      .reduce((sum, [, { events }]) => sum + events, 0);
    for (let i = 0; i < 240 && seen < wanted; i++) await pause(500);
    reading = false;
    await watching;
    loader.kill('SIGTERM');
    builder.kill('SIGTERM');
    const codes = [await ended(loader), await ended(builder)];

    const { rows } = await reader.query(
      'select session_id, events::int, page_views::int, extract(epoch from session_start) * 1000 as first, ' +
        'extract(epoch from session_end) * 1000 as last from marts.mart_session_metrics',
    );
    await reader.end();
    const expected = [...sessions].filter(([, { first, last }]) => last > first);
    const wrong = rows.filter((row) => {
      const session = sessions.get(row.session_id);
      return (
        session === undefined ||
        session.events !== row.events ||
        session.pages !== row.page_views ||
        session.first !== Number(row.first) ||
        session.last !== Number(row.last)
      );
    });
    const sorted = ages.slice(0, measured).sort((a, b) => a - b);
    const at = (part: number): string => `${(sorted[Math.floor(sorted.length * part)] ?? Number.NaN).toFixed(1)} s`;
    process.stdout.write(
      `${seq} events in ${seconds} s, ${looks} looks, ${faults.length} inconsistent; ${rows.length} sessions ` +
        `of ${expected.length}, ${wrong.length} wrong; staleness p50 ${at(0.5)}, p95 ${at(0.95)}; exit codes ` +
        `${codes.join(', ')}\n`,
    );
    if (faults.length > 0 || wrong.length > 0 || rows.length !== expected.length || codes.some((code) => code !== 0)) {
      process.stdout.write(`${faults.slice(0, 5).join('\n')}\n${outputs.join('').slice(-3000)}\n`);
      process.exitCode = 1;
    }
  } finally {
    for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
    await bench.close();
  }
}
