// The archive ledger in ClickHouse: the same chain of intents as for loads, under the archive's name. The files of an
// intent follow from its range; they are recorded once they are written.
import type { ClickHouseAdapter } from '../../adapters/clickhouse/adapter.ts';
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import {
  type ArchiveLedger,
  CLAIM_MS,
  type Cut,
  type CutFiles,
  type KeptFile,
  type KeptFiles,
  type PlannedFile,
  type WrittenFile,
} from '../archive/ledger.ts';
import { TsdbtError } from '../../errors.ts';
import { repairOf } from '../starts.ts';
import type { TopicPartition } from '../brokers/broker.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import { Fenced, type Flush, type OffsetRange, type OpenFlush, type OpenRange } from '../sink.ts';
import { ofTopic } from '../settings/target-topics.ts';
import { finish, readIntent, readIntents, record, type Recorded } from './intents.ts';
import { LeasedSession } from './leased-session.ts';
import {
  newIntent,
  NEWEST_FIRST,
  ofTopic as whereTopic,
  type PlacedIntent,
  pruneIntents,
  relationOf,
  STATE_DATABASE,
} from './load-flushes.ts';
import { settleRewind } from './rewinds.ts';

const FILES = `${STATE_DATABASE}.archive_files`;

const CREATE_FILES = `CREATE TABLE IF NOT EXISTS ${FILES} (
  relation String,
  key String,
  topic String,
  partition Int32,
  from_offset Int64,
  to_offset Int64,
  rows UInt64,
  bytes UInt64,
  size UInt64,
  status LowCardinality(String),
  load_id String,
  written_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = ReplacingMergeTree(written_at) ORDER BY (relation, topic, partition, from_offset, key)
COMMENT 'tsdbt: files of archived topics'`;

export class ClickHouseArchiveLedger implements ArchiveLedger {
  readonly #adapter: ClickHouseAdapter;
  readonly #prepareState: () => Promise<void>;
  /** Recorded intents by range, until they are done. */
  readonly #recorded = new Map<string, Recorded>();
  /** Compaction claims by relation. */
  readonly #claims = new Map<string, Recorded>();

  /** @param prepareState creates the loader's bookkeeping */
  constructor(adapter: ClickHouseAdapter, prepareState: () => Promise<void>) {
    this.#adapter = adapter;
    this.#prepareState = prepareState;
  }

  async prepare(target: LoadTarget): Promise<void> {
    await this.#prepareState();
    await this.#within(target, (lease) => lease.run(CREATE_FILES));
  }

