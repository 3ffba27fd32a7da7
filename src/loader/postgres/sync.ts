// Syncs a table of one Postgres into another: reads in one snapshot of the source, writes rows and position in one
// transaction of the target. sync-border.ts decides from where changes are read, so that none is missed.
import type { Adapter, Session } from '../../adapters/adapter.ts';
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import { setConfigText } from '../../adapters/postgres/value-settings.ts';
import { TsdbtError } from '../../errors.ts';
import { pluralize } from '../../log.ts';
import { PostgresSource } from '../../publish/postgres/source.ts';
import type { SyncTarget } from '../sync/config.ts';
import { hashMark, refuseShown } from '../sync/hidden-columns.ts';
import type { Synced, SyncCheck, SyncPoint, SyncState, TableSync } from '../sync/sync.ts';
import { relationOf, STATE_SCHEMA } from './load-offsets.ts';
import { lostCondition } from './lost-values.ts';
import { createMissing, read } from './statements.ts';
import { condition, type KeptBorder } from './sync-border.ts';
import { type KeptSync, problemsOf, SyncReader } from './sync-reader.ts';
import { clusterOf, type SourceColumn, type SourceTable } from './sync-source.ts';
import { POSTGRES_TABLE } from './table-options.ts';

const POSITIONS = `${STATE_SCHEMA}.sync_positions`;
const STAGE = 'tsdbt_sync_stage';
const CREATE = [
  `create schema if not exists ${STATE_SCHEMA}`,
  `create table if not exists ${POSITIONS} (
  relation text primary key,
  target text not null,
  source text not null,
  strategy text not null,
  cursor text,
  border text,
  snapshot_xmin text,
  cluster text,
  syncs bigint not null default 1,
  rows bigint not null,
  synced_at timestamptz not null
)`,
  `alter table ${POSITIONS} add column if not exists tables text, add column if not exists hashed text`,
];
const CREATED =
  `select exists (select from pg_attribute where attrelid = to_regclass('${POSITIONS}') and ` + "attname = 'hashed')";
const PRESENT = `select to_regclass('${POSITIONS}') is not null`;
/** COPY's texts are read in the form in which they were written. */
const TARGET_SETTINGS = setConfigText();

export class PostgresSync implements TableSync {
  readonly #target: SyncTarget;
  readonly #reader: SyncReader;
  readonly #to: Adapter;
  readonly #hashKey: string | null;
  readonly #reached: (point: SyncPoint) => void;

  /** @param from closed with this; @param to belongs to the caller @param reached for tests @param hashKey of `hash` */
  constructor(
    target: SyncTarget,
    from: Adapter,
    to: Adapter,
    reached: (point: SyncPoint) => void = () => undefined,
    hashKey: string | null = null,
  ) {
    this.#target = target;
    this.#reader = new SyncReader(target, from, hashKey);
    this.#to = to;
    this.#hashKey = hashKey;
    this.#reached = reached;
  }

