// The ClickHouse adapter: sessions on one server, relation cache, capabilities. session.ts and server.ts talk to the
// server, catalogue.ts queries its system tables, embedded.ts runs one. leases.ts and exchange.ts make publishing safe.
import type {
  Adapter,
  Capabilities,
  IntervalLedger,
  LoadedSource,
  LoadedState,
  LoadOrigin,
  Seldom,
  Session,
  SessionOptions,
  UnitTestSql,
} from '../adapter.ts';
import { Column } from '../column.ts';
import { copyTextOf, placeOf } from '../copy-text.ts';
import type { Dependant } from '../dependants.ts';
import type { PathPart, RelationDialect, RelationType } from '../relation-dialect.ts';
import { Relation, type RelationInput } from '../relation.ts';
import { writtenPolicy } from '../relation-path.ts';
import { type Listing, RelationCache, type SchemaName } from '../relation-cache.ts';
import { valuesOf } from '../seed-numbers.ts';
import { silenceTimes } from '../silence.ts';
import type { Row, Table } from '../table.ts';
import type { TemplateMethods } from '../template-method.ts';
import { TsdbtError } from '../../errors.ts';
import type { Credentials } from '../../contracts/project.ts';
import { PyDict } from '../../values/dict.ts';
import { fromJson } from '../../values/json.ts';
import { toText } from '../../values/text.ts';
import type { Value } from '../../values/value.ts';
import { isTransient } from './database-error.ts';
import {
  changeMarksSql,
  LOADER_PRESENT,
  loadedSql,
  relationsSql,
  schemasSql,
  syncedSql,
  viewStateSql,
} from './catalogue.ts';
import { CLICKHOUSE_COLUMN } from './column.ts';
import type { ServerAddress } from './connection.ts';
import { CLICKHOUSE_CREDENTIALS, httpPort } from './credentials.ts';
import { createIntervalLedger } from './interval-ledger.ts';
import { Leases } from './leases.ts';
import { quoteDouble, quoteIdentifier, quoteText, quoteUnlessBare } from './literal.ts';
import { publishMethods } from './publish-methods.ts';
import { clickhouseRelation } from './relation.ts';
import { createSeldom } from './seldom.ts';
import type { ReuseStore } from '../node-states.ts';
import { withFixedClock } from './fixed-clock.ts';
import { CLICKHOUSE_REUSE } from './reuse-store.ts';
import { Server } from './server.ts';
import { dateType, isUnusual, momentType, numberType, wraps } from './seed-types.ts';
import { exchangesTables, type ServerFacts } from './server-facts.ts';
import { ClickHouseSession } from './session.ts';
import { createTemplateMethods } from './template-methods.ts';
import { LONGEST_TIMER } from '../../within.ts';

const CAPABILITIES: Capabilities = {
  transactions: false,
  transactionalDdl: false,
  maxIdentifierBytes: Number.MAX_SAFE_INTEGER,
  schemaMetadataByRelations: true,
  tableLastModifiedMetadata: false,
  microbatchConcurrency: false,
  constraintSupport: {
    check: 'enforced',
    not_null: 'not_supported',
    unique: 'not_supported',
    primary_key: 'not_supported',
    foreign_key: 'not_supported',
  },
  validIncrementalStrategies: ['append'],
};

export interface ClickHouseOptions {
  readonly credentials: Credentials;
  readonly threads: number;
  readonly quoting: Partial<Record<PathPart, boolean | null | undefined>>;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Starts the embedded server if the profile names a folder; called once, with the first connection. */
  readonly embedded?:
    | (() => Promise<{
        host: string;
        port: number;
        user: string;
        password: string;
        /** Folder of its state and data. */
        home: string;
        release(): Promise<void>;
      }>)
    | undefined;
}

export class ClickHouseAdapter implements Adapter {
  readonly type = 'clickhouse';
  readonly capabilities = CAPABILITIES;
  readonly dateFunction = 'now()';
  readonly relations: RelationDialect;
  readonly columns = CLICKHOUSE_COLUMN;
  readonly cache = new RelationCache(true);
  readonly intervals: IntervalLedger | null;
  readonly reuse: ReuseStore | null;
  readonly unitTests: UnitTestSql = { withFixedClock, fixtureArray: (items) => [...items], texts: 'escaped' };
  readonly seldom: Seldom;
  readonly server: Server;
  readonly leases: Leases;
  readonly templateMethods: TemplateMethods;
  readonly #options: ClickHouseOptions;
  readonly #cluster: string | null;
  /** States of cached views according to the catalog query. */
  readonly #views = new WeakMap<Relation, string>();
  #releaseServer: (() => Promise<void>) | undefined;
  #shown: { readonly [key: string]: string | number } = {};

