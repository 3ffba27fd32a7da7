// Syncs a Postgres table into ClickHouse: reads in one snapshot of the source, fills a staging table, and swaps it with
// the old one by one EXCHANGE. The position is the table's comment, so that rows and position change in one step.
// src/loader/postgres/sync-border.ts decides from where changes are read.
import { randomUUID } from 'node:crypto';
import type { Adapter, Session } from '../../adapters/adapter.ts';
import type { ClickHouseAdapter } from '../../adapters/clickhouse/adapter.ts';
import { SYNC_COMMENT } from '../../adapters/clickhouse/catalogue.ts';
import {
  attachAll,
  besideName,
  commentTable,
  dropBeside,
  dropStaged,
  prepareDatabase,
  putInPlace,
  type StandingTable,
  standingTable,
  workingStem,
} from '../../adapters/clickhouse/beside.ts';
import { quoteIdentifier, quoteText } from '../../adapters/clickhouse/literal.ts';
import { plainType } from '../../adapters/clickhouse/plain-type.ts';
import type { ClickHouseSession } from '../../adapters/clickhouse/session.ts';
import { quoteIdentifier as quoteAtSource } from '../../adapters/postgres/literal.ts';
import { TsdbtError } from '../../errors.ts';
import { pluralize } from '../../log.ts';
import { PostgresSource } from '../../publish/postgres/source.ts';
import { read } from '../postgres/statements.ts';
import { condition, type KeptBorder } from '../postgres/sync-border.ts';
import { type KeptSync, problemsOf, SyncReader } from '../postgres/sync-reader.ts';
import type { SourceTable } from '../postgres/sync-source.ts';
import type { SyncTarget } from '../sync/config.ts';
import { hashMark, refuseShown } from '../sync/hidden-columns.ts';
import type { Synced, SyncCheck, SyncPoint, SyncState, TableSync } from '../sync/sync.ts';
import { nullableType, type SyncColumn, syncColumn } from './sync-columns.ts';
import { CLICKHOUSE_TABLE } from './table-options.ts';

const BESIDE = '__tsdbt_sync_';
const NEWLINE = 10;
/** Values as the source writes them: each bit of floats, and no default instead of a null. */
const INSERT_SETTINGS = {
  precise_float_parsing: '1',
  input_format_null_as_default: '0',
  insert_null_as_default: '0',
  max_partitions_per_insert_block: '0',
};
/** For rows from a staging table. */
const INSERT_SELECT = 'insert_null_as_default = 0, max_partitions_per_insert_block = 0, precise_float_parsing = 1';
/** The engine whose tables can be rebuilt as a staging table, and that keeps every row. */
const ENGINE = 'MergeTree';
/** What it becomes in a database of the engine Shared. */
const OWN_ENGINES: ReadonlySet<string> = new Set([ENGINE, 'SharedMergeTree']);

/** The comment of a synced table, as JSON after `SYNC_COMMENT`. */
interface Position extends KeptSync {
  readonly target: string;
  /** Absent: nothing is hashed. */
  readonly hashed?: string;
  readonly rows: number;
  readonly syncs: number;
  /** ISO 8601: when it began. */
  readonly syncedAt: string;
}

/** One run in progress. */
interface Work {
  readonly session: ClickHouseSession;
  readonly source: Session;
  readonly table: SourceTable;
  readonly columns: readonly SyncColumn[];
  readonly standing: StandingTable | null;
  /** Columns that the table lacks, as DDL. */
  readonly missing: readonly string[];
  /** A staging table that readers do not see, as SQL. */
  readonly staged: string;
  /** Two more: for rows before they are cast, and for the table with its changes. */
  readonly landing: string;
  readonly clone: string;
}

export class ClickHouseSync implements TableSync {
  readonly #target: SyncTarget;
  readonly #reader: SyncReader;
  readonly #to: ClickHouseAdapter;
  readonly #hashKey: string | null;
  readonly #reached: (point: SyncPoint) => void;
  readonly #name: { readonly schema: string; readonly table: string };
  /** As SQL. */
  readonly #relation: string;

