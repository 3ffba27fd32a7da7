// The adapter's methods that use a session: lookups through the cache, drops and renames through macros, columns,
// schemas. context/adapter-object.ts binds them for templates; the dialects' folders have their differences.
import type { Adapter, ExecuteMacro, Session } from './adapter.ts';
import { Column } from './column.ts';
import { isRelationType } from './relation-changes.ts';
import type { PathPart, RelationType } from './relation-dialect.ts';
import type { Relation } from './relation.ts';
import type { Listing, SchemaName } from './relation-cache.ts';
import type { Dependant } from './dependants.ts';
import { ResponseObject } from './response.ts';
import { Table } from './table.ts';
import { TsdbtError } from '../errors.ts';
import { PyDict } from '../values/dict.ts';
import { iterate, toArray } from '../values/iterate.ts';
import { toRepr, toText } from '../values/text.ts';
import type { Value } from '../values/value.ts';

export type Quoting = Partial<Record<PathPart, boolean | null | undefined>>;

/** Debug events of schemas and columns, by dbt's names. */
export type SchemaEvent = 'CacheMiss' | 'SchemaCreation' | 'SchemaDrop' | 'ColTypeChange' | 'TypeCodeNotFound';

export interface SqlAdapterOptions {
  readonly adapter: Adapter;
  readonly session: Session;
  readonly executeMacro: ExecuteMacro;
  /** The project's `quoting:`. */
  readonly quoting: Quoting;
  /** Whether this project builds the relation. Called if a dependant cannot be restored. */
  readonly builds?: ((relation: Relation) => boolean) | undefined;
  /** Called with the description of each object that a rebuild has lost. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Whether a project or a package overrides the macro of this name. */
  readonly overridden?: ((macro: string) => boolean) | undefined;
  /** Debug events under dbt's names: `CacheMiss`, `ColTypeChange` … */
  readonly onEvent?: ((name: SchemaEvent, data: Readonly<Record<string, unknown>>) => void) | undefined;
}

/** A dependant, and the relation that it read. */
interface Dropped {
  readonly dependant: Dependant;
  readonly on: Relation;
  /** The relation is changed in place, not replaced. */
  readonly altered: boolean;
}

/** The SQLSTATE if another object has taken the name in the meantime. */
const DUPLICATE = '42710';

/** SQLSTATEs about the server's state, not the statement: no space, no memory, timeout, lock, deadlock, shutdown. */
const OF_THE_MOMENT = /^(?:(?:08|25|40|53|57|58|XX)[0-9A-Z]{3}|55006|55P03)$/;

/** @throws if `answer` is neither a table nor a list whose items have at least `width` values */
function rowsIn(macro: string, answer: Value, width: number): readonly (readonly Value[])[] {
  if (answer instanceof Table) return answer.rows.map(({ values }) => values);
  try {
    const rows = toArray(answer).map(toArray);
    if (rows.every(({ length }) => length >= width)) return rows;
  } catch {
    // The caller's error, thrown below, names the macro.
  }
  throw new TsdbtError('compilation', `Macro "${macro}" returned ${toText(answer)}, expected a table`);
}

/** A database with one session on it. Created for each node, which is cheap. */
export class SqlAdapter {
  readonly adapter: Adapter;
  readonly session: Session;
  readonly #options: SqlAdapterOptions;
  /** Dependants that were dropped with the old relation and must be restored on the new one. */
  #dropped: Dropped[] = [];
  /**
   * Dependants that are restored before the commit: foreign keys whose key a hook may still create, and a table's own
   * policies, triggers and rules, which its hooks may create.
   */
  #postponed: Dropped[] = [];

  constructor(options: SqlAdapterOptions) {
    this.adapter = options.adapter;
    this.session = options.session;
    this.#options = options;
  }

  /** Runs a macro by name with named arguments. */
  async macro(name: string, kwargs: Readonly<Record<string, Value>>): Promise<Value> {
    return this.#options.executeMacro(name, [], new Map(Object.entries(kwargs)));
  }

