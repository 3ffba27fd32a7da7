// Archives of a real topic whose loaders are killed at every point and at random times, while the store goes away and
// comes back: the files' multiset is the topic's. TSDBT_ARCHIVE_KILLS kills; `npm run faults -- archive` asks for 200.
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linesOf, messageOf } from '../../../src/loader/formats/rows/archive-lines.ts';
import type { ObjectStore } from '../../../src/object-store/store.ts';
import { NO_STORE, S3Server, SECRET_KEY } from '../support/s3-server.ts';
import { KafkaLab } from './kafka-lab.ts';

const KILLS = Number(process.env['TSDBT_ARCHIVE_KILLS'] ?? 7);
const POINTS = ['before_copy', 'before_merge', 'in_files', 'before_commit', 'after_commit', 'random', 'away'] as const;
const A_ROUND = 200;

describe.skipIf(NO_STORE !== null)(`an archive of Kafka topics${NO_STORE === null ? '' : ` (${NO_STORE})`}`, () => {
  const server = new S3Server();
  let lab: KafkaLab;
  let store: ObjectStore;
  beforeAll(async () => {
    await server.start();
    store = server.store();
    lab = await KafkaLab.open();
    lab.addLake(server.endpoint);
    await lab.writer.create('clicks', { partitions: 3 });
    lab.sources(
      {
        clicks:
          ', archive: { connection: lake, path: "raw/{topic}/dt={day}/hour={hour}/", table: false, flush: { bytes: ' +
          '20KiB, age: 300ms } }',
      },
      { id: 'integer' },
    );
  });
  afterAll(async () => {
    store?.close();
    await lab?.close();
    await server.stop();
  });

  it(
    `has every message once over ${KILLS} kills and an outage of the store`,
    async () => {
      let sent = 0;
      for (let round = 0; round < KILLS; round++) {
        const values = Array.from({ length: A_ROUND }, () => sent++);
        await lab.writer.send(
          values.map((id) => ({ topic: 'clicks', partition: id % 3, value: Buffer.from(`{"id":${id}}`) })),
        );
        const point = POINTS[round % POINTS.length] ?? 'random';
        const named = point !== 'random' && point !== 'away';
        lab.project.env = { S3_SECRET: SECRET_KEY, ...(named ? { TSDBT_FAULT_POINT: point } : {}) };
        if (point === 'away') await server.kill();
        const loader = lab.project.start(['load'], `at-${round % 2}`);
        if (!named) {
          await pause(1500 + Math.random() * 2500);
          loader.child.kill('SIGKILL');
        }
        await loader.ended;
        expect(loader.child.signalCode, `${point}: ${loader.out()}`).toBe('SIGKILL');
        if (point === 'away') await server.start();
      }
      lab.project.env = { S3_SECRET: SECRET_KEY };
      const out = await lab.load();
      expect(out).not.toContain(SECRET_KEY);
      const ids: number[] = [];
      const places = new Set<string>();
      for await (const { key } of store.list('raw/clicks/')) {
        for (const line of linesOf(gunzipSync((await store.get(key)) ?? ''))) {
          const message = messageOf(line);
          places.add(`${message?.partition}/${message?.offset}`);
          ids.push(JSON.parse(message?.value?.toString() ?? '').id);
        }
      }
      expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, i) => i));
      expect(places.size).toBe(sent);
      const [counts] = await lab.project.rows(
        "select sum(rows), count(*) filter (where status <> 'done') from tsdbt.archive_files",
      );
      expect(counts).toEqual([String(sent), '0']);
    },
    120_000 + KILLS * 15_000,
  );

  it('is loaded into a table, which continues from the topic', async () => {
    const table = lab.project.read('models/sources.yml').replace('table: false', 'table: true');
    lab.project.write({ 'models/sources.yml': table });
    const from = await lab.project.start(['load', '--from', 's3://lake/raw/clicks/']).ended;
    expect(from.code, from.out).toBe(0);
    await lab.writer.send([{ topic: 'clicks', partition: 0, value: Buffer.from('{"id":1000000}') }]);
    await lab.load();
    const [row] = await lab.project.rows('select count(*), count(distinct id), max(id) from raw.clicks');
    expect(row).toEqual([String(KILLS * A_ROUND + 1), String(KILLS * A_ROUND + 1), '1000000']);
    const wrong = await lab.project.start(['load', '--from', 's3://other/raw/']).ended;
    expect(wrong.code).toBe(2);
    expect(wrong.out).toContain("connection 'lake' of the archive has bucket 'lake', not 'other'");
    const status = await lab.project.start(['load', 'status']).ended;
    expect(status.out).toContain('raw.clicks.archive  clicks/0');
  });

  it('joins the files of closed days, on request and at the end of a load', async () => {
    const declared = lab.project.read('models/sources.yml').replace('table: true', 'table: true, compact: true');
    lab.project.write({ 'models/sources.yml': declared });
    const kept = (await lab.project.rows('select count(*) from raw.clicks')).flat();
    const files = async (): Promise<string[]> => {
      const found = [];
      for await (const { key } of store.list('raw/clicks/dt=2026-05-01/')) found.push(key.slice(key.lastIndexOf('/')));
      return found;
    };
    const send = async (from: number): Promise<void> => {
      for (const id of [from, from + 1]) {
        const timestamp = BigInt(Date.parse('2026-05-01T10:00:00Z') + id);
        const value = Buffer.from(`{"id":${2_000_000 + id}}`);
        await lab.writer.send([{ topic: 'clicks', partition: 0, value, timestamp }]);
        await lab.project.start(['load', '--once']).ended;
      }
    };
    await send(0);
    const status = await lab.project.start(['load', 'status']).ended;
    expect(status.out).toContain('raw.clicks.archive  closed days to compact 0, files 0 into 0; 2 replaced files wait');
    const document = await lab.project.start(['load', 'status', '--output', 'json']).ended;
    expect(JSON.parse(document.out).tables).toEqual([
      expect.objectContaining({ table: 'raw.clicks', compaction: null }),
      expect.objectContaining({
        table: 'raw.clicks.archive',
        compaction: { closed_days: 0, files_to_join: 0, joined_into: 0, replaced_files: 2 },
      }),
    ]);
    expect((await files()).filter((name) => name.includes('-day.'))).toHaveLength(1);
    await send(2);
    const told = await lab.project.start(['load', 'compact']).ended;
    expect([told.code, told.out]).toEqual([
      0,
      expect.stringContaining('raw.clicks.archive: 0 files of closed days joined into 0, 0 replaced files deleted'),
    ]);
    expect((await files()).filter((name) => name.includes('-day.'))).toHaveLength(2);
    expect((await lab.project.rows('select count(*) from raw.clicks')).flat().map(Number)).toEqual([
      Number(kept[0]) + 4,
    ]);
  });
});
