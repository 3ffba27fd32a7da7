// Postgres as a sink: COPY into the table, or for upserts into a temporary table and from there by key; rows, dead letters and positions in one
// transaction. A row that the database refuses is found and becomes a dead letter. What the table looks like is table.ts's.
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import type { Adapter, Session } from '../../adapters/adapter.ts';
import { TsdbtError } from '../../errors.ts';
import { CREATE_STATE, forgetConsumed, insertOffsets, markReplayed, moveOffsets, selectOffsets, setOffsets, STATE_PRESENT, STATE_SCHEMA } from '../../state/load-offsets.ts';
import type { LoadColumn, LoadTarget } from '../load-target.ts';
import { META_COLUMNS } from '../load-target.ts';
import type { RowBuffer } from '../row-buffer.ts';
import type { Sealer } from '../seal.ts';
import { type DeadLetter, type FaultPoint, Fenced, type Flush, type Flushed, type Sink } from '../sink.ts';
import { existingColumns, hasUniqueKey, typeDifference } from './existing-table.ts';
import { comingPartitions, createPartition, createTable, metaColumn, partitionAt, partitionName, partitionStart, type TablePartition, tableName } from './table.ts';

const DAY = 86_400_000;
const STAGE = 'tsdbt_load_stage';
/** Moments without a zone are UTC, whatever the server's zone; a loader that is stopped in the midst of a flush does not hold up the others for ever. */
const FLUSH_SETTINGS = "select set_config('timezone', 'UTC', true), set_config('idle_in_transaction_session_timeout', '15s', true)";
/** Rows that are tried at once when some of them are refused. */
const BLOCK = 256;
export class PostgresSink implements Sink {
  private readonly adapter: Adapter;
  private readonly sealer: Sealer;
  private readonly now: () => number;
  private readonly reached: (point: FaultPoint) => void;
  private readonly partitions = new Map<string, Set<string>>();
  /** How often rows of an upsert were taken for new and were not, and for how many flushes they are not tried as new. */
  private readonly mostlyNew = new Map<string, { misses: number; wait: number }>();
  /** Targets whose table was there before, without partitions: it keeps its shape. */
  private readonly plain = new Set<string>();

  /** @param reached for tests: told of each fault point */
  constructor(adapter: Adapter, sealer: Sealer, now: () => number, reached: (point: FaultPoint) => void = () => undefined) {
    this.adapter = adapter;
    this.sealer = sealer;
    this.now = now;
    this.reached = reached;
  }

  async prepare(target: LoadTarget): Promise<readonly LoadColumn[]> {
    return this.within(`load ${target.name}`, async (session) => {
      // Two loaders that start together make the tables one after the other.
      await session.execute(`select pg_advisory_xact_lock(hashtext('tsdbt load'), hashtext(${quoteText(target.uniqueId)}))`);
      await createMissing(session, CREATE_STATE, STATE_PRESENT);
      await createMissing(session, createTable(target), `select to_regclass(${quoteText(tableName(target))}) is not null`);
      const existing = await existingColumns(session, target);
      for (const meta of META_COLUMNS) {
        if (!existing.has(meta.name)) await session.execute(`alter table ${tableName(target)} add column ${metaColumn(meta)}`);
      }
      if (target.rest !== null && !existing.has(target.rest)) await session.execute(`alter table ${tableName(target)} add column ${quoteIdentifier(target.rest)} jsonb`);
      for (const column of target.columns) await this.reconcile(session, target, column, existing.get(column.name)?.type);
      await this.checkKey(session, target);
      await this.checkPartitions(session, target);
      const own = new Set([...META_COLUMNS.map(({ name }) => name), ...(target.rest === null ? [] : [target.rest])]);
      const declared = new Set(target.columns.map(({ name }) => name));
      const added = [...existing].filter(([name, { generated }]) => !own.has(name) && !declared.has(name) && !generated).map(([name, { type }]) => ({ name, type }));
      return target.schemaDrift === 'add_column' ? [...target.columns, ...added] : target.columns;
    });
  }