  async holdsFiles(target: LoadTarget): Promise<boolean> {
    const where = `relation = ${quoteText(relationOf(target))} AND topic = ${quoteText(target.topic)}`;
    return this.#within(
      target,
      async (lease) => (await lease.ask(`SELECT 1 FROM ${FILES} WHERE ${where} LIMIT 1`)).length > 0,
    );
  }

  async open(target: LoadTarget, partitions: readonly number[]): Promise<readonly OpenFlush[]> {
    const open: OpenFlush[] = [];
    await this.#within(target, async (lease) => {
      for (const [partition, intent] of await readIntents(lease, target)) {
        if (intent.done || !partitions.includes(partition)) continue;
        if (isCut(intent))
          throw new TsdbtError('runtime', `A repair of ${target.name} is at work, or was cut off.`, {
            path: target.path,
            hint: repairOf(target),
          });
        if (intent.kind === 'rewind') await settleRewind(lease, target, intent);
        else {
          this.#recorded.set(placeOf(target, intent), intent);
          open.push({ id: intent.id, ranges: [{ ...intent, topic: target.topic }] });
        }
      }
    });
    return open;
  }

  async intend({ target, ranges, loadId }: Flush): Promise<readonly OffsetRange[]> {
    const fenced: OffsetRange[] = [];
    await this.#within(target, async (lease) => {
      for (const range of ranges) {
        const view = ofTopic(target, range.topic);
        const before = await readIntent(lease, view, range.partition);
        if (before === null || !before.done || before.to !== range.from) {
          fenced.push(range);
          continue;
        }
        const { partition, from, to, end, rows, dead, epoch, lastTimestamp } = range;
        const { topicId, topicSince } = before;
        const intent = {
          ...newIntent('flush', partition),
          ...{ from, to, end, rows, dead, epoch: epoch ?? before.epoch, newest: lastTimestamp, topicId, topicSince },
        };
        try {
          this.#recorded.set(placeOf(view, range), await record(lease, intent, { target: view, loadId, before }));
        } catch (error) {
          if (!(error instanceof Fenced)) throw error;
          fenced.push(range);
        }
      }
    });
    return fenced;
  }

  async done(
    target: LoadTarget,
    ranges: readonly Omit<OpenRange, 'topicId'>[],
    files: readonly WrittenFile[],
    loadId: string,
  ): Promise<void> {
    if (ranges.length === 0) return;
    await this.#within(target, async (lease) => {
      const recorded = ranges.flatMap((range) => this.#recorded.get(placeOf(target, range)) ?? []);
      if (recorded.length === 0) return;
      // If this process slept, another loader may have recorded them, or a repair deleted them.
      const flushes = `FROM ${STATE_DATABASE}.load_flushes WHERE ${whereTopic(target)} AND kind`;
      const first = `ORDER BY partition, ${NEWEST_FIRST} LIMIT 1 BY partition`;
      const newest = `SELECT partition, id ${flushes} != 'done' ${first}`;
      const when =
        `partition IN (SELECT partition FROM (${newest}) WHERE id IN (${recorded.map(({ id }) => quoteText(id))}) ` +
        `AND id NOT IN (SELECT id ${flushes} = 'done'))`;
      const done = files.map((file) => ({ ...file, status: 'done' }));
      if (done.length > 0) await insertFiles(lease, target, loadId, done, when);
      await finish(lease, recorded, { target, loadId });
      for (const range of ranges) this.#recorded.delete(placeOf(target, range));
    });
  }

  async partitions(target: LoadTarget, begun = false): Promise<readonly TopicPartition[]> {
    return this.#within(target, async (lease) => {
      const some = begun ? "status IN ('joining', 'replaced')" : "status != 'gone'";
      const where = `relation = ${quoteText(relationOf(target))} AND ${some}`;
      const rows = await lease.ask(
        `SELECT DISTINCT topic, toString(partition) FROM ${FILES} FINAL WHERE ${where} ORDER BY topic, partition`,
      );
      return rows.map(([topic, partition]) => ({ topic: topic ?? '', partition: Number(partition) }));
    });
  }

  async files(target: LoadTarget, partition: number): Promise<KeptFiles> {
    return this.#within(target, async (lease) => {
      // Before the intent: a range that ends between the two queries would seem to be neither open nor after an open
      // one.
      const rows = await lease.ask(
        'SELECT key, toString(from_offset), toString(to_offset), toString(rows), toString(bytes), toString(size), ' +
          `status, toString(dateDiff('millisecond', written_at, now64(3, 'UTC'))) FROM ${FILES} FINAL WHERE ` +
          `${ofPartition(target, { ...target, partition })} AND status != 'gone' ORDER BY from_offset, key`,
      );
      const intent = await readIntent(lease, target, partition);
      const files: KeptFile[] = [];
      for (const [key, from, to, count, bytes, size, status, age] of rows) {
        if (status !== 'done' && status !== 'joining' && status !== 'replaced') continue;
        const range = { from: BigInt(from ?? '0'), to: BigInt(to ?? '0') };
        files.push({
          ...{ key: key ?? '', topic: target.topic, partition, ...range, rows: Number(count), bytes: Number(bytes) },
          ...{ size: status === 'joining' ? null : Number(size), status, ageMs: Number(age) },
        });
      }
      const isOpen = intent !== null && !intent.done;
      if (isOpen && isCut(intent)) return { files, openFrom: null, cutFrom: intent.from };
      return { files, openFrom: isOpen ? intent.from : null };
    });
  }

  async claim(target: LoadTarget, owner: string): Promise<boolean> {
    return this.#claim(target, owner, ({ done, ageMs }) => (done || ageMs >= CLAIM_MS ? 'taken' : 'refused'));
  }

  async keepClaim(target: LoadTarget, owner: string): Promise<boolean> {
    const known = this.#claims.get(relationOf(target));
    if (known === undefined) return false;
    return this.#claim(target, owner, ({ id, ageMs }) =>
      id !== known.id ? 'refused' : ageMs < CLAIM_MS / 3 ? 'held' : 'taken',
    );
  }

  /** @param how decides by the current claim */
  async #claim(
    target: LoadTarget,
    owner: string,
    how: (before: PlacedIntent) => 'held' | 'taken' | 'refused',
  ): Promise<boolean> {
    const view = claimOf(target);
    return this.#within(view, async (lease) => {
      const before = await readIntent(lease, view, 0);
      const found = before === null ? 'taken' : how(before);
      if (found !== 'taken') return found === 'held';
      try {
        const claim = await record(lease, newIntent('flush', 0), { target: view, loadId: owner, before });
        this.#claims.set(relationOf(target), claim);
        const pruned = pruneIntents(view, view.topic, 0, claim.seq);
        if (pruned !== null) await lease.run(pruned);
        return true;
      } catch (error) {
        if (!(error instanceof Fenced)) throw error;
        return false;
      }
    });
  }

  async release(target: LoadTarget, owner: string): Promise<void> {
    const view = claimOf(target);
    const known = this.#claims.get(relationOf(target));
    if (known === undefined) return;
    this.#claims.delete(relationOf(target));
    await this.#within(view, (lease) => finish(lease, [known], { target: view, loadId: owner }));
  }

  async join(target: LoadTarget, file: PlannedFile, owner: string): Promise<boolean> {
    if (!this.#claims.has(relationOf(target))) return false;
    const { key, from, to } = file;
    const folder = key.slice(0, key.lastIndexOf('/') + 1);
    const when =
      `(SELECT load_id FROM ${STATE_DATABASE}.load_flushes WHERE ${whereTopic(claimOf(target))} AND partition = 0 ` +
      `AND kind != 'done' ORDER BY ${NEWEST_FIRST} LIMIT 1) = ${quoteText(owner)} AND NOT EXISTS (SELECT 1 FROM ` +
      `${FILES} FINAL WHERE ${ofPartition(target, file)} AND status != 'gone' AND from_offset < ${to} AND ` +
      `to_offset > ${from} AND startsWith(key, ${quoteText(folder)}) AND ` +
      `position(substring(key, ${Buffer.byteLength(folder) + 1}), '-day.') > 0)`;
    return this.#within(target, async (lease) => {
      await insertFiles(lease, target, owner, [{ ...file, size: 0, status: 'joining' }], when);
      return (await statusOf(lease, target, file)) === 'joining';
    });
  }

  async joined(target: LoadTarget, file: WrittenFile, replaced: readonly KeptFile[], loadId: string): Promise<void> {
    // A single INSERT becomes visible as a whole.
    const rows = [{ ...file, status: 'done' }, ...replaced.map((each) => ({ ...each, status: 'replaced' }))];
    await this.#within(target, async (lease) => {
      // If this process slept, another may have recorded it, or a repair deleted it. The lease ends before the claim.
      if ((await statusOf(lease, target, file)) === 'joining') await insertFiles(lease, target, loadId, rows);
    });
  }

  async cut(
    target: LoadTarget,
    { partition, from, upTo, next, topicId }: Cut,
    loadId: string,
    work: () => Promise<CutFiles>,
  ): Promise<boolean> {
    return this.#within(target, async (lease) => {
      const before = await readIntent(lease, target, partition);
      if ((before === null ? null : before.to) !== from) return false;
      if (before !== null && before.kind === 'rewind' && !before.done && !isCut(before)) return false;
      // Until it is done, no loader records anything after it.
      const intent = {
        ...newIntent('rewind', partition),
        ...{
          from: upTo,
          to: next,
          topicId: topicId ?? before?.topicId ?? null,
          topicSince: before?.topicSince ?? null,
        },
      };
      let recorded: Recorded;
      try {
        recorded = await record(lease, intent, { target, loadId, before });
      } catch (error) {
        if (!(error instanceof Fenced)) throw error;
        return false;
      }
      const { gone, kept } = await work();
      const known = new Map((await this.files(target, partition)).files.map((file) => [file.key, file]));
      const rows = [
        ...gone.flatMap((key) => {
          const file = known.get(key);
          return file === undefined ? [] : [{ ...file, status: 'gone' }];
        }),
        ...kept.map((file) => ({ ...file, status: 'done' })),
      ];
      if (rows.length > 0) await insertFiles(lease, target, loadId, rows);
      await finish(lease, [recorded], { target, loadId });
      return true;
    });
  }

  async forget(target: LoadTarget, files: readonly KeptFile[], loadId: string): Promise<void> {
    const gone = files.map((file) => ({ ...file, status: 'gone' }));
    if (gone.length > 0) await this.#within(target, (lease) => insertFiles(lease, target, loadId, gone));
  }

  async #within<T>(target: LoadTarget, work: (lease: LeasedSession) => Promise<T>): Promise<T> {
    const session = this.#adapter.session({ name: `load ${target.name}` });
    try {
      return await work(new LeasedSession(session));
    } finally {
      await session.release();
    }
  }
}

