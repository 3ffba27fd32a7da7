// The Postgres adapter: sessions on one pool, relation cache, capabilities. session.ts talks to the server,
// catalogue.ts queries its catalog, embedded.ts runs one.
import type {
  Adapter,
  Capabilities,
  IntervalLedger,
  LoadedSource,
  LoadedState,
  LoadOrigin,
  LockOptions,
  Session,
  SessionOptions,
  UnitTestSql,
} from '../adapter.ts';
import { Column } from '../column.ts';
import { convertType } from '../convert-type.ts';
import { copyTextOf, needsStatements, placeOf } from '../copy-text.ts';
import type { Dependant } from '../dependants.ts';
import type { PathPart, RelationType } from '../relation-dialect.ts';
import { Relation, type RelationInput } from '../relation.ts';
import { writtenPolicy } from '../relation-path.ts';
import { type Listing, RelationCache, type SchemaName } from '../relation-cache.ts';
import { silenceTimes } from '../silence.ts';
import type { Table } from '../table.ts';
import { TsdbtError } from '../../errors.ts';
import type { Credentials } from '../../contracts/project.ts';
import { toText } from '../../values/text.ts';
import type { Value } from '../../values/value.ts';
import {
  changeMarksSql,
  claimSql,
  columnsSql,
  linksSql,
  LOADED,
  SYNCED,
  lockHolderSql,
  lockKey,
  relationsSql,
  schemasSql,
  viewStateSql,
  viewStatesSql,
} from './catalogue.ts';
import { isTransient } from './database-error.ts';
import { POSTGRES_COLUMN } from './column.ts';
import { ConnectionPool, type DriverClient, type ServerAddress } from './connection.ts';
import {
  attributesOf,
  completeTls,
  type Environment,
  hostsWithoutPassword,
  passwordNotSent,
  placesOf,
  serverOptions,
} from './connection-defaults.ts';
import { POSTGRES_CREDENTIALS } from './credentials.ts';
import { dependantsSql, parseDependants } from './dependants.ts';
import { createIntervalLedger } from './interval-ledger.ts';
import { arrayText, quoteIdentifier, quoteText, quoteWritten } from './literal.ts';
import { MAX_IDENTIFIER, POSTGRES_RELATION } from './relation.ts';
import { nameOf, RelationLocks, storedNames, workingNames } from './relation-locks.ts';
import { withFixedClock } from './fixed-clock.ts';
import { POSTGRES_REUSE } from './reuse-store.ts';
import { PostgresSession } from './session.ts';
import { SILENCE_SECONDS } from './connection-life.ts';
import { LONGEST_TIMER, within } from '../../within.ts';
import { POSTGRES_METHODS } from './template-methods.ts';
import { ViewStates } from './view-states.ts';

const CAPABILITIES: Capabilities = {
  transactions: true,
  transactionalDdl: true,
  maxIdentifierBytes: MAX_IDENTIFIER,
  schemaMetadataByRelations: true,
  tableLastModifiedMetadata: false,
  microbatchConcurrency: false,
  constraintSupport: {
    check: 'enforced',
    not_null: 'enforced',
    unique: 'enforced',
    primary_key: 'enforced',
    foreign_key: 'enforced',
  },
  validIncrementalStrategies: ['append', 'delete+insert', 'merge', 'microbatch'],
};

const BATCH_ROWS = 1000;
/** Time limit for closing connections, in milliseconds. */
const CLOSE_MS = 3500;
const LOCK_NOT_AVAILABLE = '55P03';

export interface PostgresOptions {
  readonly credentials: Credentials;
  readonly threads: number;
  readonly quoting: Partial<Record<PathPart, boolean | null | undefined>>;
  readonly env?: Environment | undefined;
  /** The file in a cloned repository that names the server: PGPASSWORD is sent only to this machine. */
  readonly clonedFile?: string | null | undefined;
  readonly notify?: ((message: string) => void) | undefined;
  /** Finds the embedded server, if the profile requests one; called once, with the first connection. */
  readonly embedded?:
    | (() => Promise<{
        host: string;
        port: number;
        user: string;
        password: string;
        database: string;
        release(): Promise<void>;
      }>)
    | undefined;
}

