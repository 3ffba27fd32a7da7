// Tests compaction with concurrent processes: a suspended one, a topic that was created again, changed files. A reader
// by names still sees every message once.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isArchive } from '../../../src/loader/settings/archive-settings.ts';
import { ArchiveSink } from '../../../src/loader/archive/sink.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { NO_STORE, S3Server } from '../support/s3-server.ts';
import { Archive, type ArchiveOptions } from './archive-lab.ts';
import { ClickHouseLab } from './clickhouse-lab.ts';
import {
  ageClaims,
  AT_ONCE,
  compact,
  HOUR,
  idsByName,
  joinedOf,
  Moment,
  rowsCounted,
  singleOf,
  sleepyStore,
  START,
} from './compact-lab.ts';
import { LoadLab, loaderOn, upTo } from './load-lab.ts';

const server = new S3Server();
beforeAll(async () => {
  if (NO_STORE === null) await server.start();
});
afterAll(() => server.stop());

describe.skipIf(NO_STORE !== null)(`concurrent archive compaction${NO_STORE === null ? '' : ` (${NO_STORE})`}`, () => {
  let postgres: LoadLab;
  const clickhouse = new ClickHouseLab('compactions_beside');
  beforeAll(async () => {
    postgres = await LoadLab.open();
  });
  afterAll(async () => {
    await postgres.close();
    await clickhouse.close();
  });

  describe.each(['Postgres', 'ClickHouse'] as const)('on %s', (database) => {
    const made = (more: ArchiveOptions = {}): Archive => {
      const archive = new Archive(database === 'Postgres' ? postgres : clickhouse, server, {
        ...{ flush: { bytes: 600 }, ...more },
      });
      archive.broker.batch = 5;
      return archive;
    };
    const send = (archive: Archive, from: number, count: number): void => {
      for (const i of upTo(count)) archive.broker.produce('t', 0, { id: from + i }, { timestamp: START + from + i });
    };
    /** The target with another path. */
    const movedTo = ({ target }: Archive, path: string, onGap: LoadTarget['onGap']): LoadTarget => {
      if (!isArchive(target)) throw new Error('no archive');
      return { ...target, onGap, archive: { ...target.archive, path } };
    };

    it.each(['put', 'list'] as const)(
      'does not join files that another process joined while it was suspended (%s)',
      async (where) => {
        const archive = made();
        send(archive, 0, 60);
        await archive.load();
        const [slept, woken] = [new Moment(), new Moment()];
        const size = (await archive.store.head(archive.path + (await archive.keys())[0]))?.size ?? 0;
        const kept = { ...AT_ONCE, keepMs: HOUR };
        const store = sleepyStore(archive, slept, woken, where);
        const first = compact(archive, { store, compact: { ...kept, bytes: size * 4 } });
        await slept.come;
        await ageClaims(archive);
        const into = where === 'put' ? 2 : 1;
        expect(await compact(archive, { compact: kept })).toMatchObject({ into, problems: [], busy: false });
        woken.now();
        const late = await first;
        expect(late).toMatchObject({ problems: [], busy: true });
        expect(await idsByName(archive, await archive.keys())).toEqual(upTo(60));
        expect(await rowsCounted(archive)).toBe(60);
        expect(joinedOf(await archive.keys())).toHaveLength(into);
        await compact(archive);
        expect((await archive.ids()).map(Number)).toEqual(upTo(60));
      },
    );

    it('is not undone by a loader that was suspended before it recorded its files', async () => {
      const archive = made();
      send(archive, 0, 30);
      await archive.load();
      send(archive, 30, 3);
      const [slept, woken] = [new Moment(), new Moment()];
      const ledger = archive.ledger();
      const done = ledger.done.bind(ledger);
      ledger.done = async (...given) => {
        slept.now();
        await woken.come;
        return done(...given);
      };
      const first = archive.load({ sink: new ArchiveSink(archive.lab.sink, ledger, archive.store) });
      await slept.come;
      await loaderOn(archive.broker.rival(), archive.sink(), archive.target).loader.run();
      for (const _ of [1, 2]) expect(await compact(archive)).toMatchObject({ problems: [], busy: false });
      expect(singleOf(await archive.keys())).toEqual([]);
      woken.now();
      await first;
      expect(await rowsCounted(archive)).toBe(33);
      expect((await archive.ids()).map(Number)).toEqual(upTo(33));
    });

    it('counts the same if the clock was set back before files were joined', async () => {
      const archive = made();
      send(archive, 0, 30);
      await archive.load();
      if (database === 'ClickHouse')
        await clickhouse.run(
          'insert into tsdbt.archive_files select * replace (written_at + interval 1 hour as written_at) from ' +
            `tsdbt.archive_files where key like '${archive.path}%'`,
        );
      expect(await compact(archive)).toMatchObject({ into: 1, problems: [], busy: false });
      expect(await compact(archive)).toMatchObject({ into: 0, problems: [], busy: false });
      expect(await rowsCounted(archive)).toBe(30);
      expect(await idsByName(archive, await archive.keys())).toEqual(upTo(30));
    });

    it('uses a new path for a topic that was created again', async () => {
      const archive = made({ folder: 'one/dt={day}/' });
      send(archive, 0, 30);
      await archive.killed('before_merge', 3);
      const before = await archive.ids();
      expect(before.length).toBeGreaterThan(0);
      archive.broker.create('t', 1);
      send(archive, 100, 60);
      const at = (path: string, onGap: LoadTarget['onGap']): Promise<unknown> =>
        archive.lab.loader(movedTo(archive, path, onGap), { sink: archive.sink() }).loader.run();
      await expect(at(archive.layout, 'stop')).rejects.toMatchObject({
        message: expect.stringContaining('its offsets are not those that the archive has'),
        details: { hint: expect.stringContaining('Give `archive` another `path`, and set `on_gap: earliest`') },
      });
      await expect(at(archive.layout, 'earliest')).rejects.toThrow(
        `the archive ${archive.target.name} has files of the one before with the same offsets`,
      );
      const other = `${archive.path}two/dt={day}/`;
      // Again: what was open of the topic before is nobody's.
      for (const _ of [1, 2]) await at(other, 'earliest');
      const idsOf = (folder: string): Promise<unknown[]> => archive.ids((key) => key.startsWith(folder));
      expect(await idsOf('two/')).toEqual(upTo(60).map((i) => 100 + i));
      const target = movedTo(archive, other, 'earliest');
      for (const _ of [1, 2]) expect(await compact(archive, { target })).toMatchObject({ problems: [], busy: false });
      expect(singleOf(await archive.keys()).filter((key) => key.startsWith('two/'))).toEqual([]);
      expect(await idsOf('two/')).toEqual(upTo(60).map((i) => 100 + i));
      expect(await idsOf('one/')).toEqual(before);
    });

    it('joins the files of every topic of an archive', async () => {
      const archive = made({ folder: '{topic}/{day}/' });
      archive.broker.create('u');
      for (const [i, topic] of ['t', 'u', 't', 'u'].entries())
        for (const j of upTo(15)) {
          const id = i * 15 + j;
          archive.broker.produce(topic, 0, { id }, { timestamp: START + j });
        }
      const both = { ...archive.target, topic: 't, u', topics: ['t', 'u'] };
      await archive.lab.loader(both, { sink: archive.sink() }).loader.run();
      expect(await compact(archive, { target: both })).toMatchObject({ into: 2, problems: [], busy: false });
      expect(joinedOf(await archive.keys()).map((key) => key.split('/')[0])).toEqual(['t', 'u']);
      expect(await idsByName(archive, await archive.keys())).toEqual(upTo(60));
    });

    it('counts the remaining messages of a range that was read again', async () => {
      const archive = made({ flush: {} });
      send(archive, 0, 8);
      expect(await archive.killed('before_merge')).toBe(true);
      archive.broker.compactAway('t', 0, [1n, 4n]);
      await archive.load();
      send(archive, 8, 4);
      await archive.load();
      expect(await rowsCounted(archive)).toBe(10);
      expect(await compact(archive)).toMatchObject({ joined: 2, into: 1, problems: [] });
      await compact(archive);
      expect(await archive.ids()).toHaveLength(10);
    });

    it('keeps files if the joined one differs or lacks a message', async () => {
      const archive = made();
      send(archive, 0, 30);
      await archive.load();
      const kept = { ...AT_ONCE, keepMs: HOUR };
      expect(await compact(archive, { compact: kept })).toMatchObject({ into: 1, problems: [] });
      const keys = await archive.keys();
      const [joined = ''] = joinedOf(keys).map((key) => archive.path + key);
      const body = (await archive.store.get(joined)) ?? Buffer.alloc(0);
      await archive.store.put(joined, body.subarray(0, 20));
      expect((await compact(archive)).problems).toEqual([
        `The object ${joined} has 20 bytes, and tsdbt.archive_files says ${body.length}: the files that it stood for ` +
          'are kept.',
      ]);
      await archive.store.put(joined, body);
      // A file that was never joined, and has the place of one that was.
      const other = made();
      other.broker.create('t', 1);
      send(other, 500, 3);
      await other.load();
      const [foreign = ''] = await other.keys();
      const place = `${archive.path}${foreign.replace('00000000000003.', '00000000000002.')}`;
      await archive.store.put(place, (await other.store.get(other.path + foreign)) ?? Buffer.alloc(0));
      await archive.lab.rows(
        `insert into tsdbt.archive_files (relation, key, topic, partition, from_offset, to_offset, rows, bytes, ` +
          `size, status, load_id) select relation, '${place}', topic, partition, 0, 2, 3, 1, 1, 'done', 'x' from ` +
          `tsdbt.archive_files where key = '${joined}' limit 1${database === 'Postgres' ? ' returning 1' : ''}`,
      );
      expect((await compact(archive)).problems).toEqual([
        `The object ${place} holds messages that ${joined} does not, which stands for it by its name: it is kept.`,
      ]);
      expect(await archive.keys()).toEqual([...keys, place.slice(archive.path.length)].sort());
    });

    it('stops in the middle of a file when it is aborted', async () => {
      const archive = made();
      send(archive, 0, 30);
      await archive.load();
      const told = new AbortController();
      const reached = (): void => told.abort();
      expect(await compact(archive, { signal: told.signal, reached })).toMatchObject({ into: 0, problems: [] });
      expect(joinedOf(await archive.keys())).toEqual([]);
      expect(await compact(archive)).toMatchObject({ into: 1, problems: [] });
      expect(await idsByName(archive, await archive.keys())).toEqual(upTo(30));
    });
  });
});