  async addColumns(target: LoadTarget, columns: readonly LoadColumn[]): Promise<readonly LoadColumn[]> {
    await this.within(`load ${target.name}`, async (session) => {
      await session.execute(`alter table ${tableName(target)} ${columns.map(({ name, type }) => `add column if not exists ${quoteIdentifier(name)} ${type}`).join(', ')}`);
    });
    return this.prepare(target);
  }

  async positions(target: LoadTarget): ReturnType<Sink['positions']> {
    return this.within(`load ${target.name}`, async (session) => {
      const rows = await read(session, selectOffsets(target.uniqueId, target.topic));
      return new Map(rows.map(([partition, next, topicId]) => [Number(partition), { next: BigInt(String(next)), topicId: typeof topicId === 'string' ? topicId : null }]));
    });
  }

  async startAt(target: LoadTarget, topicId: string | null, starts: ReadonlyMap<number, bigint>): Promise<void> {
    if (starts.size > 0) await this.within(`load ${target.name}`, (session) => session.execute(insertOffsets(target.uniqueId, target.topic, topicId, starts)));
  }

  async rewind(target: LoadTarget, topicId: string | null, next: ReadonlyMap<number, bigint>): Promise<void> {
    if (next.size === 0) return;
    await this.within(`load ${target.name}`, async (session) => {
      await session.execute(setOffsets(target.uniqueId, target.topic, topicId, next));
      await session.execute(forgetConsumed(target.uniqueId, target.topic, next));
    });
  }

  async flush(flush: Flush): Promise<Flushed> {
    await this.makePartitions(flush.target, flush.rows);
    let rows: readonly number[] = flush.rows.all();
    const dead = [...flush.dead];
    const mostlyNew = this.mostlyNew.get(flush.target.uniqueId) ?? { misses: 0, wait: 0 };
    this.mostlyNew.set(flush.target.uniqueId, mostlyNew);
    let asNew = flush.target.mode === 'upsert' && mostlyNew.wait-- <= 0 && flush.rows.tombstones === 0;
    for (;;) {
      try {
        await this.within(`load ${flush.target.name}`, (session) => this.write(session, flush, rows, dead, asNew));
        if (asNew) mostlyNew.misses = 0;
        this.reached('after_commit');
        return { rows: rows.length, dead };
      } catch (error) {
        if (!isDataError(error)) throw error;
        if (asNew) {
          // A key was there already, or the rows are at fault: by key then, and so for a while.
          asNew = false;
          mostlyNew.wait = 2 ** Math.min(mostlyNew.misses++, 8);
          continue;
        }
        let refused = await this.findRefused(flush, rows);
        // Each part fits and the whole does not: rows that exclude one another.
        if (refused.size === 0) refused = await this.firstRefused(flush, rows);
        if (refused.size === 0) throw error;
        rows = rows.filter((row) => !refused.has(row));
        for (const [row, reason] of refused) dead.push({ message: flush.rows.message(row), topic: flush.rows.topic(row), partition: flush.rows.partition(row), error: reason });
      }
    }
  }

  async maintain(target: LoadTarget): Promise<readonly string[]> {
    if (target.partitionBy === null || this.plain.has(target.uniqueId)) return [];
    for (const partition of comingPartitions(target, this.now())) await this.makePartition(target, partition);
    if (target.retentionDays === null) return [];
    const limit = this.now() - target.retentionDays * DAY;
    const length = target.partitionBy.every === 'day' ? DAY : 7 * DAY;
    return this.within(`load ${target.name}`, async (session) => {
      const rows = await read(session, `select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = to_regclass(${quoteText(tableName(target))}) order by 1`);
      const old = rows.map((row) => String(row[0])).filter((name) => {
        const start = partitionStart(target, name);
        return start !== null && start + length <= limit;
      });
      await session.execute("set local lock_timeout = '5s'");
      for (const name of old) await session.execute(`drop table ${partitionName(target, name)}`);
      return old;
    });
  }