  /**
   * The rows returned by a macro: those of a table, or, from a project's own macro, any list of lists.
   * @param width minimum number of values per row
   */
  async #rowsOf(
    name: string,
    kwargs: Readonly<Record<string, Value>>,
    width: number,
  ): Promise<readonly (readonly Value[])[]> {
    return rowsIn(name, await this.macro(name, kwargs), width);
  }

  #relation(
    database: string | null,
    schema: string | null,
    identifier: string | null,
    more: { type?: RelationType | null } = {},
  ): Relation {
    const quotePolicy: Partial<Record<PathPart, boolean>> = {};
    for (const part of ['database', 'schema', 'identifier'] as const) {
      const flag = this.#options.quoting[part];
      if (typeof flag === 'boolean') quotePolicy[part] = flag;
    }
    return this.adapter.createRelation({ database, schema, identifier, quotePolicy, ...more });
  }

  /** Relations of a schema, from the cache if the schema is listed. */
  async listRelations(database: string | null, schema: string): Promise<readonly Relation[]> {
    const { cache } = this.adapter;
    if (cache.hasSchema(database, schema)) return cache.list(database, schema, this.session);
    this.#options.onEvent?.('CacheMiss', { conn_name: this.session.name, database, schema });
    // The macro's four columns lack the dialect's own fields.
    const asksItself = this.adapter.relations.ownFields && !this.overridden('list_relations_without_caching');
    const ask = (schemas: readonly SchemaName[]): Promise<Listing> =>
      asksItself ? this.adapter.askCatalogue(this.session, schemas) : this.#askMacros(schemas);
    const fill = (): Promise<void> => cache.fill([{ database, schema }], this.session, ask);
    await (this.session.listing === undefined ? fill() : this.session.listing(fill));
    return cache.list(database, schema, this.session);
  }

  async #askMacros(schemas: readonly SchemaName[]): Promise<Listing> {
    const relations: Relation[] = [];
    for (const { database, schema } of schemas) {
      relations.push(
        ...(await this.listRelationsWithoutCaching(
          this.#relation(database ?? this.adapter.cache.home, schema, '').withoutIdentifier(),
        )),
      );
    }
    return { relations };
  }

  /**
   * Fills the cache with all relations of the schemas. If dbt's macros are overridden, calls them, one schema at a
   * time.
   */
  async fillCache(schemas: readonly SchemaName[]): Promise<void> {
    const { adapter, session } = this;
    const { linksMacro } = adapter;
    if (
      !this.overridden('list_relations_without_caching') &&
      !(linksMacro !== undefined && this.overridden(linksMacro))
    )
      return adapter.fillCache(session, schemas);
    const ask = async (asked: readonly SchemaName[]): Promise<Listing> => {
      const listing = await this.#askMacros(asked);
      const database = asked[0]?.database ?? adapter.cache.home;
      return linksMacro === undefined ? listing : { ...listing, links: await this.#askLinks(linksMacro, database) };
    };
    await adapter.cache.fill(schemas, session, ask, true);
  }

  async #askLinks(
    macro: string,
    database: string | null,
  ): Promise<readonly (readonly [referenced: Relation, dependent: Relation])[]> {
    const place = (schema: string, identifier: string): Relation =>
      this.adapter.createRelation({ database, schema, identifier, type: 'external' });
    return (await this.#rowsOf(macro, {}, 4)).map((values) => {
      const [schema, name, readSchema, readName] = values.map((value) => toText(value ?? null)) as [
        string,
        string,
        string,
        string,
      ];
      return [place(readSchema, readName), place(schema, name)];
    });
  }

  /** Which of the schemas exist: by dbt's macro, if it is overridden. */
  async existingSchemas(schemas: readonly SchemaName[]): Promise<ReadonlySet<string>> {
    if (!this.overridden('list_schemas'))
      return this.adapter.existingSchemas(
        this.session,
        schemas.map(({ schema }) => schema),
      );
    const found = new Set<string>();
    for (const database of new Set(schemas.map((place) => place.database ?? '')))
      for (const schema of await this.listSchemas(database)) found.add(schema);
    return found;
  }

  overridden(macro: string): boolean {
    return this.#options.overridden?.(macro) === true;
  }

  async listRelationsWithoutCaching(schemaRelation: Relation): Promise<Relation[]> {
    const macro = 'list_relations_without_caching';
    const answer = await this.macro(macro, { schema_relation: schemaRelation });
    if (this.adapter.listed !== undefined && answer instanceof Table) return [...(await this.adapter.listed(answer))];
    return rowsIn(macro, answer, 4).map(([database = null, name = null, schema = null, kind = null]) => {
      return this.adapter.createRelation({
        database: database === null ? null : toText(database),
        schema: schema === null ? null : toText(schema),
        identifier: toText(name),
        quotePolicy: { database: true, schema: true, identifier: true },
        type: isRelationType(this.adapter.relations, kind) ? kind : 'external',
      });
    });
  }

  /** Returns the relation of that name, or null, from the cache if the schema is listed. */
  getRelation(
    database: string | null,
    schema: string | null,
    identifier: string | null,
  ): Relation | null | Promise<Relation | null> {
    if (schema === null) return null;
    // The fast path of most lookups: without a promise it costs a template little.
    return identifier !== null && this.adapter.cache.hasSchema(database, schema)
      ? this.#cached(database, schema, identifier)
      : this.#listed(database, schema, identifier);
  }

  async #listed(database: string | null, schema: string, identifier: string | null): Promise<Relation | null> {
    const relations = await this.listRelations(database, schema);
    return identifier === null
      ? this.#onlyMatch(relations, database, schema)
      : this.#cached(database, schema, identifier);
  }

  #cached(database: string | null, schema: string, identifier: string): Relation | null {
    const found = this.adapter.cache.get({ database, schema, identifier }, this.session);
    if (!found) return null;
    const lowered = (part: PathPart, value: string | null): string | null =>
      value !== null && this.#options.quoting[part] === false ? value.toLowerCase() : value;
    const search = {
      database: lowered('database', database),
      schema: lowered('schema', schema),
      identifier: lowered('identifier', identifier),
    };
    return found.matches(search) ? found : null;
  }

  #onlyMatch(relations: readonly Relation[], database: string | null, schema: string): Relation | null {
    const matches = relations.filter((relation) => relation.matches({ database, schema }));
    if (matches.length <= 1) return matches[0] ?? null;
    throw new TsdbtError(
      'compilation',
      'get_relation returned more than one relation with the given args. Please specify a database or schema ' +
        'to narrow down the result set.' +
        `\n${toRepr(PyDict.from({ identifier: null, schema, database }))}\n\n${toRepr(matches)}`,
    );
  }

  async checkSchemaExists(database: string, schema: string): Promise<boolean> {
    const informationSchema = this.#relation(database, schema, 'INFORMATION_SCHEMA').informationSchema();
    const rows = await this.#rowsOf('check_schema_exists', { information_schema: informationSchema, schema }, 1);
    return Number(toText(rows[0]?.[0] ?? 0)) > 0;
  }

  async listSchemas(database: string): Promise<string[]> {
    return (await this.#rowsOf('list_schemas', { database }, 1)).map(([schema = null]) => toText(schema));
  }

  async createSchema(relation: Relation): Promise<void> {
    const schema = relation.withoutIdentifier();
    this.#options.onEvent?.('SchemaCreation', { relation: schema.render() });
    await this.macro('create_schema', { relation: schema });
    await this.commit();
  }

  async dropSchema(relation: Relation): Promise<void> {
    const schema = relation.withoutIdentifier();
    this.#options.onEvent?.('SchemaDrop', { relation: schema.render() });
    await this.macro('drop_schema', { relation: schema });
    await this.commit();
    this.adapter.cache.dropSchema(schema.database, schema.schema);
  }

  /** dbt's `commit_if_has_connection`, without its error if nothing is open. */
  async commit(): Promise<void> {
    if (this.#postponed.length > 0) await this.#restorePostponed();
    if (this.session.inTransaction) await this.session.commit();
  }

  async dropRelation(relation: Relation): Promise<void> {
    if (relation.type === null)
      throw new TsdbtError('compilation', `Tried to drop relation ${relation.jinjaText()}, but its type is null.`);
    await this.macro('drop_relation', { relation });
    // Recorded after the drop, so that an earlier catalog answer is ignored. Recorded readers are restored when the
    // node is done.
    if (this.#dropped.length > 0) this.adapter.cache.forget(relation, this.session);
    else this.adapter.cache.drop(relation, this.session);
  }

  async truncateRelation(relation: Relation): Promise<void> {
    await this.macro('truncate_relation', { relation });
  }

  async renameRelation(from: Relation, to: Relation): Promise<void> {
    this.adapter.cache.checkRename(to);
    await this.macro('rename_relation', { from_relation: from, to_relation: to });
    this.adapter.cache.rename(from, to, this.session);
  }

  /** The macro's answer, cached while nothing changes: a list of columns, unless an override returns something else. */
  async columnsOf(relation: Relation): Promise<Value> {
    const { columns, inTransaction, keepsColumns = inTransaction } = this.session;
    const key = relation.render();
    let answer = columns.get(key);
    if (answer === undefined) {
      answer = await this.macro('get_columns_in_relation', { relation });
      if (keepsColumns) columns.set(key, answer);
    }
    return Array.isArray(answer) ? [...answer] : answer;
  }

  async getColumnsInRelation(relation: Relation): Promise<Column[]> {
    return [...iterate(await this.columnsOf(relation))].filter((column): column is Column => column instanceof Column);
  }

  async getMissingColumns(from: Relation, to: Relation): Promise<Column[]> {
    const present = new Set((await this.getColumnsInRelation(to)).map((column) => column.name));
    return (await this.getColumnsInRelation(from)).filter((column) => !present.has(column.name));
  }

  /** Widens text columns of `current` to those of `goal`. */
  async expandColumnTypes(goal: Relation, current: Relation): Promise<void> {
    const targets = new Map((await this.getColumnsInRelation(current)).map((column) => [column.name, column]));
    for (const reference of await this.getColumnsInRelation(goal)) {
      const target = targets.get(reference.name);
      if (!target?.isString || !target.canExpandTo(reference)) continue;
      const newType = target.expandedTo(reference);
      this.#options.onEvent?.('ColTypeChange', {
        orig_type: target.dataType,
        new_type: newType,
        table: current.render(),
      });
      await this.macro('alter_column_type', {
        relation: current,
        column_name: reference.name,
        new_column_type: newType,
      });
    }
  }

  /** @throws if a snapshot's table lacks a column that snapshots write */
  async validSnapshotTarget(relation: Relation, columnNames: Value, more: readonly string[] = []): Promise<void> {
    const columns = new Set((await this.getColumnsInRelation(relation)).map((column) => column.name.toLowerCase()));
    const required = more.length > 0 ? more : ['dbt_scd_id', 'dbt_valid_from', 'dbt_valid_to'];
    const missing = required
      .map((name) => (columnNames instanceof PyDict ? (columnNames.get(name) ?? null) : name))
      .filter((name): name is string => typeof name === 'string' && name !== '' && !columns.has(name.toLowerCase()));
    if (missing.length > 0) {
      throw new TsdbtError(
        'compilation',
        `Snapshot target is missing configured columns (missing "${missing.join('", "')}"). ` +
          'See https://docs.getdbt.com/docs/build/snapshots#snapshot-meta-fields for more information.',
      );
    }
  }

  async execute(
    sql: string,
    options: { autoBegin: boolean; fetch: boolean; limit: number | null; hook?: boolean },
  ): Promise<{ response: ResponseObject; table: Table }> {
    const { response, table } = await this.session.execute(sql, options);
    return { response: new ResponseObject(response), table };
  }

  async getColumnSchemaFromQuery(sql: string): Promise<Column[]> {
    return (await this.session.describe(sql)).map(({ name, typeName, unknownCode }) => {
      if (unknownCode !== undefined) this.#options.onEvent?.('TypeCodeNotFound', { type_code: unknownCode });
      return this.adapter.createColumn(name, typeName);
    });
  }

  /**
   * Locks a relation until the transaction ends, opening one if necessary, and reads it again: another run may have
   * changed it.
   */
  async lockRelation(relation: Relation, viewState = false): Promise<void> {
    this.#dropped = [];
    this.#postponed = [];
    await this.adapter.lockRelation(this.session, relation, { builds: true, viewState });
  }

  /**
   * Returns the relation's direct and indirect dependants in creation order, locks each, and records it for
   * `restoreDependants`.
   * @param altered the relation is changed in place, and keeps its row-level security
   * @throws with the names of those that this user may not drop and create again
   */
  async dependants(relation: Relation, altered = false): Promise<readonly Dependant[]> {
    const all = await this.adapter.fetchDependants(this.session, relation);
    const found = altered ? all.filter(({ kind }) => kind !== 'row_security') : all;
    const foreign = found.filter((dependant) => !dependant.ours);
    if (foreign.length > 0) {
      const names = foreign.map((d) => `${this.#describe(d)} of ${d.owner}`);
      throw new TsdbtError(
        'database',
        `${relation.render()} cannot be replaced: this user may not drop and create what reads it:\n` +
          `${names.join('\n')}`,
        {
          hint:
            'Become a member of its owner, with USAGE and CREATE on its schema; or drop it first. Nothing has ' +
            'been changed by this run.',
        },
      );
    }
    const known = new Set(this.#dropped.map(({ dependant }) => dependant.id));
    this.#dropped.push(
      ...found
        .filter((dependant) => !known.has(dependant.id))
        .map((dependant) => ({ dependant, on: relation, altered })),
    );
    return found;
  }

  /**
   * Restores what was dropped with the old relation. A view that no longer compiles is omitted if this project builds
   * it. A foreign key that cannot be restored yet is tried again before the commit.
   * @throws for a dependant that no longer compiles and does not belong to the project; or a transient error of the
   *   server, so that nothing is lost
   */
  restoreDependants(): Promise<void> | null {
    return this.#dropped.length === 0 ? null : this.#restoreDropped();
  }

  async #restoreDropped(): Promise<void> {
    const gone = new Set<string>();
    for (const lost of this.#dropped.splice(0)) {
      const { dependant } = lost;
      // Row-level security is restored first: a hook may disable it again.
      if (dependant.own && !lost.altered && dependant.kind !== 'row_security') {
        this.#postponed.push(lost);
        continue;
      }
      const failure = dependant.reads.some((id) => gone.has(id))
        ? new TsdbtError('database', 'what it reads could not be created again')
        : await this.#create(dependant);
      if (failure === null) continue;
      gone.add(dependant.id);
      if (dependant.kind === 'foreign_key') this.#postponed.push(lost);
      else this.#giveUp(lost, failure);
    }
  }

  async #restorePostponed(): Promise<void> {
    for (const lost of this.#postponed.splice(0)) {
      const failure = await this.#create(lost.dependant);
      // A hook of the project has restored it.
      if (failure !== null && failure.details.code !== DUPLICATE) this.#giveUp(lost, failure);
    }
  }

  /**
   * @returns why the dependant does not fit the relation's new form; null if it is restored
   * @throws an error of the server's state
   */
  async #create({ createSql }: Dependant): Promise<TsdbtError | null> {
    const failure = await this.session.attempt(createSql);
    if (failure !== null && OF_THE_MOMENT.test(failure.details.code ?? '')) throw failure;
    return failure;
  }

  #describe({ kind, database, schema, name, ownName }: Dependant): string {
    const [what, relation] = [kind.replaceAll('_', ' '), this.#relation(database, schema, name).render()];
    return ownName === null || kind === 'function' || kind === 'operator'
      ? `${what} ${relation}`
      : `${what} ${ownName} of ${relation}`;
  }

  /**
   * A lost view is built again by this project. Anything else belongs to a table of the project that remains. An error
   * here could never be fixed if that table reads this one and is built later, so the loss is only reported.
   * @throws if this project does not build it
   */
  #giveUp({ dependant, on }: Dropped, failure: TsdbtError): void {
    const { kind, database, schema, name, ownName, createSql } = dependant;
    const relation = this.#relation(database, schema, name);
    const isView = kind === 'view' || kind === 'materialized_view';
    const what = kind.replaceAll('_', ' ');
    if (!(isView || kind === 'foreign_key' || kind === 'rule') || !this.#options.builds?.(relation)) {
      throw new TsdbtError(
        'database',
        `${this.#describe(dependant)} depends on the relation and cannot be created on its new form:\n` +
          failure.message,
        {
          code: failure.details.code,
          sql: createSql,
          hint: 'Change or drop it first; nothing has been changed by this run.',
        },
      );
    }
    if (isView) this.adapter.cache.forget(relation, this.session);
    else {
      this.#options.onWarning?.(
        `${what} ${ownName} of ${relation.render()} is lost: ${on.render()}, which it ` +
          `${kind === 'rule' ? 'names' : 'refers to'}, was built anew, and it could not be put back: ` +
          `${failure.message
            .replace(/\nLINE \d+: .*\n *\^/, '')
            .replace(/\.?(?<!\s)\s*\n\s*/g, '. ')
            .replace(/\.$/, '')}. Make it again when both are built, in a post-hook or on-run-end.`,
      );
    }
  }

  /**
   * Whether `create or replace view` can turn `existing` into `wanted`: the same columns in the same order, possibly
   * more at the end.
   */
  async canReplaceView(existing: Relation, wanted: Relation): Promise<boolean> {
    return this.adapter.canReplaceView(this.session, existing, wanted);
  }
}
