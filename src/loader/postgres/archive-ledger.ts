// The ledger of archives in Postgres: positions move in the transaction that records the files.
import { quoteText } from '../../adapters/postgres/literal.ts';
import type { Adapter, Session } from '../../adapters/adapter.ts';
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
import { partitionKey, type TopicPartition } from '../brokers/broker.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import type { Flush, OffsetRange, OpenFlush, OpenRange } from '../sink.ts';
import { createMissing, read } from './statements.ts';
import { moveOffsets, relationOf, setOffsets, STATE_SCHEMA } from './load-offsets.ts';

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
  topic_id text,
  primary key (relation, key)
)`;
/** Older versions created the table without it. */
const ADD_COLUMN = `alter table ${FILES} add column if not exists topic_id text`;
const CREATE_OPEN =
  `create index if not exists archive_files_open on ${FILES} (relation, topic, partition) where status = ` + "'open'";

const WITH_OFFSETS =
  `${FILES} as f left join ${STATE_SCHEMA}.load_offsets as o on o.relation = f.relation and o.topic = f.topic and ` +
  'o.partition = f.partition';
/**
 * Whether it was recorded for an earlier topic of this name, so that no loader can complete it. The topic's id decides,
 * or that there was none yet; for records of older versions, the time.
 */
const OF_EARLIER =
  '(o.topic_since is not null and coalesce(f.topic_id <> o.topic_id, f.recorded_at < o.topic_since, false))';
const FILES_PRESENT =
  `select exists (select from pg_attribute where attrelid = to_regclass('${FILES}') and attname = 'topic_id' and ` +
  'not attisdropped)';

const CLAIMS = `${STATE_SCHEMA}.archive_claims`;

const CREATE_CLAIMS = `create table if not exists ${CLAIMS} (
  relation text primary key,
  owner text not null,
  claimed_at timestamptz not null
)`;

export class PostgresArchiveLedger implements ArchiveLedger {
  readonly #adapter: Adapter;
  readonly #prepareState: () => Promise<void>;

  /** @param prepareState creates the loader's bookkeeping */
  constructor(adapter: Adapter, prepareState: () => Promise<void>) {
    this.#adapter = adapter;
    this.#prepareState = prepareState;
  }

  async prepare(target: LoadTarget): Promise<void> {
    await this.#prepareState();
    await this.#within(target, async (session) => {
      await createMissing(session, [CREATE_FILES, ADD_COLUMN, CREATE_OPEN], FILES_PRESENT);
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
        `select f.partition, f.from_offset, f.to_offset, max(o.topic_id) from ${WITH_OFFSETS} where f.relation = ` +
          `${quoteText(relationOf(target))} and f.topic = ${quoteText(target.topic)} and f.partition in ` +
          `(${partitions.join(', ')}) and f.status = 'open' and not ${OF_EARLIER} group by 1, 2, 3 order by 1, 2`,
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
      const relation = quoteText(relationOf(target));
      const topicId = ({ topic, partition }: TopicPartition): string =>
        `(select coalesce(o.topic_id, '') from ${STATE_SCHEMA}.load_offsets as o where o.relation = ${relation} and ` +
        `o.topic = ${quoteText(topic)} and o.partition = ${partition})`;
      if (own.length > 0)
        await session.execute(
          `insert into ${FILES} (relation, key, topic, partition, from_offset, to_offset, rows, bytes, status, ` +
            `load_id, topic_id) values ${own
              .map(
                ({ key, topic, partition, from, to, rows, bytes }) =>
                  `(${relation}, ${quoteText(key)}, ${quoteText(topic)}, ${partition}, ${from}, ${to}, ${rows}, ` +
                  `${bytes}, 'open', ${quoteText(loadId)}, ${topicId({ topic, partition })})`,
              )
              .join(', ')} on conflict (relation, key) do update set status = 'open', rows = excluded.rows, bytes = ` +
            'excluded.bytes, load_id = excluded.load_id, recorded_at = excluded.recorded_at, topic_id = ' +
            'excluded.topic_id',
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
          // If a range was read again, messages may have been deleted from the topic.
          `update ${FILES} as f set status = 'done', rows = v.rows, bytes = v.bytes, size = v.size, written_at = ` +
            `clock_timestamp() from (values ${files
              .map(
                ({ key, rows, bytes, size }) =>
                  `(${quoteText(key)}, ${rows}::bigint, ${bytes}::bigint, ${size}::bigint)`,
              )
              .join(
                ', ',
              )}) as v(key, rows, bytes, size) where f.relation = ${relation} and f.key = v.key and f.status = 'open'`,
        );
      // With its messages a whole file may have disappeared.
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

  async partitions(target: LoadTarget, begun = false): Promise<readonly TopicPartition[]> {
    return this.#within(target, async (session) => {
      const some = begun ? " and status in ('joining', 'replaced')" : '';
      const where = `relation = ${quoteText(relationOf(target))}${some}`;
      const rows = await read(session, `select distinct topic, partition from ${FILES} where ${where} order by 1, 2`);
      return rows.map(([topic, partition]) => ({ topic: String(topic), partition: Number(partition) }));
    });
  }

  async files(target: LoadTarget, partition: number): Promise<KeptFiles> {
    return this.#within(target, async (session) => {
      const rows = await read(
        session,
        'select f.key, f.from_offset, f.to_offset, f.rows, f.bytes, f.size, f.status, (extract(epoch from ' +
          `clock_timestamp() - f.written_at) * 1000)::bigint from ${WITH_OFFSETS} where f.relation = ` +
          `${quoteText(relationOf(target))} and f.topic = ${quoteText(target.topic)} and f.partition = ${partition} ` +
          `and not (f.status = 'open' and ${OF_EARLIER}) order by f.from_offset, f.key`,
      );
      const files: KeptFile[] = [];
      let openFrom: bigint | null = null;
      for (const [key, from, to, count, bytes, size, status, age] of rows) {
        const range = { from: BigInt(String(from)), to: BigInt(String(to)) };
        if (status === 'open') openFrom ??= range.from;
        if (status !== 'done' && status !== 'joining' && status !== 'replaced') continue;
        files.push({
          ...{ key: String(key), topic: target.topic, partition, ...range, rows: Number(count), bytes: Number(bytes) },
          ...{ size: size === null ? null : Number(size), status, ageMs: Number(age ?? 0) },
        });
      }
      return { files, openFrom };
    });
  }

  async claim(target: LoadTarget, owner: string): Promise<boolean> {
    return this.#within(target, async (session) => {
      // A user who does not compact needs no privilege to create it.
      await createMissing(session, [CREATE_CLAIMS], `select to_regclass('${CLAIMS}') is not null`);
      const rows = await read(
        session,
        `insert into ${CLAIMS} as c values (${quoteText(relationOf(target))}, ${quoteText(owner)}, ` +
          'clock_timestamp()) on conflict (relation) do update set owner = excluded.owner, claimed_at = ' +
          'excluded.claimed_at where c.owner = excluded.owner or c.claimed_at < excluded.claimed_at - interval ' +
          `'${CLAIM_MS} milliseconds' returning 1`,
      );
      return rows.length > 0;
    });
  }

  async keepClaim(target: LoadTarget, owner: string): Promise<boolean> {
    return this.#within(target, async (session) => {
      const where = claimedBy(target, owner);
      const renewed = `update ${CLAIMS} set claimed_at = clock_timestamp() where ${where} returning 1`;
      return (await read(session, renewed)).length > 0;
    });
  }

  async release(target: LoadTarget, owner: string): Promise<void> {
    const where = claimedBy(target, owner);
    await this.#within(target, (session) => session.execute(`delete from ${CLAIMS} where ${where}`));
  }

  async join(target: LoadTarget, file: PlannedFile, owner: string): Promise<boolean> {
    const { key, topic, partition, from, to, rows, bytes } = file;
    const relation = quoteText(relationOf(target));
    const folder = key.slice(0, key.lastIndexOf('/') + 1);
    return this.#within(target, async (session) => {
      // A loader that takes over the claim waits for this transaction, and then knows the file.
      const claim = `select 1 from ${CLAIMS} where ${claimedBy(target, owner)} for update`;
      if ((await read(session, claim)).length === 0) return false;
      await session.execute(
        `insert into ${FILES} (relation, key, topic, partition, from_offset, to_offset, rows, bytes, status, ` +
          `load_id) select ${relation}, ${quoteText(key)}, ${quoteText(topic)}, ${partition}, ${from}, ${to}, ` +
          `${rows}, ${bytes}, 'joining', ${quoteText(owner)} where not exists (select from ${FILES} where relation = ` +
          `${relation} and topic = ${quoteText(topic)} and partition = ${partition} and from_offset < ${to} and ` +
          `to_offset > ${from} and starts_with(key, ${quoteText(folder)}) and substr(key, ` +
          `${[...folder].length + 1}) like '%-day.%') on conflict (relation, key) do nothing`,
      );
      const known = `select 1 from ${FILES} where relation = ${relation} and key = ${quoteText(key)} and status = `;
      return (await read(session, `${known}'joining'`)).length > 0;
    });
  }

  async joined(target: LoadTarget, file: WrittenFile, replaced: readonly KeptFile[]): Promise<void> {
    const { key, rows, bytes, size } = file;
    const relation = quoteText(relationOf(target));
    await this.#within(target, async (session) => {
      await session.execute(
        `update ${FILES} set status = 'done', rows = ${rows}, bytes = ${bytes}, size = ${size}, written_at = ` +
          `clock_timestamp() where relation = ${relation} and key = ${quoteText(key)} and status = 'joining'`,
      );
      await session.execute(
        `update ${FILES} set status = 'replaced' where relation = ${relation} and ${keysAre(replaced)} and status = ` +
          "'done'",
      );
    });
  }

  async cut(
    target: LoadTarget,
    { partition, from, upTo, next, topicId }: Cut,
    loadId: string,
    work: () => Promise<CutFiles>,
  ): Promise<boolean> {
    const relation = quoteText(relationOf(target));
    const ofPartition = `relation = ${relation} and topic = ${quoteText(target.topic)} and partition = ${partition}`;
    return this.#within(target, async (session) => {
      // A loader that records files of the partition waits for this transaction, and then finds another position.
      const standing = `select next_offset from ${STATE_SCHEMA}.load_offsets where ${ofPartition} for update`;
      const [row] = await read(session, standing);
      if ((row === undefined ? null : BigInt(String(row[0]))) !== from) return false;
      const { gone, kept } = await work();
      const open = `(status = 'open' and to_offset > ${upTo})`;
      await session.execute(`delete from ${FILES} where ${ofPartition} and (${keysIn(gone)} or ${open})`);
      if (kept.length > 0)
        await session.execute(
          `insert into ${FILES} (relation, key, topic, partition, from_offset, to_offset, rows, bytes, size, status, ` +
            `load_id, written_at) values ${kept
              .map(
                (file) =>
                  `(${relation}, ${quoteText(file.key)}, ${quoteText(target.topic)}, ${partition}, ${file.from}, ` +
                  `${file.to}, ${file.rows}, ${file.bytes}, ${file.size}, 'done', ${quoteText(loadId)}, ` +
                  'clock_timestamp())',
              )
              .join(', ')} on conflict (relation, key) do update set status = excluded.status, rows = excluded.rows, ` +
            'bytes = excluded.bytes, size = excluded.size, written_at = excluded.written_at',
        );
      await session.execute(setOffsets(target, target.topic, topicId, new Map([[partition, next]])));
      return true;
    });
  }

  async forget(target: LoadTarget, files: readonly KeptFile[]): Promise<void> {
    if (files.length === 0) return;
    const where = `relation = ${quoteText(relationOf(target))} and ${keysAre(files)}`;
    await this.#within(target, (session) => session.execute(`delete from ${FILES} where ${where}`));
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

function claimedBy(target: LoadTarget, owner: string): string {
  return `relation = ${quoteText(relationOf(target))} and owner = ${quoteText(owner)}`;
}

function keysAre(files: readonly KeptFile[]): string {
  return keysIn(files.map(({ key }) => key));
}

function keysIn(keys: readonly string[]): string {
  return keys.length === 0 ? 'false' : `key in (${keys.map(quoteText).join(', ')})`;
}
