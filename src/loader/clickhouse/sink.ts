// ClickHouse as a sink. There are no transactions: each flush of a partition is recorded before it is written (an
// intent, intents.ts), written under the intent's token, and settled by the next loader if its own did not complete it
// (settle.ts). table.ts writes the DDL.
import { randomUUID } from 'node:crypto';
import type { ClickHouseAdapter } from '../../adapters/clickhouse/adapter.ts';
import { quoteIdentifier, quoteText } from '../../adapters/clickhouse/literal.ts';
import type { ClickHouseSession } from '../../adapters/clickhouse/session.ts';
import { TsdbtError } from '../../errors.ts';
import { severally } from '../../in-order.ts';
import { partitionKey, type ReadPosition } from '../brokers/broker.ts';
import type { NewestChange } from '../formats/debezium/snapshot-floors.ts';
import { type LoadColumn, type LoadTarget, metaColumns, rowColumns } from '../settings/load-target.ts';
import type { Sealer } from '../seal.ts';
import {
  type DeadLetter,
  type FaultPoint,
  Fenced,
  type Flush,
  type Flushed,
  type GroupMember,
  type KeptPosition,
  type KeptState,
  type Looked,
  type OpenFlush,
  type Place,
  type Sink,
} from '../sink.ts';
import { settleable } from './apart.ts';
import { dropBeside } from './beside.ts';
import { guardProblems } from './guards.ts';
import { countsOf, FlushRanges } from './flush-ranges.ts';
import { finish, newestOfTable, readGroup, readIntents, readPlaces, recordTogether } from './intents.ts';
import { LEASE_S, LeasedSession } from './leased-session.ts';
import { newestLetter, readLetters } from './letters.ts';
import {
  CREATE_STATE,
  insertPause,
  newIntent,
  noteFailure,
  pruneIntents,
  relationOf,
  selectFailure,
  selectPauses,
  selectPositions,
  selectFloors,
  STATE_COLUMNS,
  STATE_DATABASE,
  STATE_PRESENT,
  STATE_TABLES,
} from './load-flushes.ts';
import {
  allOffsets,
  deadCounts,
  deadEnds,
  heldEnds,
  heldPartitions,
  heldRows,
  higherChanges,
  insertMembers,
  newestChanges,
  recentDead,
  selectMembers,
  shortlyBefore,
  snapshots,
  type Span,
  together,
} from './look.ts';
import { REPLAYS, replayLetters, settleReplay } from './replays.ts';
import { rewindPartition, settleRewind } from './rewinds.ts';
import { type Contents, isWhole, type Outcome, partOf, settleContents, type Writing } from './settle.ts';
import { columnFormat } from './cells.ts';
import { filledColumns, tableProblems } from './problems.ts';
import { addedType, columnSql, createTable, metaSql, restSql, type TablePlace } from './table.ts';

/** Partitions that are rewound concurrently. */
const AT_ONCE = 3;

/** Milliseconds of a monotonic clock. */
const now = (): number => performance.now();

/** A check costs the server some ten milliseconds, so it is made less often than in Postgres. */
const PACE = { everyMs: 500, silentMs: 1300 };

export class ClickHouseSink implements Sink {
  readonly pace = PACE;
  readonly #adapter: ClickHouseAdapter;
  readonly #sealer: Sealer;
  readonly #reached: (point: FaultPoint) => void;
  readonly #leaseSeconds: number;
  readonly #ranges = new FlushRanges();
  /** Sessions in use, by target. */
  readonly #active = new Map<string, Set<ClickHouseSession>>();

  /**
   * @param reached for tests: called at each fault point
   * @param leaseSeconds for tests
   */
  constructor(
    adapter: ClickHouseAdapter,
    sealer: Sealer,
    reached: (point: FaultPoint) => void = () => undefined,
    leaseSeconds = LEASE_S,
  ) {
    this.#adapter = adapter;
    this.#sealer = sealer;
    this.#reached = reached;
    this.#leaseSeconds = leaseSeconds;
  }

