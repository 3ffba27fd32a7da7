// What a replicated table's server must allow, and its slot and publication. Creates them; never writes to tables.
import { setTimeout as wait } from 'node:timers/promises';
import type { Adapter } from '../../../adapters/adapter.ts';
import type { PostgresAdapter } from '../../../adapters/postgres/adapter.ts';
import { quoteIdentifier, quoteText } from '../../../adapters/postgres/literal.ts';
import { TsdbtError } from '../../../errors.ts';
import type { LoadTarget } from '../../settings/load-target.ts';
import type { ReplicateConfig } from '../../settings/replicate-settings.ts';
import { read } from '../statements.ts';
import { byteCount, lsnOf } from './log-position.ts';
import { type SourceType, textKind } from './replicated-relation.ts';

/** The slot of a table. */
export interface SlotState {
  /** Changes that were committed before are not sent any more. */
  readonly confirmed: bigint;
  /** The process that reads it; null: none. */
  readonly reader: string | null;
  /** Why it can no longer be read; null: it can. */
  readonly lost: string | null;
  /** Bytes of the log that it keeps. */
  readonly retained: bigint;
}

/** What loading needs to know about the server and the table. */
export interface SourceState {
  readonly database: string;
  /** Identifies cluster and table. */
  readonly id: string;
  readonly oid: number;
  /** The end of the log. The last commits may not be on disk yet. */
  readonly end: bigint;
  readonly timeline: number;
  readonly slot: SlotState | null;
}

/** Something that prevents replication, and the statement that permits it; null: no statement does. */
interface Obstacle {
  readonly problem: string;
  readonly remedy: string | null;
}

const LEAST_VERSION = 130_000;
/** A page of the log, and the longest header of one. */
const PAGE_BYTES = 8192n;
export const MOST_HEADER_BYTES = 40n;
/** How often, and at what interval, a slot is dropped whose reader was ended. */
const [END_ATTEMPTS, END_MS] = [20, 50];
/** A slot that another process reads. */
const IN_USE = '55006';

/** A slot that ends with its connection: of a snapshot in progress, or of a table that reads by itself. */
export function temporarySlot({ slot, digest }: ReplicateConfig, use: 'copy' | 'read'): string {
  return `${slot}_${digest}_${use}`;
}

/** A condition for the slot and its temporary ones. */
function isOfSlot(slot: string): string {
  return `slot_name ~ ${quoteText(`^${slot}(_[0-9a-f]{8}_(copy|read))?$`)}`;
}

/** Without the header of a page that has no record yet: no record ends there. */
function withoutPageHeader(lsn: bigint): bigint {
  const inPage = lsn % PAGE_BYTES;
  return inPage <= MOST_HEADER_BYTES ? lsn - inPage : lsn;
}

export class ReplicationSource {
  readonly #open: () => Promise<Adapter>;
  readonly config: ReplicateConfig;
  readonly #key: readonly string[];
  readonly #refuse: (problem: string, hint?: string) => TsdbtError;
  #adapter: Promise<PostgresAdapter> | null = null;

  /** @param open the adapter of the source, closed with it */
  constructor(
    open: () => Promise<Adapter>,
    config: ReplicateConfig,
    { name, path, key }: Pick<LoadTarget, 'name' | 'path' | 'key'>,
  ) {
    this.#open = open;
    this.config = config;
    this.#key = key;
    this.#refuse = (problem, hint) =>
      new TsdbtError('runtime', `${name} cannot be replicated: ${problem}`, { path, hint });
  }

  /** `public.orders` */
  get shown(): string {
    return `${this.config.schema}.${this.config.table}`;
  }

  /** The same, quoted. */
  get quoted(): string {
    return `${quoteIdentifier(this.config.schema)}.${quoteIdentifier(this.config.table)}`;
  }

  get publication(): string {
    return this.config.publication ?? this.config.slot;
  }

