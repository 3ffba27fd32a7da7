// Tests the repair of stopped archives, with Postgres and ClickHouse: its report, and that files and topic are
// consistent afterwards, whatever is interrupted.
import { describe, expect, it } from 'vitest';
import { HeldClaim } from '../../../src/loader/archive/claim.ts';
import {
  isMendable,
  type Repair,
  repairPartition,
  type RepairOptions,
  repairsOf,
} from '../../../src/loader/archive/repair.ts';
import type {
  BrokerClient,
  MessageBatch,
  Polled,
  RangeRead,
  TopicPartition,
} from '../../../src/loader/brokers/broker.ts';
import type { FaultPoint } from '../../../src/loader/sink.ts';
import { eventually } from '../kafka/kafka-lab.ts';
import { NO_STORE } from '../support/s3-server.ts';
import { type Archive, ArchiveLabs, type ArchiveOptions, ends } from './archive-lab.ts';
import {
  ageClaims,
  compact,
  filled,
  HOUR,
  joinedOf,
  LATER,
  Moment,
  rowsCounted,
  sleepyStore,
  START,
  youngClaims,
} from './compact-lab.ts';
import { upTo } from './load-lab.ts';

const AT = { topic: 't', partition: 0 };
let owners = 0;

/** A client that cannot read the batch of some offsets. */
function damaged(client: BrokerClient, from: bigint, to: bigint): BrokerClient {
  const failure = {
    ...AT,
    reason: 'corrupt' as const,
    message: `the batch at offset ${from} cannot be read`,
    behind: to,
  };
  const meets = (batch: MessageBatch): boolean => batch.partition === 0 && batch.from < to && batch.next > from;
  const before = (batch: MessageBatch): MessageBatch[] => {
    if (batch.from >= from) return [];
    for (const part of batch.records) {
      let length = part.length;
      while (length > 0 && part.offset(length - 1) >= from) length--;
      part.cut(length);
    }
    return [{ ...batch, next: from }];
  };
  return new Proxy(client, {
    get(target, name) {
      if (name === 'poll')
        return async (): Promise<Polled> => {
          const polled = await target.poll();
          const hit = polled.batches.find(meets);
          const batches = polled.batches.flatMap((batch) => (meets(batch) ? before(batch) : [batch]));
          // What comes before it is given first.
          const at = hit !== undefined && hit.from < from;
          if (at) target.seek(new Map([['t/0', { next: from, epoch: null }]]));
          return { ...polled, batches, failures: hit === undefined || at ? polled.failures : [failure] };
        };
      if (name === 'read')
        return async (at: TopicPartition, first: bigint, last: bigint): Promise<RangeRead> => {
          if (at.partition !== 0 || first >= to || last <= from) return target.read(at, first, last);
          const read = first < from ? await target.read(at, first, from) : { batches: [] };
          return { batches: read.batches, failure };
        };
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe.skipIf(NO_STORE !== null)(`an archive repair${NO_STORE === null ? '' : ` (${NO_STORE})`}`, () => {
  const labs = new ArchiveLabs('repairs');

  const optionsOf = (archive: Archive, more: Partial<RepairOptions> = {}): RepairOptions => ({
    ...{ target: archive.target, ledger: archive.ledger(), sink: archive.sink(), store: archive.store },
    ...{ client: archive.broker.client(), owner: `repair-${++owners}`, behind: new Map(), now: Date.now },
    signal: new AbortController().signal,
    ...more,
  });
  /** Repairs what can be repaired. */
  const repair = async (archive: Archive, more: Partial<RepairOptions> = {}): Promise<readonly Repair[]> => {
    const options = optionsOf(archive, more);
    const found = await repairsOf(options);
    for (const each of found.filter(isMendable)) expect(await repairPartition(options, each)).toBe('done');
    return found;
  };
  const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
  /** Why the load stops. */
  const stops = async (archive: Archive, more: Parameters<Archive['load']>[0] = {}): Promise<string> =>
    archive.load(more).then(({ stopped }) => stopped.join(' '), wordsOf);
  const produce = (archive: Archive, ids: readonly number[], everyMs = HOUR / 4): void => {
    for (const id of ids) archive.broker.produce('t', 0, { id }, { timestamp: START + id * everyMs });
  };
  const wanted = (archive: Archive): unknown[] =>
    archive.broker.log(AT).messages.map(({ value }) => JSON.parse(Buffer.from(value ?? '').toString()).id);
  /** Files, ledger and topic have the same messages, and the next load adds none. */
  const expectWhole = async (archive: Archive, ids: readonly unknown[] = wanted(archive)): Promise<void> => {
    const summary = await archive.load();
    expect(summary.stopped).toEqual([]);
    expect(await archive.ids()).toEqual(ids);
    expect(await rowsCounted(archive)).toBe(ids.length);
    expect(await repairsOf(optionsOf(archive))).toEqual([]);
    expect((await archive.load()).rows).toBe(0);
  };

  for (const [database, format] of [
    ['Postgres', 'ndjson.gz'],
    ['Postgres', 'parquet'],
    ['ClickHouse', 'ndjson.gz'],
  ] as const) {
    const made = (more: ArchiveOptions = {}): Archive => {
      const archive = labs.archive(database, {
        ...{ flush: { bytes: 600 }, format },
        ...more,
      });
      archive.broker.batch = 5;
      return archive;
    };
    const of = `beside ${database} (${format})`;

    it(`${of} removes only what the topic has lost, even if it ends at any point`, async () => {
      for (const [point, times] of [
        [null, 1],
        ['trimmed', 1],
        ['in_deletion', 1],
        ['in_deletion', 4],
      ] as const) {
        const archive = made();
        produce(archive, upTo(40));
        await archive.load();
        archive.broker.cut('t', 0, 22n);
        produce(archive, [100, 101, 102]);
        expect(await stops(archive)).toContain('`tsdbt load repair --select source:');
        const before = await archive.keys();
        const [found] = await repairsOf(optionsOf(archive));
        expect(found).toMatchObject({ upTo: 22n, next: 22n, position: 40n, problem: null, lost: null, begun: false });
        expect([...(found?.gone.values() ?? [])].reduce((sum, rows) => sum + rows, 0)).toBe(18);
        expect(found?.trims.length).toBeGreaterThan(0);
        expect(await archive.keys()).toEqual(before);
        if (point !== null) {
          const work = (reached: (at: FaultPoint) => void): Promise<unknown> => repair(archive, { reached });
          expect(await ends(work, point, times), point).toBe(true);
          // Whoever loads meanwhile adds nothing that the topic does not have.
          expect(await stops(archive)).not.toBe('');
        }
        await repair(archive);
        expect(await archive.ids()).toEqual(upTo(22));
        await expectWhole(archive, [...upTo(22), 100, 101, 102]);
      }
    });

    it(`${of} reads a range again that was half written when the topic lost its end`, async () => {
      const archive = made();
      produce(archive, upTo(40));
      expect(await archive.killed('in_files', 6)).toBe(true);
      const open = (await archive.keys()).length;
      expect(open).toBeGreaterThan(0);
      archive.broker.cut('t', 0, BigInt((await archive.ids()).length - 1));
      produce(archive, [100, 101]);
      await stops(archive);
      await repair(archive);
      await expectWhole(archive);
    });

    it(`${of} truncates joined files, too, and the files that they replace`, async () => {
      const archive = made({ partitions: 2 });
      await filled(archive, 40);
      await compact(archive, { compact: { afterMs: HOUR, keepMs: 24 * HOUR, bytes: 1e9 } });
      expect(joinedOf(await archive.keys()).length).toBeGreaterThan(0);
      archive.broker.cut('t', 0, 11n);
      await stops(archive);
      await repair(archive);
      await compact(archive);
      const others = upTo(40).filter((id) => id % 2 === 1);
      await expectWhole(archive, [...wanted(archive), ...others]);
      expect(wanted(archive)).toHaveLength(11);
    });

    it(`${of} truncates a joined file whose day gets messages again, and they are joined, too`, async () => {
      const archive = made();
      produce(archive, upTo(40), 1);
      await archive.load();
      expect(await compact(archive)).toMatchObject({ into: 1 });
      archive.broker.cut('t', 0, 11n);
      await stops(archive);
      await repair(archive);
      produce(archive, upTo(30), 1);
      await archive.load();
      for (const into of [1, 0]) expect(await compact(archive)).toMatchObject({ into, problems: [], busy: false });
      await expectWhole(archive);
      expect(joinedOf(await archive.keys())).toHaveLength(2);
    });

    it(`${of} removes a joined file, and the process that wrote it does not record it afterwards`, async () => {
      const archive = made();
      produce(archive, upTo(20), 1);
      await archive.load();
      const [slept, woken] = [new Moment(), new Moment()];
      const ledger = archive.ledger();
      const joined = ledger.joined.bind(ledger);
      ledger.joined = async (...given) => {
        slept.now();
        await woken.come;
        return joined(...given);
      };
      const first = compact(archive, { ledger });
      await slept.come;
      await ageClaims(archive);
      archive.broker.cut('t', 0, 0n);
      await stops(archive);
      await repair(archive);
      woken.now();
      await first;
      expect(await rowsCounted(archive)).toBe(0);
      expect(await repairsOf(optionsOf(archive))).toEqual([]);
    });

    it(`${of} continues after an unreadable batch, and reports what it contained`, async () => {
      const archive = made();
      produce(archive, upTo(40));
      const client = (): BrokerClient => damaged(archive.broker.client(), 17n, 21n);
      expect(await stops(archive, { client: client() })).toContain('cannot be read. `tsdbt load repair');
      const [found] = await repair(archive, { client: client() });
      expect(found).toMatchObject({
        position: 17n,
        next: 21n,
        lost: { from: 17n, to: 21n },
        removals: [],
        halves: [],
      });
      expect(await stops(archive, { client: client() })).toBe('');
      const left = upTo(40).filter((id) => id < 17 || id > 20);
      expect(await archive.ids()).toEqual(left);
      expect(await rowsCounted(archive)).toBe(left.length);
      expect(await repairsOf(optionsOf(archive, { client: client() }))).toEqual([]);
    });

    it(`${of} writes the rest of a half-written range, and keeps what its files contain`, async () => {
      const archive = made({ flush: { bytes: 1e6 } });
      archive.broker.batch = 100;
      produce(archive, upTo(20));
      expect(await archive.killed('in_files')).toBe(true);
      const written = (await archive.ids()).map(Number);
      expect(written.length).toBeGreaterThan(2);
      // Two messages beside one another, of which one stands in a file.
      const stands = (id: number): boolean => written.includes(id);
      const first = upTo(19).find((id) => stands(id) !== stands(id + 1)) ?? 0;
      const [from, to] = [BigInt(first), BigInt(first + 2)];
      const client = (): BrokerClient => damaged(archive.broker.client(), from, to);
      expect(await stops(archive, { client: client() })).toContain('cannot be read');
      const [found] = await repair(archive, { client: client() });
      expect(found?.halves).toMatchObject([{ lost: [{ from, to }], standing: 1 }]);
      expect(await stops(archive, { client: client() })).toBe('');
      const left = upTo(20).filter((id) => id !== (stands(first) ? first + 1 : first));
      expect(await archive.ids()).toEqual(left);
      expect(await repairsOf(optionsOf(archive, { client: client() }))).toEqual([]);
    });

    it(`${of} continues where the topic begins, and without a position after its last file`, async () => {
      const archive = made();
      produce(archive, upTo(20));
      await archive.load();
      produce(archive, upTo(40).slice(20));
      archive.broker.expire('t', 0, 30n);
      expect(await stops(archive)).toContain('`tsdbt load repair');
      const [found] = await repair(archive);
      expect(found).toMatchObject({ next: 30n, lost: { from: 20n, to: 30n } });
      await expectWhole(archive, [...upTo(20), ...upTo(40).slice(30)]);
      const where = `where relation like '%${archive.target.identifier}%'`;
      await archive.lab.rows(
        database === 'Postgres'
          ? `delete from tsdbt.load_offsets ${where}`
          : `alter table tsdbt.load_flushes delete ${where} settings mutations_sync = 2`,
      );
      expect(await stops(archive)).toContain('nothing says how far');
      expect(await repair(archive)).toMatchObject([{ position: null, next: 40n }]);
      produce(archive, [40]);
      await expectWhole(archive, [...upTo(20), ...upTo(41).slice(30)]);
    });

    it(`${of} names what is missing in the store and in the ledger`, async () => {
      const archive = made();
      produce(archive, upTo(20));
      await archive.load();
      const [first = '', second = ''] = await archive.keys();
      const body = await archive.store.get(archive.path + first);
      await archive.store.delete(archive.path + first);
      const twin = second.replace(/p00000-\d+-/, 'p00000-00000000000001-');
      await archive.store.put(archive.path + twin, body ?? Buffer.alloc(0));
      const [found] = await repairsOf(optionsOf(archive));
      expect(found?.missing.map(({ key }) => key)).toEqual([archive.path + first]);
      expect(found?.unknown.map(({ key }) => key)).toEqual([archive.path + twin]);
      expect(found === undefined ? null : isMendable(found)).toBe(false);
      // What stands where the next files come is in the way.
      const ahead = second.replace(/p00000-\d+-\d+/, 'p00000-00000000000020-00000000000030');
      await archive.store.put(archive.path + ahead, body ?? Buffer.alloc(0));
      const [blocked] = await repair(archive);
      expect(blocked?.removals).toMatchObject([{ key: archive.path + ahead, rows: null }]);
      expect(await archive.keys()).not.toContain(ahead);
      // Unless the topic has its messages no more.
      await archive.store.put(archive.path + ahead, body ?? Buffer.alloc(0));
      produce(archive, upTo(40).slice(20));
      archive.broker.expire('t', 0, 25n);
      const [kept] = await repair(archive);
      expect(kept?.problem).toContain('the topic has its messages no more');
      expect(await archive.keys()).toContain(ahead);
    });
  }

  for (const database of ['Postgres', 'ClickHouse'] as const) {
    /** An archive that has stopped, and what is to be done with it. */
    const stopped = async (): Promise<readonly [Archive, Repair]> => {
      const archive = labs.archive(database);
      archive.broker.batch = 5;
      produce(archive, upTo(20));
      await archive.load();
      archive.broker.cut('t', 0, 12n);
      const [found] = await repairsOf(optionsOf(archive));
      if (found === undefined) throw new Error('nothing to repair');
      return [archive, found];
    };

    it(`with ${database} takes over from a killed repair`, async () => {
      const [archive, found] = await stopped();
      // One that was killed renews nothing.
      expect(await archive.ledger().claim(archive.target, 'killed')).toBe(true);
      let aged: Promise<void> | null = null;
      const waits = (): void => {
        aged = ageClaims(archive);
      };
      expect(await repairPartition(optionsOf(archive, { waits }), found)).toBe('done');
      expect(aged).not.toBe(null);
      await expectWhole(archive);
    });

    it(`with ${database} waits for a running repair, and finds its work done`, async () => {
      const [archive, found] = await stopped();
      const held = await HeldClaim.take(archive.ledger(), archive.target, 'at work');
      const waiting = new Moment();
      const second = repairPartition(optionsOf(archive, { waits: waiting.now }), found);
      await waiting.come;
      await held?.release();
      expect(await second).toBe('done');
      await expectWhole(archive);
      const signal = AbortSignal.abort();
      expect(await repairPartition(optionsOf(archive, { signal }), found)).toBe('stopped');
    });

    // On Postgres, its transaction holds the position.
    if (database === 'ClickHouse')
      it('with ClickHouse deletes nothing after another repair and a load that wrote the same files', async () => {
        const archive = labs.archive(database, { flush: { bytes: 600 } });
        archive.broker.batch = 5;
        produce(archive, upTo(40));
        await archive.load();
        archive.broker.cut('t', 0, 20n);
        await stops(archive);
        const [slept, woken] = [new Moment(), new Moment()];
        const options = optionsOf(archive, { store: sleepyStore(archive, slept, woken, 'delete') });
        const [found] = await repairsOf(options);
        if (found === undefined) throw new Error('nothing to repair');
        const first = repairPartition(options, found);
        await slept.come;
        await ageClaims(archive);
        await repair(archive);
        produce(archive, upTo(40).slice(20));
        await archive.load();
        woken.now();
        expect(await first).toBe('busy');
        await expectWhole(archive);
      });

    it(`with ${database} is followed by a load whose files a suspended compaction does not delete`, async () => {
      const archive = labs.archive(database, { flush: { bytes: 600 } });
      archive.broker.batch = 5;
      produce(archive, upTo(80), 1);
      await archive.load();
      await compact(archive);
      const [slept, woken] = [new Moment(), new Moment()];
      let hours = 0;
      const first = compact(archive, {
        store: sleepyStore(archive, slept, woken, 'delete'),
        now: () => LATER + hours * HOUR,
      });
      await slept.come;
      hours = 1;
      await ageClaims(archive);
      archive.broker.cut('t', 0, 0n);
      await stops(archive);
      await repair(archive);
      produce(archive, upTo(80), 1);
      await archive.load();
      woken.now();
      expect(await first).toMatchObject({ deleted: 0, busy: true });
      await expectWhole(archive);
    });

    it(`with ${database} keeps its claim while it works`, async () => {
      const [archive] = await stopped();
      const held = await HeldClaim.take(archive.ledger(), archive.target, 'at work', 20);
      await ageClaims(archive);
      await eventually(async () => expect(await youngClaims(archive)).toBe(1));
      expect(await archive.ledger().claim(archive.target, 'second')).toBe(false);
      expect(await held?.keep()).toBe(true);
      await held?.release();
      expect(await archive.ledger().claim(archive.target, 'second')).toBe(true);
    });

    it(`with ${database} stops when another repair has taken the claim`, async () => {
      const [archive] = await stopped();
      const claim = await HeldClaim.take(archive.ledger(), archive.target, 'slept');
      await ageClaims(archive);
      expect(await archive.ledger().claim(archive.target, 'second')).toBe(true);
      expect([await claim?.keep(), await claim?.keep()]).toEqual([false, false]);
      // What it gives back is not that of the second one.
      await claim?.release();
      expect(await archive.ledger().claim(archive.target, 'third')).toBe(false);
    });

    it(`with ${database} ignores a file of a loader that was suspended while its range was truncated`, async () => {
      const archive = labs.archive(database, { flush: { bytes: 1e6 } });
      archive.broker.batch = 100;
      produce(archive, upTo(10));
      await archive.load();
      produce(archive, upTo(20).slice(10));
      const [slept, woken] = [new Moment(), new Moment()];
      const sleeping = stops(archive, { sink: archive.sink(undefined, sleepyStore(archive, slept, woken)) });
      await slept.come;
      archive.broker.cut('t', 0, 10n);
      const [found] = await repair(archive);
      expect(found).toMatchObject({ position: 20n, next: 10n, removals: [] });
      produce(archive, [100, 101]);
      await archive.load({ client: archive.broker.rival().client() });
      woken.now();
      await sleeping;
      expect(await rowsCounted(archive)).toBe(12);
      // What it has written stands there, and is named; it is in nobody's way.
      const [left] = await repairsOf(optionsOf(archive));
      const late = (left?.unknown.length ?? 0) + (left?.removals.length ?? 0);
      expect(late).toBeGreaterThan(0);
      expect(left?.unknown.concat().every(({ from }) => from === 10n)).toBe(true);
    });
  }
});