  /** @param from closed with this; @param to belongs to the caller @param reached for tests @param hashKey of `hash` */
  constructor(
    target: SyncTarget,
    from: Adapter,
    to: ClickHouseAdapter,
    reached: (point: SyncPoint) => void = () => undefined,
    hashKey: string | null = null,
  ) {
    this.#target = target;
    this.#reader = new SyncReader(target, from, hashKey);
    this.#to = to;
    this.#hashKey = hashKey;
    this.#reached = reached;
    this.#name = { schema: target.schema, table: target.identifier };
    this.#relation = besideName(this.#name);
  }

  run(): Promise<Synced> {
    const { schema, table: identifier } = this.#name;
    return this.#reader.within(this.#to, async (session) => {
      this.#refuseCluster();
      const engine = await prepareDatabase(session, schema);
      if (engine !== null) this.#refuse(`its database '${schema}' is ${engine}, and must be Atomic`);
      // Before the snapshot: of two syncs the older snapshot must not be written last.
      await this.#to.lockRelation(session, this.#to.createRelation({ schema, identifier }));
      await dropBeside(session, schema, workingStem(identifier) + BESIDE);
      const [began] = await texts(session, "SELECT formatDateTime(now('UTC'), '%Y-%m-%dT%H:%i:%SZ')");
      const standing = await standingTable(session, this.#name);
      return this.#reader.read(async (source, table, border) => {
        await this.#refuseForeign(session, standing);
        const beside = (): string =>
          besideName({
            schema,
            table: `${workingStem(identifier)}${BESIDE}${randomUUID().replaceAll('-', '').slice(0, 12)}`,
          });
        const work = {
          ...{ session, source, table, standing, staged: beside(), landing: beside(), clone: beside() },
          ...(await this.#columns(session, source, table, standing)),
        };
        try {
          return await this.#write(work, border, began?.[0] ?? '');
        } finally {
          for (const each of [work.staged, work.landing, work.clone])
            await dropStaged(session, each).catch(() => undefined);
        }
      });
    });
  }

  check(): Promise<SyncCheck> {
    return problemsOf(() =>
      this.#reader.check((source, table) =>
        this.#reader.within(this.#to, async (session) => {
          this.#refuseCluster();
          const standing = await standingTable(session, this.#name);
          await this.#refuseForeign(session, standing);
          await this.#columns(session, source, table, standing);
        }),
      ),
    );
  }

  state(): Promise<SyncState | null> {
    return this.#reader.within(this.#to, async (session) => {
      const position = positionOf(await standingTable(session, this.#name));
      if (position === null) return null;
      const { syncedAt, border } = position;
      const [now] = await texts(session, 'SELECT toString(toUnixTimestamp64Milli(now64(3)))');
      return { syncedAt, border, ageMs: Number(now?.[0]) - Date.parse(syncedAt) };
    });
  }

  stop(): Promise<void> {
    return this.#reader.stop();
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  async #write(work: Work, border: KeptBorder, syncedAt: string): Promise<Synced> {
    const { session, table, standing, missing } = work;
    const { uniqueId, strategy, cursor } = this.#target;
    const before = positionOf(standing);
    const widened = standing === null || missing.length > 0;
    const where = condition(this.#target, table, widened ? null : this.#reader.goesOn(before, table));
    await this.#refuseValues(work, where);
    this.#reached('before_stage');
    const rows = await this.#stage(work, where);
    this.#reached('before_merge');
    // Duplicates cannot be found among rows that no sync wrote.
    const { made, changed } = await this.#merge(work, widened || before === null, rows);
    const hashed = hashMark(this.#target, this.#hashKey);
    const position: Position = {
      ...border,
      target: uniqueId,
      ...(hashed === null ? {} : { hashed }),
      source: this.#reader.name,
      strategy,
      cursor,
      cluster: table.cluster,
      rows,
      syncs: (before?.syncs ?? 0) + 1,
      syncedAt,
    };
    const comment = SYNC_COMMENT + JSON.stringify(position);
    if (made !== null) await commentTable(session, made, comment);
    this.#reached('before_commit');
    if (made === null) await commentTable(session, this.#relation, comment);
    else if (!(await putInPlace(session, made, this.#name, standing)))
      this.#refuse('another table has come there while its rows were read');
    this.#reached('after_commit');
    return { read: rows, changed };
  }

  /** Fills a table of the wanted structure with the rows of the source. @returns how many */
  async #stage(work: Work, where: string): Promise<number> {
    const { session, table, columns, standing, missing, staged, landing } = work;
    if (standing === null) {
      const own = columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(', ');
      const order = table.key.length === 0 ? 'tuple()' : table.key.map(quoteIdentifier).join(', ');
      await session.execute(`CREATE TABLE ${staged} (${own}) ENGINE = MergeTree ORDER BY (${order})`);
    } else await this.#createLike(session, staged, missing);
    const list = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
    const casts = columns.map(({ cast }) => cast).join(', ');
    const direct = casts === list;
    if (!direct) {
      const arriving = columns.map(({ name, arrives }) => `${quoteIdentifier(name)} ${arrives}`).join(', ');
      await session.execute(`CREATE TABLE ${landing} (${arriving}) ENGINE = MergeTree ORDER BY tuple()`);
    }
    const rows = await this.#copy(work, direct ? staged : landing, list, where);
    if (!direct) {
      await this.#refuseLost(work);
      await session.execute(
        `INSERT INTO ${staged} (${list}) SETTINGS ${INSERT_SELECT} SELECT ${casts} FROM ${landing}`,
      );
      await dropStaged(session, landing);
    }
    return rows;
  }

  /** @param into as SQL @returns how many rows there were @throws `database` error if not all have arrived */
  async #copy({ session, source, table, columns }: Work, into: string, list: string, where: string): Promise<number> {
    const expressions = columns.map(({ expression }) => expression);
    let rows = 0;
    await this.#reader.copy(source, table, expressions, where, (chunks) =>
      session.insert(
        `INSERT INTO ${into} (${list}) FORMAT TabSeparated`,
        counted(chunks, (lines) => {
          rows += lines;
        }),
        INSERT_SETTINGS,
      ),
    );
    const arrived = await this.#count(session, into);
    if (arrived !== rows)
      throw new TsdbtError('database', `${arrived} of ${rows} rows of ${this.#target.name} have arrived in ClickHouse`);
    return rows;
  }

  /**
   * @param anew no row of the table is considered equal
   * @returns the table to swap in; null: the existing one is equal
   */
  async #merge(
    work: Work,
    anew: boolean,
    rows: number,
  ): Promise<{ readonly made: string | null; readonly changed: number }> {
    const { session, table, staged, clone, standing, missing, columns } = work;
    await this.#refuseTwice(work);
    if (standing === null) return { made: staged, changed: rows };
    const key = table.key.map(quoteIdentifier).join(', ');
    if (table.key.length === 0) return { made: staged, changed: rows + (await this.#count(session, this.#relation)) };
    const list = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
    // The hour that occurs twice when clocks are set back has one text, except in UTC.
    const cells = columns.map(({ name, type }) =>
      plainType(type).startsWith('DateTime') ? `toString(${quoteIdentifier(name)}, 'UTC')` : quoteIdentifier(name),
    );
    const row = `sipHash128(formatRowNoNewline('TabSeparated', ${cells.join(', ')}))`;
    if (this.#target.strategy === 'full') {
      const [counts] = await texts(
        session,
        // Both are in the order of the key: neither is held in memory.
        `SELECT toString(countIf(s.r != t.r)) FROM (SELECT ${key}, ${anew ? "'new'" : row} AS r FROM ${staged}) s ` +
          `FULL JOIN (SELECT ${key}, ${anew ? "'old'" : row} AS r FROM ${this.#relation}) t USING (${key}) ` +
          "SETTINGS join_algorithm = 'full_sorting_merge', join_use_nulls = 0",
      );
      const changed = Number(counts?.[0]);
      return { made: changed > 0 || anew ? staged : null, changed };
    }
    await this.#createLike(session, clone, []);
    // Rows that are already equal are kept.
    const differs = anew
      ? ''
      : ` WHERE ${row} NOT IN (SELECT ${row} FROM ${this.#relation} WHERE (${key}) IN (SELECT ${key} FROM ${staged}))`;
    const [counts] = await texts(session, `SELECT toString(count()) FROM ${staged}${differs}`);
    const changed = Number(counts?.[0]);
    if (changed === 0 && !anew) return { made: null, changed };
    const before = await this.#count(session, this.#relation);
    if (before > 0) await attachAll(session, clone, this.#relation);
    if (missing.length > 0) await addColumns(session, clone, missing);
    if (before > 0)
      await session.execute(
        `DELETE FROM ${clone} WHERE (${key}) IN (SELECT ${key} FROM ${staged}${differs}) ` +
          'SETTINGS lightweight_deletes_sync = 2, mutations_sync = 2',
      );
    await session.execute(
      `INSERT INTO ${clone} (${list}) SETTINGS ${INSERT_SELECT} SELECT ${list} FROM ${staged}${differs}`,
    );
    return { made: clone, changed };
  }

  async #createLike(session: Session, name: string, missing: readonly string[]): Promise<void> {
    await session.execute(`CREATE TABLE ${name} AS ${this.#relation}`);
    if (missing.length > 0) await addColumns(session, name, missing);
  }

  async #count(session: Session, name: string): Promise<number> {
    const [row] = await texts(session, `SELECT toString(count()) FROM ${name}`);
    return Number(row?.[0]);
  }

  /** @throws `validation` error with the first column that does not fit */
  async #columns(
    session: Session,
    source: Session,
    { name, columns, key }: SourceTable,
    standing: StandingTable | null,
  ): Promise<Pick<Work, 'columns' | 'missing'>> {
    const known = new Map(
      (await new PostgresSource(source, { render: () => name }).columns()).map((each) => [each.name, each]),
    );
    const there = new Map(
      (standing !== null
        ? await texts(
            session,
            `SELECT name, type FROM system.columns WHERE database = ${quoteText(this.#name.schema)} AND table = ` +
              `${quoteText(this.#name.table)} AND default_kind NOT IN ('ALIAS', 'EPHEMERAL', 'MATERIALIZED')`,
          )
        : []
      ).map(([column = '', type = '']) => [column, type]),
    );
    await refuseShown(this.#target, this.#hashKey, {
      relation: this.#relation,
      columns: there,
      mark: positionOf(standing)?.hashed ?? null,
      holdsHash: CLICKHOUSE_TABLE.holdsHash,
      isEmpty: async () => (await this.#count(session, this.#relation)) === 0,
    });
    const missing: string[] = [];
    const found = columns.map(({ name: column, hashed, expression }): SyncColumn => {
      const at = known.get(column);
      if (at === undefined) return this.#refuse(`the source has no column '${column}' any more`);
      const wanted = there.get(column) ?? this.#target.types.get(column) ?? null;
      const made = syncColumn(hashed ? { ...at, type: 'text' } : at, wanted, key.includes(column));
      if (typeof made === 'string')
        return this.#refuse(made, `Declare the column with data_type: String, or leave it out by 'columns'.`);
      const synced = hashed ? { ...made, expression } : made;
      if (standing === null || there.has(column)) return synced;
      // Kept rows have no value for it.
      const type = nullableType(synced.type);
      missing.push(`${quoteIdentifier(column)} ${type}`);
      return { ...synced, type };
    });
    return { columns: found, missing };
  }

  /** @throws `validation` error on a cluster: EXCHANGE is atomic on each of its servers, not on all together */
  #refuseCluster(): void {
    const cluster = new Map(this.#to.connectionInfo()).get('cluster');
    if (typeof cluster === 'string' && cluster !== '')
      this.#refuse(`the target has the cluster '${cluster}', whose tables do not change in one step`);
  }

  /** @throws `validation` error with the first value that does not fit */
  async #refuseValues({ source, table, columns }: Work, where: string): Promise<void> {
    const checks = columns.flatMap((column) => column.checks);
    if (checks.length === 0) return;
    const asked = checks.flatMap(({ column, condition: of }) => [
      `count(*) filter (where ${of})`,
      `min(t.${quoteAtSource(column)}::text) filter (where ${of})`,
    ]);
    const [row = []] = await read(source, `select ${asked.join(', ')} from ${table.name} as t${where}`);
    const index = checks.findIndex((_, place) => Number(row[place * 2]) > 0);
    const check = checks[index];
    if (check === undefined) return;
    const count = pluralize(Number(row[index * 2]), 'value');
    const example = String(row[index * 2 + 1] ?? 'null');
    this.#refuse(
      `column '${check.column}' has ${count} without a place in ClickHouse: ${check.why}, such as ${example}`,
      'Leave the column out by `columns`, or declare data_type: Nullable(String).',
    );
  }

  /** @throws `validation` error with the first column whose values the cast would change */
  async #refuseLost({ session, columns, landing }: Work): Promise<void> {
    const cast = columns.flatMap(({ name, type, lost }) => (lost === null ? [] : [{ name, type, lost }]));
    if (cast.length === 0) return;
    const asked = cast.flatMap(({ name, lost }) => [
      `toString(countIf(${lost}))`,
      `ifNull(toString(anyIf(${quoteIdentifier(name)}, ${lost})), '')`,
    ]);
    const [row = []] = await texts(
      session,
      `SELECT ${asked.join(', ')} FROM ${landing} SETTINGS precise_float_parsing = 1`,
    );
    const index = cast.findIndex((_, place) => Number(row[place * 2]) > 0);
    const column = cast[index];
    if (column === undefined) return;
    const count = pluralize(Number(row[index * 2]), 'value');
    this.#refuse(
      `column '${column.name}' has ${count} that ${column.type} does not hold exactly, such as ${row[index * 2 + 1]}`,
      'Give the column a type with more digits, or String, by `data_type` or in the table that stands there.',
    );
  }

  /** @throws `validation` error with the first key that several rows have */
  async #refuseTwice({ session, table, staged }: Work): Promise<void> {
    if (table.key.length === 0) return;
    const key = table.key.map(quoteIdentifier).join(', ');
    const [twice] = await texts(
      session,
      `SELECT toString(tuple(${key})) FROM ${staged} GROUP BY ${key} HAVING count() > 1 LIMIT 1 ` +
        'SETTINGS optimize_aggregation_in_order = 1',
    );
    if (twice !== undefined)
      this.#refuse(
        `several rows have the key ${table.key.join(', ')}: ${twice[0]}`,
        "'key' names columns that are unique.",
      );
  }

  /** @throws `validation` error if the existing relation is not a table, or holds rows that no sync wrote */
  async #refuseForeign(session: Session, standing: StandingTable | null): Promise<void> {
    if (standing === null) return;
    if (!OWN_ENGINES.has(standing.kind))
      this.#refuse(`${this.#relation} is of the engine ${standing.kind}, and must be ${ENGINE}`);
    if (this.#target.adopt || positionOf(standing) !== null) return;
    if ((await this.#count(session, this.#relation)) > 0)
      this.#refuse(
        `${this.#relation} holds rows that no sync wrote`,
        'Name another schema or identifier, or declare adopt: true, which makes it equal to the source.',
      );
  }

  #refuse(message: string, hint?: string): never {
    const { name, path } = this.#target;
    throw new TsdbtError('validation', `${name} cannot be synced: ${message}`, { path, hint });
  }
}

/** @param columns as DDL */
async function addColumns(session: Session, name: string, columns: readonly string[]): Promise<void> {
  await session.execute(`ALTER TABLE ${name} ${columns.map((column) => `ADD COLUMN ${column}`).join(', ')}`);
}

/** @returns null: no sync has written it */
function positionOf(standing: StandingTable | null): Position | null {
  if (standing?.comment.startsWith(SYNC_COMMENT) !== true) return null;
  try {
    const position: Position = JSON.parse(standing.comment.slice(SYNC_COMMENT.length));
    return { ...position, tables: position.tables ?? '' };
  } catch {
    return null;
  }
}

/** Returns rows of texts. */
async function texts(session: Session, sql: string): Promise<string[][]> {
  const { table } = await session.execute(sql, { fetch: true });
  return table.rows.map((row) => row.values.map((_, index) => row.textAt(index)));
}

/** Reports the lines of each chunk: COPY's text has a newline only at the end of a row. */
async function* counted(chunks: AsyncIterable<Uint8Array>, tell: (lines: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    let lines = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines++;
    tell(lines);
    yield chunk;
  }
}