  /** The whole flush on one session; nothing of it lasts when it throws. */
  private async write(session: Session, flush: Flush, rows: readonly number[], dead: readonly DeadLetter[], asNew: boolean): Promise<void> {
    const { target } = flush;
    await session.execute(FLUSH_SETTINGS);
    if (flush.ranges.length > 0) {
      const ranges = flush.ranges.map((range) => {
        const more = dead.filter((letter) => !flush.dead.includes(letter) && letter.topic === range.topic && letter.partition === range.partition).length;
        return { ...range, rows: range.rows - more, dead: range.dead + more };
      });
      const moved = await read(session, moveOffsets(target.uniqueId, ranges));
      const seen = new Set(moved.map((row) => `${String(row[0])}/${String(row[1])}`));
      const lost = ranges.filter(({ topic, partition }) => !seen.has(`${topic}/${partition}`));
      if (lost.length > 0) throw new Fenced(lost.map(({ topic, partition }) => ({ topic, partition })));
    }
    if (rows.length > 0) await this.writeRows(session, flush, rows, asNew);
    if (flush.replayed !== undefined && flush.replayed.length > 0) {
      const done = await read(session, markReplayed(target.uniqueId, flush.replayed));
      if (done.length < flush.replayed.length) throw new TsdbtError('runtime', `The dead letters of ${target.name} are being replayed by another process.`, { hint: 'Run it again when that one is done.' });
    }
    if (dead.length > 0) await this.writeDead(session, flush, dead);
    this.reached('before_commit');
  }

  /** @param asNew upserts whose keys are not in the table: COPY straight into it, half the work, and an error where one is */
  private async writeRows(session: Session, { target, columns, rows: held }: Flush, rows: readonly number[], asNew: boolean): Promise<void> {
    const names = [...columns.map(({ name }) => name), ...(target.rest === null ? [] : [target.rest]), '_topic', '_partition', '_offset', '_kafka_ts', '_deleted', '_load_id'];
    const list = names.map(quoteIdentifier).join(', ');
    const table = tableName(target);
    this.reached('before_copy');
    if (target.mode === 'append' || asNew) {
      await session.copyIn(`copy ${table} (${list}) from stdin`, held.chunks(asNew ? held.latest() : rows));
      this.reached('before_merge');
      return;
    }
    await session.execute(`create temporary table ${STAGE} on commit drop as select ${list} from ${table} with no data`);
    await session.copyIn(`copy ${STAGE} (${list}) from stdin`, held.chunks(rows));
    this.reached('before_merge');
    const key = target.key.map(quoteIdentifier).join(', ');
    const updates = names.filter((name) => !target.key.includes(name)).map((name) => (name.startsWith('_') && name !== target.rest
      ? `${quoteIdentifier(name)} = excluded.${quoteIdentifier(name)}`
      : `${quoteIdentifier(name)} = case when excluded._deleted then t.${quoteIdentifier(name)} else excluded.${quoteIdentifier(name)} end`));
    const upsert = async (last: string): Promise<void> => void (await session.execute(`insert into ${table} as t (${list})
${last}
on conflict (${key}) do update set ${updates.join(', ')}, _loaded_at = now()
where t._topic is distinct from excluded._topic or t._partition is distinct from excluded._partition or t._offset is null or t._offset < excluded._offset`));
    const last = (where: string): string => `select distinct on (${key}) ${list} from ${STAGE}${where} order by ${key}, ctid desc`;
    if (held.tombstones === 0) return upsert(last(''));
    // A row that comes and goes within one flush keeps its values, as it does over two.
    await upsert(last(' where not _deleted'));
    await upsert(`select * from (${last('')}) as newest where _deleted`);
  }

