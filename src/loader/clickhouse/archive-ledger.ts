// The ledger of archives in ClickHouse: the chain of intents that loads have, under the archive's name. The files of an
// intent follow from its range; they are noted once they stand.
import type { ClickHouseAdapter } from '../../adapters/clickhouse/adapter.ts';
import { quoteText } from '../../adapters/clickhouse/literal.ts';
import type { ArchiveLedger, WrittenFile } from '../archive/ledger.ts';
import type { LoadTarget } from '../load-target.ts';
import { Fenced, type Flush, type OffsetRange, type OpenFlush, type OpenRange } from '../sink.ts';
import { ofTopic } from '../topics.ts';
import { finish, readIntent, readIntents, record, type Recorded } from './intents.ts';
import { LeasedSession } from './leased-session.ts';
import { newIntent, relationOf, STATE_DATABASE } from './load-flushes.ts';
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

  /** @param prepareState makes the loader's bookkeeping */
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
      if (files.length > 0)
        await lease.run(
          `INSERT INTO ${FILES} (relation, key, topic, partition, from_offset, to_offset, rows, bytes, size, status, ` +
            `load_id) SETTINGS async_insert = 0 VALUES ${files
              .map(
                ({ key, topic, partition, from, to, rows, bytes, size }) =>
                  `(${quoteText(relationOf(target))}, ${quoteText(key)}, ${quoteText(topic)}, ${partition}, ${from}, ` +
                  `${to}, ${rows}, ${bytes}, ${size}, 'done', ${quoteText(loadId)})`,
              )
              .join(', ')}`,
        );
      const recorded = ranges.flatMap((range) => this.#recorded.get(placeOf(target, range)) ?? []);
      await finish(lease, recorded, { target, loadId });
      for (const range of ranges) this.#recorded.delete(placeOf(target, range));
    });
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

function placeOf(target: LoadTarget, range: Pick<OpenRange, 'partition' | 'from' | 'to'>): string {
  return JSON.stringify([relationOf(target), target.topic, range.partition, String(range.from), String(range.to)]);
}
