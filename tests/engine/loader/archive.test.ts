// Tests an archive on a real store, with Postgres and ClickHouse: files contain every message once, whatever is
// interrupted, and can be loaded again.
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { s3Source } from '../../../src/adapters/clickhouse/s3-source.ts';
import { PyDict } from '../../../src/values/index.ts';
import type { ArchiveFormat } from '../../../src/loader/settings/archive-settings.ts';
import { fileOf } from '../../../src/loader/archive/file-format.ts';
import { putOnce } from '../../../src/loader/archive/sink.ts';
import type { Message } from '../../../src/loader/brokers/broker.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import type { FaultPoint } from '../../../src/loader/sink.ts';
import { clickhouseAdapter, textsOf, withOpenClickhouse } from '../support/clickhouse.ts';
import { NO_STORE } from '../support/s3-server.ts';
import { Archive, ArchiveLabs, ends } from './archive-lab.ts';
import type { ClickHouseLab } from './clickhouse-lab.ts';
import { type LoadLab, upTo } from './load-lab.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-05-01T22:30:00Z');

let labs: ArchiveLabs;

const FORMATS = ['ndjson.gz', 'parquet'] as const;

/** @param more limits of a flush */
function archiveOf(
  lab: LoadLab | ClickHouseLab,
  more: Partial<LoadTarget['flush']> = {},
  partitions = 1,
  format: ArchiveFormat = 'ndjson.gz',
): Archive {
  return new Archive(lab, labs.server, { flush: more, partitions, format });
}

const shown = (value: Uint8Array | null): string | null =>
  value === null ? null : Buffer.from(value).toString('latin1');

