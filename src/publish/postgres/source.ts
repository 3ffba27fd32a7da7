// A Postgres relation as the source of publications: its columns, a mark of its rows, and the rows by COPY, all from
// one snapshot. The target decides which rows are sent.
import type { Session } from '../../adapters/adapter.ts';
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import { ROW_HASH, VERSION_HASH } from '../../adapters/postgres/row-marks.ts';
import { setLocalText } from '../../adapters/postgres/value-settings.ts';
import type { Relation } from '../../adapters/relation.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import type { PartitionKey } from '../../settings/partition-key.ts';
import type {
  Partition,
  PartitionChoice,
  PublishSource,
  ReadColumn,
  RowFormat,
  SourceColumn,
  Summary,
  ValueCheck,
} from '../publication-target.ts';
import { inPartitions, partitionText } from './partition-sql.ts';

const SETTINGS = `set transaction isolation level repeatable read, read only; ${setLocalText()}`;
/** LOCK accepts only tables and views, and requires privileges on the whole table. */
const LOCKED_BY_READING: ReadonlySet<string> = new Set(['42809', '42501']);
const TRIES = 5;

export class PostgresSource implements PublishSource {
  readonly dialect = 'postgres';
  readonly #session: Session;
  readonly #name: string;

  constructor(session: Session, relation: Pick<Relation, 'render'>) {
    this.#session = session;
    this.#name = relation.render();
  }

