// Checks a project without its database: creates its relations as empty tables in a local engine of the same dialect,
// parents first, and collects the engine's errors. What the engine cannot decide is not checked, and reported as such.
import { join } from 'node:path';
import type { Session } from '../adapters/adapter.ts';
import type { EmptyDatabase, TypedColumn } from '../adapters/empty-relations.ts';
import { emptyDatabase } from '../adapters/index.ts';
import { type CompilableNode, compileNode } from '../compiler/compile.ts';
import { openScope } from '../compiler/node-scope.ts';
import { locateDatabaseError } from '../compiler/source-map.ts';
import type { ModelNode, SeedNode, SnapshotNode, SourceDefinition, TestNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { isEphemeral } from '../graph/node-facts.ts';
import type { Logger } from '../log.ts';
import { settingsFile } from '../project/setting-place.ts';
import { createRunContext, type RunContext } from '../runner/context.ts';
import { NoIntrospection, namesWithoutDatabase, refusedIntrospection } from '../runner/no-introspection.ts';
import { lookupNode, nodeWithRows } from '../runner/nodes.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { toText, type Value } from '../values/index.ts';
import { didYouMean } from '../values/close-matches.ts';
import { type CatalogColumns, readCatalogColumns } from './catalog-columns.ts';
import { columnFinding, configColumns, placeInProperties, settingFinding } from './declared-columns.ts';

/** A mistake in a node. */
export interface Finding {
  readonly node: string;
  readonly error: TsdbtError;
}

export interface NotChecked {
  readonly node: string;
  readonly reason: string;
}

export interface CheckOutcome {
  readonly findings: readonly Finding[];
  readonly notChecked: readonly NotChecked[];
  /** Number of nodes that were checked. */
  readonly checked: number;
}

type Queried = ModelNode | SnapshotNode;

const SILENT: Logger = { fire: () => undefined };
/** Materializations whose relation has the columns of the query. */
const PLAIN = new Set(
  'table view incremental materialized_view ephemeral snapshot distributed_table distributed_incremental'.split(' '),
);

/** Codes of errors about contracts: without a type, without columns, not fulfilled. */
const CONTRACT_ERRORS = new Set(['T2154', 'T2155', 'T2156']);
/** Columns that a query does not list. */
const STAR = /(?:\bselect|\ball|\bdistinct|,)\s*\*|\.\s*\*|\bcolumns\s*\(/i;

/**
 * Checks nodes. Their ancestors are checked too, but only the nodes are reported.
 * @throws {TsdbtError} if the local engine is not installed or cannot start
 */
export function checkProject(parsed: ParsedProject, ids: ReadonlySet<string>): Promise<CheckOutcome> {
  return checked(parsed, ids, async (check) => {
    await check.compareDeclared();
    return check.outcome(ids);
  });
}

/**
 * The types of the columns of models, snapshots, seeds and sources by unique_id, as far as the local engine knows them.
 * @throws {TsdbtError} like checkProject
 */
export function columnTypes(
  parsed: ParsedProject,
  ids: ReadonlySet<string>,
): Promise<Map<string, ReadonlyMap<string, string>>> {
  return checked(parsed, ids, (check) => check.types());
}

async function checked<T>(
  parsed: ParsedProject,
  ids: ReadonlySet<string>,
  use: (check: Check) => Promise<T>,
): Promise<T> {
  const { config } = parsed;
  const needed = new Set(ids);
  for (const id of ids) for (const each of parsed.dag.ancestors(id)) needed.add(each);
  const { project_root: projectDir, quoting } = config.project;
  const folder = join(parsed.targetPath, 'strict');
  const database = await emptyDatabase(config.profile, { folder, projectDir, quoting });
  try {
    const flags = { ...config.flags, which: 'compile', empty: false };
    const ctx = createRunContext(
      { ...parsed, adapter: database.adapter, config: { ...config, flags }, logger: SILENT },
      needed,
    );
    const session = database.adapter.session({ name: 'strict' });
    try {
      await session.begin();
      const check = new Check(parsed, ctx, database, session);
      const order = parsed.dag.topological().filter((id) => needed.has(id));
      // A source may be the table of a seed.
      for (const id of parsed.dag.nodes) if (id.startsWith('seed.')) await check.add(id);
      for (const id of order) if (!id.startsWith('seed.')) await check.add(id);
      return await use(check);
    } finally {
      await session.release();
    }
  } finally {
    await database.close();
  }
}

class Check {
  readonly #parsed: ParsedProject;
  readonly #ctx: RunContext;
  readonly #database: EmptyDatabase;
  readonly #session: Session;
  readonly #schemas = new Set<string>();
  /** Names of the tables of seeds and sources. */
  readonly #tables = new Set<string | null>();
  readonly #catalog: CatalogColumns;
  readonly #findings: Finding[] = [];
  readonly #checked: Queried[] = [];
  #tests = 0;
  /** Nodes whose relations may have more columns than here, because YAML need not list all columns of a source. */
  readonly #open = new Set<string>();
  /** Nodes without a relation in the local engine, and why. */
  readonly #missing = new Map<string, string>();
  #names = 0;

  constructor(parsed: ParsedProject, ctx: RunContext, database: EmptyDatabase, session: Session) {
    this.#parsed = parsed;
    this.#ctx = ctx;
    this.#database = database;
    this.#session = session;
    this.#catalog = readCatalogColumns(parsed.targetPath);
  }

  outcome(ids: ReadonlySet<string>): CheckOutcome {
    const findings = this.#findings.filter(({ node }) => ids.has(node));
    const wrong = new Set(findings.map(({ node }) => node));
    const notChecked = [...this.#missing]
      .filter(([node]) => ids.has(node) && !wrong.has(node))
      .map(([node, reason]) => ({ node, reason }));
    const checked = this.#checked.filter(({ unique_id }) => ids.has(unique_id)).length + this.#tests;
    return { findings, notChecked, checked };
  }

  async add(id: string): Promise<void> {
    const node = lookupNode(this.#ctx.manifest, id);
    switch (node?.resource_type) {
      case 'source':
        if (this.#tables.has(node.relation_name)) return;
        return this.#addTable(node, this.#sourceColumns(node));
      case 'seed':
        return this.#addTable(node, await this.#seedColumns(node));
      case 'model':
      case 'snapshot':
        return this.#addQuery(node);
      case 'test':
        return this.#addTest(node);
      default:
    }
  }

  async #addTable(node: SourceDefinition | SeedNode, columns: readonly TypedColumn[] | null): Promise<void> {
    const { unique_id: id, relation_name: name } = node;
    if (columns === null || name === null) {
      this.#missing.set(id, 'the types of its columns are not known');
      return;
    }
    await this.#schema(node.schema);
    const error = await this.#session.attempt(this.#database.createTable(name, columns), true);
    if (error === null) this.#tables.add(name);
    else this.#missing.set(id, firstLine(error));
  }

  async #schema(name: string): Promise<void> {
    if (this.#schemas.has(name)) return;
    this.#schemas.add(name);
    await this.#session.attempt(this.#database.createSchema(name), true);
  }

  #sourceColumns(node: SourceDefinition): TypedColumn[] | null {
    const { adapter } = this.#ctx;
    const found = this.#catalog.get(node.unique_id) ?? [];
    if (found.length > 0) return found.map(({ name, type }) => ({ name: adapter.quote(name), type }));
    const declared = Object.values(node.columns);
    if (declared.length === 0) return null;
    const typed = declared.flatMap(({ name, data_type: type, quote }) =>
      type === null ? [] : { name: quote === true ? adapter.quote(name) : adapter.quoteWritten(name), type },
    );
    this.#open.add(node.unique_id);
    return typed.length < declared.length ? null : typed;
  }

  async #seedColumns(node: SeedNode): Promise<TypedColumn[] | null> {
    const { adapter, scopes } = this.#ctx;
    const types = { ...Object(node.config.column_types) };
    try {
      const table = await scopes.loadSeed(node);
      return table.columnNames.map((name, at) => ({
        name: node.config.quote_columns === false ? name : adapter.quote(name),
        type: String(types[name] ?? adapter.convertType(table, at)),
      }));
    } catch (error) {
      if (error instanceof TsdbtError) return null;
      throw error;
    }
  }

  async #addQuery(node: Queried): Promise<void> {
    const id = node.unique_id;
    const reason = this.#obstacle(node);
    if (reason !== null) return void this.#missing.set(id, reason);
    const first = await this.#compiled(node, false);
    if (typeof first === 'string') return void this.#missing.set(id, first);
    await this.#schema(node.schema);
    const name = this.#relationOf(node);
    if (this.#readsOpen(node) && STAR.test(first.compiled_code ?? '')) this.#open.add(id);
    const created =
      node.resource_type === 'snapshot'
        ? await this.#createSnapshot(first, name)
        : await this.#create(first, name, first.compiled_code ?? '');
    if (!created) return;
    const contract = first.config.contract?.enforced === true && !this.#open.has(id);
    if (contract && !(await this.#keepsContract(first))) return;
    if (node.config.materialized === 'incremental') {
      const later = await this.#compiled(node, true);
      if (typeof later === 'string') this.#missing.set(id, `its incremental branch: ${later}`);
      else if (later.compiled_code !== first.compiled_code)
        if (!(await this.#create(later, this.#spareName(node), later.compiled_code ?? ''))) return;
    }
    if (!this.#missing.has(id)) this.#checked.push(first);
  }

  /** Why the node cannot be checked; null if it can. */
  #obstacle(node: CompilableNode): string | null {
    if (node.language === 'python') return 'it is a Python model';
    const { materialized } = node.config;
    if (node.resource_type !== 'test') {
      if (!PLAIN.has(String(materialized)) || (materialized !== 'ephemeral' && this.#ctx.makers(materialized) === null))
        return `the materialization ${String(materialized)} is not built in`;
      if (node.config['sql_header']) return 'it has a sql_header';
    }
    for (const parent of node.depends_on.nodes) {
      const missing = this.#missing.get(parent);
      if (missing !== undefined)
        return `it reads ${parent}${/^(?:source|seed)\./.test(parent) ? `: ${missing}` : ', which is not checked'}`;
      if (parent.startsWith('function.')) return `it calls ${parent}`;
    }
    return null;
  }

  #readsOpen({ depends_on: { nodes } }: CompilableNode): boolean {
    return nodes.some((id) => this.#open.has(id));
  }

  #relationOf(node: Queried): string {
    const { adapter } = this.#ctx;
    const { database, schema, alias } = node;
    const identifier = isEphemeral(node) ? `__dbt__cte__${alias}` : alias;
    return isEphemeral(node) || node.relation_name === null
      ? adapter.createRelation({ database, schema, identifier }).render()
      : node.relation_name;
  }

  /** A name for a relation that no query reads. */
  #spareName({ database, schema }: { readonly database: string | null; readonly schema: string }): string {
    const identifier = `tsdbt_check_${this.#names++}`;
    return this.#ctx.adapter.createRelation({ database, schema, identifier }).render();
  }

  /** @returns the compiled node, or why it cannot be compiled without the database */
  async #compiled<N extends CompilableNode>(node: N, incremental: boolean): Promise<N | string> {
    const session = new NoIntrospection(this.#session, false);
    const extra = namesWithoutDatabase(incremental);
    try {
      const compiled = await compileNode(this.#ctx, node, session, { extra, write: false });
      return this.#database.refuses(compiled.compiled_code ?? '') ?? compiled;
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      const refused = refusedIntrospection(error);
      if (refused === null) this.#found(node, error);
      return refused ?? firstLine(error);
    }
  }

  /** @returns whether the relation exists now */
  async #create(node: CompilableNode, name: string, query: string): Promise<boolean> {
    const error = await this.#session.attempt(this.#database.createAs(name, query), true);
    if (error === null) return true;
    const parents = node.depends_on.nodes.map((id) => lookupNode(this.#ctx.manifest, id));
    const verdict = await this.#database.judge(this.#session, error, {
      tables: parents.flatMap((parent) => (parent?.resource_type === 'source' ? (parent.relation_name ?? []) : [])),
      missing: parents.some((parent) => parent?.resource_type === 'model' && hasKey(parent)),
    });
    let reason = firstLine(error);
    let hint: string | undefined;
    if (verdict.kind === 'unknown') reason = verdict.reason;
    if (verdict.kind === 'relation') {
      hint = similarCte(verdict.name, query);
      reason = `it reads ${verdict.name}, which is not part of the project`;
    }
    if (verdict.kind === 'mistake' && verdict.byColumns && (this.#readsOpen(node) || this.#open.has(node.unique_id))) {
      this.#missing.set(node.unique_id, `YAML need not list all columns of a source that it reads: ${reason}`);
      return false;
    }
    this.#missing.set(node.unique_id, reason);
    if (verdict.kind === 'mistake' && verdict.position !== undefined) error.details.position = verdict.position;
    if (verdict.kind === 'mistake' || hint !== undefined) this.#found(node, this.#located(node, error, hint));
    return false;
  }

  #located(node: CompilableNode, error: TsdbtError, hint?: string): TsdbtError {
    const { trace } = openScope(this.#ctx, node, this.#session);
    const located = locateDatabaseError(this.#ctx, node, trace, hint === undefined ? error : error.with({ hint }));
    if (!(located instanceof TsdbtError)) return error;
    if (located.details.position === undefined) located.details.sql = undefined;
    if (node.resource_type !== 'test' || located.details.line !== undefined) return located;
    const { attached_node: attached, column_name: column } = node;
    const owner = attached == null ? undefined : lookupNode(this.#ctx.manifest, attached);
    if (column == null || (owner?.resource_type !== 'model' && owner?.resource_type !== 'snapshot')) return located;
    const place = placeInProperties(this.#parsed, owner, ['name'], column);
    return place === undefined ? located : located.with({ path: settingsFile(owner), ...place });
  }

  #found(
    node: { unique_id: string; resource_type: string; name: string; original_file_path: string },
    error: TsdbtError,
  ): void {
    const same = this.#findings.some(
      (each) =>
        each.node === node.unique_id &&
        each.error.details.line === error.details.line &&
        firstLine(each.error) === firstLine(error),
    );
    if (!same) this.#findings.push({ node: node.unique_id, error: error.with({ node }) });
  }

  /** The settings of a snapshot name columns of its query. */
  async #createSnapshot(node: Queried, name: string): Promise<boolean> {
    const query = node.compiled_code ?? '';
    const spare = this.#spareName(node);
    if (!(await this.#create(node, spare, query))) return false;
    const all = await this.#columns([node.schema]);
    const columns = [...(all.get(spare.split('.').at(-1)?.replace(/["`]/g, '') ?? '')?.keys() ?? [])];
    if (!this.#open.has(node.unique_id) && this.#checkSettings(node, columns)) {
      this.#missing.set(node.unique_id, 'its settings name unknown columns');
      return false;
    }
    const scope = openScope(this.#ctx, node, this.#session);
    const sql = await this.#asMacro(() =>
      scope.render(
        "{%- set strategy = strategy_dispatch(config.get('strategy'))(model, 'snapshotted_data', 'source_data', " +
          "model['config'], false) -%}{{ build_snapshot_table(strategy, model['compiled_code']) }}",
        node.original_file_path,
      ),
    );
    const error = typeof sql === 'string' ? await this.#session.attempt(this.#database.createAs(name, sql), true) : sql;
    if (error !== null) this.#missing.set(node.unique_id, firstLine(error));
    return error === null;
  }

  async #keepsContract(node: Queried): Promise<boolean> {
    const scope = openScope(this.#ctx, node, this.#session);
    const text = "{{ get_assert_columns_equivalent(model['compiled_code']) }}";
    const broken = await this.#asMacro(() => scope.render(text, node.original_file_path));
    if (!(broken instanceof TsdbtError)) return true;
    if (CONTRACT_ERRORS.has(broken.errorCode)) this.#found(node, broken);
    this.#missing.set(node.unique_id, firstLine(broken));
    return false;
  }

  /** Runs a built-in macro, which may query the local engine. */
  async #asMacro<T>(work: () => Promise<T>): Promise<T | TsdbtError> {
    try {
      return await (this.#session.hold === undefined ? work() : this.#session.hold(work));
    } catch (error) {
      if (error instanceof TsdbtError) return error;
      throw error;
    }
  }

  async #addTest(node: TestNode): Promise<void> {
    const id = node.unique_id;
    const reason = this.#obstacle(node);
    if (reason !== null) return void this.#missing.set(id, reason);
    const compiled = await this.#compiled(node, false);
    if (typeof compiled === 'string') return void this.#missing.set(id, compiled);
    const { fail_calc, warn_if, error_if } = compiled.config;
    const scope = openScope(this.#ctx, compiled, new NoIntrospection(this.#session, false));
    const kwargs = new Map<string, Value>([
      ['main_sql', compiled.compiled_code ?? ''],
      ...Object.entries({ fail_calc, warn_if, error_if }).map(([key, value]): [string, Value] => [key, String(value)]),
      ['limit', null],
    ]);
    const sql = await this.#asMacro(() => scope.callNamed('get_test_sql', [], kwargs));
    if (sql instanceof TsdbtError) return void this.#missing.set(id, refusedIntrospection(sql) ?? firstLine(sql));
    const { schema } = this.#ctx.config.profile.credentials;
    await this.#schema(schema);
    const spare = this.#spareName({ database: node.database, schema });
    if (await this.#create(compiled, spare, toText(sql))) this.#tests++;
  }

  /** Columns with types by relation of the local engine. */
  async #columns(schemas: readonly string[]): Promise<Map<string, Map<string, string>>> {
    const found = new Map<string, Map<string, string>>();
    if (schemas.length === 0) return found;
    const { table } = await this.#session.execute(this.#database.columnsSql(schemas), { fetch: true });
    for (const row of table.rows) {
      const [schema, relation, column, type = ''] = [...row.values].map(String);
      if (relation === undefined || column === undefined) continue;
      for (const key of [relation, `${schema}.${relation}`]) {
        const known = found.get(key) ?? new Map<string, string>();
        found.set(key, known.has(column) ? known : known.set(column, type));
      }
    }
    return found;
  }

  async types(): Promise<Map<string, ReadonlyMap<string, string>>> {
    const all = await this.#columns([...this.#schemas]);
    const types = new Map<string, ReadonlyMap<string, string>>();
    for (const id of this.#parsed.dag.nodes) {
      const node = nodeWithRows(lookupNode(this.#ctx.manifest, id));
      if (node === null || this.#missing.has(id)) continue;
      const name = node.resource_type === 'source' ? node.identifier : node.alias;
      const found = all.get(`${node.schema}.${isEphemeral(node) ? `__dbt__cte__${name}` : name}`);
      if (found !== undefined) types.set(id, found);
    }
    return types;
  }

  /** Compares the columns that YAML and settings name with those of the relations. */
  async compareDeclared(): Promise<void> {
    const all = await this.#columns([...this.#schemas]);
    for (const node of this.#checked) {
      const found = all.get(`${node.schema}.${isEphemeral(node) ? `__dbt__cte__${node.alias}` : node.alias}`);
      if (found === undefined || this.#open.has(node.unique_id)) continue;
      const columns = [...found.keys()];
      const known = new Set(columns.map((name) => this.#folded(name)));
      for (const { name } of Object.values(node.columns)) {
        if (known.has(this.#folded(name.replace(/^(["`])(.*)\1$/, '$2')))) continue;
        this.#found(node, columnFinding(this.#parsed, node, name, didYouMean(name, columns)));
      }
      if (node.resource_type === 'model') this.#checkSettings(node, columns);
    }
  }

  /** @returns whether a setting names a column that does not exist */
  #checkSettings(node: Queried, columns: readonly string[]): boolean {
    const known = new Set(columns.map((name) => this.#folded(name)));
    let wrong = false;
    for (const { setting, column } of configColumns(node)) {
      if (known.has(this.#folded(column))) continue;
      wrong = true;
      this.#found(node, settingFinding(this.#parsed, node, setting, column, didYouMean(column, columns)));
    }
    return wrong;
  }

  /** Names without quotes are compared as the engine does. */
  #folded(name: string): string {
    return this.#database.foldsNames ? name.toLowerCase() : name;
  }
}

function hasKey({ constraints, columns }: ModelNode): boolean {
  const all = [...constraints, ...Object.values(columns).flatMap((column) => column.constraints)];
  return all.some(({ type }) => type === 'primary_key');
}

function firstLine({ message }: TsdbtError): string {
  return message.split('\n')[0] ?? '';
}

/** A CTE that is not read anywhere and has a similar name. */
function similarCte(name: string, query: string): string | undefined {
  const ctes = [...query.matchAll(/(?:\bwith|\brecursive|,)\s+(\w+)\s+as\s*(?:(?:not\s+)?materialized\s*)?\(/gi)]
    .map(([, cte = '']) => cte)
    .filter((cte) => (query.match(new RegExp(`\\b${cte}\\b`, 'gi')) ?? []).length === 1);
  return didYouMean(name, ctes);
}