describe.skipIf(NO_STORE !== null)(`the archive of a topic${NO_STORE === null ? '' : ` (${NO_STORE})`}`, () => {
  labs = new ArchiveLabs('archives');

  it.each(FORMATS)('keeps messages of any kind byte for byte (%s)', async (format) => {
    const archive = archiveOf(labs.postgres, {}, 1, format);
    const values: (string | Uint8Array | null)[] = [
      '{"id":1,"n":12345678901234567890,"d":1.10,"t":"ü\\n\\u0000 \ud83d\ude00"}',
      '{}',
      ' {  } ',
      '{"id":2} \t',
      '[1,2]',
      '"text"',
      'no JSON',
      '',
      '{"_offset":7,"id":3}',
      '{"\\u005foffset":7}',
      '{"_x":1}',
      '{"a":"]},\\"_headers\\":["}',
      new Uint8Array([0xff, 0xfe]),
      new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      null,
    ];
    const keys = [null, 'k', new Uint8Array([0x80]), '"]'];
    const headers: Message['headers'][] = [
      [],
      [['h', Buffer.from('1')]],
      [
        ['a', null],
        ['a', new Uint8Array([0xff])],
        ['"]', Buffer.from('"_headers":[}')],
      ],
    ];
    values.forEach((value, i) => {
      const key = keys[i % keys.length] ?? null;
      archive.broker.produce('t', 0, null, {
        raw: typeof value === 'string' ? Buffer.from(value) : value,
        timestamp: START + i,
        headers: headers[i % headers.length] ?? [],
        ...(key === null ? {} : { keyBytes: Buffer.from(key) }),
      });
    });
    await archive.load();
    const messages = await archive.messages();
    const wanted = archive.broker.log({ topic: 't', partition: 0 }).messages;
    const spelt = (message: Message): unknown => ({
      ...message,
      key: shown(message.key),
      value: shown(message.value)?.trim(),
      headers: message.headers.map(([name, value]) => [name, shown(value)]),
    });
    expect(
      messages.map(({ offset, timestamp, key, value, headers: own }) =>
        spelt({ offset, timestamp, key, value, headers: own }),
      ),
    ).toEqual(wanted.map(spelt));
  });

  it('writes an object of several lines on one line', async () => {
    const archive = archiveOf(labs.postgres);
    archive.broker.produce('t', 0, null, { raw: Buffer.from('{\n  "id": 1,\r\n  "t": "a\\nb"\n}'), timestamp: START });
    await archive.load();
    const [key = ''] = await archive.keys();
    const text = gunzipSync((await archive.store.get(archive.path + key)) ?? '').toString();
    expect(text.split('\n')).toHaveLength(2);
    expect(JSON.parse(text)).toMatchObject({ id: 1, t: 'a\nb', _offset: 0 });
  });

  it('has file names with the range, in one folder per hour', async () => {
    const archive = archiveOf(labs.postgres, {}, 2);
    for (const i of upTo(6)) archive.broker.produce('t', i % 2, { id: i }, { timestamp: START + (i * HOUR) / 2 });
    expect((await archive.load()).rows).toBe(6);
    const name = (partition: number): string => `p0000${partition}-00000000000000-00000000000003.ndjson.gz`;
    expect(await archive.keys()).toEqual([
      `dt=2026-05-01/hour=22/${name(0)}`,
      `dt=2026-05-01/hour=23/${name(0)}`,
      `dt=2026-05-01/hour=23/${name(1)}`,
      `dt=2026-05-02/hour=00/${name(0)}`,
      `dt=2026-05-02/hour=00/${name(1)}`,
      `dt=2026-05-02/hour=01/${name(1)}`,
    ]);
    expect(await archive.ids()).toEqual([0, 2, 4, 1, 3, 5]);
    expect((await archive.load()).rows).toBe(0);
    expect(await archive.keys()).toHaveLength(6);
  });

  const POINTS = ['before_copy', 'before_merge', 'in_files', 'before_commit', 'after_commit'] as const;
  for (const [database, format] of [
    ['Postgres', 'ndjson.gz'],
    ['Postgres', 'parquet'],
    ['ClickHouse', 'ndjson.gz'],
  ] as const) {
    const lab = (): LoadLab | ClickHouseLab => (database === 'Postgres' ? labs.postgres : labs.clickhouse);

    it(`with ${database} (${format}) loses and duplicates nothing when loaders end at any point`, async () => {
      for (const point of POINTS) {
        const archive = archiveOf(lab(), { bytes: 2000 }, 2, format);
        archive.broker.batch = 7;
        for (const i of upTo(60))
          archive.broker.produce('t', i % 2, { id: i }, { timestamp: START + Math.floor(i / 20) * HOUR });
        let kills = 0;
        for (let times = 1; times < 4; times++) if (await archive.killed(point, times)) kills++;
        expect(kills, point).toBeGreaterThan(1);
        await archive.load();
        expect(
          (await archive.ids()).map(Number).sort((a, b) => a - b),
          point,
        ).toEqual(upTo(60));
      }
    });

    it(`with ${database} (${format}) is written again with the same names and the same bytes`, async () => {
      const archive = archiveOf(lab(), {}, 1, format);
      for (const i of upTo(500)) archive.broker.produce('t', 0, { id: i, text: 'x'.repeat(i) }, { timestamp: START });
      expect(await archive.killed('before_merge')).toBe(true);
      expect(await archive.keys()).toEqual([]);
      await archive.load();
      const [key = '', ...others] = await archive.keys();
      expect(others).toEqual([]);
      const first = await archive.store.get(archive.path + key);
      const again = archiveOf(lab(), {}, 1, format);
      for (const i of upTo(500)) again.broker.produce('t', 0, { id: i, text: 'x'.repeat(i) }, { timestamp: START });
      expect(await again.killed('in_files')).toBe(true);
      expect((await again.store.get(again.path + key))?.equals(first ?? Buffer.alloc(0))).toBe(true);
      await again.load();
      expect(await again.keys()).toEqual([key]);
    });

    it(`with ${database} (${format}) waits while the store is unavailable`, async () => {
      const archive = archiveOf(lab(), {}, 1, format);
      for (const i of upTo(20)) archive.broker.produce('t', 0, { id: i }, { timestamp: START });
      const waited: string[] = [];
      let gone: Promise<void> | null = null;
      const reached = (point: FaultPoint): void => {
        if (point === 'before_merge' && gone === null) gone = labs.server.kill();
      };
      await archive.load({
        sink: archive.sink(reached),
        notify: (event) => {
          if (event.kind !== 'waiting') return;
          waited.push(event.message);
          if (waited.length === 2) void labs.server.start();
        },
      });
      expect(waited[0]).toContain("The object store 'lake' at http://127.0.0.1:");
      expect(await archive.ids()).toEqual(upTo(20));
    });
  }

  it.each(['the clock is set back', 'an older version recorded it'])(
    'with Postgres loses nothing of a topic that was created again (%s)',
    async (which) => {
      const archive = archiveOf(labs.postgres);
      await archive.load();
      archive.broker.create('t', 1);
      for (const i of upTo(20)) archive.broker.produce('t', 0, { id: i }, { timestamp: START });
      const load = (reached?: (point: FaultPoint) => void): Promise<unknown> =>
        labs.postgres.loader({ ...archive.target, onGap: 'earliest' }, { sink: archive.sink(reached) }).loader.run();
      expect(await ends(load, 'before_merge', 1)).toBe(true);
      await labs.postgres.rows(
        which === 'the clock is set back'
          ? `update tsdbt.load_offsets set topic_since = topic_since + interval '1 hour' where relation like ` +
              `'%${archive.target.identifier}%' returning topic_since`
          : 'alter table tsdbt.archive_files drop column topic_id',
      );
      await load();
      expect(await archive.ids()).toEqual(upTo(20));
    },
  );

  it('reports a file with other contents, and does not overwrite it', async () => {
    const archive = archiveOf(labs.postgres);
    archive.broker.produce('t', 0, { id: 1 }, { timestamp: START });
    const key = `${archive.path}dt=2026-05-01/hour=22/p00000-00000000000000-00000000000001.ndjson.gz`;
    await archive.store.put(key, Buffer.from('mine'));
    await expect(archive.load()).rejects.toThrow('stands there with other contents');
    expect((await archive.store.get(key))?.toString()).toBe('mine');
  });

  it.each(FORMATS)(
    'is complete even if the file contains messages that the topic has lost since (%s)',
    async (format) => {
      const archive = archiveOf(labs.postgres, {}, 1, format);
      for (const i of upTo(6)) archive.broker.produce('t', 0, { id: i }, { timestamp: START });
      expect(await archive.killed('before_commit')).toBe(true);
      archive.broker.compactAway('t', 0, [1n, 4n]);
      await archive.load();
      expect(await archive.ids()).toEqual(upTo(6));
      expect((await archive.load()).rows).toBe(0);
      // One that lacks a message is another file.
      const [key = ''] = await archive.keys();
      const more = Buffer.from('{"_topic":"t","_partition":0,"_offset":9,"_headers":[]}\n');
      await expect(putOnce(archive.store, archive.path + key, await fileOf(format, [more]))).rejects.toThrow(
        'stands there with other contents',
      );
    },
  );

  it('is loaded from one folder with all its ranges, wherever their other files are', async () => {
    const archive = archiveOf(labs.postgres, { bytes: 1 });
    // Each range has the same two days; but the last has a day of its own.
    archive.broker.batch = 4;
    for (const i of upTo(8)) archive.broker.produce('t', 0, { id: i }, { timestamp: START + (i % 2) * 24 * HOUR });
    await archive.load();
    for (const i of upTo(2)) archive.broker.produce('t', 0, { id: 8 + i }, { timestamp: START + 72 * HOUR });
    await archive.load();
    const day = `${archive.path}dt=2026-05-02/`;
    const client = await archive.client(day);
    expect((await labs.postgres.load(archive.table, { client })).rows).toBe(8);
    expect(await labs.postgres.ids(archive.table)).toEqual(upTo(8));
    await expect(archive.client(`${archive.path}dt=1999`)).rejects.toThrow('No archived files are at s3://lake/');
  });

  it('is loaded completely from one day of a copy, and after its path was changed', async () => {
    const archive = archiveOf(labs.postgres);
    for (const i of upTo(8)) archive.broker.produce('t', 0, { id: i }, { timestamp: START + (i % 2) * 24 * HOUR });
    await archive.load();
    const home = `moved/${archive.path}`;
    for (const key of await archive.keys())
      await archive.store.put(home + key, (await archive.store.get(archive.path + key)) ?? Buffer.alloc(0));
    const client = await archive.client(`${home}dt=2026-05-02/`);
    expect((await labs.postgres.load(archive.table, { client })).rows).toBe(8);
    expect(await labs.postgres.ids(archive.table)).toEqual(upTo(8));
    // A place that is cut off within a segment, and one that ends in the file's name.
    for (const part of ['dt=2026-05-0', 'dt=2026-05-01/hour=22/p000']) {
      const whole = archiveOf(labs.postgres);
      expect((await labs.postgres.load(whole.table, { client: await archive.client(home + part) })).rows).toBe(8);
    }
    // Files of another layout: what a whole range is, nobody knows.
    await expect(archive.client(`${home}dt=2026-05-02/`, `${archive.path}{day}/`)).rejects.toThrow(
      `s3://lake/${home}dt=2026-05-02/hour=22/p00000-00000000000000-00000000000008.ndjson.gz does not lie as 'path'`,
    );
    const all = archiveOf(labs.postgres);
    const other = await archive.client(home, `${archive.path}{day}/`);
    expect((await labs.postgres.load(all.table, { client: other })).rows).toBe(8);
    await archive.store.put(`moved/b/${(await archive.keys())[0]}`, Buffer.from('mine'));
    await expect(archive.client('moved/')).rejects.toThrow('several archives are at s3://lake/moved/');
  });

  it.each(['{day}/{topic}/', 'dt={day}/t/'])(
    'with the path %s is not mixed with those of other topics',
    async (path) => {
      const archive = archiveOf(labs.postgres);
      const home = `${archive.path}${path.startsWith('{') ? 'x' : 'y'}/`;
      for (const i of upTo(4)) archive.broker.produce('t', 0, { id: i }, { timestamp: START + (i % 2) * 24 * HOUR });
      await archive.load();
      const days = [];
      for (const key of await archive.keys()) {
        const [, day = '', name = ''] = /dt=([^/]*).*\/([^/]*)$/.exec(key) ?? [];
        const folder = (topic: string): string =>
          home + path.replace('{day}', day).replace('{topic}', topic).replace('/t/', `/${topic}/`);
        await archive.store.put(folder('t') + name, (await archive.store.get(archive.path + key)) ?? Buffer.alloc(0));
        await archive.store.put(folder('other') + name, Buffer.from('of another topic'));
        days.push(folder('t'));
      }
      expect(days).toHaveLength(2);
      const client = await archive.client(days[0] ?? '', home + path);
      expect((await labs.postgres.load(archive.table, { client })).rows).toBe(4);
      expect(await labs.postgres.ids(archive.table)).toEqual(upTo(4));
      if (!path.includes('{topic}')) return;
      const all = archiveOf(labs.postgres);
      expect((await labs.postgres.load(all.table, { client: await archive.client(home, home + path) })).rows).toBe(4);
    },
  );

  it.each(FORMATS)('is loaded into a table, which then continues from the topic (%s)', async (format) => {
    const archive = archiveOf(labs.postgres, {}, 2, format);
    for (const i of upTo(10)) archive.broker.produce('t', i % 2, { id: i }, { timestamp: START + i * HOUR });
    await archive.load();
    expect((await labs.postgres.load(archive.table, { client: await archive.client(archive.path) })).rows).toBe(10);
    expect((await labs.postgres.load(archive.table, { client: await archive.client(archive.path) })).rows).toBe(0);
    for (const i of upTo(4)) archive.broker.produce('t', i % 2, { id: 10 + i }, { timestamp: START });
    expect((await labs.postgres.load(archive.table)).rows).toBe(4);
    expect(await labs.postgres.ids(archive.table)).toEqual(upTo(14));
  });

  /** Rows of a query on a ClickHouse whose statements may read a store. */
  const fromFiles = (sql: string): Promise<string[][]> =>
    withOpenClickhouse(async (_server, path) => {
      const adapter = clickhouseAdapter('default', { path });
      try {
        return await textsOf(adapter, sql);
      } finally {
        await adapter.close();
      }
    });

  it('can be read by ClickHouse in place', async () => {
    const archive = archiveOf(labs.postgres, {}, 2);
    for (const i of upTo(50))
      archive.broker.produce('t', i % 2, { id: i, name: `n${i}` }, { timestamp: START + i * 600_000 });
    await archive.load();
    const { endpoint, accessKeyId, secretAccessKey } = archive.store.settings;
    const place = `${endpoint}/lake/${archive.path}**/*.ndjson.gz`;
    const files = `s3('${place}', '${accessKeyId}', '${secretAccessKey()}', 'JSONEachRow'`;
    const structure = 'id Int32, at DateTime, _offset Int64, _kafka_ts DateTime64(3)';
    const [row] = await fromFiles(
      `select count(), sum(id), sum(_offset), toString(max(_kafka_ts), 'UTC') from ${files}, '${structure}') ` +
        "settings date_time_input_format = 'best_effort'",
    );
    expect(row).toEqual(['50', '1225', '600', '2026-05-02 06:40:00.000']);
    const clause = s3Source(
      {
        bucket: `${endpoint}/lake`,
        path: `/${archive.path}**/*.ndjson.gz`,
        fmt: 'JSONEachRow',
        structure: 'id Int32, name String',
        aws_access_key_id: accessKeyId,
        aws_secret_access_key: secretAccessKey(),
        role_arn: '',
        compression: '',
        external_id: '',
      },
      new PyDict([]),
      () => undefined,
    );
    expect(await fromFiles(`select max(name), count() from ${clause}`)).toEqual([['n9', '50']]);
    // Without a structure the engine finds the columns itself.
    expect((await fromFiles(`select name from ${files}) where id = 7`))[0]).toEqual(['n7']);
  });

  it('of Parquet files can be read by ClickHouse in place', async () => {
    const archive = archiveOf(labs.postgres, {}, 2, 'parquet');
    for (const i of upTo(50))
      archive.broker.produce('t', i % 2, { id: i, at: '2026-05-01T10:00:00.123Z' }, { timestamp: START + i * 600_000 });
    await archive.load();
    const { endpoint, accessKeyId, secretAccessKey } = archive.store.settings;
    const place = `${endpoint}/lake/${archive.path}**/*.parquet`;
    const files = `s3('${place}', '${accessKeyId}', '${secretAccessKey()}', 'Parquet')`;
    expect(
      await fromFiles(
        "select count(), sum(JSONExtract(_value, 'id', 'Int32')), sum(_offset), toString(max(_kafka_ts), 'UTC'), " +
          "toString(max(JSONExtract(_value, 'at', 'DateTime64(3, \\'UTC\\')'))), any(_headers), count(_key) " +
          `from ${files} settings date_time_input_format = 'best_effort'`,
      ),
    ).toEqual([
      [
        '50',
        '1225',
        '600',
        '2026-05-02 06:40:00.000000',
        '2026-05-01 10:00:00.123',
        expect.stringContaining('[{'),
        '0',
      ],
    ]);
  });

  it('that lacks a file is loaded up to the gap, which is named', async () => {
    const archive = archiveOf(labs.postgres, { bytes: 1 });
    archive.broker.batch = 2;
    for (const i of upTo(6)) archive.broker.produce('t', 0, { id: i }, { timestamp: START });
    await archive.load();
    const keys = await archive.keys();
    expect(keys.length).toBeGreaterThan(2);
    await archive.store.delete(archive.path + keys[1]);
    await expect(labs.postgres.load(archive.table, { client: await archive.client(archive.path) })).rejects.toThrow(
      /has no file with offsets \d+ to \d+ of partition 0/,
    );
    await expect(archive.client('nothing/')).rejects.toThrow('No archived files are at s3://lake/nothing/');
  });

  it('whose file is deleted while it is loaded is loaded up to that file', async () => {
    const archive = archiveOf(labs.postgres, { bytes: 1 });
    archive.broker.batch = 2;
    for (const i of upTo(6)) archive.broker.produce('t', 0, { id: i }, { timestamp: START });
    await archive.load();
    const keys = await archive.keys();
    expect(keys.length).toBeGreaterThan(2);
    const client = await archive.client(archive.path);
    await archive.store.delete(archive.path + keys[1]);
    await expect(labs.postgres.load(archive.table, { client })).rejects.toThrow(
      `The object ${archive.path}${keys[1]} of 'lake' is not there any more.`,
    );
  });

  it.each(FORMATS)('with an empty object in place of a file is not loaded (%s)', async (format) => {
    const archive = archiveOf(labs.postgres, { bytes: 1 }, 1, format);
    archive.broker.batch = 2;
    for (const i of upTo(6)) archive.broker.produce('t', 0, { id: i }, { timestamp: START });
    await archive.load();
    const [, second] = await archive.keys();
    await archive.store.put(archive.path + second, Buffer.alloc(0));
    const client = await archive.client(archive.path);
    await expect(labs.postgres.load(archive.table, { client })).rejects.toThrow(
      `The object ${archive.path}${second} holds something that is no message of topic t.`,
    );
  });
});
