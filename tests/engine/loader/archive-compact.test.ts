// Tests compaction of closed days on a real store, with Postgres and ClickHouse: a reader by names sees every message
// once at any time, whatever is interrupted, and replays return the messages of the topic.
import { describe, expect, it, vi } from 'vitest';
import { compactionState } from '../../../src/loader/archive/compact.ts';
import { ArchiveSink } from '../../../src/loader/archive/sink.ts';
import type { FaultPoint } from '../../../src/loader/sink.ts';
import { NO_STORE } from '../support/s3-server.ts';
import { Archive, ArchiveLabs, type ArchiveOptions, ends } from './archive-lab.ts';
import {
  ageClaims,
  AT_ONCE,
  compact,
  filled,
  HOUR,
  idsByName,
  joinedOf,
  Moment,
  rowsCounted,
  singleOf,
  sleepyStore,
  START,
} from './compact-lab.ts';
import { upTo } from './load-lab.ts';

const POINTS = ['before_join', 'joining', 'joined', 'after_join', 'in_deletion'] as const;

describe.skipIf(NO_STORE !== null)(`archive compaction${NO_STORE === null ? '' : ` (${NO_STORE})`}`, () => {
  const labs = new ArchiveLabs('compactions');
  for (const [database, format] of [
    ['Postgres', 'ndjson.gz'],
    ['Postgres', 'parquet'],
    ['ClickHouse', 'ndjson.gz'],
    ['ClickHouse', 'parquet'],
  ] as const) {
    const made = (more: ArchiveOptions = {}): Archive =>
      labs.archive(database, {
        ...{ flush: { bytes: 600 }, partitions: 2, format },
        ...more,
      });

    const whole = `beside ${database} (${format}) loses and doubles nothing when it ends at any point`;
    const endings = async (): Promise<void> => {
      for (const point of POINTS) {
        const archive = made();
        await filled(archive);
        const before = await archive.keys();
        let kills = 0;
        for (const times of [1, 2]) {
          const work = (reached: (at: FaultPoint) => void): Promise<unknown> => compact(archive, { reached });
          if (await ends(work, point, times)) kills++;
          expect(await idsByName(archive, await archive.keys()), `${point} ${times}`).toEqual(upTo(60));
          expect(await rowsCounted(archive), `${point} ${times}`).toBe(60);
        }
        expect(kills, point).toBeGreaterThan(0);
        for (const _ of [1, 2]) expect(await compact(archive)).toMatchObject({ problems: [], busy: false });
        const after = await archive.keys();
        expect(after.length, point).toBeLessThan(before.length / 2);
        expect(joinedOf(after), point).toHaveLength(4);
        expect(await archive.ids().then((ids) => ids.map(Number).sort((a, b) => a - b))).toEqual(upTo(60));
        expect(await rowsCounted(archive), point).toBe(60);
        expect(await compact(archive)).toEqual({ joined: 0, into: 0, deleted: 0, problems: [], busy: false });
      }
    };
    // Ledgers know no formats, and ClickHouse's takes its time.
    if (database === 'Postgres' || format === 'ndjson.gz') it(whole, endings);

    it(`with ${database} (${format}) loads the same as the topic, even while files are joined`, async () => {
      const archive = made();
      await filled(archive);
      const listed = await archive.client(archive.path);
      expect(await compact(archive, { compact: { ...AT_ONCE, keepMs: HOUR } })).toMatchObject({ into: 4, deleted: 0 });
      const { lab, table } = archive;
      const both = await archive.client(archive.path);
      expect((await lab.load(table, { client: both })).rows).toBe(60);
      await compact(archive);
      expect(await singleOf(await archive.keys())).toHaveLength(0);
      // Listed before: its files are joined and gone.
      const late = new Archive(lab, labs.server, { partitions: 2 });
      expect((await lab.load(late.table, { client: listed })).rows).toBe(60);
      const after = new Archive(lab, labs.server, { partitions: 2 });
      expect((await lab.load(after.table, { client: await archive.client(archive.path) })).rows).toBe(60);
      for (const loaded of [table, late.table, after.table]) expect(await lab.ids(loaded)).toEqual(upTo(60));
      // One day, with what other days hold between its offsets.
      const day = new Archive(lab, labs.server, { partitions: 2 });
      const client = await archive.client(`${archive.path}dt=2026-05-01/`);
      await lab.load(day.table, { client });
      const ids = await lab.ids(day.table);
      expect(ids).toEqual(upTo(ids.length));
      expect(ids.length).toBeGreaterThan(15);
      expect(ids.length).toBeLessThan(60);
    });

    it(`with ${database} (${format}) continues after the store was unavailable`, async () => {
      const archive = made();
      await filled(archive);
      let gone: Promise<void> | null = null;
      const reached = (point: FaultPoint): void => {
        if (point === 'after_join' && gone === null) gone = labs.server.kill();
      };
      await expect(compact(archive, { reached })).rejects.toThrow("The object store 'lake' at http://127.0.0.1:");
      await gone;
      await labs.server.start();
      for (const _ of [1, 2]) await compact(archive);
      expect((await archive.ids()).map(Number).sort((a, b) => a - b)).toEqual(upTo(60));
      expect(singleOf(await archive.keys())).toEqual([]);
    });

    it(`with ${database} (${format}) runs in one process, and a suspended one does no harm`, async () => {
      const archive = made();
      await filled(archive);
      const [slept, woken] = [new Moment(), new Moment()];
      const first = compact(archive, { store: sleepyStore(archive, slept, woken) });
      await slept.come;
      expect(await compact(archive)).toMatchObject({ into: 0, busy: true });
      // The claim of one that is not heard of ends.
      await ageClaims(archive);
      for (const _ of [1, 2]) expect(await compact(archive)).toMatchObject({ busy: false, problems: [] });
      const keys = await archive.keys();
      expect(singleOf(keys)).toEqual([]);
      woken.now();
      const late = await first;
      expect(late.problems.length + (late.busy ? 1 : 0)).toBeGreaterThan(0);
      for (const _ of [1, 2]) await compact(archive);
      expect(await archive.keys()).toEqual(keys);
      expect((await archive.ids()).map(Number).sort((a, b) => a - b)).toEqual(upTo(60));
      expect(await rowsCounted(archive)).toBe(60);
    });
  }

  it('joins only closed days, files up to a size, and late files the next time', async () => {
    const archive = new Archive(labs.postgres, labs.server, { flush: { bytes: 1 }, folder: '{topic}/{day}/' });
    archive.broker.batch = 2;
    for (const i of upTo(40)) archive.broker.produce('t', 0, { id: i }, { timestamp: START + i * 0.25 * HOUR });
    await archive.load();
    const days = (keys: readonly string[]): string[] => [...new Set(keys.map((key) => key.split('/')[1] ?? ''))];
    const soon = { now: () => Date.parse('2026-05-02T00:59:00Z') };
    const state = { target: archive.target, ledger: archive.ledger(), compact: AT_ONCE };
    expect(await compactionState({ ...state, ...soon })).toEqual({ days: 0, toJoin: 0, into: 0, replaced: 0 });
    expect(await compact(archive, soon)).toMatchObject({ into: 0 });
    const then = { now: () => Date.parse('2026-05-02T01:00:00Z') };
    expect(await compactionState({ ...state, ...then })).toEqual({ days: 1, toJoin: 8, into: 1, replaced: 0 });
    expect(await compact(archive, then)).toMatchObject({ joined: 8, into: 1 });
    expect(await compactionState({ ...state, ...then })).toEqual({ days: 0, toJoin: 0, into: 0, replaced: 8 });
    expect(joinedOf(await archive.keys())).toEqual(['t/2026-05-01/p00000-00000000000000-00000000000016-day.ndjson.gz']);
    // Three of the small files are as large as one may be.
    const [first] = await archive.lab.rows(
      'select max(size) from tsdbt.archive_files where key like ' + `'${archive.path}%'`,
    );
    await compact(archive, { compact: { ...AT_ONCE, bytes: Number(first?.[0]) * 3 } });
    expect(joinedOf(await archive.keys()).length).toBeGreaterThan(3);
    // Of the first day again, behind the others.
    for (const i of upTo(4)) archive.broker.produce('t', 0, { id: 40 + i }, { timestamp: START + i });
    await archive.load();
    expect(await compact(archive)).toMatchObject({ joined: 2, into: 1, problems: [] });
    await compact(archive);
    expect((await archive.ids()).map(Number)).toEqual(upTo(44));
    expect(days(joinedOf(await archive.keys()))).toEqual(['2026-05-01', '2026-05-02']);
  });

  it('joins nothing after an open range', async () => {
    const archive = new Archive(labs.postgres, labs.server, { flush: { bytes: 600 }, partitions: 1 });
    archive.broker.batch = 5;
    for (const i of upTo(30)) archive.broker.produce('t', 0, { id: i }, { timestamp: START + i });
    expect(await archive.killed('in_files', 3)).toBe(true);
    const standing = (await archive.keys()).length;
    expect(await compact(archive)).toMatchObject({ joined: standing - 1, into: 1, problems: [] });
    await archive.load();
    for (const _ of [1, 2]) await compact(archive);
    expect((await archive.ids()).map(Number)).toEqual(upTo(30));
  });

  it('skips a day that has an unknown file or lacks one', async () => {
    const archive = new Archive(labs.postgres, labs.server, { flush: { bytes: 600 }, partitions: 1 });
    archive.broker.batch = 5;
    for (const i of upTo(20)) archive.broker.produce('t', 0, { id: i }, { timestamp: START + i });
    await archive.load();
    const keys = await archive.keys();
    const other = `${archive.path}dt=2026-05-01/hour=03/p00000-00000000000001-00000000000003.ndjson.gz`;
    await archive.store.put(other, Buffer.from('mine'));
    expect((await compact(archive)).problems).toEqual([
      `The object ${other} is not in tsdbt.archive_files: its day is not compacted.`,
    ]);
    await archive.store.delete(other);
    const lost = archive.path + keys[1];
    const body = (await archive.store.get(lost)) ?? Buffer.alloc(0);
    await archive.store.delete(lost);
    expect((await compact(archive)).problems).toEqual([`The object ${lost} is missing: its day is not compacted.`]);
    await archive.store.put(lost, Buffer.from('no gzip'));
    expect((await compact(archive)).problems).toEqual([`The object ${lost} is no file of topic t.`]);
    await archive.store.put(lost, body);
    expect(await compact(archive)).toMatchObject({ joined: keys.length, problems: [] });
    const [whole = ''] = joinedOf(await archive.keys());
    await archive.store.delete(archive.path + whole);
    expect((await compact(archive)).problems).toEqual([
      `The object ${archive.path}${whole} is missing: the files that it stood for are kept.`,
    ]);
    expect(await archive.keys()).toEqual(keys);
  });

  it('finishes what was begun after it has been turned off', async () => {
    const archive = new Archive(labs.postgres, labs.server, { flush: { bytes: 600 }, partitions: 2 });
    await filled(archive, 30, HOUR / 10);
    expect(await ends((reached) => compact(archive, { reached }), 'joined', 1)).toBe(true);
    expect(await compact(archive, { compact: null })).toMatchObject({ into: 1, problems: [] });
    expect(await compact(archive, { compact: null })).toMatchObject({ joined: 0, deleted: 0 });
    expect(await idsByName(archive, await archive.keys())).toEqual(upTo(30));
  });

  it('is not undone by a loader that is suspended before it writes a file', async () => {
    const archive = new Archive(labs.postgres, labs.server, { flush: { bytes: 600 }, partitions: 1 });
    archive.broker.batch = 5;
    for (const i of upTo(30)) archive.broker.produce('t', 0, { id: i }, { timestamp: START + i });
    const ledger = archive.ledger();
    const late = archive.ledger();
    let flushes = 0;
    const clock = Date.now;
    const { store } = archive;
    late.intend = async (flush, files) => {
      const lost = await ledger.intend(flush, files);
      if (++flushes !== 3) return lost;
      // Another loader takes it over meanwhile.
      const sink = archive.sink();
      for (const open of await sink.unsettled(archive.target, [0])) await sink.settle(open, flush);
      for (const _ of [1, 2]) expect(await compact(archive)).toMatchObject({ problems: [] });
      vi.spyOn(Date, 'now').mockImplementation(() => clock() + 11 * 60_000);
      return lost;
    };
    try {
      await archive.load({ sink: new ArchiveSink(labs.postgres.sink, late, store) });
    } finally {
      vi.restoreAllMocks();
    }
    const keys = await archive.keys();
    expect(joinedOf(keys)).toEqual([expect.stringContaining('00000000000000-00000000000015-day.')]);
    expect(singleOf(keys)).toHaveLength(3);
    expect((await archive.ids()).map(Number)).toEqual(upTo(30));
    await expect(store.put('x', Buffer.from(''), { until: Date.now() - 1 })).rejects.toThrow('has slept too long');
  });
});
