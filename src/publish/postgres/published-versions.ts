// `tsdbt.published`: the publications in a Postgres database, with version and time. A row changes in the transaction
// that changes its table. target.ts decides what to do.
import type { Session } from '../../adapters/adapter.ts';
import { lockCall, lockKey } from '../../adapters/postgres/catalogue.ts';
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import { forgotten } from '../publication-plan.ts';
import type { StandingCopy } from '../publication-target.ts';

const LEDGER = 'tsdbt.published';
/** Identifies the ledger's database and cluster: a restored dump has other oids. */
const HOME =
  "(select s.system_identifier || '/' || d.oid from pg_control_system() s, pg_database d where d.datname = " +
  `current_database()) || '/' || '${LEDGER}'::regclass::oid`;

/** The current state of a publication's table. */
export interface Standing {
  /** Kind of the relation; null: there is none. */
  readonly kind: string | null;
  /** Its oid, which changes if the table is recreated. */
  readonly oid: string | null;
  /** From the ledger; null: nothing was published there, or another table has replaced it. */
  readonly publication: string | null;
  /** Null also after a restore from a dump, because the table's content is unknown then. */
  readonly version: string | null;
  readonly rows: number;
  /** Marks of its partitions. */
  readonly parts: Readonly<Record<string, string>>;
}

export interface Entry {
  readonly publication: string;
  readonly runId: string;
  readonly version: string;
  readonly mode: string;
  readonly rows: number;
  readonly time: string;
  readonly parts: Readonly<Record<string, string>>;
}

export class PublishedLedger {
  readonly #session: Session;
  readonly #schema: string;
  readonly #table: string;

  constructor(session: Session, schema: string, table: string) {
    this.#session = session;
    this.#schema = schema;
    this.#table = table;
  }

  /** Creates the schemas and the ledger if they are missing, in a separate transaction. */
  async prepare(): Promise<void> {
    const { table } = await this.#session.execute(
      `select exists (select from pg_attribute where attrelid = to_regclass('${LEDGER}') and attname = 'home'), ` +
        "to_regnamespace('tsdbt') is not null, " +
        `to_regnamespace(${quoteText(quoteIdentifier(this.#schema))}) is not null`,
      { fetch: true, autoBegin: true },
    );
    const [ledger, own, schema] = table.rows[0]?.values ?? [];
    if (ledger === true && schema === true) return;
    // If two start at once, one creates them and the other finds them.
    await this.#session.execute(`select ${lockCall(lockKey(null, 'tsdbt', 'published'), true)}`);
    const creates = [
      own === true ? [] : ['create schema if not exists tsdbt'],
      schema === true ? [] : [`create schema if not exists ${quoteIdentifier(this.#schema)}`],
      ledger === true
        ? []
        : [
            `create table if not exists ${LEDGER} (schema_name text, table_name text, publication text not null, ` +
              'run_id text not null, version text not null, mode text not null, row_count bigint not null, ' +
              "published_at timestamptz not null, table_oid oid not null, parts jsonb not null default '{}', " +
              'primary key (schema_name, table_name))',
            `alter table ${LEDGER} add column if not exists home text`,
            `comment on table ${LEDGER} is 'What tsdbt has published in this database, and when'`,
          ],
    ].flat();
    for (const create of creates) await this.#session.execute(create);
    await this.#session.commit();
    await this.#session.begin();
  }

  async standing(): Promise<Standing> {
    const { table } = await this.#session.execute(
      `select c.relkind::text, 'oid ' || c.oid, p.publication, case when p.table_oid = c.oid then 'v ' || p.version end,
  p.row_count, case when p.table_oid = c.oid then p.parts::text end
from (select 1) one
left join pg_catalog.pg_class c on c.relname = ${quoteText(this.#table)}
  and c.relnamespace = to_regnamespace(${quoteText(quoteIdentifier(this.#schema))})
left join ${LEDGER} p on p.schema_name = ${quoteText(this.#schema)} and p.table_name = ${quoteText(this.#table)}
  and (p.table_oid = c.oid or p.home <> ${HOME})`,
      { fetch: true, autoBegin: true },
    );
    const [kind = null, oid = null, publication = null, version = null, rows = null, parts = null] =
      table.rows[0]?.values ?? [];
    const marks: Record<string, string> = parts === null ? {} : JSON.parse(String(parts));
    return {
      kind: kind === null ? null : String(kind),
      oid: oid === null ? null : String(oid).slice(4),
      publication: publication === null ? null : String(publication),
      version: version === null ? null : String(version).slice(2),
      rows: Number(rows ?? 0),
      parts: marks,
    };
  }

  /** After a TRUNCATE, a restore without rows or writes of others, the version and the marks are unknown. */
  async trusted(standing: Standing): Promise<Standing> {
    if (standing.version === null) return standing;
    const name = `${quoteIdentifier(this.#schema)}.${quoteIdentifier(this.#table)}`;
    const { table } = await this.#session.execute(`select count(*) from ${name}`, { fetch: true });
    if (Number(table.rows[0]?.at(0)) === standing.rows) return standing;
    return { ...standing, version: null, parts: forgotten(standing.parts) };
  }

  /** There is no ledger until something is published. @returns null: this publication has no copy there */
  async copyOf(publication: string): Promise<StandingCopy | null> {
    const { table: known } = await this.#session.execute(`select to_regclass('${LEDGER}') is not null`, {
      fetch: true,
    });
    if (known.rows[0]?.at(0) !== true) return null;
    const { table } = await this.#session.execute(
      `select 'v ' || p.version, 'r ' || p.run_id, p.row_count,
  to_char(p.published_at at time zone 'UTC', '"t "YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
from ${LEDGER} p join pg_catalog.pg_class c on c.oid = p.table_oid and c.relname = p.table_name
where p.schema_name = ${quoteText(this.#schema)} and p.table_name = ${quoteText(this.#table)}
  and p.publication = ${quoteText(publication)}`,
      { fetch: true },
    );
    const [row] = table.rows;
    if (row === undefined) return null;
    const [version, runId, rows, at] = row.values.map(String);
    return {
      version: (version ?? '').slice(2),
      runId: (runId ?? '').slice(2),
      rows: Number(rows),
      publishedAt: (at ?? '').slice(2),
    };
  }

  async write({ publication, runId, version, mode, rows, time, parts }: Entry): Promise<void> {
    const json = JSON.stringify(parts);
    const values = [this.#schema, this.#table, publication, runId, version, mode].map(quoteText).join(', ');
    const name = `${quoteIdentifier(this.#schema)}.${quoteIdentifier(this.#table)}`;
    await this.#session.execute(
      `insert into ${LEDGER} (schema_name, table_name, publication, run_id, version, mode, row_count, published_at, ` +
        `table_oid, parts, home) values (${values}, ${rows}, ${quoteText(time)}::timestamptz, ` +
        `${quoteText(name)}::regclass::oid, ${quoteText(json)}::jsonb, ${HOME})
on conflict (schema_name, table_name) do update set publication = excluded.publication, run_id = excluded.run_id, ` +
        'version = excluded.version, mode = excluded.mode, row_count = excluded.row_count, ' +
        'published_at = excluded.published_at, table_oid = excluded.table_oid, parts = excluded.parts, ' +
        'home = excluded.home',
    );
  }
}