/** Rewinds that set an archive's position delete nothing, so one that names an offset is a repair. */
function isCut({ kind, from }: Pick<Recorded, 'kind' | 'from'>): boolean {
  return kind === 'rewind' && from >= 0n;
}

function placeOf(target: LoadTarget, range: Pick<OpenRange, 'partition' | 'from' | 'to'>): string {
  return JSON.stringify([relationOf(target), target.topic, range.partition, String(range.from), String(range.to)]);
}

function ofPartition(target: LoadTarget, { topic, partition }: TopicPartition): string {
  return `relation = ${quoteText(relationOf(target))} AND topic = ${quoteText(topic)} AND partition = ${partition}`;
}

async function statusOf(lease: LeasedSession, target: LoadTarget, file: PlannedFile): Promise<string | null> {
  const where = `${ofPartition(target, file)} AND key = ${quoteText(file.key)}`;
  return (await lease.ask(`SELECT status FROM ${FILES} FINAL WHERE ${where}`))[0]?.[0] ?? null;
}

/** Compaction claims are intents of a separate pseudo-table; one claim covers all topics of the archive. */
function claimOf(target: LoadTarget): LoadTarget {
  return { ...target, identifier: `${target.identifier}.compact`, topic: '' };
}

const FILE_CELLS = quoteText(
  'relation String, key String, topic String, partition Int32, from_offset Int64, to_offset Int64, rows UInt64, ' +
    "bytes UInt64, size UInt64, status String, load_id String, written_at DateTime64(3, 'UTC')",
);