  constructor(options: ClickHouseOptions) {
    this.#options = options;
    const { credentials, threads } = options;
    this.#cluster = textOf(credentials['cluster']);
    // Per-server tables would contain only a part of the batches.
    this.intervals =
      this.#cluster !== null || textOf(credentials['database_engine']) === 'Replicated'
        ? null
        : createIntervalLedger(this);
    this.reuse = this.intervals === null ? null : CLICKHOUSE_REUSE;
    this.seldom = createSeldom(credentials);
    this.relations = clickhouseRelation({
      cluster: this.#cluster,
      databaseEngine: textOf(credentials['database_engine']),
    });
    const patience = Math.min(numberOf(credentials['send_receive_timeout'], 300) * 1000, LONGEST_TIMER);
    const silence = silenceTimes(options.env?.['TSDBT_ASK_AFTER'], patience);
    this.server = new Server({ credentials, threads, silence, address: () => this.#findServer() });
    this.leases = new Leases(async (sql) => this.#ownQuery(sql));
    this.templateMethods = {
      ...createTemplateMethods(() => this.facts(), CAPABILITIES.constraintSupport),
      ...publishMethods(this.leases),
    };
  }

  connectionInfo(): readonly (readonly [key: string, value: Value])[] {
    const credentials: Credentials = { ...this.#options.credentials, ...this.#shown };
    return CLICKHOUSE_CREDENTIALS.shown.map((key) => [key, fromJson(credentials[key] ?? null)] as const);
  }

  session(options: SessionOptions): ClickHouseSession {
    return new ClickHouseSession(this.server, options);
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

  /** The server's capabilities, read once per command. */
  facts(): Promise<ServerFacts> {
    return this.server.facts();
  }

  readonly quote = quoteDouble;
  readonly quoteWritten = quoteUnlessBare;
  readonly quoteText = quoteText;

  createRelation(fields: RelationInput): Relation {
    return Relation.create(this.relations, {
      ...fields,
      quotePolicy: { ...writtenPolicy(this.#options.quoting), ...writtenPolicy(fields.quotePolicy ?? {}) },
    });
  }

  createColumn(name: string, dataType: string): Column {
    return new Column(this.columns, name, this.columns.typeLabels[dataType.toUpperCase()] ?? dataType);
  }

  convertType(table: Table, columnIndex: number): string {
    switch (table.typeAt(columnIndex).name) {
      case 'Integer':
        return 'Int32';
      case 'Number':
        return numberType(valuesOf(table, columnIndex));
      case 'Boolean':
        return 'Bool';
      case 'DateTime':
      case 'ISODateTime':
        return momentType(valuesOf(table, columnIndex));
      case 'Date':
        return dateType(valuesOf(table, columnIndex));
      case 'Text':
        return 'String';
    }
  }

  async fillCache(session: Session, schemas: readonly SchemaName[]): Promise<void> {
    await this.cache.fill(schemas, session, (missing) => this.askCatalogue(session, missing), true);
  }

  /** @param only reads only this relation of the schema */
  async askCatalogue(session: Session, schemas: readonly SchemaName[], only?: string): Promise<Listing> {
    const { atomicExchange } = await this.facts();
    const { table } = await session.execute(
      relationsSql([...new Set(schemas.map(({ schema }) => schema))], this.#cluster, only),
      { fetch: true },
    );
    const relations = table.rows.map(({ values }) => {
      const [schema = '', name = '', kind, engine = '', views = '[]', refreshable = '', ...rest] = values.map(toText);
      const [appends = '', shards = '', definition = ''] = rest;
      const pointing = (JSON.parse(views) as [string, string, string, string][]).map((view) =>
        PyDict.from({ schema: view[0], name: view[1], sql: view[2], comment: view[3] }),
      );
      const relation = Relation.create(this.relations, {
        schema,
        identifier: name,
        type: kind as RelationType,
        own: {
          can_exchange: atomicExchange && kind === 'table' && exchangesTables(engine),
          can_on_cluster: (this.#cluster !== null || isTrue(shards)) && engine !== 'Replicated',
          mvs_pointing_to_it: pointing,
          is_refreshable: isTrue(refreshable),
          refreshable_append: isTrue(appends),
        },
      });
      this.#views.set(relation, definition);
      return relation;
    });
    return { relations };
  }

  async listed(table: Table): Promise<readonly Relation[]> {
    const { atomicExchange } = await this.facts();
    return table.rows.map((row) => {
      const text = (column: string): string => toText(row.get(column) ?? '');
      const kind = text('type') as RelationType;
      return Relation.create(this.relations, {
        schema: text('schema'),
        identifier: text('name'),
        type: kind,
        own: {
          can_exchange: atomicExchange && kind === 'table' && exchangesTables(text('db_engine')),
          can_on_cluster:
            (this.#cluster !== null || isTrue(text('is_on_cluster'))) && text('db_engine') !== 'Replicated',
          mvs_pointing_to_it: row.get('mvs_pointing_to_it') ?? [],
          is_refreshable: isTrue(text('is_refreshable')),
          refreshable_append: isTrue(text('refreshable_append')),
        },
      });
    });
  }

  async existingSchemas(session: Session, schemas: readonly string[]): Promise<ReadonlySet<string>> {
    // Connecting has created the profile's own database.
    await this.server.connect();
    const others = schemas.filter((schema) => schema !== this.server.database);
    const found =
      others.length === 0
        ? []
        : (await session.execute(schemasSql(others), { fetch: true })).table.rows.map((row) => row.textAt(0));
    return new Set([...schemas.filter((schema) => !others.includes(schema)), ...found]);
  }

  async lockRelation(session: Session, relation: Relation): Promise<void> {
    const { schema, identifier } = relation;
    if (schema === null || identifier === null || !(session instanceof ClickHouseSession)) return;
    const id = JSON.stringify([schema, identifier]);
    if (session.locked.has(id)) return;
    const held = await this.leases.acquire(schema, identifier, (message) => session.options.onWait?.(message));
    if (held === null) return;
    session.locked.add(id);
    session.endings.push(async () => {
      session.locked.delete(id);
      await held.release(session.clean);
    });
    if (held.engine === undefined) return;
    // Reads again: another run may have built or dropped the relation. Pending catalog answers are outdated.
    const name = { database: '', schema, identifier };
    if (held.engine === null) this.cache.forget(name);
    else if (this.cache.get(name)?.type === kindOf(held.engine)) this.cache.confirm(name);
    else
      for (const found of (await this.askCatalogue(session, [name], identifier)).relations) this.cache.replace(found);
  }

  async loadedState(session: Session, source: LoadedSource, origin: LoadOrigin): Promise<LoadedState | null> {
    if (origin === 'topics') {
      const known = await session.execute(LOADER_PRESENT, { fetch: true });
      if (known.table.rows.length === 0) return null;
    }
    const sql = origin === 'topics' ? loadedSql(source) : syncedSql(source);
    const { table } = await session.execute(sql, { fetch: true });
    const [rows, newestMessage, newestLoad, now] = table.rows[0]?.values ?? [];
    return rows == null
      ? null
      : { rows: Number(rows), newestMessage: newestMessage ?? null, newestLoad: newestLoad ?? null, now: now ?? null };
  }

  async fetchChangeMarks(session: Session, relations: readonly Relation[]): Promise<(string | null)[]> {
    const names = relations.map(({ schema, identifier }) => [schema ?? '', identifier ?? ''] as const);
    if (names.length === 0) return [];
    const { table } = await session.execute(changeMarksSql(names), { fetch: true });
    const marks = new Map(table.rows.map((row) => [JSON.stringify([row.textAt(0), row.textAt(1)]), row.textAt(2)]));
    return names.map((name) => marks.get(JSON.stringify(name)) ?? null);
  }

  async claim(session: Session, name: string): Promise<string | null> {
    const taken = await this.leases.tryClaim(this.#options.credentials.schema, name);
    if (typeof taken === 'string') return taken;
    if (session instanceof ClickHouseSession) session.endings.push(taken);
    return null;
  }

  /** ClickHouse stores a view's text and resolves it on each read, so what it reads may be replaced. */
  async fetchDependants(): Promise<readonly Dependant[]> {
    return [];
  }

  async notePublishedView(
    session: Session,
    relation: Relation,
    query: string | null,
    note: (state: string | null) => void,
  ): Promise<void> {
    // The cached state is outdated.
    const known = this.cache.get(relation);
    if (known) this.#views.delete(known);
    const [definition, columns] = await this.#lookAtView(session, relation);
    note(definition === '' ? null : JSON.stringify([definition, query === null ? [] : columns]));
  }

  async fetchViewState(session: Session, relation: Relation, query: string | null): Promise<string | null> {
    const known = this.cache.get(relation);
    const definition = (known && this.#views.get(known)) ?? (await this.#lookAtView(session, relation))[0];
    if (definition === '') return null;
    // A view keeps the columns that its query had when it was created.
    const columns =
      query === null
        ? []
        : (await session.execute(`describe table (\n${query}\n)`, { fetch: true })).table.rows.map((row) =>
            row.values.slice(0, 2).map(toText),
          );
    return JSON.stringify([definition, columns]);
  }

  /** A view's identity ('' if it does not exist) and its columns as lists of name and type. */
  async #lookAtView(session: Session, relation: Relation): Promise<[definition: string, columns: string[][]]> {
    const { schema, identifier } = relation;
    if (schema === null || identifier === null) return ['', []];
    const { table } = await session.execute(viewStateSql(schema, identifier), { fetch: true });
    const [definition = '', columns = '[]'] = (table.rows[0]?.values ?? []).map(toText);
    const known = this.cache.get(relation);
    if (known) this.#views.set(known, definition);
    return [definition, JSON.parse(columns) as string[][]];
  }

  async canReplaceView(): Promise<boolean> {
    return true;
  }

  async loadTable(session: Session, relation: Relation, table: Table, columnList?: string): Promise<number> {
    if (table.rows.length === 0) return 0;
    if (!(session instanceof ClickHouseSession))
      throw new TsdbtError('internal', 'rows are loaded in a session of ClickHouse');
    const columns = columnList ?? table.columnNames.map(quoteIdentifier).join(', ');
    await this.#refuseWrapped(session, relation, table);
    await session.insert(
      `INSERT INTO ${relation.render()} (${columns}) SETTINGS date_time_input_format = 'best_effort' FORMAT ` +
        'TabSeparated',
      copyTextOf(table),
    );
    return table.rows.length;
  }

  /** @throws for a value that the server would store as another one: it wraps what is out of a type's range */
  async #refuseWrapped(session: Session, relation: Relation, table: Table): Promise<void> {
    if (!table.rows.some((row) => row.values.some(isUnusual))) return;
    const asked = await session.execute(
      `select name, type from system.columns where database = ${quoteText(relation.schema ?? '')} and table = ` +
        quoteText(relation.identifier ?? ''),
      { fetch: true },
    );
    const types = new Map(asked.table.rows.map((row) => [toText(row.at(0)), toText(row.at(1))]));
    const typed = table.columnNames.map((name) => types.get(name) ?? '');
    for (const [number, row] of table.rows.entries()) {
      const index = row.values.findIndex((value, i) => isUnusual(value) && wraps(typed[i] ?? '', value));
      if (index < 0) continue;
      throw new TsdbtError(
        'database',
        `Cannot load ${toText(row.at(index))} into column "${table.columnNames[index]}": it is out of the range of ` +
          `${typed[index]}. Give the column another type in column_types, or use --full-refresh.`,
        placeOf(table, number),
      );
    }
  }

  async close(): Promise<void> {
    await this.leases.close();
    await this.server.close();
    const release = this.#releaseServer;
    this.#releaseServer = undefined;
    await release?.();
  }

  /** Names have no database part: the relation itself rejects one. */
  verifyDatabase(): void {
    /* Nothing to compare with. */
  }

  /** Runs an internal statement outside of any node's session; the session may wait for it. @returns its rows */
  async #ownQuery(sql: string): Promise<readonly Row[]> {
    const session = new ClickHouseSession(this.server, { name: 'tsdbt' }, true);
    try {
      const { table } = await session.execute(sql, { fetch: true, internal: true });
      return table.rows;
    } finally {
      await session.release();
    }
  }

  async #findServer(): Promise<ServerAddress> {
    const { credentials, embedded } = this.#options;
    const said = (key: string): string | null => textOf(credentials[key]);
    const common = {
      connectTimeout: Math.min(numberOf(credentials['connect_timeout'], 10), LONGEST_TIMER / 1000),
      retries: numberOf(credentials['retries'], 1),
      verify: credentials['verify'] !== false,
      clientCert: said('client_cert'),
      clientCertKey: said('client_cert_key'),
      serverHostName: said('server_host_name'),
      compression: (said('compression') ?? '') !== '',
      keepAlive: credentials['reuse_connections'] !== false,
    };
    if (embedded) {
      await this.#releaseServer?.();
      const { release, home, ...place } = await embedded();
      this.#releaseServer = release;
      this.#shown = { host: place.host, port: place.port, user: place.user };
      return {
        ...common,
        ...place,
        retries: 0,
        secure: false,
        compression: false,
        keepAlive: true,
        embedded: home,
      };
    }
    const secure = credentials['secure'] === true;
    const port = typeof credentials['port'] === 'number' ? credentials['port'] : null;
    return {
      ...common,
      host: said('host') ?? 'localhost',
      port: httpPort(port, secure),
      user: said('user') ?? 'default',
      password: said('password') ?? '',
      secure,
      embedded: null,
    };
  }
}

function kindOf(engine: string): RelationType {
  return engine === 'View'
    ? 'view'
    : engine === 'MaterializedView'
      ? 'materialized_view'
      : engine === 'Dictionary'
        ? 'dictionary'
        : 'table';
}

function isTrue(value: string): boolean {
  return value === '1' || value === 'True' || value === 'true';
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : typeof value === 'number' ? String(value) : null;
}

function numberOf(value: unknown, fallback: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : fallback;
}