  private async writeDead(session: Session, { target, loadId }: Flush, dead: readonly DeadLetter[]): Promise<void> {
    const bytes = (value: Uint8Array | null): string => (value === null ? '\\N' : `\\\\x${Buffer.from(value).toString('hex')}`);
    const text = (value: string): string => value.replaceAll('\0', '\u2400').replace(/[\\\n\r\t]/g, (c) => ({ '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' })[c]!);
    const sealed = this.sealer.seals(target);
    const letters = dead.map(({ message, topic, partition, error }) => {
      const headers = message.headers.map(([name, value]) => [name.replaceAll('\0', '\u2400'), value === null ? null : Buffer.from(this.sealer.seal(target, value) ?? []).toString('base64')]);
      return `${[
        text(target.uniqueId), text(topic), partition, message.offset, new Date(message.timestamp).toISOString(),
        bytes(this.sealer.seal(target, message.key)), bytes(this.sealer.seal(target, message.value)), text(JSON.stringify(headers)),
        sealed ? 't' : 'f', text(sealed ? withoutValues(error) : error), text(loadId),
      ].join('\t')}\n`;
    });
    await session.copyIn(
      `copy ${STATE_SCHEMA}.dead_letters (target, topic, partition, "offset", kafka_ts, key, value, headers, sealed, error, load_id) from stdin`,
      letters.map((letter) => Buffer.from(letter)),
    );
  }

  /** Which rows the database does not take, with its reason. Tries halves in transactions that are rolled back; COPY names its line itself. */
  private async findRefused(flush: Flush, rows: readonly number[]): Promise<Map<number, string>> {
    const refused = new Map<number, string>();
    const search = async (part: readonly number[]): Promise<void> => {
      if (part.length === 0) return;
      const error = await this.trial(flush, part);
      if (error === null) return;
      const line = copyLine(error);
      if (line !== null && line <= part.length) {
        refused.set(part[line - 1]!, error.message);
        // What stands before the line has been read by COPY without complaint; whether all of it fits is seen by the flush itself.
        return search(part.slice(line));
      }
      if (part.length === 1) {
        refused.set(part[0]!, error.message);
        return;
      }
      const middle = part.length >> 1;
      await search(part.slice(0, middle));
      await search(part.slice(middle));
    };
    for (let at = 0; at < rows.length; at += BLOCK) await search(rows.slice(at, at + BLOCK));
    return refused;
  }

  /** The row that ends the shortest beginning which the database does not take. */
  private async firstRefused(flush: Flush, rows: readonly number[]): Promise<Map<number, string>> {
    let taken = 0;
    let refused = rows.length;
    let reason = await this.trial(flush, rows);
    if (reason === null) return new Map();
    while (refused - taken > 1) {
      const middle = (taken + refused) >> 1;
      const error = await this.trial(flush, rows.slice(0, middle));
      if (error === null) taken = middle;
      else [refused, reason] = [middle, error];
    }
    return new Map([[rows[refused - 1]!, reason.message]]);
  }

  /** @returns why the rows cannot be written, or null when they can */
  private async trial(flush: Flush, rows: readonly number[]): Promise<TsdbtError | null> {
    const session = this.adapter.session({ name: `load ${flush.target.name}` });
    try {
      await session.begin();
      await session.execute(FLUSH_SETTINGS);
      await this.writeRows(session, flush, rows, false);
      return null;
    } catch (error) {
      if (isDataError(error)) return error;
      throw error;
    } finally {
      await session.rollback().catch(() => undefined);
      await session.release();
    }
  }

  private async makePartitions(target: LoadTarget, rows: RowBuffer): Promise<void> {
    if (target.partitionBy === null || this.plain.has(target.uniqueId)) return;
    const known = this.partitions.get(target.uniqueId) ?? new Set();
    const now = this.now();
    for (const time of rows.times()) {
      const partition = partitionAt(target, time, now);
      if (partition !== null && !known.has(partition.name)) await this.makePartition(target, partition);
    }
  }

