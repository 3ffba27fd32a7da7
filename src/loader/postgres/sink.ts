// Postgres as a sink: appends by COPY; upserts by COPY into a temporary table and a merge by key. Rows, dead letters
// and positions share one transaction. A row that the database refuses becomes a dead letter. table.ts writes the DDL.
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import { setConfigText } from '../../adapters/postgres/value-settings.ts';
import type { Adapter, Session } from '../../adapters/adapter.ts';
import { TsdbtError } from '../../errors.ts';
import {
  adoptState,
  CREATE_STATE,
  insertOffsets,
  lockReplays,
  markReplayed,
  moveOffsets,
  nameTopics,
  noteFailure,
  recount,
  relationOf,
  selectOffsets,
  STATE_PRESENT,
  STATE_SCHEMA,
  toAdopt,
} from './load-offsets.ts';
import type { LoadColumn, LoadTarget } from '../settings/load-target.ts';
import { metaColumns, rowColumns } from '../settings/load-target.ts';
import type { RowBuffer } from '../formats/rows/row-buffer.ts';
import type { Sealer } from '../seal.ts';
import { clockBehind } from '../starts.ts';
import { idOf } from '../topic-ids.ts';
import { hasSeveral } from '../settings/target-topics.ts';
import {
  type DeadLetter,
  type FaultPoint,
  Fenced,
  type Flush,
  type Flushed,
  type GroupMember,
  type Looked,
  type Place,
  type Sink,
  TooManyRefused,
} from '../sink.ts';
import { changeWrites, fillChanges, flushChanges, onlyWhole } from './change-flush.ts';
import { existingColumns, storedTypes } from './existing-table.ts';
import { keptState } from './kept-state.ts';
import { replaceFailedAgain, newestLetter, readLetters, writeLetters } from './letters.ts';
import { pausedOf, pauseTable } from './pauses.ts';
import { deadEnds, forgetMembers, heldEnds, heldRows, lookSql, recentDeadSql, snapshotsSql } from './look.ts';
import { mergeRows } from './merge.ts';
import { CREATE_TRUNCATES, noteNoTruncate, TRUNCATES_PRESENT } from './merge-changes.ts';
import { createMissing, read } from './statements.ts';
import { databaseProblems } from './problems.ts';
import { reconcileColumns, widening } from './reconcile.ts';
import { rewindOffsets } from './rewinds.ts';
import { mayBeData, prepareSorting, REFUSED, ROW, SORT_STAGE, sortRows } from './sorting.ts';
import {
  comingPartitions,
  createPartition,
  createTable,
  defaultPartition,
  metaColumn,
  MOST_DROPPED,
  MOST_PRUNED,
  partitionAt,
  partitionName,
  partitionStart,
  pruneDefault,
  type TablePartition,
  tableName,
} from './table.ts';

const DAY = 86_400_000;
const STAGE = 'tsdbt_load_stage';
/** Timestamps without a zone are UTC. */
const FLUSH_SETTINGS = setConfigText();

export class PostgresSink implements Sink {
  readonly takesSmall = true;
  readonly #adapter: Adapter;
  readonly #sealer: Sealer;
  readonly #now: () => number;
  readonly #reached: (point: FaultPoint) => void;
  readonly #partitions = new Map<string, Set<string>>();
  /** For upserts: how often rows taken for new were not, and for how many flushes to merge at once. */
  readonly #mostlyNew = new Map<string, { misses: number; wait: number }>();
  /** Targets whose table existed without partitions, which stays so. */
  readonly #plain = new Set<string>();
  /** Sessions in use, by table. */
  readonly #active = new Map<string, Set<Session>>();

  /** @param reached for tests: called at each fault point */
  constructor(
    adapter: Adapter,
    sealer: Sealer,
    now: () => number,
    reached: (point: FaultPoint) => void = () => undefined,
  ) {
    this.#adapter = adapter;
    this.#sealer = sealer;
    this.#now = now;
    this.#reached = reached;
  }

