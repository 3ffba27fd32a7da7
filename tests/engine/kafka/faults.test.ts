// The loader killed at every point of a flush and at random times, stopped past its lease and woken, its database and
// its broker crashed in between: multiset(topic) = multiset(table), dead letters = planted poison. TSDBT_LOAD_KILLS
// kills; `npm run faults -- load` asks for 200.
import { execFileSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OWN_SERVER } from '../adapters/servers.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { FaultProject } from '../faults/project.ts';
import type { Running } from '../support/program.ts';
import { KafkaBroker } from './kafka-broker.ts';
import { TopicWriter } from './topic-writer.ts';

const KILLS = Number(process.env['TSDBT_LOAD_KILLS'] ?? 16);
const APPEND = ['before_copy', 'before_commit', 'after_commit', 'in_drift', 'random'] as const;
const UPSERT = ['before_copy', 'before_merge', 'before_commit', 'after_commit', 'random'] as const;
const OUTAGES = ['the database crashes', 'the broker crashes', 'connections are cut'] as const;
const KEYS = 40;
const crc = (seq: number): number => (seq * 2654435761) % 4294967296;

describe('a killed loader', () => {
  let broker: KafkaBroker;
  let project: FaultProject;
  let send: (topic: string, values: readonly string[]) => Promise<void>;
  let close: () => Promise<void>;
  beforeAll(async () => {
    broker = await KafkaBroker.start();
    // A server that may be crashed.
    project = await FaultProject.open({}, OWN_SERVER);
    const { host, port, user, password, database } = project.client;
    // A group for each target: who comes next need not wait until the dead member's session has ended.
    const output =
      `{type: postgres, host: ${host}, port: ${port}, user: ${user}, password: "${password ?? ''}", dbname: ` +
      `${database}, schema: s, threads: 4, application_name: under test}`;
    project.write({
      'profiles.yml':
        'faults: {target: dev0, outputs: ' +
        `{${Array.from({ length: 40 }, (_, i) => `dev${i}: ${output}`).join(', ')}}}\n`,
      'connections.yml': `connections: { default: { brokers: ["127.0.0.1:${broker.port}"] } }\n`,
      'models/sources.yml': `sources:
  - name: raw
    tables:
${['many', 'keyed', 'zombie', 'moved']
  .map(
    (name) =>
      `      - name: ${name}
        config: { meta: { tsdbt: { load: { topic: ${name}, ` +
      `${name === 'keyed' ? 'mode: upsert, key: [key]' : 'mode: append, schema_drift: add_column'}, flush: { ` +
      `rows: 100, age: 50ms } } } } }
        columns: [{ name: key, data_type: text }, { name: seq, data_type: bigint }, { name: crc, ` +
      `data_type: bigint }]
`,
  )
  .join('')}`,
    });
    const writer = await TopicWriter.open([`127.0.0.1:${broker.port}`], { retries: 50, retryDelay: 200 });
    await writer.create(['many', 'keyed', 'moved'], { partitions: 3 });
    await writer.create('zombie');
    send = (topic, values) =>
      writer.send(
        values.map((value, i) => ({
          topic,
          key: Buffer.from(/"key": ?"(\w+)"/.exec(value)?.[1] ?? `k${i}`),
          value: Buffer.from(value),
        })),
      );
    close = () => writer.close();
  });
  afterAll(async () => {
    await close?.();
    await project?.close();
    await broker?.close();
  });

  const start = (topic: string, target: number, fault?: string): Running => {
    if (fault !== undefined) process.env['TSDBT_FAULT_POINT'] = fault;
    try {
      return project.start(
        ['load', '--select', `source:raw.${topic}`, '--target', `dev${target % 40}`],
        `at-${topic}-${target % 2}`,
      );
    } finally {
      delete process.env['TSDBT_FAULT_POINT'];
    }
  };
  const finish = async (topic: string, target: string): Promise<void> => {
    const { code, out } = await project.start(
      ['load', '--once', '--select', `source:raw.${topic}`, '--target', target],
      `at-${topic}-end`,
    ).ended;
    expect(code, out).toBe(0);
  };
  const dead = async (topic: string): Promise<string[]> =>
    (
      await project.rows(
        "select convert_from(value, 'UTF8') from tsdbt.dead_letters where target = " +
          `'source.faults.raw.${topic}' order by 1`,
      )
    ).flat();

  it(
    `writes every row once, append and upsert, over ${KILLS} kills and crashes of the database's server and ` +
      'of the broker, and over lost connections',
    async () => {
      let seq = 0;
      const poison: Record<string, string[]> = { many: [], keyed: [] };
      const newest = new Map<string, number>();
      const produce = async (topic: string, count: number, more = ''): Promise<void> => {
        const values = Array.from({ length: count }, (_, i) => {
          const n = seq++;
          if (n % 101 === 50) {
            poison[topic]!.push(`{"key": "k1", "seq": "no number ${n}"}`);
            return poison[topic]!.at(-1)!;
          }
          if (topic === 'keyed') newest.set(`k${n % KEYS}`, n);
          return `{"key": "k${n % KEYS}", "seq": ${n}, "crc": ${crc(n)}${i === 0 ? more : ''}}`;
        });
        await send(topic, values);
      };
      const sent = { many: 0, keyed: 0 };
      const outages: Readonly<Record<(typeof OUTAGES)[number], () => Promise<void>>> = {
        'the database crashes': () => project.crash(),
        'the broker crashes': async () => {
          await broker.down();
          await broker.up();
        },
        'connections are cut': async () =>
          void (await project.client.query(
            'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = ' +
              "current_database() and backend_type = 'client backend'",
          )),
      };
      const loaded = (topic: string): string =>
        `select coalesce((select sum(next_offset) = ${sent[topic as 'many']} from tsdbt.load_offsets where ` +
        `target = 'source.faults.raw.${topic}'), false)`;
      for (let round = 0; round * 2 < KILLS; round++) {
        const outage = OUTAGES[(round % (APPEND.length + OUTAGES.length)) - APPEND.length];
        const running = await Promise.all(
          (['many', 'keyed'] as const).map(async (topic) => {
            const point =
              outage === undefined
                ? (topic === 'many' ? APPEND : UPSERT)[round % (APPEND.length + OUTAGES.length)]!
                : 'outage';
            await produce(topic, 150, point === 'in_drift' ? `, "fresh${round}": 1` : '');
            sent[topic] += 150;
            const loader = start(topic, round, point === 'random' || point === 'outage' ? undefined : `${point}:1`);
            if (point === 'random') {
              // Parsing takes its time; from then on at any moment.
              await pause(1000 + Math.random() * 1500);
              loader.child.kill('SIGKILL');
            }
            if (
              point !== 'outage' &&
              !(await Promise.race([loader.ended.then(() => true), pause(200_000).then(() => false)]))
            )
              throw new Error(`${point} was never reached: ${loader.out()}`);
            return { topic, loader };
          }),
        );
        if (outage !== undefined) {
          // In the midst of it, and then they go on by themselves.
          await pause(800 + Math.random() * 1500);
          await outages[outage]();
          await Promise.all(
            running.map(async ({ topic, loader }) => {
              await produce(topic, 150);
              sent[topic] += 150;
              await project.until(loaded(topic)).catch((error: unknown) => {
                throw new Error(`${outage}: ${String(error)}\n${loader.out()}`);
              });
              loader.child.kill('SIGKILL');
            }),
          );
        }
        for (const { loader } of running) {
          await loader.ended;
          expect(loader.child.signalCode, loader.out()).toBe('SIGKILL');
        }
      }
      await Promise.all((['many', 'keyed'] as const).map((topic) => finish(topic, 'dev38')));
      const good = sent.many - poison['many']!.length;
      expect(
        await project.rows(
          'select count(*), count(distinct seq), count(*) filter (where crc <> (seq * 2654435761) % ' +
            '4294967296), count(distinct (_partition, _offset)) from raw.many',
        ),
      ).toEqual([[String(good), String(good), '0', String(good)]]);
      expect(await project.rows('select key, seq from raw.keyed order by 1')).toEqual(
        [...newest].map(([key, n]) => [key, String(n)]).sort((a, b) => (a[0]! < b[0]! ? -1 : 1)),
      );
      for (const topic of ['many', 'keyed']) expect(await dead(topic)).toEqual([...poison[topic]!].sort());
      // Every message of the topic is accounted for, in every partition.
      expect(
        await project.rows(
          'select sum(next_offset), sum(loaded_rows + dead_rows) from tsdbt.load_offsets where target = ' +
            "'source.faults.raw.many'",
        ),
      ).toEqual([[String(sent.many), String(sent.many)]]);
    },
    120_000 + KILLS * 15_000,
  );

  // These two mostly wait for leases to end: together.
  it.concurrent('that was suspended during a flush blocks no other, and does no harm when it resumes', async (its) => {
    const values = (from: number, to: number): string[] =>
      Array.from({ length: to - from }, (_, i) => `{"key": "a", "seq": ${from + i}}`);
    await send('zombie', values(0, 500));
    const zombie = start('zombie', 0, 'before_commit:1:SIGSTOP');
    const asleep = (): boolean =>
      execFileSync('ps', ['-o', 'state=', '-p', String(zombie.child.pid)], { encoding: 'utf8' }).startsWith('T');
    for (; !asleep(); await pause(50)) expect(zombie.child.exitCode, zombie.out()).toBeNull();
    const heir = start('zombie', 0);
    await project.until('select (select count(*) from raw.zombie) = 500');
    await send('zombie', values(500, 600));
    await project.until('select (select count(*) from raw.zombie) = 600');
    zombie.child.kill('SIGCONT');
    await send('zombie', values(600, 700));
    await project.until('select (select count(*) from raw.zombie) = 700');
    await its.expect.poll(() => zombie.out(), FOR_EVENTS).toContain('another loader has moved on');
    for (const { child } of [zombie, heir]) child.kill('SIGTERM');
    for (const { ended } of [zombie, heir]) expect((await ended).code).toBe(0);
    expect(await project.rows('select count(*), count(distinct seq) from raw.zombie')).toEqual([['700', '700']]);
  });

  it.concurrent('loses nothing if it dies while it hands over partitions to two others', async () => {
    const values = (from: number, to: number): string[] =>
      Array.from({ length: to - from }, (_, i) => `{"key": "k${i}", "seq": ${from + i}}`);
    await send('moved', values(0, 300));
    const first = start('moved', 1, 'in_revoke:1');
    await project.until(
      "select coalesce((select sum(next_offset) = 300 from tsdbt.load_offsets where topic = 'moved'), false)",
    );
    const others = [start('moved', 1), start('moved', 1)];
    await send('moved', values(300, 600));
    await first.ended;
    expect(first.child.signalCode, first.out()).toBe('SIGKILL');
    await send('moved', values(600, 900));
    await project.until('select (select count(*) from raw.moved) = 900');
    // One of them may have loaded all of it: the other one takes a signal when it has come, too.
    await project.until("select count(*) = 2 from tsdbt.load_members where group_id like '%.moved'");
    for (const { child } of others) child.kill('SIGTERM');
    for (const { ended } of others) expect((await ended).code).toBe(0);
    expect(await project.rows('select count(*), count(distinct seq) from raw.moved')).toEqual([['900', '900']]);
  });
});