  adapter(): Promise<PostgresAdapter> {
    this.#adapter ??= this.#open().then((adapter) => {
      if (isPostgres(adapter)) return adapter;
      throw this.#refuse(`from ${adapter.type}, which is not part of this version`, 'The source must be Postgres.');
    });
    return this.#adapter;
  }

  async close(): Promise<void> {
    await (await this.#adapter)?.close();
  }

  /** @throws `runtime` error if the table does not exist */
  async state(): Promise<SourceState> {
    const [found] = await this.#read(
      'select current_database()::text, s.system_identifier::text, coalesce((select c.oid::text from pg_class ' +
        'as c join ' +
        `pg_namespace as n on n.oid = c.relnamespace where n.nspname = ${quoteText(this.config.schema)} and ` +
        `c.relname ` +
        `= ${quoteText(this.config.table)}), ''), pg_is_in_recovery(), case when pg_is_in_recovery() then ` +
        'pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end::text, ' +
        '(pg_control_checkpoint()).timeline_id::text ' +
        'from pg_control_system() as s',
    );
    const [database, system, oid, , end, timeline] = found ?? [];
    if (oid === '') throw this.#refuse(`there is no table ${this.shown} in database ${String(database)}`);
    return {
      database: String(database),
      id: `${String(system)}/${String(oid)}`,
      oid: Number(oid),
      end: withoutPageHeader(lsnOf(end)),
      timeline: Number(timeline),
      slot: await this.slot(),
    };
  }

  /** Bytes of the log that the slot and its temporary ones keep; null if no slot exists. */
  async retained(): Promise<bigint | null> {
    const [found] = await this.#read(
      'select max(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), restart_lsn))::bigint::text from ' +
        `pg_replication_slots where ${isOfSlot(this.config.slot)} and not pg_is_in_recovery()`,
    );
    return found?.[0] == null ? null : byteCount(found[0]);
  }

  /** Ends the processes that read the slot and its temporary ones, and drops it. */
  async discardSlot(): Promise<void> {
    await this.#read(
      'select pg_terminate_backend(active_pid) from pg_replication_slots where active_pid is not null and ' +
        isOfSlot(this.config.slot),
    );
    // The process ends a little later.
    for (let attempt = 1; ; attempt++)
      try {
        return await this.dropSlot();
      } catch (error) {
        if (attempt === END_ATTEMPTS) throw error;
        await wait(END_MS);
      }
  }

  /** Null: it does not exist. @throws `connection` error, which is waited for, while it is being created */
  async slot(): Promise<SlotState | null> {
    const [found] = await this.#read(
      "select confirmed_flush_lsn::text, active_pid::text, to_jsonb(s) ->> 'wal_status', coalesce(to_jsonb(s) ->> " +
        "'invalidation_reason', ''), plugin::text, database::text = current_database(), " +
        'coalesce(pg_wal_lsn_diff(case ' +
        'when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, restart_lsn), ' +
        `0)::bigint::text from pg_replication_slots as s where slot_name = ${quoteText(this.config.slot)}`,
    );
    if (found === undefined) return null;
    const [confirmed, reader, status, reason, plugin, here, retained] = found;
    if (plugin !== 'pgoutput' || here !== true)
      throw this.#refuse(
        `slot '${this.config.slot}' exists, and is not one of pgoutput in this database`,
        'Set `slot` in the load config to another name.',
      );
    if (confirmed === null)
      throw new TsdbtError(
        'connection',
        `slot '${this.config.slot}' is being created by process ${String(reader)} of the source`,
      );
    return {
      confirmed: lsnOf(confirmed),
      reader: reader === null ? null : String(reader),
      lost:
        status === 'lost'
          ? `the server removed the log that it needs${reason === '' ? '' : ` (${String(reason)})`}`
          : null,
      retained: byteCount(retained),
    };
  }

  /** Types whose values are not written by their oid alone: arrays and domains. */
  async types(): Promise<ReadonlyMap<number, SourceType>> {
    const rows = await this.#read(
      'with recursive base (oid, type) as (select oid, oid from pg_type union all select base.oid, ' +
        't.typbasetype from ' +
        "base join pg_type as t on t.oid = base.type where t.typtype = 'd') select d.oid::bigint::text, " +
        "b.oid::bigint::text, case when b.typelem <> 0 and b.typcategory = 'A' and b.oid not in (22, 30) then " +
        'coalesce((select ' +
        "i.type from base as i join pg_type as it on it.oid = i.type where i.oid = b.typelem and it.typtype <> 'd'), " +
        "b.typelem)::bigint::text else '0' end, coalesce((select e.typdelim::text from pg_type as e where e.oid = " +
        "b.typelem), ',') from base as d join pg_type as b on b.oid = d.type and b.typtype <> 'd' where d.oid " +
        '<> b.oid or ' +
        "b.typcategory = 'A'",
    );
    return new Map(
      rows.map(([oid, base, item, delimiter]) => [
        Number(oid),
        item === '0'
          ? { kind: textKind(Number(base)), array: null }
          : { kind: 'text', array: { item: textKind(Number(item)), delimiter: String(delimiter) } },
      ]),
    );
  }

  /** The published columns with the oids of their types, and the condition of published rows. */
  async published(): Promise<{
    readonly columns: readonly { readonly name: string; readonly type: number; readonly inIdentity: boolean }[];
    readonly where: string | null;
    readonly partitioned: boolean;
  }> {
    const name = quoteText(this.publication);
    const { schema, table } = this.config;
    const rows = await this.#read(
      `select a.attname::text, a.atttypid::bigint::text, ${IN_IDENTITY}, p.whole ->> 'rowfilter', c.relkind = ` +
        `'p' from ` +
        `pg_class as c join pg_namespace as n on n.oid = c.relnamespace join pg_attribute as a on a.attrelid = c.oid ` +
        `join lateral (select to_jsonb(t) as whole from pg_publication_tables as t where t.pubname = ${name} and ` +
        `t.schemaname = n.nspname and t.tablename = c.relname limit 1) as p on true where n.nspname = ` +
        `${quoteText(schema)} and c.relname = ${quoteText(table)} and a.attnum > 0 and not a.attisdropped and ` +
        "a.attgenerated = '' and (p.whole -> 'attnames' is null or p.whole -> 'attnames' @> " +
        'to_jsonb(a.attname::text)) ' +
        'order by a.attnum',
    );
    return {
      columns: rows.map(([column, type, inIdentity]) => ({
        name: String(column),
        type: Number(type),
        inIdentity: inIdentity === true,
      })),
      where: rows[0]?.[3] == null ? null : String(rows[0][3]),
      partitioned: rows[0]?.[4] === true,
    };
  }

  /**
   * @param streams whether changes are being read: then the table must be published already
   * @throws `runtime` error with everything that is missing, and the statements that permit it
   */
  async check(streams = false): Promise<void> {
    const obstacles = await this.#obstacles(streams);
    if (obstacles.length === 0) return;
    const script = [...new Set(obstacles.flatMap(({ remedy }) => (remedy === null ? [] : [remedy])))];
    throw this.#refuse(
      obstacles.map(({ problem }) => problem).join('; '),
      script.length === 0 ? undefined : `As an administrator of the source: ${script.join('; ')};`,
    );
  }

  async #obstacles(streams: boolean): Promise<readonly Obstacle[]> {
    const { schema, table, publication, slot } = this.config;
    const { shown, quoted } = this;
    const found: Obstacle[] = [];
    const [server] = await this.#read(
      "select current_setting('server_version_num'), current_setting('wal_level'), pg_is_in_recovery(), " +
        'r.rolsuper or ' +
        "r.rolreplication or exists (select from pg_roles as m where m.rolname in ('rds_replication', " +
        "'cloudsqlreplica') and pg_has_role(current_user, m.oid, 'member')), quote_ident(current_user), (select " +
        'count(*) ' +
        "from pg_replication_slots) >= current_setting('max_replication_slots')::int, current_database()::text, " +
        "has_database_privilege(current_database(), 'create') from pg_roles as r where r.rolname = current_user",
    );
    const [version, level, standby, replicates, role, full, database, creates] = server ?? [];
    const add = (problem: string, remedy: string | null = null): void => void found.push({ problem, remedy });
    if (Number(version) < LEAST_VERSION) add(`Postgres ${String(version)} is older than 13`);
    if (standby === true) add('the server is a standby, which is not part of this version');
    if (level !== 'logical')
      add(`wal_level is ${String(level)} instead of logical`, "alter system set wal_level = 'logical' (then restart)");
    if (replicates !== true)
      add(
        'the role lacks REPLICATION',
        `alter role ${String(role)} replication (RDS: grant rds_replication to ${String(role)})`,
      );
    if (full === true && (await this.slot()) === null)
      add(
        'all replication slots are in use',
        'alter system set max_replication_slots = ... (then restart), or pg_drop_replication_slot of an unused one',
      );
    const [relation] = await this.#read(
      "select c.relkind::text, c.relpersistence::text, c.relreplident::text, has_table_privilege(c.oid, 'select'), " +
        "has_schema_privilege(n.oid, 'usage'), pg_has_role(c.relowner, 'usage'), (select count(*) from " +
        'pg_attribute as a ' +
        `where a.attrelid = c.oid and a.attnum > 0 and ${IN_IDENTITY})::text, (select string_agg(k.name, ', ') from ` +
        `unnest(array[${this.#key.map(quoteText).join(', ')}]::text[]) as k(name) where not exists (select from ` +
        `pg_attribute as a where a.attrelid = c.oid and a.attname = k.name and ${IN_IDENTITY})) from pg_class ` +
        `as c join ` +
        `pg_namespace as n on n.oid = c.relnamespace where n.nspname = ${quoteText(schema)} and c.relname = ` +
        quoteText(table),
    );
    if (relation === undefined) {
      add(`there is no table ${shown} in database ${String(database)}`);
      return found;
    }
    const [kind, persistence, identity, reads, uses, owns, inIdentity, lacking] = relation;
    if (kind !== 'r' && kind !== 'p') {
      add(`${shown} is not a table but a ${KINDS.get(String(kind)) ?? 'relation without rows'}`);
      return found;
    }
    if (persistence !== 'p')
      add(`${shown} is ${persistence === 'u' ? 'unlogged' : 'temporary'}: no change of it is logged`);
    if (uses !== true)
      add(
        `the role may not use schema ${schema}`,
        `grant usage on schema ${quoteIdentifier(schema)} to ${String(role)}`,
      );
    if (reads !== true) add(`the role may not read ${shown}`, `grant select on ${quoted} to ${String(role)}`);
    // A published table without it rejects the application's updates and deletes.
    if (inIdentity === '0')
      add(
        identity === 'n'
          ? `${shown} has REPLICA IDENTITY NOTHING`
          : `${shown} has no primary key and no replica identity`,
        `alter table ${quoted} replica identity full`,
      );
    else if (lacking !== null)
      add(
        `key columns ${String(lacking)} are not in its replica identity`,
        `alter table ${quoted} replica identity full`,
      );
    const name = this.publication;
    const [published] = await this.#read(
      'select pubinsert and pubupdate and pubdelete and pubtruncate, exists (select from pg_publication_tables as t ' +
        `where t.pubname = p.pubname and t.schemaname = ${quoteText(schema)} and t.tablename = ` +
        `${quoteText(table)}) from ` +
        `pg_publication as p where p.pubname = ${quoteText(name)}`,
    );
    if (published === undefined) {
      const remedy = this.#createPublication('create');
      if (publication !== null) add(`there is no publication '${publication}'`, remedy);
      else if (streams || owns !== true || creates !== true)
        add(
          streams
            ? `publication '${slot}' was dropped, and changes since may be lost`
            : `there is no publication '${slot}', and the role may not create it`,
          remedy,
        );
    } else if (published[1] !== true && (streams || publication !== null || owns !== true))
      add(`publication '${name}' does not publish ${shown}`, this.#createPublication('alter'));
    else if (published[0] !== true)
      add(
        `publication '${name}' does not publish all of insert, update, delete and truncate`,
        `alter publication ${quoteIdentifier(name)} set (publish = 'insert, update, delete, truncate')`,
      );
    return found;
  }

  /** Creates the publication, or adds a table that was made anew, unless the load config names another publication. */
  async publish(): Promise<void> {
    const { publication, slot, schema, table } = this.config;
    if (publication !== null) return;
    const [found] = await this.#read(
      'select exists (select from pg_publication_tables as t where t.pubname = p.pubname and t.schemaname = ' +
        `${quoteText(schema)} and t.tablename = ${quoteText(table)}) from pg_publication as p where p.pubname = ` +
        quoteText(slot),
    );
    if (found?.[0] !== true) await this.#commit(this.#createPublication(found === undefined ? 'create' : 'alter'));
  }

  /**
   * Counts tables, partitions included, that were rewritten after the transaction's snapshot, such as by ALTER TABLE:
   * for the snapshot they are empty. pg_class is that of the snapshot, and the function returns the present file.
   */
  get rewrittenSql(): string {
    const table = `${quoteText(this.quoted)}::regclass`;
    return (
      `select count(*)::text from pg_class as c where c.oid in (select ${table} union all select relid from ` +
      `pg_partition_tree(${table})) and c.relfilenode <> pg_relation_filenode(c.oid)`
    );
  }

  /** Makes the slot from a temporary one, at the same position. */
  async keepSlot(temporary: string): Promise<void> {
    await this.#commit(
      `select pg_copy_logical_replication_slot(${quoteText(temporary)}, ${quoteText(this.config.slot)}, false)`,
    );
  }

  /** Drops the slot if it exists. @throws `connection` error, which is waited for, while a process reads it */
  async dropSlot(): Promise<void> {
    const slot = await this.slot();
    if (slot === null) return;
    try {
      await this.#commit(`select pg_drop_replication_slot(${quoteText(this.config.slot)})`);
    } catch (error) {
      throw this.inUse(error, slot.reader);
    }
  }

  /** The error of a slot that another process reads; any other one unchanged. */
  inUse(error: unknown, reader: string | null = null): unknown {
    const code = error instanceof TsdbtError ? error.details.code : codeOf(error);
    if (code !== IN_USE) return error;
    return new TsdbtError(
      'connection',
      `slot '${this.config.slot}' is read by process ${reader ?? 'of another loader'} of the source`,
    );
  }

  #createPublication(how: 'create' | 'alter'): string {
    const publication = `${how} publication ${quoteIdentifier(this.publication)}`;
    return how === 'alter'
      ? `${publication} add table ${this.quoted}`
      : `${publication} for table ${this.quoted} with (publish_via_partition_root = true)`;
  }

  async #read(sql: string): Promise<readonly (readonly unknown[])[]> {
    const session = (await this.adapter()).session({ name: 'replicate' });
    try {
      return await read(session, sql);
    } finally {
      await session.release();
    }
  }

  async #commit(sql: string): Promise<void> {
    const session = (await this.adapter()).session({ name: 'replicate' });
    try {
      await session.begin();
      await session.execute(sql);
      await session.commit();
    } finally {
      await session.release();
    }
  }
}

/** Whether `a` is a column of the replica identity of `c`. */
const IN_IDENTITY =
  "(c.relreplident = 'f' or exists (select from pg_index as i where i.indrelid = c.oid and a.attnum = any " +
  '(i.indkey) and ' +
  "case c.relreplident when 'd' then i.indisprimary when 'i' then i.indisreplident else false end))";
const KINDS: ReadonlyMap<string, string> = new Map([
  ['v', 'view'],
  ['m', 'materialized view'],
  ['f', 'foreign table'],
]);

function isPostgres(adapter: Adapter): adapter is PostgresAdapter {
  return adapter.type === 'postgres';
}

/** SQLSTATE of an error of the driver. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
