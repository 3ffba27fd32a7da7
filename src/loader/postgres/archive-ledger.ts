// The ledger of archives in Postgres: positions move in the transaction that records the files.
import { quoteText } from '../../adapters/postgres/literal.ts';
import type { Adapter, Session } from '../../adapters/adapter.ts';
import type { ArchiveLedger, PlannedFile, WrittenFile } from '../archive/ledger.ts';
import { partitionKey } from '../broker.ts';
import type { LoadTarget } from '../load-target.ts';
import type { Flush, OffsetRange, OpenFlush, OpenRange } from '../sink.ts';
import { createMissing, read } from './statements.ts';
import { moveOffsets, relationOf, STATE_SCHEMA } from './load-offsets.ts';

const FILES = `${STATE_SCHEMA}.archive_files`;

const CREATE_FILES = `create table if not exists ${FILES} (
  relation text not null,
  key text not null,
  topic text not null,
  partition integer not null,
  from_offset bigint not null,
  to_offset bigint not null,
  rows bigint not null,
  bytes bigint not null,
  size bigint,
  status text not null,
  load_id text not null,
  recorded_at timestamptz not null default clock_timestamp(),
  written_at timestamptz,
  primary key (relation, key)
)`;
const CREATE_OPEN =
  `create index if not exists archive_files_open on ${FILES} (relation, topic, partition) where status = ` + "'open'";

export class PostgresArchiveLedger implements ArchiveLedger {
  readonly #adapter: Adapter;
  readonly #prepareState: () => Promise<void>;

  /** @param prepareState makes the loader's bookkeeping */
  constructor(adapter: Adapter, prepareState: () => Promise<void>) {
    this.#adapter = adapter;
    this.#prepareState = prepareState;
  }

  async prepare(target: LoadTarget): Promise<void> {
    await this.#prepareState();
    await this.#within(target, async (session) => {
      await createMissing(session, [CREATE_FILES, CREATE_OPEN], `select to_regclass('${FILES}') is not null`);
    });
  }

  async holdsFiles(target: LoadTarget): Promise<boolean> {
    return this.#within(target, async (session) => {
      const where = `relation = ${quoteText(relationOf(target))} and topic = ${quoteText(target.topic)}`;
      return (await read(session, `select exists (select from ${FILES} where ${where})`))[0]?.[0] === true;
    });
  }

  async open(target: LoadTarget, partitions: readonly number[]): Promise<readonly OpenFlush[]> {
    if (partitions.length === 0) return [];
    return this.#within(target, async (session) => {
      const rows = await read(
        session,
        `select f.partition, f.from_offset, f.to_offset, max(o.topic_id) from ${FILES} as f left join ` +
          `${STATE_SCHEMA}.load_offsets as o on o.relation = f.relation and o.topic = f.topic and o.partition = ` +
          `f.partition where f.relation = ${quoteText(relationOf(target))} and f.topic = ${quoteText(target.topic)} ` +
          `and f.partition in (${partitions.join(', ')}) and f.status = 'open' group by 1, 2, 3 order by 1, 2`,
      );
      return rows.map(([partition, from, to, topicId]) => {
        const range = {
          topic: target.topic,
          partition: Number(partition),
          from: BigInt(String(from)),
          to: BigInt(String(to)),
          topicId: typeof topicId === 'string' ? topicId : null,
        };
        return { id: `${partitionKey(range)} ${from}-${to}`, ranges: [range] };
      });
    });
  }

  async intend({ target, ranges, loadId }: Flush, files: readonly PlannedFile[]): Promise<readonly OffsetRange[]> {
    return this.#within(target, async (session) => {
      const moved = new Set(
        (await read(session, moveOffsets(target, ranges))).map(([topic, partition]) => `${topic}/${partition}`),
      );
      const own = files.filter((file) => moved.has(partitionKey(file)));
      if (own.length > 0)
        await session.execute(
          `insert into ${FILES} (relation, key, topic, partition, from_offset, to_offset, rows, bytes, status, ` +
            `load_id) values ${own
              .map(
                ({ key, topic, partition, from, to, rows, bytes }) =>
                  `(${quoteText(relationOf(target))}, ${quoteText(key)}, ${quoteText(topic)}, ${partition}, ${from}, ` +
                  `${to}, ${rows}, ${bytes}, 'open', ${quoteText(loadId)})`,
              )
              .join(', ')} on conflict (relation, key) do update set status = 'open', rows = excluded.rows, bytes = ` +
            'excluded.bytes, load_id = excluded.load_id, recorded_at = excluded.recorded_at',
        );
      return ranges.filter((range) => !moved.has(partitionKey(range)));
    });
  }

  async done(
    target: LoadTarget,
    ranges: readonly Omit<OpenRange, 'topicId'>[],
    files: readonly WrittenFile[],
  ): Promise<void> {
    if (ranges.length === 0) return;
    const relation = quoteText(relationOf(target));
    await this.#within(target, async (session) => {
      if (files.length > 0)
        await session.execute(
          `update ${FILES} as f set status = 'done', size = v.size, written_at = clock_timestamp() from (values ` +
            `${files.map(({ key, size }) => `(${quoteText(key)}, ${size}::bigint)`).join(', ')}) as v(key, size) ` +
            `where f.relation = ${relation} and f.key = v.key and f.status = 'open'`,
        );
      // Of a range that was read again, messages may be gone from the topic, and with them a file.
      await session.execute(
        `delete from ${FILES} as f using (values ${ranges
          .map(
            ({ topic, partition, from, to }) => `(${quoteText(topic)}, ${partition}, ${from}::bigint, ${to}::bigint)`,
          )
          .join(', ')}) as v(topic, partition, since, upto) where f.relation = ${relation} and f.topic = v.topic and ` +
          'f.partition = v.partition and f.from_offset = v.since and f.to_offset = v.upto and f.status = ' +
          "'open'",
      );
    });
  }

  async #within<T>(target: LoadTarget, work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#adapter.session({ name: `load ${target.name}` });
    try {
      await session.begin();
      const result = await work(session);
      await session.commit();
      return result;
    } finally {
      await session.release();
    }
  }
}
