// The loader from Kafka into ClickHouse under faults: killed within a flush and at random, stopped and woken beside
// rivals, its server, its broker and its connections broken in between. The table and a
// view on it hold each message once. TSDBT_LOAD_KILLS faults; `npm run faults:load` asks for 200.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { type Running, start } from '../support/program.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { TopicWriter } from './topic-writer.ts';

const FAULTS = Number(process.env['TSDBT_LOAD_KILLS'] ?? 60);
const POINTS = ['before_copy', 'before_merge', 'before_commit', 'after_commit'] as const;
const KINDS = [...POINTS, 'random', 'stopped', 'server', 'broker', 'cut', 'repeated'] as const;
const WINDOW = 'settings non_replicated_deduplication_window = 10000';

class LoadProxy extends ClickhouseLab {
  static override async open(files: Readonly<Record<string, string>>): Promise<LoadProxy> {
    const lab = new LoadProxy('tsdbt-load-ch-');
    await lab.start();
    lab.write({
      'dbt_project.yml': 'name: faults\nversion: "1.0"\nprofile: faults\nflags: {send_anonymous_usage_stats: false}\n',
      'profiles.yml':
        `faults: {target: dev, outputs: {dev: {type: clickhouse, host: 127.0.0.1, port: ${lab.port}, user: ` +
        `${lab.server.user}, password: "${lab.server.password}", schema: s, threads: 4}}}\n`,
      ...files,
    });
    return lab;
  }
}

describe.skipIf(clickhouseMissing !== null)('a loader into ClickHouse that is disturbed', () => {
  let broker: KafkaBroker;
  let lab: LoadProxy;
  let writer: TopicWriter;
  beforeAll(async () => {
    broker = await KafkaBroker.start();
    lab = await LoadProxy.open({
      'connections.yml': `connections: { default: { brokers: ["127.0.0.1:${broker.port}"] } }\n`,
      'models/sources.yml': `sources:
  - name: raw
    tables:
      - name: events
        config:
          meta:
            tsdbt:
              load: { topic: events, partition_by: toYYYYMM(at), max_dead: false, flush: { rows: 100, age: 50ms } }
        columns: [{ name: seq, data_type: Int64 }, { name: at, data_type: "DateTime64(3, 'UTC')" }]
`,
    });
    writer = await TopicWriter.open([`127.0.0.1:${broker.port}`], { retries: 50, retryDelay: 200 });
    await writer.create('events', { partitions: 3 });
  });
  afterAll(async () => {
    await writer?.close();
    await lab?.close();
    await broker?.close();
  });

  const load = (fault: string | null, number: number, more: readonly string[] = []): Running =>
    start(['load', ...more, '--target-path', `at-${number}`, '--log-path', `logs-${number}`], {
      cwd: lab.dir,
      env: {
        ...process.env,
        DBT_PROFILES_DIR: lab.dir,
        ...(fault === null ? {} : { TSDBT_FAULT_POINT: fault }),
      },
    });

  it(
    `writes each message once over ${FAULTS} faults`,
    async () => {
      let seq = 0;
      let poison = 0;
      const produce = async (count: number): Promise<void> => {
        const messages = Array.from({ length: count }, () => {
          const n = seq++;
          if (n % 101 === 50) poison++;
          const value =
            n % 101 === 50 ? `{"seq": "no number ${n}"}` : `{"seq": ${n}, "at": "2026-0${1 + (n % 4)}-05T00:00:00Z"}`;
          return { topic: 'events', key: Buffer.from(`k${n}`), value: Buffer.from(value) };
        });
        await writer.send(messages);
      };
      const finish = async (): Promise<void> => {
        const { code, out } = await load(null, 9, ['--once']).ended;
        expect(code, out).toBe(0);
      };
      const check = async (): Promise<void> => {
        const good = Array.from({ length: seq }, (_, n) => n).filter((n) => n % 101 !== 50);
        const sum = good.reduce((total, n) => total + n, 0);
        expect(await lab.rows('select count(), uniqExact(seq), sum(seq) from raw.events')).toEqual([
          [good.length, good.length, sum],
        ]);
        expect(await lab.rows('select sum(n), sum(seqs) from raw.total')).toEqual([[good.length, sum]]);
        expect(await lab.rows('select count(), uniqExact(partition, offset) from tsdbt.dead_letters')).toEqual([
          [poison, poison],
        ]);
      };
      await finish();
      await lab.rows(
        `create table raw.total (n UInt64, seqs Int64) engine = SummingMergeTree order by tuple() ${WINDOW}`,
      );
      await lab.rows(
        'create materialized view raw.total_mv to raw.total as select count() as n, sum(seq) as seqs ' +
          'from raw.events',
      );
      for (let round = 0; round < FAULTS; round++) {
        const kind = KINDS[round % KINDS.length] ?? 'random';
        await produce(150);
        const point = POINTS.find((name) => name === kind);
        const loaders = [load(point === undefined ? null : `${point}:1`, 0)];
        if (kind === 'stopped') loaders.push(load(null, 1), load(null, 2));
        const [first] = loaders;
        if (kind === 'repeated') lab.repeats = /^INSERT/;
        if (point === undefined) await pause(1500 + Math.random() * 2000);
        if (kind === 'stopped') {
          first?.child.kill('SIGSTOP');
          await pause(400 + Math.random() * 800);
          first?.child.kill('SIGCONT');
          await pause(500);
        } else if (kind === 'server') await lab.crash();
        else if (kind === 'cut') lab.cut();
        else if (kind === 'broker') {
          await broker.down();
          await broker.up();
        } else if (kind === 'repeated') await pause(1500);
        if (
          point !== undefined &&
          !(await Promise.race([first?.ended.then(() => true), pause(60_000).then(() => false)]))
        )
          throw new Error(`${point} was never reached: ${first?.out()}`);
        for (const { child } of loaders) child.kill('SIGKILL');
        await Promise.all(loaders.map(({ ended }) => ended));
        lab.repeats = null;
      }
      await finish();
      await check();
    },
    180_000 + FAULTS * 30_000,
  );
});