  async run(): Promise<Synced> {
    return this.#reader.within(this.#to, async (target) => {
      await target.begin();
      await target.execute(TARGET_SETTINGS);
      // Before the snapshot: of two syncs, the one with the older snapshot must not write last.
      await target.execute(
        `select pg_advisory_xact_lock(hashtext('tsdbt load'), hashtext(${quoteText(relationOf(this.#target))}))`,
      );
      return this.#reader.read(async (source, table, border) => {
        const synced = await this.#write(source, target, table, border);
        this.#reached('before_commit');
        await target.commit();
        this.#reached('after_commit');
        return synced;
      });
    });
  }

  check(): Promise<SyncCheck> {
    return problemsOf(() =>
      this.#reader.check((source, table) =>
        this.#reader.within(this.#to, async (target) => {
          await this.#refuseForeign(source, target, table);
          await this.#refuseShown(target);
          await this.#refuseTypes(target, table.columns);
        }),
      ),
    );
  }

  async state(): Promise<SyncState | null> {
    return this.#reader.within(this.#to, async (session) => {
      if ((await read(session, PRESENT))[0]?.[0] !== true) return null;
      const [row] = await read(
        session,
        'select to_char(synced_at at time zone \'UTC\', \'YYYY-MM-DD"T"HH24:MI:SS"Z"\'), border, (extract(epoch from ' +
          `clock_timestamp() - synced_at) * 1000)::bigint::text from ${POSITIONS} where relation = ` +
          quoteText(relationOf(this.#target)),
      );
      if (row === undefined) return null;
      const [at, border, age] = row;
      return { syncedAt: String(at), border: border === null ? null : String(border), ageMs: Number(age) };
    });
  }

  stop(): Promise<void> {
    return this.#reader.stop();
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  async #write(source: Session, target: Session, table: SourceTable, border: KeptBorder): Promise<Synced> {
    await createMissing(target, CREATE, CREATED);
    await this.#refuseForeign(source, target, table);
    await this.#refuseShown(target);
    const widened = await this.#prepare(target, table);
    const kept = widened ? null : this.#reader.goesOn(await this.#kept(target), table);
    this.#reached('before_stage');
    const where = condition(this.#target, table, kept);
    await this.#refuseLost(source, target, table, where);
    const rows = await this.#stage(source, target, table, where);
    this.#reached('before_merge');
    const changed = await this.#merge(target, table);
    await this.#note(target, table, border, rows);
    return { read: rows, changed };
  }

  /** @throws `validation` error if the target is its own source, or contains rows that no sync wrote */
  async #refuseForeign(source: Session, target: Session, { oid, database }: SourceTable): Promise<void> {
    const { name, path, adopt } = this.#target;
    const relation = relationOf(this.#target);
    const [found] = await read(
      target,
      `select to_regclass(${quoteText(relation)})::oid::text, current_database()::text`,
    );
    if (found === undefined || found[0] === null) return;
    if (found[0] === oid && found[1] === database && (await clusterOf(source)) === (await clusterOf(target)))
      throw new TsdbtError('validation', `${name} cannot be synced: ${relation} is its own source`, {
        path,
        hint: "'table' names a table of another database, or of another schema.",
      });
    if (adopt) return;
    const present = (await read(target, PRESENT))[0]?.[0] === true;
    const known = present ? `select from ${POSITIONS} where relation = ${quoteText(relation)}` : 'select where false';
    const [row] = await read(target, `select exists (${known}), exists (select from ${relation})`);
    if (row?.[0] !== true && row?.[1] === true)
      throw new TsdbtError('validation', `${name} cannot be synced: ${relation} holds rows that no sync wrote`, {
        path,
        hint: 'Name another schema or identifier, or declare adopt: true, which makes it equal to the source.',
      });
  }

  /** @throws `validation` error if the table contains what `hash` and `drop` hide */
  async #refuseShown(target: Session): Promise<void> {
    const relation = relationOf(this.#target);
    const present = (await read(target, PRESENT))[0]?.[0] === true;
    const [kept] = present
      ? // A version before this one may have made the table.
        await read(
          target,
          `select to_jsonb(p) ->> 'hashed' from ${POSITIONS} as p where relation = ${quoteText(relation)}`,
        )
      : [];
    const mark = kept?.[0] ?? null;
    await refuseShown(this.#target, this.#hashKey, {
      relation,
      columns: await this.#columnsOf(target),
      mark: mark === null ? null : String(mark),
      holdsHash: POSTGRES_TABLE.holdsHash,
      isEmpty: async () => (await read(target, `select exists (select from ${relation})`))[0]?.[0] !== true,
    });
  }

  /** Types by column; empty: the table does not exist. */
  async #columnsOf(target: Session): Promise<ReadonlyMap<string, string>> {
    const rows = await read(
      target,
      'select attname::text, format_type(atttypid, atttypmod) from pg_attribute where attrelid = ' +
        `to_regclass(${quoteText(relationOf(this.#target))}) and attnum > 0 and not attisdropped`,
    );
    return new Map(rows.map(([name, type]) => [String(name), String(type)]));
  }

  /** @throws `validation` error with the first column whose values the table does not hold exactly */
  async #refuseLost(source: Session, target: Session, { name, columns }: SourceTable, where: string): Promise<void> {
    const typesOf = async (session: Session, relation: string): Promise<Map<string, string>> =>
      new Map(
        (await new PostgresSource(session, { render: () => relation }).columns()).map((each) => [each.name, each.type]),
      );
    const [given, stored] = [await typesOf(source, name), await typesOf(target, relationOf(this.#target))];
    const checks = columns.flatMap((column) => {
      const [from = '', to = ''] = [given.get(column.name), stored.get(column.name)];
      const value = `t.${quoteIdentifier(column.name)}`;
      const declared = this.#target.types.get(column.name) ?? null;
      const lost = column.hashed ? null : lostCondition(value, from, to, declared);
      return lost === null ? [] : [{ name: column.name, type: to, value, lost }];
    });
    if (checks.length === 0) return;
    const found = checks.flatMap(({ lost, value }) => [
      `count(*) filter (where ${lost})`,
      `(min(${value}::text) filter (where ${lost}))`,
    ]);
    const [row = []] = await read(source, `select ${found.join(', ')} from ${name} as t${where}`);
    const index = checks.findIndex((_, place) => Number(row[place * 2]) > 0);
    const check = checks[index];
    if (check === undefined) return;
    throw new TsdbtError(
      'validation',
      `${this.#target.name} cannot be synced: column '${check.name}' has ` +
        `${pluralize(Number(row[index * 2]), 'value')} that ${check.type} does not hold exactly, such as ` +
        String(row[index * 2 + 1]),
      {
        path: this.#target.path,
        hint: 'Give the column a type that holds them, by `data_type` or in the table, or convert them in a model.',
      },
    );
  }

  /** @throws `validation` error for the first column whose type the target lacks */
  async #refuseTypes(target: Session, columns: readonly SourceColumn[]): Promise<void> {
    const asked = columns.map(({ type }) => `to_regtype(${quoteText(type)}) is not null`).join(', ');
    const [known] = await read(target, `select ${asked}`);
    const lacking = columns.find((_, i) => known?.[i] !== true);
    if (lacking !== undefined)
      throw new TsdbtError(
        'validation',
        `${this.#target.name} cannot be synced: column '${lacking.name}' has the type ${lacking.type}, which the ` +
          'target lacks',
        {
          path: this.#target.path,
          hint: `Declare the column with data_type: text, make the type in the target, or leave it out by 'columns'.`,
        },
      );
  }

  /** Creates the table, or adds missing columns. @returns whether it did: existing rows lack their values */
  async #prepare(target: Session, { columns, key }: SourceTable): Promise<boolean> {
    const relation = relationOf(this.#target);
    const existing = await this.#columnsOf(target);
    const missing = columns.filter(({ name }) => !existing.has(name));
    if (missing.length === 0) return false;
    await this.#refuseTypes(target, missing);
    const declared = missing.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`);
    if (existing.size > 0) {
      await target.execute(`alter table ${relation} ${declared.map((column) => `add column ${column}`).join(', ')}`);
      // Rows without their key match none of the source; all rows are read again.
      if (missing.some(({ name }) => key.includes(name))) await target.execute(`delete from ${relation}`);
      return true;
    }
    const schema = quoteIdentifier(this.#target.schema);
    await createMissing(
      target,
      [`create schema if not exists ${schema}`],
      `select to_regnamespace(${quoteText(schema)}) is not null`,
    );
    const primary = key.length === 0 ? '' : `, primary key (${key.map(quoteIdentifier).join(', ')})`;
    await target.execute(`create table ${relation} (${declared.join(', ')}${primary})`);
    return true;
  }

  /** Null: it was never synced. */
  async #kept(target: Session): Promise<KeptSync | null> {
    const [row] = await read(
      target,
      `select border, snapshot_xmin, cluster, source, cursor, strategy, tables from ${POSITIONS} where relation = ` +
        `${quoteText(relationOf(this.#target))} for update`,
    );
    if (row === undefined) return null;
    const [border = null, snapshotXmin = null, cluster = null, source, cursor = null, strategy, tables] = row.map(
      (value) => (value === null ? null : String(value)),
    );
    return {
      border,
      snapshotXmin,
      cluster,
      source: source ?? '',
      cursor,
      strategy: strategy ?? '',
      tables: tables ?? '',
    };
  }

  /** Copies the source's rows into a temporary table. @returns their number */
  async #stage(source: Session, target: Session, table: SourceTable, where: string): Promise<number> {
    const { columns } = table;
    const list = columns.map((column) => quoteIdentifier(column.name)).join(', ');
    await target.execute(
      `create temporary table ${STAGE} on commit drop as select ${list} from ${relationOf(this.#target)} with no data`,
    );
    const expressions = columns.map(({ expression }) => expression);
    return this.#reader.copy(source, table, expressions, where, (rows) =>
      target.copyIn(`copy ${STAGE} (${list}) from stdin`, rows),
    );
  }

  /** Makes the table equal to the staged rows. @returns number of inserted, changed and deleted rows */
  async #merge(target: Session, { columns, key }: SourceTable): Promise<number> {
    const relation = relationOf(this.#target);
    const list = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
    const count = async (sql: string): Promise<number> => {
      const { response } = await target.execute(sql);
      return Number(response.rows_affected ?? 0);
    };
    const skips = await this.#mayBeSkipped(target);
    /** Compares two counts where a trigger may have skipped rows. */
    const expectAll = async (what: string, sql: string, wanted: number): Promise<void> => {
      const found = skips === null ? wanted : Number((await read(target, sql))[0]?.[0]);
      if (found !== wanted) throw this.#skipped(skips ?? '', what, Math.abs(found - wanted));
    };
    if (key.length === 0) {
      const deleted = await count(`delete from ${relation}`);
      await expectAll('deleted', `select count(*) from ${relation}`, 0);
      const inserted = await count(`insert into ${relation} (${list}) select ${list} from ${STAGE}`);
      await expectAll('inserted', `select (select count(*) from ${STAGE}) - count(*) from ${relation}`, 0);
      return deleted + inserted;
    }
    const same = key.map((name) => `t.${quoteIdentifier(name)} = s.${quoteIdentifier(name)}`).join(' and ');
    await target.execute(`create index on ${STAGE} (${key.map(quoteIdentifier).join(', ')})`);
    await target.execute(`analyze ${STAGE}`);
    let changed = 0;
    if (this.#target.strategy === 'full') {
      const gone = `from ${relation} as t where not exists (select from ${STAGE} as s where ${same})`;
      changed += await count(`delete ${gone}`);
      await expectAll('deleted', `select count(*) ${gone}`, 0);
    }
    const sets = columns.map(({ name }) => `${quoteIdentifier(name)} = s.${quoteIdentifier(name)}`).join(', ');
    const row = (of: string): string =>
      `row(${columns.map(({ name }) => `${of}.${quoteIdentifier(name)}`).join(', ')})::record`;
    // Compared by bytes: values that an operator treats as equal may differ (1.0 and 1.00, 30 days and 1 mon), in keys
    // as well.
    const differs = `${same} and ${row('t')} operator(pg_catalog.*<>) ${row('s')}`;
    // Afterwards a row that was not updated looks like one that the trigger itself has changed.
    const pairs = `${relation} as t, ${STAGE} as s`;
    const differing = `select count(distinct (t.tableoid, t.ctid)) from ${pairs} where ${differs}`;
    const toUpdate = skips === null ? 0 : Number((await read(target, differing))[0]?.[0]);
    const updated = await count(`update ${relation} as t set ${sets} from ${STAGE} as s where ${differs}`);
    await expectAll('updated', `select ${toUpdate}`, updated);
    const added = columns.map(({ name }) => `s.${quoteIdentifier(name)}`).join(', ');
    const absent = `from ${STAGE} as s where not exists (select from ${relation} as t where ${same})`;
    const inserted = await count(`insert into ${relation} (${list}) select ${added} ${absent}`);
    await expectAll('inserted', `select count(*) ${absent}`, 0);
    return changed + updated + inserted;
  }

  /** Names what can skip a row without an error: triggers before a row is written, and rules. Null: there are none. */
  async #mayBeSkipped(target: Session): Promise<string | null> {
    const oid = `to_regclass(${quoteText(relationOf(this.#target))})`;
    const [row] = await read(
      target,
      `select string_agg(name, ', ' order by name) from (select tgname::text from pg_trigger where tgrelid = ${oid} ` +
        `and not tgisinternal and tgenabled in ('O', 'A') and tgtype & 3 = 3 union all select rulename::text from ` +
        `pg_rewrite where ev_class = ${oid} and ev_enabled in ('O', 'A')) as skips (name)`,
    );
    return row?.[0] == null ? null : String(row[0]);
  }

  #skipped(names: string, what: string, rows: number): TsdbtError {
    return new TsdbtError(
      'validation',
      `${this.#target.name} cannot be synced: ${rows} ${rows === 1 ? 'row was' : 'rows were'} not ${what}, because ` +
        `${relationOf(this.#target)} has triggers or rules: ${names}`,
      { path: this.#target.path, hint: 'Let them write every row, or drop them and filter in a model.' },
    );
  }

  async #note(target: Session, table: SourceTable, border: KeptBorder, rows: number): Promise<void> {
    const { uniqueId, strategy, cursor } = this.#target;
    const text = (value: string | null): string => (value === null ? 'null' : quoteText(value));
    await target.execute(
      `insert into ${POSITIONS} as p (relation, target, source, strategy, cursor, border, snapshot_xmin, cluster, ` +
        `rows, tables, hashed, synced_at) values (${[
          quoteText(relationOf(this.#target)),
          quoteText(uniqueId),
          quoteText(this.#reader.name),
          quoteText(strategy),
          text(cursor),
          text(border.border),
          text(border.snapshotXmin),
          text(table.cluster),
          rows,
          quoteText(border.tables),
          text(hashMark(this.#target, this.#hashKey)),
          'now()',
        ].join(', ')}) on conflict (relation) do update set target = excluded.target, source = excluded.source, ` +
        'strategy = excluded.strategy, cursor = excluded.cursor, border = excluded.border, snapshot_xmin = ' +
        'excluded.snapshot_xmin, cluster = excluded.cluster, rows = excluded.rows, tables = excluded.tables, ' +
        'hashed = excluded.hashed, synced_at = excluded.synced_at, ' +
        'syncs = p.syncs + 1',
    );
  }
}