  /**
   * Locks the relation before the snapshot is taken: a snapshot older than a swap or TRUNCATE that it then waits for
   * would contain no rows.
   * @param others as SQL, also locked before that snapshot; a missing one is left to its reader to report
   */
  async open(others: readonly string[] = []): Promise<void> {
    for (let tries = 1; ; tries++) {
      await this.#session.begin();
      await this.#session.execute(SETTINGS);
      const unlocked: string[] = [];
      for (const name of [...others, this.#name]) {
        const failure = await this.#session.attempt(`lock table ${name} in access share mode`);
        if (failure === null) continue;
        if (LOCKED_BY_READING.has(failure.details.code ?? '')) unlocked.push(name);
        else if (name === this.#name) throw failure;
      }
      if (await this.#areOfSnapshot(unlocked)) return;
      await this.#session.rollback();
      if (tries === TRIES)
        throw errorOf('notPublished', {
          place: this.#name,
          why: `it was replaced while it was opened, ${TRIES} times`,
        });
    }
  }

  /** Locks relations by reading. @returns whether the older snapshot sees the rows that they contain now */
  async #areOfSnapshot(names: readonly string[]): Promise<boolean> {
    for (const name of names) {
      await this.#session.execute(`select from ${name} limit 0`);
      const rows = await this.#rows(
        `select 1 from pg_catalog.pg_class c where c.oid = ${quoteText(name)}::regclass and ` +
          'nullif(c.relfilenode, 0) is not distinct from pg_catalog.pg_relation_filenode(c.oid)',
      );
      if (rows.length === 0) return false;
    }
    return true;
  }

  /** Enums and domains exist only in this database: they, and arrays of them, are sent as text or as the base type. */
  async columns(): Promise<SourceColumn[]> {
    const rows = await this.#rows(
      `select 'c ' || a.attname, case when t.typtype = 'c' then 'record' when b.typtype = 'e' then 'text'
  when e.typtype = 'e' then 'text[]' when e.typtype = 'd' then pg_catalog.format_type(e.typbasetype, e.typtypmod) || ` +
        `'[]' when t.typtype = 'd' then pg_catalog.format_type(t.typbasetype, t.typtypmod) else
  pg_catalog.format_type(a.atttypid, a.atttypmod) end, a.attnotnull
from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
join pg_catalog.pg_type b on b.oid = case t.typtype when 'd' then t.typbasetype else t.oid end
left join pg_catalog.pg_type e on e.oid = b.typelem and b.typcategory = 'A'
where a.attrelid = ${quoteText(this.#name)}::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    );
    return rows.map(([name, type, notNull]) => ({
      name: String(name).slice(2),
      type: String(type),
      nullable: notNull !== true,
    }));
  }

  async now(): Promise<string> {
    const [row] = await this.#rows(
      'select to_char(clock_timestamp() at time zone \'UTC\', \'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\')',
    );
    return String(row?.[0]);
  }

  /**
   * Every row version contains the id of the transaction that wrote it: the sum of the ids' hashes changes with every
   * insert, update and delete, and costs little more than counting. A view has no such ids, so its rows are hashed.
   */
  async summary(checks: readonly ValueCheck[]): Promise<Summary> {
    const [facts] = await this.#rows(
      // Dropping and re-adding a column, or renaming an enum label, writes no rows.
      `select c.relkind, c.oid::text, (select md5(string_agg(a.attnum || ' ' || coalesce((select string_agg(` +
        `e.enumlabel, ',' order by e.enumsortorder) from pg_catalog.pg_type t join pg_catalog.pg_enum e on ` +
        "e.enumtypid in (t.oid, t.typelem, t.typbasetype) where t.oid = a.atttypid), ''), ' ' order by a.attnum)) " +
        'from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) ' +
        `from pg_catalog.pg_class c where c.oid = ${quoteText(this.#name)}::regclass`,
    );
    if (facts === undefined) throw errorOf('notPublished', { place: this.#name, why: 'it was replaced meanwhile' });
    const [kind, oid, made] = facts.map(String);
    const stored = kind === 'r' || kind === 'p' || kind === 'm';
    const mark = `sum(${stored ? VERSION_HASH : ROW_HASH})`;
    const found = checks.flatMap(({ column, condition }) => [
      `count(*) filter (where ${condition})`,
      `min(${quoteIdentifier(column)}::text) filter (where ${condition})`,
    ]);
    const [row = []] = await this.#rows(
      `select count(*), coalesce(${mark}, 0)::text${found.map((each) => `, ${each}`).join('')} from ${this.#name} t`,
    );
    const rows = Number(row[0] ?? 0);
    return {
      rows,
      mark: `${stored ? `${oid}:${made}` : kind}:${rows}:${String(row[1])}`,
      found: checks.flatMap((check, index) => {
        const count = Number(row[2 + index * 2] ?? 0);
        return count === 0 ? [] : [{ check, count, example: String(row[3 + index * 2] ?? 'null') }];
      }),
    };
  }

  /** The snapshot is that of the transaction. */
  confirm(): void {
    /* Nothing can have changed. */
  }

  async partitions(parts: readonly PartitionKey[]): Promise<Partition[]> {
    const keys = parts.map(partitionText);
    const rows = await this.#rows(
      `select json_build_array(${keys.join(', ')})::text, count(*)::text || ':' || ` +
        `sum(${ROW_HASH})::text
from ${this.#name} t group by ${keys.join(', ')} order by 1`,
    );
    return rows.map(([text, mark]) => {
      const values: (string | null)[] = JSON.parse(String(text));
      return { values, mark: String(mark), rows: Number.parseInt(String(mark), 10) };
    });
  }

  rows<T>(
    columns: readonly ReadColumn[],
    format: RowFormat,
    only: PartitionChoice | null,
    take: (rows: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T> {
    const session = this.#session;
    if (session.copyOut === undefined || format !== 'text')
      throw new TsdbtError('internal', 'Postgres gives rows as text, in a session of its own');
    const list = columns.map(({ expression, name }) => `${expression} as ${quoteIdentifier(name)}`);
    const where = only === null ? '' : ` where ${inPartitions(only)}`;
    if (only?.grouped !== true)
      return session.copyOut(`copy (select ${list.join(', ')} from ${this.#name} t${where}) to stdout`, take);
    const keys = `json_build_array(${only.parts.map(partitionText).join(', ')})::text`;
    return session.copyOut(
      `copy (select ${[keys, ...list].join(', ')} from ${this.#name} t${where} order by 1) to stdout`,
      take,
    );
  }

  quote(name: string): string {
    return quoteIdentifier(name);
  }

  async #rows(sql: string): Promise<unknown[][]> {
    const { table } = await this.#session.execute(sql, { fetch: true });
    return table.rows.map((row) => [...row.values]);
  }
}