  async problems(target: LoadTarget): ReturnType<Sink['problems']> {
    return this.#within(target, async (lease) => [
      ...(await this.#problems(lease, target)),
      ...(await tableProblems(lease, target)),
    ]);
  }

  async filled(target: LoadTarget): Promise<ReadonlySet<string>> {
    return this.#within(target, async (lease) => new Set(await filledColumns(lease, target)));
  }

  async kept(target: LoadTarget): Promise<KeptState> {
    return this.#within(target, async (lease) => {
      const positions = new Map<string, KeptPosition>();
      if (!(await statePresent(lease))) return { positions, failure: null, paused: null };
      const intents = await newestOfTable(lease, target);
      const counts = new Map(
        (await lease.ask(deadCounts(target))).map(([topic, partition, count]) => [`${topic}/${partition}`, count]),
      );
      for (const { topic, partition, to, epoch, topicId, end, newest } of intents) {
        const key = partitionKey({ topic, partition });
        const dead = Number(counts.get(key) ?? 0);
        positions.set(key, { topic, partition, next: to, epoch, topicId, end, newest, dead });
      }
      const [failure] = await lease.ask(selectFailure(target));
      const [message, since] = failure ?? [];
      const [pause] = await lease.ask(selectPauses([target]));
      return {
        positions,
        failure: message == null || message === '' ? null : `${message} (since ${since} UTC)`,
        paused: pause?.[1] ?? null,
      };
    });
  }

  async newestLetter(target: LoadTarget): Promise<string> {
    return this.#within(target, async (lease) => {
      await settleReplay(lease, target);
      return newestLetter(lease, target);
    });
  }

  async letters(target: LoadTarget, range: Parameters<Sink['letters']>[1]): ReturnType<Sink['letters']> {
    return this.#within(target, (lease) => readLetters(lease, target, this.#sealer, range));
  }

  async prepare(target: LoadTarget): Promise<readonly LoadColumn[]> {
    return this.#within(target, async (lease) => {
      refuse(target, await tableProblems(lease, target));
      await createState(lease);
      // A user of one database may not create databases, even if they exist.
      for (const statement of createTable(target, await this.#place()).slice(await present(lease, target)))
        await lease.run(statement);
      await this.#guard(lease, target);
      const existing = new Map(
        (
          await lease.ask(
            'SELECT name, type, default_kind FROM system.columns WHERE database = ' +
              `${quoteText(target.schema)} AND table = ${quoteText(target.identifier)} AND ` +
              "default_kind NOT IN ('MATERIALIZED', 'ALIAS', 'EPHEMERAL') " +
              'ORDER BY position',
          )
        ).map(([name, type, fallback]) => [name ?? '', { type: type ?? '', filled: fallback === 'DEFAULT' }]),
      );
      const wanted = new Map([
        ...target.columns.map((column) => [column.name, columnSql(target, column)] as const),
        ...(target.rest === null ? [] : [[target.rest, restSql(target.rest)] as const]),
        ...metaColumns(target).map((column) => [column.name, metaSql(column)] as const),
      ]);
      const missing = [...wanted].flatMap(([name, sql]) => (existing.has(name) ? [] : [sql]));
      if (missing.length > 0) await lease.run(addColumns(target, missing));
      const added = [...existing].filter(([name]) => !wanted.has(name)).map(([name, { type }]) => ({ name, type }));
      const columns = target.schemaDrift === 'add_column' ? [...target.columns, ...added] : target.columns;
      return columns.map((column) => {
        const { type, filled } = existing.get(column.name) ?? { type: '', filled: false };
        return { ...column, format: columnFormat(type, filled) };
      });
    });
  }

  async prepareState(): Promise<void> {
    await this.#within(null, createState);
  }

  async addColumns(target: LoadTarget, columns: readonly LoadColumn[]): Promise<readonly LoadColumn[]> {
    const added = columns.map(({ name, type }) => `${quoteIdentifier(name)} ${addedType(type)}`);
    await this.#within(target, (lease) => lease.run(addColumns(target, added)));
    return this.prepare(target);
  }

  async positions(target: LoadTarget, starts: readonly number[] = []): ReturnType<Sink['positions']> {
    const intents = await this.#within(target, (lease) => readIntents(lease, target));
    // For the others a loader keeps what it has read before: an intent that it has not seen must fence it.
    for (const intent of intents.values()) if (starts.includes(intent.partition)) this.#ranges.learn(target, intent);
    return new Map(
      [...intents].map(([partition, { to, topicId, epoch }]) => [partition, { next: to, topicId, epoch }]),
    );
  }

  async nameTopic(target: LoadTarget, ids: ReadonlyMap<number, string>): Promise<void> {
    await this.#within(target, async (lease) => {
      const floors = new Map((await lease.ask(selectFloors(target))).map(([partition, floor]) => [partition, floor]));
      const id = randomUUID();
      const wanted = [...(await readIntents(lease, target))].flatMap(([partition, newest]) => {
        const topicId = ids.get(partition);
        if (topicId === undefined || newest.topicId !== null || !newest.done) return [];
        const floor = floors.get(String(partition));
        return [
          {
            ...{ ...newest, id, kind: 'start' as const, seq: newest.seq + 1n, topicId },
            ...{ from: newest.to, rows: 0, dead: 0, letters: [] },
            ...(floor == null ? {} : { floor: BigInt(floor) }),
          },
        ];
      });
      // If another loader was first, the partition has no id for now: the next start checks again.
      if (wanted.length > 0) await recordTogether(lease, wanted, { target, loadId: '', chain: null });
    });
  }

  async startAt(target: LoadTarget, topicId: string | null, starts: ReadonlyMap<number, bigint>): Promise<void> {
    await this.#within(target, async (lease) => {
      const id = randomUUID();
      const wanted = [...starts].map(([partition, next]) => ({
        ...newIntent('start', partition),
        ...{ id, topic: target.topic, seq: 1n, from: next, to: next, topicId },
      }));
      // If another loader was first, its position is kept.
      if (wanted.length > 0) await recordTogether(lease, wanted, { target, loadId: '', chain: null });
      for (const newest of (await readPlaces(lease, target, wanted)).values()) this.#ranges.learn(target, newest);
    });
  }

  async unsettled(target: LoadTarget, partitions: readonly number[]): Promise<readonly OpenFlush[]> {
    const open: OpenFlush[] = [];
    // Those of this process: to other loaders they look interrupted.
    await this.rest(target);
    await this.#within(target, async (lease) => {
      const known = new Set<string>();
      for (const [partition, intent] of await readIntents(lease, target)) {
        if (intent.done || !partitions.includes(partition) || known.has(intent.id)) continue;
        await this.#guard(lease, target);
        if (intent.kind === 'rewind') {
          await settleRewind(lease, target, intent);
          continue;
        }
        known.add(intent.id);
        const ranges = (await readGroup(lease, target, intent.id)).filter(({ done }) => !done);
        if (ranges.length === 0) continue;
        if (await isWhole(lease, target, ranges)) await finish(lease, ranges, { target, loadId: '' });
        else open.push({ id: intent.id, ranges });
      }
    });
    return open;
  }

  async settle(open: OpenFlush, flush: Flush): Promise<Flushed> {
    const { target, loadId } = flush;
    return this.#within(target, async (lease) => {
      const contents = contentsOf(flush);
      const read = new Set(flush.ranges.map(partitionKey));
      let intents = await settleable(lease, target, { id: open.id, read, loadId });
      let settled = await settleContents(this.#writing(lease), intents, partOf(contents, intents));
      // Another intent was recorded after some of them meanwhile: the others become a part.
      while (settled.gone.length > 0) {
        intents = await settleable(lease, target, { id: intents[0]?.id ?? open.id, read, loadId });
        settled = await settleContents(this.#writing(lease), intents, partOf(contents, intents));
      }
      const { outcome } = settled;
      const done = flush.ranges.flatMap((range) => {
        const intent = intents.find((each) => partitionKey(each) === partitionKey(range));
        return intent === undefined ? [] : [{ ...intent, ...countsOf(range, contents, outcome) }];
      });
      await finish(
        lease,
        done.filter((intent) => !intent.done),
        { target, loadId },
      );
      for (const intent of done) this.#ranges.learn(target, { ...intent, done: true });
      if (done.length === 0) throw new Fenced(flush.ranges);
      return outcome;
    });
  }

  async rewind(
    target: LoadTarget,
    topicId: string | null,
    next: ReadonlyMap<number, bigint>,
    from?: ReadonlyMap<number, bigint>,
  ): Promise<{ rows: number; letters: number }> {
    const total = { rows: 0, letters: 0 };
    await severally([...next], AT_ONCE, async ([partition, to]) => {
      const intent = { ...newIntent('rewind', partition), from: from?.get(partition) ?? -1n, to, topicId };
      const forward = from === undefined;
      const gone = await this.#within(target, (lease) => rewindPartition(lease, target, intent, forward));
      total.rows += gone.rows;
      total.letters += gone.letters;
    });
    return total;
  }

  async ends(target: LoadTarget): Promise<ReadonlyMap<number, bigint>> {
    return this.#within(target, async (lease) => {
      const ends = new Map<number, bigint>();
      const intents = await readIntents(lease, target);
      for (const sql of [heldEnds(target, intents), deadEnds(target, intents)]) {
        for (const [partition, end] of await lease.ask(sql)) {
          const found = BigInt(end ?? '0');
          if (found > (ends.get(Number(partition)) ?? -1n)) ends.set(Number(partition), found);
        }
      }
      return ends;
    });
  }

  async snapshots(target: LoadTarget): Promise<ReadonlyMap<number, bigint>> {
    const found = new Map<number, bigint>();
    await this.#within(target, async (lease) => {
      // A changed snapshot row disappears once parts are merged: the intents still have its position.
      for (const [partition, position] of [
        ...(await lease.ask(snapshots(target))),
        ...(await lease.ask(selectFloors(target))),
      ]) {
        const known = found.get(Number(partition)) ?? -1n;
        if (position != null && BigInt(position) > known) found.set(Number(partition), BigInt(position));
      }
    });
    return found;
  }

  async newestChanges(target: LoadTarget, next: readonly ReadPosition[]): Promise<ReadonlyMap<number, NewestChange>> {
    return this.#within(target, async (lease) => {
      const intents = await readIntents(lease, target);
      const found = new Map<number, NewestChange>();
      const take = async (spans: readonly Span[]): Promise<void> => {
        if (spans.length === 0) return;
        for (const [partition, position, micros, source] of await lease.ask(newestChanges(target, spans)))
          if (position != null && micros != null)
            found.set(Number(partition), { position: BigInt(position), micros: Number(micros), source: source ?? '' });
      };
      // Offsets of an earlier topic of this name say nothing about the current one's.
      await take(next.filter((at) => intents.get(at.partition)?.topicSince == null).map(shortlyBefore));
      await take(next.filter((at) => (found.get(at.partition)?.position ?? 0n) === 0n).map(allOffsets));
      const known = next.flatMap((at) => {
        const change = found.get(at.partition);
        const isPresent = intents.get(at.partition)?.topicSince == null;
        return change === undefined || change.position === 0n || !isPresent ? [] : [{ ...at, ...change }];
      });
      if (known.length > 0)
        for (const [partition, position, micros] of await lease.ask(higherChanges(target, known))) {
          const change = found.get(Number(partition));
          if (change !== undefined)
            found.set(Number(partition), { ...change, position: BigInt(position ?? '0'), micros: Number(micros) });
        }
      return found;
    });
  }

  async holdsRows(target: LoadTarget): Promise<boolean> {
    return this.#within(target, async (lease) => (await lease.ask(heldRows(target))).length > 0);
  }

  async heldPartitions(target: LoadTarget): Promise<readonly number[]> {
    return this.#within(target, async (lease) =>
      (await lease.ask(heldPartitions(target))).map(([partition]) => Number(partition)),
    );
  }

  async recentDead(
    target: LoadTarget,
    next: ReadonlyMap<number, bigint>,
    window: number,
    limit: number,
  ): ReturnType<Sink['recentDead']> {
    if (next.size === 0) return [];
    const rows = await this.#within(target, (lease) => lease.ask(recentDead(target, next, window, limit)));
    return rows.map(([back, error, partition, offset]) => ({
      ...{ back: Number(back), error: error ?? '' },
      ...{ topic: target.topic, partition: Number(partition), offset: BigInt(offset ?? '0') },
    }));
  }

  async note(target: LoadTarget, failure: string | null): Promise<void> {
    await this.#within(target, (lease) => lease.run(noteFailure(target, failure)));
  }

  async setPaused(target: LoadTarget, paused: boolean): Promise<boolean> {
    return this.#within(target, async (lease) => {
      await createState(lease);
      if ((await lease.ask(selectPauses([target]))).length > 0 === paused) return false;
      await lease.run(insertPause(target, paused));
      return true;
    });
  }

  async look(...[own, groups, targets, asked = targets]: Parameters<Sink['look']>): Promise<Looked> {
    return this.#within(null, async (lease) => {
      if (own.length > 0) await lease.run(insertMembers(own, false));
      const tables = [...new Set(asked.map(relationOf))].map(quoteText).join(', ');
      // One query: it runs all the time, and each statement costs the server milliseconds.
      const sql = together({
        members: groups.length === 0 ? null : selectMembers(own, groups),
        pauses: targets.length === 0 ? null : selectPauses(targets),
        positions: tables === '' ? null : selectPositions(`relation IN (${tables}) AND partition >= 0`),
      });
      const rows = sql === '' ? [] : await lease.ask(sql);
      const of = (name: string): (string | null)[][] =>
        rows.flatMap(([query, json]) => {
          const cells: (string | null)[] = JSON.parse(json ?? '[]');
          return query === name ? [cells] : [];
        });
      const others = of('members');
      const paused = new Set(of('pauses').map(([relation]) => relation));
      const places = new Map<string, Map<number, Place>>();
      for (const [relation, topic, partition, to, epoch] of of('positions')) {
        const key = `${relation} ${topic}`;
        const place = { next: BigInt(to ?? '0'), epoch: epoch == null ? null : Number(epoch) };
        places.set(key, (places.get(key) ?? new Map<number, Place>()).set(Number(partition), place));
      }
      return {
        paused: new Set(targets.filter((target) => paused.has(relationOf(target)))),
        others: others.map(([group, member, seen, silent]) => ({
          group: group ?? '',
          member: member ?? '',
          seen: seen ?? '',
          silentMs: Number(silent),
        })),
        positions: new Map(
          targets.map((target) => [target, places.get(`${relationOf(target)} ${target.topic}`) ?? new Map()]),
        ),
      };
    });
  }

  async forget(members: readonly GroupMember[]): Promise<void> {
    if (members.length > 0) await this.#within(null, (lease) => lease.run(insertMembers(members, true)));
  }

  async stop(target: LoadTarget): Promise<void> {
    await Promise.all(
      [...(this.#active.get(target.uniqueId) ?? [])].map((session) => session.cancel().catch(() => undefined)),
    );
  }

  async flush(flush: Flush): Promise<Flushed> {
    const { target, ranges, replayed = [], loadId, follows = false } = flush;
    if (ranges.length === 0) {
      const contents = contentsOf(flush);
      const intent = newIntent('replay', REPLAYS);
      return this.#within(target, (lease) => replayLetters(this.#writing(lease), contents, replayed, intent));
    }
    return this.#within(target, async (lease) => {
      const {
        ranges: written,
        fenced,
        outcome,
      } = await this.#ranges.write(this.#writing(lease), contentsOf(flush), ranges);
      this.#reached('before_commit');
      const done = written
        .filter(({ recorded }) => this.#ranges.isOpen(target, recorded))
        .map(({ recorded, rows, dead }) => ({ ...recorded, rows, dead }));
      if (follows && fenced.length === 0) this.#ranges.leave(target, done);
      else await this.#ranges.finish(lease, { target, loadId }, done);
      this.#reached('after_commit');
      if (fenced.length > 0) throw new Fenced(fenced);
      return {
        rows: written.reduce((sum, { rows }) => sum + rows, 0),
        dead: [...flush.dead, ...refusedOf(flush, outcome)],
      };
    });
  }

  async rest(target: LoadTarget, loadId = ''): Promise<void> {
    if (this.#ranges.hasLeft(target))
      await this.#within(target, (lease) => this.#ranges.finish(lease, { target, loadId }));
  }

  async maintain(target: LoadTarget): Promise<readonly string[]> {
    await this.#within(target, async (lease) => {
      for (const { topic, partition, seq } of await newestOfTable(lease, target)) {
        const prune = pruneIntents(target, topic, partition, seq);
        if (prune !== null) await lease.run(prune);
      }
      // A user without the privilege to drop them can still load.
      for (const drop of await dropBeside(lease)) await lease.run(drop).catch(() => undefined);
    });
    return [];
  }

  /** @throws `validation` error that says why messages could not be loaded once each */
  async #guard(lease: LeasedSession, target: LoadTarget): Promise<void> {
    refuse(target, await this.#problems(lease, target));
  }

  async #problems(lease: LeasedSession, target: LoadTarget): Promise<string[]> {
    return guardProblems(lease, target, { ...(await this.#place()), settings: this.#adapter.server.settings });
  }

  /** Where the profile's tables are created. */
  async #place(): Promise<TablePlace> {
    const { engine } = await this.#adapter.facts();
    const cluster = new Map(this.#adapter.connectionInfo()).get('cluster');
    return { cluster: typeof cluster === 'string' && cluster !== '' ? cluster : null, databaseEngine: engine };
  }

  #writing(lease: LeasedSession): Writing {
    return { lease, sealer: this.#sealer, reached: this.#reached, now };
  }

  async #within<T>(target: LoadTarget | null, work: (lease: LeasedSession) => Promise<T>): Promise<T> {
    const session = this.#adapter.session({ name: target === null ? 'load' : `load ${target.name}` });
    const key = target?.uniqueId ?? '';
    const active = this.#active.get(key) ?? new Set();
    this.#active.set(key, active.add(session));
    try {
      return await work(new LeasedSession(session, this.#leaseSeconds));
    } finally {
      active.delete(session);
      await session.release();
    }
  }
}

function contentsOf({ target, columns, rows, dead, loadId, allowance = Number.MAX_SAFE_INTEGER }: Flush): Contents {
  return { target, columns: rowColumns(target, columns), rows, numbers: rows.all(), dead, loadId, allowance };
}

/** The dead letters from rows that the table rejected. */
function refusedOf({ dead }: Flush, outcome: Outcome): DeadLetter[] {
  const known = new Set(dead.map(({ message }) => message));
  return outcome.dead.filter(({ message }) => !known.has(message));
}

/** Creates what is missing from the bookkeeping; without the privilege to create, existing tables can still be used. */
async function createState(lease: LeasedSession): Promise<void> {
  const [tables, columns] = (await lease.ask(STATE_PRESENT))[0] ?? [];
  if (Number(tables) === STATE_TABLES && Number(columns) === STATE_COLUMNS) return;
  const there = await present(lease, { schema: STATE_DATABASE, identifier: '' });
  for (const statement of CREATE_STATE.slice(there)) await lease.run(statement);
}

/** How much of a table exists: 0: not even its database, 1: the database, 2: both. */
async function present(
  lease: LeasedSession,
  { schema, identifier }: Pick<LoadTarget, 'schema' | 'identifier'>,
): Promise<number> {
  const [row] = await lease.ask(
    `SELECT toString((SELECT count() FROM system.databases WHERE name = ${quoteText(schema)}) + (SELECT count() FROM ` +
      `system.tables WHERE database = ${quoteText(schema)} AND name = ${quoteText(identifier)}))`,
  );
  return Number(row?.[0]);
}

async function statePresent(lease: LeasedSession): Promise<boolean> {
  return Number((await lease.ask(STATE_PRESENT))[0]?.[0]) === STATE_TABLES;
}

/** @param columns as DDL */
function addColumns(target: LoadTarget, columns: readonly string[]): string {
  return (
    `ALTER TABLE ${relationOf(target)} ` + columns.map((column) => `ADD COLUMN IF NOT EXISTS ${column}`).join(', ')
  );
}

/** @throws `validation` error if there are problems */
function refuse(target: LoadTarget, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new TsdbtError('validation', `${target.name} cannot be loaded: ${problems.join('\n  ')}`, {
    path: target.path,
    hint: '`tsdbt load check` says the same and writes nothing.',
  });
}