  private async makePartition(target: LoadTarget, partition: TablePartition): Promise<void> {
    const known = this.partitions.get(target.uniqueId) ?? new Set();
    this.partitions.set(target.uniqueId, known);
    if (known.has(partition.name)) return;
    await this.within(`load ${target.name}`, async (session) => {
      await session.execute(`select pg_advisory_xact_lock(hashtext('tsdbt load'), hashtext(${quoteText(target.uniqueId)}))`);
      const name = partitionName(target, partition.name);
      const [there] = await read(session, `select to_regclass(${quoteText(name)}) is not null`);
      if (there?.[0] !== true) for (const statement of createPartition(target, partition)) await session.execute(statement);
    });
    known.add(partition.name);
  }

  /** Adds a declared column that the table lacks, widens one that has become wider, refuses any other difference. */
  private async reconcile(session: Session, target: LoadTarget, column: LoadColumn, existing: string | undefined): Promise<void> {
    if (existing === undefined) {
      await session.execute(`alter table ${tableName(target)} add column ${quoteIdentifier(column.name)} ${column.type}`);
      return;
    }
    const difference = await typeDifference(session, column, existing);
    if (difference === 'none') return;
    if (difference === 'wider') {
      await session.execute(`alter table ${tableName(target)} alter column ${quoteIdentifier(column.name)} type ${column.type}`);
      return;
    }
    throw new TsdbtError('validation', `Column '${column.name}' of ${target.name} is declared as ${column.type}, but the table has ${existing}.`, {
      path: target.path, hint: `Columns are only added and widened. Declare ${existing}, or change the table: alter table ${tableName(target)} alter column ${quoteIdentifier(column.name)} type ${column.type} using …`,
    });
  }

  private async checkPartitions(session: Session, target: LoadTarget): Promise<void> {
    if (target.partitionBy === null) return;
    const [kind] = await read(session, `select relkind::text from pg_class where oid = to_regclass(${quoteText(tableName(target))})`);
    if (kind?.[0] === 'p') return;
    if (target.retentionDays !== null) {
      throw new TsdbtError('validation', `The table of ${target.name} is there without partitions, and 'retention' drops partitions.`, { path: target.path, hint: 'Rename the table and let the loader make a new one, or take retention out of the load config.' });
    }
    this.plain.add(target.uniqueId);
  }

  private async checkKey(session: Session, target: LoadTarget): Promise<void> {
    if (target.mode !== 'upsert' || (await hasUniqueKey(session, target))) return;
    throw new TsdbtError('validation', `The table of ${target.name} has no unique key on (${target.key.join(', ')}), which mode 'upsert' needs.`, {
      path: target.path, hint: `alter table ${tableName(target)} add primary key (${target.key.map(quoteIdentifier).join(', ')})`,
    });
  }

  private async within<T>(name: string, work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.adapter.session({ name });
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

/** Creates only when something is missing: who may not create can load into tables that are there. Loaders of other tables may make the same schemas. */
async function createMissing(session: Session, statements: readonly string[], present: string): Promise<void> {
  const [there] = await read(session, present);
  if (there?.[0] === true) return;
  await session.execute("select pg_advisory_xact_lock(hashtext('tsdbt load'), 0)");
  for (const statement of statements) await session.execute(statement);
}

async function read(session: Session, sql: string): Promise<readonly (readonly unknown[])[]> {
  const { table } = await session.execute(sql, { fetch: true });
  return table.rows.map((row) => row.values);
}

/**
 * Is it the rows' fault, and not the table's, the server's or the network's? SQLSTATE classes 21, 22, 23, 27, 44; what triggers raise (45, P0); a row too
 * large or JSON too deep (54).
 */
function isDataError(error: unknown): error is TsdbtError {
  const code = error instanceof TsdbtError ? error.details.code : undefined;
  return code !== undefined && /^(2[1237]|44|45|54|P0)/.test(code);
}

function copyLine(error: TsdbtError): number | null {
  const match = /CONTEXT: {2}COPY [^\n]*?, line (\d+)/.exec(error.message);
  return match === null ? null : Number(match[1]);
}

/** A database's message quotes the value that it refused: not for tables with personal data. */
function withoutValues(error: string): string {
  return error.split('\n')[0]!.replace(/: ".*$/, '').replace(/^value ".*" is/, 'a value is').replace(/=\(.*\)/, '');
}
