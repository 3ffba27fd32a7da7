// Tests a truncated log below the loaded position, and rewinds: the table has every message of the topic once.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { Pulse } from '../../../src/loader/pulse.ts';
import { rewindTo } from '../../../src/loader/rewind.ts';
import { loadStatus } from '../../../src/loader/status.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { LoadLab, sinkWith } from './load-lab.ts';

const GONE =
  'what was loaded from offset 3 on, in leader epoch 0, is gone\\. ' +
  '`tsdbt load rewind --select source:raw\\.t\\d+ --to 0:3`';

describe('the position of a Postgres table', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(() => lab.close());
  const send = (partition: number, ...ids: readonly number[]): void => {
    for (const id of ids) lab.broker.produce('t', partition, { id, v: `v${id}` });
  };
  const held = async (t: LoadTarget): Promise<(string | null)[][]> =>
    lab.rows(`select _partition, _offset, id from raw.${t.identifier} order by 1, 2, 3`);
  const position = async (
    t: LoadTarget,
    columns = 'partition, next_offset, leader_epoch',
  ): Promise<(string | null)[][]> =>
    lab.rows(
      `select ${columns} from tsdbt.load_offsets where target = '${t.uniqueId}' and topic = 't' and partition ` +
        '>= 0 order by partition',
    );
  const rewind = (t: LoadTarget, to: string): ReturnType<typeof rewindTo> =>
    rewindTo(lab.broker.client(), lab.sink, t, to);
  const columns = { id: 'integer', v: 'text' };

  it(
    'keeps the epoch of the last message, and a truncated log stops only its partition, until a ' + 'rewind repairs it',
    async () => {
      const t = lab.target(columns, {}, 2);
      send(0, 0, 1, 2, 3, 4);
      send(1, 100);
      await lab.load(t);
      expect(await position(t)).toEqual([
        ['0', '5', '0'],
        ['1', '1', '0'],
      ]);
      lab.broker.cut('t', 0, 3n);
      send(0, 53, 54, 55);
      send(1, 101);
      const { stopped } = await lab.load(t);
      expect(stopped).toEqual([expect.stringMatching(new RegExp(`^t/0: ${GONE} deletes the rows from there on`))]);
      expect(await held(t)).toEqual([
        ['0', '0', '0'],
        ['0', '1', '1'],
        ['0', '2', '2'],
        ['0', '3', '3'],
        ['0', '4', '4'],
        ['1', '0', '100'],
        ['1', '1', '101'],
      ]);
      expect(await rewind(t, '0:3')).toEqual({ next: new Map([['t/0', 3n]]), rows: 2, letters: 0 });
      expect(await lab.load(t)).toMatchObject({ stopped: [] });
      expect(await held(t)).toEqual([
        ['0', '0', '0'],
        ['0', '1', '1'],
        ['0', '2', '2'],
        ['0', '3', '53'],
        ['0', '4', '54'],
        ['0', '5', '55'],
        ['1', '0', '100'],
        ['1', '1', '101'],
      ]);
      expect(await position(t, 'next_offset, leader_epoch, loaded_rows')).toEqual([
        ['6', '1', '6'],
        ['2', '0', '2'],
      ]);
    },
  );

  it('is not moved to the end if it is beyond the end', async () => {
    const t = lab.target(columns);
    send(0, 0, 1, 2, 3);
    await lab.load(t);
    // As versions that kept no epoch left it.
    await lab.rows(`update tsdbt.load_offsets set leader_epoch = null where target = '${t.uniqueId}'`);
    lab.broker.cut('t', 0, 2n);
    for (const onGap of ['stop', 'earliest'] as const) {
      await expect(lab.load({ ...t, onGap })).rejects.toThrow(
        /t\/0: position 4 is beyond the end of the log, 2\. `tsdbt load rewind --select source:raw\.t\d+ --to 0:2`/,
      );
    }
    expect(await held(t)).toHaveLength(4);
    expect(await rewind(t, 'latest')).toEqual({ next: new Map([['t/0', 2n]]), rows: 2, letters: 0 });
    expect(await lab.load(t)).toEqual({ rows: 0, dead: 0, stopped: [] });
    expect(await held(t)).toEqual([
      ['0', '0', '0'],
      ['0', '1', '1'],
    ]);
  });

  it('of a running loader is followed after a rewind, even to the same offset', async () => {
    const t = lab.target(columns, {}, 2);
    send(0, 0, 1, 2, 3, 4);
    send(1, 100);
    await lab.load(t);
    lab.broker.cut('t', 0, 3n);
    send(0, 53, 54, 55);
    const status = async (): Promise<unknown> => {
      const found = await loadStatus(lab.sink, async () => lab.broker.client(), t, Date.now());
      return [found.partitions.map(({ next, lagRows }) => [next, lagRows]), found.problems];
    };
    expect(await status()).toEqual([
      [
        [5n, null],
        [1n, 0n],
      ],
      [expect.stringMatching(new RegExp(`^stopped at t/0: ${GONE}`))],
    ]);
    const stop = new AbortController();
    const { loader, events } = lab.loader(t, {
      once: false,
      signal: stop.signal,
      pulse: new Pulse(lab.sink, Date.now),
    });
    const running = loader.run();
    const ids = async (): Promise<string> => (await held(t)).map(([, , id]) => id).join();
    const until = (wanted: string): Promise<void> => expect.poll(ids, FOR_EVENTS).toBe(wanted);
    send(1, 101);
    await until('0,1,2,3,4,100,101');
    expect(events.filter(({ kind }) => kind === 'stopped')).toHaveLength(1);
    expect(await rewind(t, '0:5')).toEqual({ next: new Map([['t/0', 5n]]), rows: 2, letters: 0 });
    await until('0,1,2,55,100,101');
    expect(await rewind(t, '0:3')).toMatchObject({ rows: 1 });
    await until('0,1,2,53,54,55,100,101');
    stop.abort();
    expect(await running).toMatchObject({ stopped: [] });
    expect(await status()).toEqual([
      [
        [6n, 0n],
        [2n, 0n],
      ],
      [],
    ]);
  });

  it('moves only past what the log has lost if the table has nothing after it', async () => {
    const t = lab.target(columns, {}, 2);
    send(0, 0, 1, 2, 3, 4);
    send(1, 100, 101);
    await lab.load(t);
    await lab.rows(`update tsdbt.load_offsets set next_offset = 1 where target = '${t.uniqueId}'`);
    const loaded = (first: bigint): ReadonlyMap<string, bigint> =>
      new Map([
        ['t/0', first],
        ['t/1', 2n],
      ]);
    expect(await rewind(t, 'loaded')).toEqual({ next: loaded(5n), rows: 0, letters: 0 });
    expect(await lab.load(t)).toEqual({ rows: 0, dead: 0, stopped: [] });
    await lab.rows(`update tsdbt.load_offsets set leader_epoch = 0 where target = '${t.uniqueId}'`);
    lab.broker.cut('t', 0, 3n);
    send(0, 53, 54, 55);
    expect(await rewind(t, 'loaded')).toEqual({ next: loaded(3n), rows: 2, letters: 0 });
    await lab.load(t);
    expect((await held(t)).map(([, , id]) => id)).toEqual(['0', '1', '2', '53', '54', '55', '100', '101']);
    // Without a position nothing says what the log has lost, but its end.
    lab.broker.cut('t', 0, 4n);
    await lab.rows(`delete from tsdbt.load_offsets where target = '${t.uniqueId}'`);
    await expect(rewind(t, 'loaded')).rejects.toMatchObject({
      message: 'Error: offset 6 is not in t/0, which has 0 to 4.',
      details: { hint: '--to 0:4 deletes the rows that the topic does not have.' },
    });
    expect(await rewind(t, '0:4,1:loaded')).toEqual({
      next: new Map([
        ['t/0', 4n],
        ['t/1', 2n],
      ]),
      rows: 2,
      letters: 0,
    });
  });

  it('that another loader has set beyond the end is not taken for the end either', async () => {
    const t = lab.target(columns);
    send(0, 0, 1, 2);
    const { loader, events } = lab.loader(t, {
      sink: sinkWith(lab.sink, {
        flush: async (flush) => {
          await lab.rows(`update tsdbt.load_offsets set next_offset = 7 where target = '${t.uniqueId}'`);
          return lab.sink.flush(flush);
        },
      }),
    });
    await expect(loader.run()).rejects.toThrow(
      /t\/0: position 7 is beyond the end of the log, 3\. `tsdbt load rewind --select source:raw\.t\d+ --to 0:3`/,
    );
    expect(events.map(({ kind }) => kind).filter((kind) => ['fenced', 'stopped'].includes(kind))).toEqual([
      'fenced',
      'stopped',
    ]);
  });

  it('can be rewound without duplicating a row or a dead letter', async () => {
    const t = lab.target(columns);
    send(0, 0, 1);
    lab.broker.produce('t', 0, null, { raw: Buffer.from('bad') });
    send(0, 3);
    await lab.load(t);
    for (const [to, rows, letters] of [
      ['1', 2, 1],
      ['earliest', 3, 1],
      ['latest', 0, 0],
      ['3', 1, 0],
    ] as const) {
      expect(await rewind(t, to), to).toMatchObject({ rows, letters });
      await lab.load(t);
      expect(await held(t), to).toEqual([
        ['0', '0', '0'],
        ['0', '1', '1'],
        ['0', '3', '3'],
      ]);
      expect(
        (await lab.letters(t)).map(([offset]) => offset),
        to,
      ).toEqual([2]);
      expect(await position(t, 'loaded_rows, dead_rows'), to).toEqual([['3', '1']]);
    }
    await expect(rewind(t, '1:0')).rejects.toThrow('Error: t has no partition 1: it has 1.');
    await expect(rewind(t, '0:9')).rejects.toThrow('Error: offset 9 is not in t/0, which has 0 to 4.');
    await expect(rewind(t, '0:x')).rejects.toThrow(
      /not earliest, latest, loaded, an offset, a time, or PARTITION:OFFSET/,
    );
  });

  it('of an upsert loads the versions again after a rewind, also those of a truncated log', async () => {
    const t = lab.target(columns, { mode: 'upsert', key: ['id'] });
    const version = (id: number, v: string): void => void lab.broker.produce('t', 0, { id, v });
    version(1, 'first');
    version(2, 'first');
    version(1, 'lost');
    version(3, 'lost');
    await lab.load(t);
    const values = (): Promise<(string | null)[][]> =>
      lab.rows(`select id, v, _offset from raw.${t.identifier} order by 1`);
    await lab.rows(`update raw.${t.identifier} set v = 'by hand'`);
    expect(await rewind(t, '1')).toMatchObject({ next: new Map([['t/0', 1n]]), rows: 3 });
    await lab.load(t);
    expect(await values()).toEqual([
      ['1', 'lost', '2'],
      ['2', 'first', '1'],
      ['3', 'lost', '3'],
    ]);
    lab.broker.cut('t', 0, 2n);
    version(4, 'new');
    version(5, 'new');
    await expect(lab.load(t)).rejects.toThrow(/from offset 2 on, in leader epoch 0.*--to 0:2/);
    expect(await rewind(t, '0:2')).toEqual({ next: new Map([['t/0', 0n]]), rows: 2, letters: 0 });
    await lab.load(t);
    expect(await values()).toEqual([
      ['1', 'first', '0'],
      ['2', 'first', '1'],
      ['4', 'new', '2'],
      ['5', 'new', '3'],
    ]);
  });

  it('can be rewound without deleting rows of an earlier topic with the name', async () => {
    const t = lab.target(columns, { onGap: 'earliest' });
    send(0, 0, 1, 2);
    await lab.load(t);
    lab.broker.create('t');
    send(0, 50, 51);
    expect(await rewind(t, 'earliest')).toMatchObject({ rows: 0 });
    await lab.load(t);
    lab.broker.create('t');
    send(0, 60, 61);
    await lab.load(t);
    expect(await rewind(t, '1')).toMatchObject({ rows: 1 });
    await lab.load(t);
    expect((await held(t)).map(([, , id]) => Number(id)).sort((a, b) => a - b)).toEqual([0, 1, 2, 50, 51, 60, 61]);
  });

  it.each(['on_gap', 'rewind', 'not null'])(
    'lets a topic that was created again overwrite rows of the earlier one (%s)',
    async (by) => {
      const t = lab.target({ id: 'integer', v: 'text' }, { mode: 'upsert', key: ['id'], onGap: 'earliest' });
      const values = (): Promise<unknown> => lab.rows(`select id, v, _offset from raw.${t.identifier} order by id`);
      for (const id of [1, 2, 3]) lab.broker.produce('t', 0, { id, v: 'old' });
      await lab.load(t);
      const none = by === 'not null' ? '-1' : null;
      if (none !== null) await lab.rows(`alter table raw.${t.identifier} alter column _offset set not null`);
      lab.broker.create('t');
      for (const v of ['new', 'newer']) lab.broker.produce('t', 0, { id: 3, v });
      if (by === 'rewind') await rewindTo(lab.broker.client(), lab.sink, t, 'earliest');
      await lab.load(t);
      expect(await values()).toEqual([
        ['1', 'old', none],
        ['2', 'old', none],
        ['3', 'newer', '1'],
      ]);
      lab.broker.produce('t', 0, { id: 2, v: 'new' });
      await lab.load(t);
      expect(await values()).toEqual([
        ['1', 'old', none],
        ['2', 'new', '2'],
        ['3', 'newer', '1'],
      ]);
    },
  );

  it('is rewound during a flush together with its rows', async () => {
    const t = lab.target(columns);
    send(0, 0, 1);
    await lab.load(t);
    send(0, 2, 3);
    let rewound: Promise<unknown> = Promise.resolve();
    const running = lab.loader(t, {
      sink: sinkWith(lab.sink, {
        flush: async (flush) => {
          const flushed = lab.sink.flush(flush);
          rewound = Promise.all([rewound, rewind(t, 'earliest')]);
          return flushed;
        },
      }),
    });
    await running.loader.run();
    await rewound;
    await lab.load(t);
    expect(await held(t)).toEqual([
      ['0', '0', '0'],
      ['0', '1', '1'],
      ['0', '2', '2'],
      ['0', '3', '3'],
    ]);
  });

  it('can be one of a message without a time, which has none in the table and after a replay', async () => {
    const t = lab.target(columns);
    send(0, 0);
    lab.broker.produce('t', 0, null, { raw: Buffer.from('bad') });
    lab.broker.produce('t', 0, { id: 2, v: 'x', b: 1e300 });
    const log = lab.broker.log({ topic: 't', partition: 0 });
    log.messages = log.messages.map((message) => ({ ...message, timestamp: null }));
    expect(await lab.load(t)).toMatchObject({ rows: 2, dead: 1 });
    expect(await lab.rows(`select id, _kafka_ts from raw.${t.identifier} order by 1`)).toEqual([
      ['0', null],
      ['2', null],
    ]);
    expect(await lab.rows(`select kafka_ts from tsdbt.dead_letters where target = '${t.uniqueId}'`)).toEqual([[null]]);
    expect(await position(t, 'last_kafka_ts')).toEqual([[null]]);
  });
});
