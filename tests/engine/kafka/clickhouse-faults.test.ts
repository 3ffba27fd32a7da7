// The loader from Kafka into ClickHouse under faults: killed within a flush and at random, stopped and woken beside
// rivals, its server, its broker and its connections broken in between. The table and a view on it hold each message
// once: what is called done after each fault, whose kind a failure names, and everything in the end. TSDBT_LOAD_KILLS
// faults; `npm run faults -- load` asks for 200.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { type Running, start } from '../support/program.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { TopicWriter } from './topic-writer.ts';

const POINTS = ['before_copy', 'before_merge', 'before_commit', 'after_commit'] as const;
const KINDS = [...POINTS, 'random', 'stopped', 'server', 'broker', 'cut', 'repeated'] as const;
/** By default each kind twice: a fault also breaks what the one before it has left. */
const FAULTS = Number(process.env['TSDBT_LOAD_KILLS'] ?? 2 * KINDS.length);
const WINDOW = 'settings non_replicated_deduplication_window = 10000';

/** Milliseconds within which a loader is disturbed: after its first flush is recorded, or at random after its start. */
const [SOON, AT_RANDOM] = [500, 2500];

class LoadProxy extends ClickhouseLab {
  #recording: () => void = () => undefined;

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
    lab.hold = (sql) => {
      if (/^INSERT INTO tsdbt\.load_flushes .* 'flush', /.test(sql)) lab.#recording();
      return undefined;
    };
    return lab;
  }

  /** Fulfils when a loader begins to record a flush. */
  async recording(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#recording = resolve;
    });
  }

  /** What of the messages that are called done is not there once, in words. No loader may run. */
  async wrong(): Promise<string[]> {
    // How far each partition is done, and how far a flush was recorded that the last fault has cut off. Of two intents
    // of one number the first one counts: the loader of the other was fenced.
    const places = await this.rows(
      "select partition, max(kind in ('done', 'start')) as whole, if(whole, max(to_offset), min(from_offset)), " +
        'max(to_offset) from tsdbt.load_flushes where (partition, id) in (select partition, argMin(id, (written_at, ' +
        "id)) from tsdbt.load_flushes where kind != 'done' and (partition, seq) in (select partition, max(seq) from " +
        'tsdbt.load_flushes group by partition) group by partition) group by partition order by partition',
    );
    const problems: string[] = [];
    let [least, most] = [0, 0];
    for (const [partition = 0, , done = 0, recorded = 0] of places.map((row) => row.map(Number))) {
      const [rows = 0, offsets = 0] = await this.#held(`raw.events where _partition = ${partition}`, '_offset', done);
      const dead = await this.#held(`tsdbt.dead_letters where partition = ${partition}`, 'offset', done);
      const [letters = 0, refused = 0] = dead;
      if (offsets + refused !== done || rows !== offsets || letters !== refused)
        problems.push(
          `partition ${partition} is done up to ${done} and has ${rows} rows of ${offsets} offsets, ${letters} dead ` +
            `letters of ${refused}; its newest intents are ${JSON.stringify(await this.#intents(partition))}`,
        );
      least += offsets;
      most += offsets + recorded - done;
    }
    const viewed = Number((await this.rows('select sum(n) from raw.total'))[0]?.[0]);
    if (viewed < least || viewed > most)
      problems.push(`the view has seen ${viewed} rows of ${least === most ? least : `${least} to ${most}`}`);
    return problems;
  }

  /** What stands of the last flushes of a partition, to read after a failure. */
  async #intents(partition: number): Promise<unknown[][]> {
    return this.rows(
      'select seq, kind, id, from_offset, to_offset, rows, dead, load_id, toString(written_at) from ' +
        `tsdbt.load_flushes where partition = ${partition} order by seq desc, written_at desc limit 8`,
    );
  }

  /** How many rows are below an offset, and of how many offsets. */
  async #held(table: string, column: string, below: number): Promise<number[]> {
    const rows = await this.rows(`select count(), uniqExact(${column}) from ${table} and ${column} < ${below}`);
    return (rows[0] ?? []).map(Number);
  }
}

describe.skipIf(clickhouseMissing !== null)('a loader into ClickHouse under faults', () => {
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
      const faults: string[] = [];
      for (let round = 0; round < FAULTS; round++) {
        const kind = KINDS[round % KINDS.length] ?? 'random';
        faults.push(kind);
        await produce(150);
        const point = POINTS.find((name) => name === kind);
        const recording = lab.recording();
        const loaders = [load(point === undefined ? null : `${point}:1`, 0)];
        if (kind === 'stopped') loaders.push(load(null, 1), load(null, 2));
        const [first] = loaders;
        if (kind === 'repeated') lab.repeats = /^INSERT/;
        if (kind === 'random') await pause(Math.random() * AT_RANDOM);
        else if (point === undefined) {
          await Promise.race([recording, pause(20_000)]);
          await pause(Math.random() * SOON);
        }
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
        } else if (kind === 'repeated') await pause(SOON);
        if (
          point !== undefined &&
          !(await Promise.race([first?.ended.then(() => true), pause(200_000).then(() => false)]))
        )
          throw new Error(`${point} was never reached: ${first?.out()}`);
        for (const { child } of loaders) child.kill('SIGKILL');
        await Promise.all(loaders.map(({ ended }) => ended));
        lab.repeats = null;
        const wrong = await lab.wrong();
        // What a fault breaks, the loader behind it calls done.
        const last = `fault ${round + 1} (after ${faults.slice(-4).join(', ')})`;
        const said = loaders.map(({ out }) => out()).join('\n');
        expect(wrong, `${last}: ${wrong.join('; ')}\n${said}`).toEqual([]);
      }
      await finish();
      await check();
    },
    180_000 + FAULTS * 30_000,
  );
});