  async problems(target: LoadTarget): ReturnType<Sink['problems']> {
    return this.#ask(`load check ${target.name}`, async (session) => {
      const problems = await databaseProblems(session, target);
      return problems.length > 0 ? problems : [...(await widening(session, target)).problems];
    });
  }

  async notes(target: LoadTarget): Promise<readonly string[]> {
    return this.#ask(`load check ${target.name}`, async (session) => (await widening(session, target)).notes);
  }

  async kept(target: LoadTarget): ReturnType<Sink['kept']> {
    return this.#ask(`load status ${target.name}`, (session) => keptState(session, target));
  }

  async newestLetter(target: LoadTarget): ReturnType<Sink['newestLetter']> {
    return this.#ask(`load ${target.name}`, (session) => newestLetter(session, target));
  }

  async letters(target: LoadTarget, range: Parameters<Sink['letters']>[1]): ReturnType<Sink['letters']> {
    return this.#ask(`load ${target.name}`, (session) => readLetters(session, target, this.#sealer, range));
  }

  async prepare(target: LoadTarget): Promise<readonly LoadColumn[]> {
    return this.#within(target, async (session) => {
      // Two loaders that start together create the tables one after the other.
      await session.execute(
        `select pg_advisory_xact_lock(hashtext('tsdbt load'), hashtext(${quoteText(relationOf(target))}))`,
      );
      const problems = await databaseProblems(session, target);
      if (problems.length > 0)
        throw new TsdbtError('validation', `${target.name} cannot be loaded: ${problems.join('\n  ')}`, {
          path: target.path,
          hint: '`tsdbt load check` says the same and writes nothing.',
        });
      await createMissing(session, CREATE_STATE, STATE_PRESENT);
      if ((await read(session, toAdopt(target)))[0]?.[0] === true)
        for (const statement of adoptState(target)) await session.execute(statement);
      await createMissing(
        session,
        createTable(target),
        `select to_regclass(${quoteText(tableName(target))}) is not null`,
      );
      if (target.changes?.truncate === 'apply') {
        await createMissing(session, CREATE_TRUNCATES, TRUNCATES_PRESENT);
        await session.execute(noteNoTruncate(target));
      }
      const existing = await existingColumns(session, target);
      for (const meta of metaColumns(target)) {
        if (!existing.has(meta.name))
          await session.execute(`alter table ${tableName(target)} add column ${metaColumn(meta)}`);
      }
      if (target.rest !== null && !existing.has(target.rest))
        await session.execute(`alter table ${tableName(target)} add column ${quoteIdentifier(target.rest)} jsonb`);
      await reconcileColumns(session, this.#adapter, target, existing);
      await this.#checkPartitions(session, target);
      const own = new Set([
        ...metaColumns(target).map(({ name }) => name),
        ...(target.rest === null ? [] : [target.rest]),
      ]);
      const declared = new Set(target.columns.map(({ name }) => name));
      const stored = await storedTypes(session, target);
      const added = [...existing]
        .filter(([name, { generated }]) => !own.has(name) && !declared.has(name) && !generated)
        .map(([name, { type }]) => ({ name, type }));
      const columns = target.schemaDrift === 'add_column' ? [...target.columns, ...added] : target.columns;
      return columns.map((column) => ({ ...column, stored: stored.get(column.name) }));
    });
  }

  async prepareState(): Promise<void> {
    await this.#within(null, (session) => createMissing(session, CREATE_STATE, STATE_PRESENT));
  }

  async addColumns(target: LoadTarget, columns: readonly LoadColumn[]): Promise<readonly LoadColumn[]> {
    await this.#within(target, async (session) => {
      await session.execute(
        `alter table ${tableName(target)} ` +
          `${columns.map(({ name, type }) => `add column if not exists ${quoteIdentifier(name)} ${type}`).join(', ')}`,
      );
    });
    return this.prepare(target);
  }

  async positions(target: LoadTarget): ReturnType<Sink['positions']> {
    return this.#within(target, async (session) => {
      const rows = await read(session, selectOffsets(target, target.topic));
      return new Map(
        rows.map(([partition, next, topicId, epoch, resets]) => [
          Number(partition),
          {
            ...placeOf(next, epoch, resets),
            topicId: idOf(target.topic, typeof topicId === 'string' ? topicId : null),
          },
        ]),
      );
    });
  }

  /** A flush is one transaction. */
  async unsettled(): ReturnType<Sink['unsettled']> {
    return [];
  }

  async settle(): ReturnType<Sink['settle']> {
    throw new TsdbtError('internal', 'a flush into Postgres is whole or not there');
  }

  async nameTopic(target: LoadTarget, ids: ReadonlyMap<number, string>): Promise<void> {
    await this.#within(target, (session) => session.execute(nameTopics(target, target.topic, ids)));
  }

  async startAt(target: LoadTarget, topicId: string | null, starts: ReadonlyMap<number, bigint>): Promise<void> {
    if (starts.size > 0)
      await this.#within(target, (session) => session.execute(insertOffsets(target, target.topic, topicId, starts)));
  }

  async rewind(
    target: LoadTarget,
    topicId: string | null,
    next: ReadonlyMap<number, bigint>,
    from?: ReadonlyMap<number, bigint>,
  ): ReturnType<Sink['rewind']> {
    if (next.size === 0) return { rows: 0, letters: 0 };
    return this.#within(target, (session) => rewindOffsets(session, target, topicId, next, from));
  }

  async ends(target: LoadTarget): Promise<ReadonlyMap<number, bigint>> {
    return this.#within(target, async (session) => {
      const ends = new Map<number, bigint>();
      for (const sql of [heldEnds(target), deadEnds(target)]) {
        for (const [partition, end] of await read(session, sql)) {
          const found = BigInt(String(end));
          if (found > (ends.get(Number(partition)) ?? -1n)) ends.set(Number(partition), found);
        }
      }
      return ends;
    });
  }

  async snapshots(target: LoadTarget): Promise<ReadonlyMap<number, bigint>> {
    const rows = await this.#within(target, (session) => read(session, snapshotsSql(target)));
    return new Map(rows.map(([partition, position]) => [Number(partition), BigInt(String(position))]));
  }

  async holdsRows(target: LoadTarget): Promise<boolean> {
    return this.#within(target, async (session) => (await read(session, heldRows(target)))[0]?.[0] === true);
  }

  async recentDead(
    target: LoadTarget,
    next: ReadonlyMap<number, bigint>,
    window: number,
    limit: number,
  ): ReturnType<Sink['recentDead']> {
    if (next.size === 0) return [];
    return this.#within(target, async (session) => {
      // Without the privilege to read dead letters, the count restarts at 0.
      const [may] = await read(session, `select has_table_privilege('${STATE_SCHEMA}.dead_letters', 'select')`);
      if (may?.[0] !== true) return [];
      const rows = await read(session, recentDeadSql(target, next, window, limit));
      return rows.map(([back, error, partition, offset]) => ({
        ...{ back: Number(back), error: String(error) },
        ...{ topic: target.topic, partition: Number(partition), offset: BigInt(String(offset)) },
      }));
    });
  }

  async note(target: LoadTarget, failure: string | null): Promise<void> {
    await this.#within(target, (session) => session.execute(noteFailure(target, target.topic, failure)));
  }

  async setPaused(target: LoadTarget, paused: boolean): Promise<boolean> {
    return this.#within(target, async (session) => {
      await createMissing(session, CREATE_STATE, STATE_PRESENT);
      return (await read(session, pauseTable(target, paused))).length > 0;
    });
  }

  async look(own: readonly GroupMember[], groups: readonly string[], targets: readonly LoadTarget[]): Promise<Looked> {
    return this.#within(null, async (session) => {
      const { alive, members, positions } = lookSql(own, groups, targets);
      if (alive !== null) await session.execute(alive);
      const others = members === null ? [] : await read(session, members);
      const found = positions === null ? [] : await read(session, positions);
      const paused = new Set(
        targets.length === 0 ? [] : (await read(session, pausedOf(targets))).map(([name]) => name),
      );
      const places = new Map<string, Map<number, Place>>();
      for (const [relation, topic, partition, next, epoch, resets] of found) {
        const key = `${String(relation)} ${String(topic)}`;
        const known = places.get(key) ?? new Map<number, Place>();
        places.set(key, known.set(Number(partition), placeOf(next, epoch, resets)));
      }
      return {
        paused: new Set(targets.filter((target) => paused.has(relationOf(target)))),
        others: others.map(([group, member, seen, silent]) => ({
          group: String(group),
          member: String(member),
          seen: String(seen),
          silentMs: Number(silent),
        })),
        positions: new Map(
          targets.map((target) => [target, places.get(`${relationOf(target)} ${target.topic}`) ?? new Map()]),
        ),
      };
    });
  }

  async forget(members: readonly GroupMember[]): Promise<void> {
    if (members.length > 0) await this.#within(null, (session) => session.execute(forgetMembers(members)));
  }

  async stop(target: LoadTarget): Promise<void> {
    await Promise.all(
      [...(this.#active.get(target.uniqueId) ?? [])].map((session) => session.cancel().catch(() => undefined)),
    );
  }

  async flush(flush: Flush): Promise<Flushed> {
    await this.#makePartitions(flush.target, flush.rows);
    const mostlyNew = this.#mostlyNew.get(flush.target.uniqueId) ?? { misses: 0, wait: 0 };
    this.#mostlyNew.set(flush.target.uniqueId, mostlyNew);
    if (flush.target.changes !== null) fillChanges(flush.target, flush.columns, flush.rows);
    let asNew =
      flush.target.mode === 'upsert' &&
      mostlyNew.wait-- <= 0 &&
      flush.rows.tombstones === 0 &&
      onlyWhole(flush.rows) &&
      flush.target.changes?.truncate !== 'apply' &&
      !mixesTopics(flush);
    for (;;) {
      try {
        await this.#within(flush.target, (session) =>
          this.#write(session, flush, async () => {
            if (flush.rows.length > 0) await this.#writeRows(session, flush, asNew);
            return [];
          }),
        );
        if (asNew) mostlyNew.misses = 0;
        this.#reached('after_commit');
        return { rows: flush.rows.length, dead: flush.dead };
      } catch (error) {
        if (!isDataError(error)) throw error;
        if (!asNew) break;
        // A key existed, or a row is at fault: merge by key now, and for the next flushes.
        asNew = false;
        mostlyNew.wait = 2 ** Math.min(mostlyNew.misses++, 8);
      }
    }
    const refused = await this.#within(flush.target, (session) =>
      this.#write(session, flush, () => this.#sortRows(session, flush)),
    );
    this.#reached('after_commit');
    return { rows: flush.rows.length - refused.length, dead: [...flush.dead, ...refused] };
  }

  async maintain(target: LoadTarget): Promise<readonly string[]> {
    if (target.partitionBy === null || this.#plain.has(target.uniqueId)) return [];
    for (const partition of comingPartitions(target, this.#now())) await this.#makePartition(target, partition);
    if (target.retentionDays === null) return [];
    const kept = target.retentionDays * DAY;
    const length = target.partitionBy.every === 'day' ? DAY : 7 * DAY;
    return this.#within(target, async (session) => {
      // A clock that is ahead drops nothing too early: the other one must agree.
      const [clock] = await read(session, 'select (extract(epoch from clock_timestamp()) * 1000)::bigint::text');
      const limit = Math.min(this.#now(), Number(clock?.[0])) - kept;
      const rows = await read(
        session,
        'select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = ' +
          `to_regclass(${quoteText(tableName(target))}) order by 1`,
      );
      const old = rows
        .map((row) => String(row[0]))
        .filter((name) => {
          const start = partitionStart(target, name);
          return start !== null && start + length <= limit;
        })
        .slice(0, MOST_DROPPED);
      await session.execute("set local lock_timeout = '5s'");
      for (const name of old) await session.execute(`drop table ${partitionName(target, name)}`);
      // Rows that were too old on arrival are in the default partition.
      const rest = defaultPartition(target);
      if (!rows.some(([name]) => name === rest)) return old;
      const pruned = await read(session, pruneDefault(target, limit, MOST_PRUNED));
      return pruned.length === 0 ? old : [...old, `${pruned.length} rows of ${rest}`];
    });
  }

  /**
   * Runs a flush on one session; if it throws, none of it lasts.
   * @param write writes the rows and returns those that the database rejects
   */
  async #write(
    session: Session,
    flush: Flush,
    write: () => Promise<readonly DeadLetter[]>,
  ): Promise<readonly DeadLetter[]> {
    const { target, ranges } = flush;
    if (ranges.length === 0) await session.execute(`${FLUSH_SETTINGS}; ${lockReplays(target)}`);
    else {
      // In one message: a loader that is building rows answers late.
      const moved = await read(session, `${FLUSH_SETTINGS}; ${moveOffsets(target, ranges)}`);
      const seen = new Set(moved.map((row) => `${String(row[0])}/${String(row[1])}`));
      const lost = ranges.filter(({ topic, partition }) => !seen.has(`${topic}/${partition}`));
      if (lost.length > 0) throw new Fenced(lost.map(({ topic, partition }) => ({ topic, partition })));
      const early = moved.find(([, , since]) => typeof since === 'string');
      if (early !== undefined) throw clockBehind(String(early[0]), String(early[3]), String(early[2]));
    }
    const refused = await write();
    if (refused.length > 0 && ranges.length > 0) await session.execute(recount(target, refused));
    if (flush.replayed !== undefined && flush.replayed.length > 0) {
      const done = await read(session, markReplayed(target, flush.replayed));
      if (done.length < flush.replayed.length)
        throw new TsdbtError('runtime', `The dead letters of ${target.name} are being replayed by another process.`, {
          hint: 'Run it again when that one is done.',
        });
    }
    const dead = [...flush.dead, ...refused];
    if (dead.length > 0) await writeLetters(session, target, this.#sealer, flush.loadId, dead);
    if (dead.length > 0 && flush.replayed !== undefined) await session.execute(replaceFailedAgain(flush.replayed));
    this.#reached('before_commit');
    return refused;
  }

  /**
   * @param asNew upserts whose keys are new: COPY directly into the table, which is half the work and fails if a key
   *   exists
   */
  async #writeRows(session: Session, { target, columns, rows: held }: Flush, asNew: boolean): Promise<void> {
    const list = rowColumns(target, columns).map(quoteIdentifier).join(', ');
    const table = tableName(target);
    this.#reached('before_copy');
    if (target.mode === 'append' || asNew) {
      await session.copyIn(`copy ${table} (${list}) from stdin`, rowsOf(held, asNew));
      this.#reached('before_merge');
      return;
    }
    await session.execute(
      `create temporary table ${STAGE} on commit drop as select ${list} from ${table} with no data`,
    );
    await session.copyIn(`copy ${STAGE} (${list}) from stdin`, held.allChunks());
    this.#reached('before_merge');
    if (target.changes !== null) return flushChanges(session, target, columns, STAGE, held);
    for (const statement of mergeRows(target, columns, STAGE, 'ctid', held.tombstones > 0))
      await session.execute(statement);
  }

  /** Writes the rows that the database accepts. @returns the others as dead letters @throws TooManyRefused */
  async #sortRows(
    session: Session,
    { target, columns, rows: held, allowance = Number.MAX_SAFE_INTEGER }: Flush,
  ): Promise<readonly DeadLetter[]> {
    const names = rowColumns(target, columns);
    const list = names.map(quoteIdentifier).join(', ');
    const types = await storedTypes(session, target);
    const table = tableName(target);
    const sorting = {
      table,
      rows: held.length,
      most: allowance,
      columns: names.map((name) => ({ name, type: types.get(name)?.input ?? 'text' })),
      writes: (source: string) =>
        target.mode === 'append'
          ? [`insert into ${table} (${list}) select ${list} from ${source}`]
          : target.changes !== null
            ? changeWrites(target, columns, source, held)
            : mergeRows(target, columns, source, ROW, held.tombstones > 0),
    };
    this.#reached('before_copy');
    for (const statement of prepareSorting(sorting)) await session.execute(statement);
    await session.copyIn(`copy ${SORT_STAGE} (${list}) from stdin`, held.allChunks());
    this.#reached('before_merge');
    await session.execute(sortRows(sorting));
    const refused = (await read(session, `select n::integer, reason from ${REFUSED} order by n`)).map(
      ([n, reason]): DeadLetter => {
        const row = Number(n) - 1;
        return {
          message: held.message(row),
          topic: held.topic(row),
          partition: held.partition(row),
          error: String(reason),
        };
      },
    );
    if (refused.length > allowance) throw new TooManyRefused(refused);
    return refused;
  }

  async #makePartitions(target: LoadTarget, rows: RowBuffer): Promise<void> {
    if (target.partitionBy === null || this.#plain.has(target.uniqueId)) return;
    const known = this.#partitions.get(target.uniqueId) ?? new Set();
    const now = this.#now();
    for (const time of rows.times()) {
      const partition = partitionAt(target, time, now);
      if (partition !== null && !known.has(partition.name)) await this.#makePartition(target, partition);
    }
  }

  async #makePartition(target: LoadTarget, partition: TablePartition): Promise<void> {
    const known = this.#partitions.get(target.uniqueId) ?? new Set();
    this.#partitions.set(target.uniqueId, known);
    if (known.has(partition.name)) return;
    await this.#within(target, async (session) => {
      await session.execute(
        `select pg_advisory_xact_lock(hashtext('tsdbt load'), hashtext(${quoteText(relationOf(target))}))`,
      );
      const name = partitionName(target, partition.name);
      const [there] = await read(session, `select to_regclass(${quoteText(name)}) is not null`);
      if (there?.[0] !== true)
        for (const statement of createPartition(target, partition)) await session.execute(statement);
    });
    known.add(partition.name);
  }

  /** Adds a missing column, widens one whose declared type is wider, rejects any other difference. */
  async #checkPartitions(session: Session, target: LoadTarget): Promise<void> {
    if (target.partitionBy === null) return;
    const [kind] = await read(
      session,
      `select relkind::text from pg_class where oid = to_regclass(${quoteText(tableName(target))})`,
    );
    if (kind?.[0] === 'p') return;
    if (target.retentionDays !== null) {
      throw new TsdbtError(
        'validation',
        `The table of ${target.name} is there without partitions, and 'retention' drops partitions.`,
        {
          path: target.path,
          hint: 'Rename the table and let the loader make a new one, or take retention out of the load config.',
        },
      );
    }
    this.#plain.add(target.uniqueId);
  }

  /** Runs read-only queries without a transaction. */
  async #ask<T>(name: string, work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#adapter.session({ name });
    try {
      return await work(session);
    } finally {
      await session.release();
    }
  }

  async #within<T>(target: LoadTarget | null, work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#adapter.session({ name: target === null ? 'load' : `load ${target.name}` });
    const key = target?.uniqueId ?? '';
    const active = this.#active.get(key) ?? new Set();
    this.#active.set(key, active.add(session));
    try {
      await session.begin();
      const result = await work(session);
      await session.commit();
      return result;
    } finally {
      active.delete(session);
      await session.release();
    }
  }
}

/** @param latest only the last row of each key */
function rowsOf(rows: RowBuffer, latest: boolean): Iterable<Uint8Array> {
  return latest ? rows.chunks(rows.latest()) : rows.allChunks();
}

/** Whether rows of one key may come from several topics. Then the order in which they were read is not their order. */
function mixesTopics({ target, ranges }: Flush): boolean {
  return hasSeveral(target) && new Set(ranges.map(({ topic }) => topic)).size !== 1;
}

function placeOf(next: unknown, epoch: unknown, resets: unknown): Place {
  return { next: BigInt(String(next)), epoch: epoch == null ? null : Number(epoch), resets: Number(resets) };
}

/** Whether the rows may have caused the error. */
function isDataError(error: unknown): boolean {
  const code = error instanceof TsdbtError ? error.details.code : undefined;
  return code !== undefined && mayBeData(code);
}