type FileRow = PlannedFile & { readonly size: number | null; readonly status: string };

/**
 * Records files. Of two rows for a file the newest counts, even if the server's clock was set back.
 * @param files of one topic
 * @param when a condition on the columns; a file that does not meet it is not inserted
 */
async function insertFiles(
  lease: LeasedSession,
  target: LoadTarget,
  loadId: string,
  files: readonly FileRow[],
  when?: string,
): Promise<void> {
  const relation = quoteText(relationOf(target));
  const [first] = files;
  if (first === undefined) return;
  const from = files.reduce((least, file) => (file.from < least ? file.from : least), first.from);
  const upTo = files.reduce((most, file) => (file.from > most ? file.from : most), first.from);
  const [known] = await lease.ask(
    `SELECT toString(greatest(now64(3, 'UTC'), max(written_at) + toIntervalMillisecond(1))) FROM ${FILES} WHERE ` +
      `relation = ${relation} AND topic = ${quoteText(first.topic)} AND from_offset BETWEEN ${from} AND ${upTo}`,
  );
  const at = quoteText(known?.[0] ?? '');
  const cells = files.map(({ key, topic, partition, from, to, rows, bytes, size, status }) =>
    [
      ...[relation, quoteText(key), quoteText(topic), partition, from, to, rows, bytes, size ?? 0, quoteText(status)],
      ...[quoteText(loadId), at],
    ].join(', '),
  );
  await lease.run(
    `INSERT INTO ${FILES} (relation, key, topic, partition, from_offset, to_offset, rows, bytes, size, status, ` +
      'load_id, written_at) SETTINGS async_insert = 0 ' +
      (when === undefined
        ? `VALUES ${cells.map((row) => `(${row})`).join(', ')}`
        : `SELECT * FROM values(${FILE_CELLS}, ${cells.map((row) => `(${row})`).join(', ')}) WHERE ${when}`),
  );
}