export class PostgresAdapter implements Adapter {
  readonly type = 'postgres';
  readonly capabilities = CAPABILITIES;
  readonly dateFunction = 'now()';
  readonly linksMacro = 'postgres__get_relations';
  readonly relations = POSTGRES_RELATION;
  readonly columns = POSTGRES_COLUMN;
  readonly tableSettings = ['unlogged', 'partition_by'];
  readonly templateMethods = POSTGRES_METHODS;
  readonly cache: RelationCache;
  readonly intervals: IntervalLedger;
  readonly reuse = POSTGRES_REUSE;
  readonly unitTests: UnitTestSql = { withFixedClock, fixtureArray: arrayText, texts: 'plain' };
  readonly #options: PostgresOptions;
  readonly #pool: ConnectionPool;
  readonly #database: string;
  /** The project's `quoting`. */
  readonly #quoting: Partial<Record<PathPart, boolean>>;
  #address: Promise<ServerAddress> | undefined;
  /** The embedded server's address. */
  #shown: { readonly [key: string]: string | number } = {};
  #releaseServer: (() => Promise<void>) | undefined;
  /** States of views before the first node. */
  readonly #early = new ViewStates();
  readonly #locks: RelationLocks;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.#quoting = writtenPolicy(options.quoting);
    this.#database = String(options.credentials.database);
    this.cache = new RelationCache(false, this.#database);
    this.intervals = createIntervalLedger(this);
    this.#locks = new RelationLocks({
      database: this.#database,
      cache: this.cache,
      early: this.#early,
      relationOf: (schema, identifier, type) => this.#known(schema, identifier, type),
      isOwn: (processId) => this.#pool.holds(processId),
    });
    const silence = silenceTimes(options.env?.['TSDBT_ASK_AFTER']);
    this.#pool = new ConnectionPool(() => this.#findServer(), options.threads + 2, silence);
  }

  connectionInfo(): readonly (readonly [key: string, value: Value])[] {
    const credentials: Credentials = { ...this.#options.credentials, ...this.#shown };
    return POSTGRES_CREDENTIALS.shown.map((key) => [key, scalar(credentials[key])] as const);
  }

  session(options: SessionOptions): Session {
    const { credentials } = this.#options;
    return new PostgresSession(
      this.#pool,
      {
        role: textOf(credentials['role']),
        searchPath: textOf(credentials['search_path']),
        autocommit: credentials['autocommit'] === true,
        silence: Math.min(options.fence?.holds ?? SILENCE_SECONDS, SILENCE_SECONDS),
        onChange: () => this.#early.forget(),
        onEnd: (own, how) =>
          how === 'committed' ? this.cache.committed(own) : this.cache.rolledBack(own, how === 'undone'),
      },
      options,
    );
  }

  /** Opens a connection for the replication protocol, which its caller ends. @param options of the server's ' +
  'command line */
  replication(options: string): Promise<DriverClient> {
    return this.#pool.replication(options);
  }

  isTransient(error: TsdbtError): boolean {
    return isTransient(error);
  }

  async check(): Promise<void> {
    const session = this.session({ name: 'debug' });
    try {
      await session.execute('select 1 as id');
    } finally {
      await session.release();
    }
  }

  readonly quote = quoteIdentifier;
  readonly quoteWritten = quoteWritten;
  readonly quoteText = quoteText;

  createRelation(fields: RelationInput): Relation {
    const { quotePolicy } = fields;
    const own = quotePolicy === undefined ? this.#quoting : { ...this.#quoting, ...writtenPolicy(quotePolicy) };
    return Relation.create(this.relations, { ...fields, quotePolicy: own });
  }

  createColumn(
    name: string,
    dataType: string,
    charSize: number | null = null,
    numericPrecision: number | null = null,
    numericScale: number | null = null,
  ): Column {
    const label = this.columns.typeLabels[dataType.toUpperCase()];
    return new Column(this.columns, name, label ?? dataType, charSize, numericPrecision, numericScale);
  }

  convertType(table: Table, columnIndex: number): string {
    return convertType(table, columnIndex);
  }

  async fillCache(session: Session, schemas: readonly SchemaName[]): Promise<void> {
    for (const { database } of schemas) if (database !== null) this.verifyDatabase(database);
    await this.cache.fill(schemas, session, (missing) => this.askCatalogue(session, missing), true);
  }

  async askCatalogue(session: Session, schemas: readonly SchemaName[]): Promise<Listing> {
    const names = [...new Set(schemas.map(({ schema }) => schema.toLowerCase()))];
    const found = await session.execute(relationsSql(names), { fetch: true });
    const read = await session.execute(linksSql(names), { fetch: true });
    const rows = found.table.rows.filter((row) => row.textAt(2) !== 'extension');
    if (rows.length < found.table.rows.length) this.#pool.singly = true;
    return {
      relations: rows.map((row) => this.#known(row.textAt(0), row.textAt(1), row.textAt(2) as RelationType)),
      links: read.table.rows.map((row) => {
        const [schema, name, readSchema, readName] = row.values.map(toText) as [string, string, string, string];
        return [this.#known(readSchema, readName, 'external'), this.#known(schema, name, 'external')] as const;
      }),
    };
  }

  async existingSchemas(session: Session, schemas: readonly string[]): Promise<ReadonlySet<string>> {
    if (schemas.length === 0) return new Set();
    const { table } = await session.execute(schemasSql(schemas), { fetch: true });
    return new Set(table.rows.map((row) => row.textAt(0)));
  }

  lockRelation(session: Session, relation: Relation, options?: LockOptions): Promise<void> {
    return this.#locks.lock(session, relation, options);
  }

  async loadedState(session: Session, source: LoadedSource, origin: LoadOrigin): Promise<LoadedState | null> {
    const state = origin === 'table' ? SYNCED : LOADED;
    const known = await session.execute(state.present, { fetch: true });
    if (known.table.rows[0]?.values[0] !== true) return null;
    const { table } = await session.execute(state.of(source), { fetch: true });
    const [rows, newestMessage, newestLoad, now] = table.rows[0]?.values ?? [];
    return rows == null
      ? null
      : { rows: Number(rows), newestMessage: newestMessage ?? null, newestLoad: newestLoad ?? null, now: now ?? null };
  }

  async fetchChangeMarks(session: Session, relations: readonly Relation[]): Promise<(string | null)[]> {
    const names = relations.map(storedNames).map(({ schema, identifier }) => [schema ?? '', identifier ?? ''] as const);
    if (names.length === 0) return [];
    let table: Table;
    try {
      ({ table } = await session.execute(changeMarksSql(names), { autoBegin: true, fetch: true }));
    } catch (error) {
      // The holder of a lock is about to change the relation: do not wait for it.
      if (!(error instanceof TsdbtError) || error.details.code !== LOCK_NOT_AVAILABLE) throw error;
      await session.rollback();
      return names.map(() => null);
    }
    const marks = new Map(table.rows.map((row) => [nameOf(row.textAt(0), row.textAt(1)), row.at(2)]));
    return names.map(([schema, identifier]) => {
      const mark = marks.get(nameOf(schema, identifier)) ?? null;
      return mark === null ? null : toText(mark);
    });
  }

  async claim(session: Session, name: string, holder: string): Promise<string | null> {
    const key = lockKey(this.#database, null, name);
    // The transaction stays open for the whole run and shows its holder.
    const { table } = await session.execute(claimSql(key, holder), { autoBegin: true, fetch: true });
    if (table.rows[0]?.values[0] === true) return null;
    const holders = await session.execute(lockHolderSql(key), { fetch: true });
    await session.rollback();
    const row = holders.table.rows[0];
    const part = (column: string): string => toText(row?.get(column) ?? 'unknown');
    return row
      ? `${part('application_name')} (server process ${part('pid')}, user ${part('usename')}, since ${part('since')})`
      : 'a run that has just ended';
  }

  isBare(session: Session, relation: Relation): boolean {
    const { schema, identifier } = storedNames(relation);
    return schema !== null && identifier !== null && this.#locks.isBare(session, schema, identifier);
  }

  async fetchDependants(session: Session, relation: Relation): Promise<readonly Dependant[]> {
    const { schema, identifier } = storedNames(relation);
    if (schema === null || identifier === null || this.#locks.isBare(session, schema, identifier)) return [];
    // A table may be published and have no readers.
    if (!(await this.#locks.lockDependants(session, schema, identifier)) && this.cache.get(relation)?.type === 'view')
      return [];
    const { table } = await session.execute(dependantsSql(schema, identifier), { autoBegin: true, fetch: true });
    return parseDependants(
      table.rows.map((row) => row.textAt(0)),
      relation.database ?? this.#database,
    );
  }

  async fetchViewState(session: Session, relation: Relation): Promise<string | null> {
    const { schema, identifier } = storedNames(relation);
    if (schema === null || identifier === null) return null;
    const early =
      session instanceof PostgresSession && session.beforeFirst !== null
        ? this.knownViewState(session, relation)
        : undefined;
    if (early !== undefined) return early;
    const seen = this.#locks.seenState(session, schema, identifier);
    if (seen !== undefined) return stateIn(seen);
    return stateIn((await session.execute(viewStateSql(schema, identifier), { autoBegin: true, fetch: true })).table);
  }

  async readViewStates(session: Session, views: readonly Relation[]): Promise<void> {
    const names = views
      .map(storedNames)
      .flatMap(({ schema, identifier }) =>
        schema === null || identifier === null ? [] : [[schema, identifier] as const],
      );
    if (names.length === 0 || !(session instanceof PostgresSession)) return;
    const now = session.clock;
    const { table } = await session.execute(viewStatesSql(names), { fetch: true });
    this.#early.fill(
      now,
      table.rows.flatMap((row) => {
        const name = names[Number(row.at(0)) - 1];
        const reads = row.at(2);
        return name === undefined
          ? []
          : {
              name: nameOf(...name),
              state: row.textAt(1),
              reads:
                reads === null ? [] : (JSON.parse(toText(reads)) as [string, string][]).map((pair) => nameOf(...pair)),
            };
      }),
    );
  }

  knownViewState(session: Session, view: Relation): string | undefined {
    const { schema, identifier } = storedNames(view);
    if (schema === null || identifier === null || !(session instanceof PostgresSession)) return undefined;
    // The materialization drops what a killed run left.
    const names = { database: view.database ?? this.#database, schema };
    if (workingNames(identifier).some((name) => this.cache.get({ ...names, identifier: name }) !== undefined))
      return undefined;
    return this.#early.get(nameOf(schema, identifier), session.clock);
  }

  invalidateViewStates(): void {
    this.#early.forget();
  }

  async notePublishedView(
    session: Session,
    view: Relation,
    _query: string | null,
    note: (state: string | null) => void,
  ): Promise<void> {
    const { schema, identifier } = storedNames(view);
    if (schema !== null && identifier !== null)
      await session.executeLater(viewStateSql(schema, identifier), ({ table }) => note(stateIn(table)));
  }

  async canReplaceView(session: Session, old: Relation, planned: Relation): Promise<boolean> {
    const [existing, wanted] = [storedNames(old), storedNames(planned)];
    if (
      existing.schema === null ||
      existing.schema !== wanted.schema ||
      existing.identifier === null ||
      wanted.identifier === null
    )
      return false;
    const { table } = await session.execute(columnsSql(existing.schema, existing.identifier, wanted.identifier), {
      autoBegin: true,
      fetch: true,
    });
    const columns = (first: boolean): string[] =>
      table.rows
        .filter((row) => row.get('first') === first)
        .map((row) => JSON.stringify(row.values.slice(1).map((value) => (value === null ? null : toText(value)))));
    const present = columns(true);
    const next = columns(false);
    return present.length > 0 && present.every((column, index) => next[index] === column);
  }

  async loadTable(session: Session, relation: Relation, table: Table, columnList?: string): Promise<number> {
    if (table.rows.length === 0) return 0;
    const columns = columnList ?? table.columnNames.map(quoteIdentifier).join(', ');
    const target = `${relation.include({ database: false }).render()} (${columns})`;
    if (!needsStatements(table)) {
      if (!session.inTransaction) await session.begin();
      try {
        return await session.copyIn(`copy ${target} from stdin`, copyTextOf(table));
      } catch (error) {
        const row = error instanceof TsdbtError ? /^CONTEXT: {2}COPY .*, line (\d+)/m.exec(error.message) : null;
        throw error instanceof TsdbtError && row !== null ? error.with(placeOf(table, Number(row[1]) - 1)) : error;
      }
    }
    const marks = `(${table.columnNames.map(() => '%s').join(', ')})`;
    for (let start = 0; start < table.rows.length; start += BATCH_ROWS) {
      const rows = table.rows.slice(start, start + BATCH_ROWS);
      await session.execute(`insert into ${target.replaceAll('%', '%%')} values ${rows.map(() => marks).join(',')}`, {
        autoBegin: true,
        internal: true,
        bindings: rows.flatMap((row) => row.values),
      });
    }
    return table.rows.length;
  }

  async close(): Promise<void> {
    // Does not wait for an embedded server that is still starting.
    await within(this.#pool.close(), CLOSE_MS);
    const release = this.#releaseServer;
    this.#releaseServer = undefined;
    await release?.();
  }

  /** @throws if a relation names another database */
  verifyDatabase(database: string): void {
    const name = database.replace(/^"+|(?<!")"+$/g, '');
    if (name.toLowerCase() !== this.#database.toLowerCase()) {
      throw new TsdbtError(
        'database',
        `Cross-db references not allowed in ${this.type} (${name} vs ${this.#database})`,
      );
    }
  }

  #known(schema: string, identifier: string, type: RelationType): Relation {
    return Relation.create(this.relations, { database: this.#database, schema, identifier, type });
  }

  #findServer(): Promise<ServerAddress> {
    this.#address ??= this.#resolveServer();
    this.#address.catch(() => {
      this.#address = undefined;
    });
    return this.#address;
  }

  async #resolveServer(): Promise<ServerAddress> {
    const { credentials, embedded, env = {} } = this.#options;
    const said = (key: string): string | null => textOf(credentials[key]);
    const tls = {
      sslmode: said('sslmode'),
      sslcert: said('sslcert'),
      sslkey: said('sslkey'),
      sslrootcert: said('sslrootcert'),
    };
    const common = {
      connectTimeout: Math.min(numberOf(credentials['connect_timeout'], 10), LONGEST_TIMER / 1000),
      retries: numberOf(credentials['retries'], 1),
      applicationName: said('application_name'),
      keepalivesIdle: numberOf(credentials['keepalives_idle'], 0),
      options: serverOptions(env),
    };
    if (embedded) {
      const server = await embedded();
      this.#releaseServer = () => server.release();
      this.#shown = { host: server.host, port: server.port, user: server.user, database: server.database };
      const { host, port } = server;
      return { ...common, ...tls, ...server, places: [{ host, port }], attributes: 'any', sslmode: 'disable' };
    }
    const places = placesOf(said('host'), said('port'));
    const password = said('password') ?? '';
    const { clonedFile = null, notify } = this.#options;
    const refused = password === '' && clonedFile !== null ? hostsWithoutPassword(places, env) : [];
    if (refused.length > 0) notify?.(passwordNotSent(refused, clonedFile ?? ''));
    return {
      ...common,
      ...completeTls(tls, env),
      places,
      attributes: attributesOf(said('target_session_attrs') ?? env['PGTARGETSESSIONATTRS']),
      user: said('user') ?? '',
      password,
      withoutPassword: refused,
      database: this.#database,
    };
  }
}

function stateIn(table: Table): string | null {
  const state = table.rows[0]?.values[0] ?? null;
  return state === null ? null : toText(state);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : null;
}

function numberOf(value: unknown, fallback: number): number {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : fallback;
}

function scalar(value: unknown): Value {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
