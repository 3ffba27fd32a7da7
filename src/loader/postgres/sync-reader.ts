// The source's side of a sync: a Postgres table, read in one snapshot during which it cannot be truncated, and the
// border from which changes are read. The target writes the rows.
import type { Adapter, Session } from '../../adapters/adapter.ts';
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { setConfigText } from '../../adapters/postgres/value-settings.ts';
import { inOneLine, TsdbtError } from '../../errors.ts';
import { type KeyedHash, keyedHash } from '../../keyed-hash.ts';
import { XMIN } from '../../settings/load-settings.ts';
import type { SyncTarget } from '../sync/config.ts';
import { hashFields } from '../sync/hidden-columns.ts';
import { type KeptBorder, nextBorder, oldestWriters, type Writers } from './sync-border.ts';
import { type SourceTable, sourceTable } from './sync-source.ts';

/** COPY's texts in the form that every target reads. */
const SETTINGS = setConfigText();

/**
 * LOCK rejects a materialized view, a foreign table, a role with privileges on some columns only, and a missing table.
 */
const NOT_LOCKED = ['42809', '42501', '42P01', '3F000'];

/** Stored state of a table's last sync, in addition to its border. */
export interface KeptSync extends KeptBorder {
  readonly source: string;
  readonly strategy: string;
  readonly cursor: string | null;
  readonly cluster: string | null;
}

export class SyncReader {
  readonly #target: SyncTarget;
  readonly #from: Adapter;
  readonly #hash: KeyedHash;
  readonly #active = new Set<Session>();

  /** @param from closed with this @param hashKey null: nothing is hashed */
  constructor(target: SyncTarget, from: Adapter, hashKey: string | null) {
    this.#target = target;
    this.#from = from;
    this.#hash = keyedHash(hashKey);
  }

  /** The name of the table for display and in the stored state. */
  get name(): string {
    const { connection, table } = this.#target;
    return `${connection}/${table.schema}.${table.name}`;
  }

  /** @param work runs within one snapshot; the border is the start of the next sync */
  async read<T>(work: (source: Session, table: SourceTable, border: KeptBorder) => Promise<T>): Promise<T> {
    const writers = await this.#writers();
    return this.within(this.#from, async (source) => {
      await this.#snapshot(source);
      const table = await sourceTable(source, this.#target);
      return work(source, table, await nextBorder(source, this.#target, table, writers));
    });
  }

  /**
   * Reads rows as COPY's text, with hashed values replaced.
   * @param expressions of the table's columns @param where from ` where ` on
   */
  async copy<T>(
    source: Session,
    { name, columns }: SourceTable,
    expressions: readonly string[],
    where: string,
    take: (rows: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T> {
    if (source.copyOut === undefined) throw new TsdbtError('internal', 'the source cannot be copied from');
    const hashed = columns.flatMap((column, place) => (column.hashed ? [place] : []));
    return source.copyOut(`copy (select ${expressions.join(', ')} from ${name} as t${where}) to stdout`, (rows) =>
      take(hashed.length === 0 ? rows : hashFields(rows, hashed, this.#hash)),
    );
  }

  /** Reports what the sync does not see, without reading the table. @param work additional checks */
  async check(work: (source: Session, table: SourceTable) => Promise<void>): Promise<string[]> {
    const { strategy, cursor } = this.#target;
    const { hidden } = await this.#writers();
    await this.within(this.#from, async (source) => work(source, await sourceTable(source, this.#target)));
    const notes: string[] = [];
    if (strategy === 'incremental')
      notes.push(
        'strategy: incremental does not see rows that are deleted, or whose key changes; strategy: full does.',
      );
    if (strategy === 'incremental' && cursor !== XMIN && hidden)
      notes.push(
        'when all transactions of the source began is not seen (it is a standby, or this role needs ' +
          "pg_read_all_stats): rows of one that is longer than 'lookback' are missed; cursor: xmin misses none.",
      );
    if (cursor === XMIN) notes.push(`cursor: ${XMIN} reads the whole table at the source to find what has changed.`);
    return notes;
  }

  /** @returns null: every row must be read, because the position belongs to another source, table, cursor or cluster */
  goesOn(kept: KeptSync | null, table: SourceTable): KeptBorder | null {
    const { cursor, strategy } = this.#target;
    if (strategy === 'full' || kept === null || kept.source !== this.name) return null;
    if (kept.cursor !== cursor || kept.strategy !== 'incremental') return null;
    // Another table was renamed to this name.
    if (kept.tables.split(' ')[0] !== table.oid) return null;
    return cursor === XMIN && kept.cluster !== table.cluster ? null : kept;
  }

  /** Runs in a session of either database, which `stop` cancels. */
  async within<A extends Adapter, T>(adapter: A, work: (session: ReturnType<A['session']>) => Promise<T>): Promise<T> {
    const session = adapter.session({ name: `sync ${this.#target.name}` }) as ReturnType<A['session']>;
    this.#active.add(session);
    try {
      return await work(session);
    } finally {
      this.#active.delete(session);
      await session.release();
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#active].map((session) => session.cancel().catch(() => undefined)));
  }

  async close(): Promise<void> {
    await this.#from.close();
  }

  #writers(): Promise<Writers> {
    return this.within(this.#from, oldestWriters);
  }

  /**
   * Begins one snapshot of the source. A TRUNCATE or a swap between the snapshot and the lock would appear as no rows.
   */
  async #snapshot(source: Session): Promise<void> {
    const { schema, name } = this.#target.table;
    const begin = async (): Promise<void> => {
      await source.begin();
      await source.execute('set transaction isolation level repeatable read, read only');
    };
    await begin();
    try {
      // LOCK takes no snapshot; the first query does.
      await source.execute(`lock table ${quoteIdentifier(schema)}.${quoteIdentifier(name)} in access share mode`);
    } catch (error) {
      if (!(error instanceof TsdbtError) || !NOT_LOCKED.includes(String(error.details.code))) throw error;
      await source.rollback();
      await begin();
    }
    await source.execute(SETTINGS);
  }
}

/** The reason why a table cannot be synced, as a text. @throws errors that are not tsdbt's */
export async function problemsOf(work: () => Promise<string[]>): Promise<{ problems: string[]; notes: string[] }> {
  try {
    return { problems: [], notes: await work() };
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    return { problems: [inOneLine(error)], notes: [] };
  }
}
