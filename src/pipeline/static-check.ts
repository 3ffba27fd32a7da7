// Checks a project without its database: creates its relations as empty tables in a local engine of the same dialect,
// parents first, and collects the engine's errors. What the engine cannot decide is not checked, and reported as such.
import type { NamedQuery } from '../adapters/empty-relations.ts';
import { type CompilableNode, compileNode } from '../compiler/compile.ts';
import type { CodeSource } from '../compiler/compile-context.ts';
import { openScope } from '../compiler/node-scope.ts';
import { locateDatabaseError } from '../compiler/source-map.ts';
import type { ModelNode, SnapshotNode, TestNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { note } from '../events/index.ts';
import { isEphemeral, typeInId } from '../graph/node-facts.ts';
import { settingsFile } from '../project/setting-place.ts';
import { NoIntrospection, namesWithoutDatabase, refusedIntrospection } from '../runner/no-introspection.ts';
import { lookupNode, nodeWithRows } from '../runner/nodes.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { readsOthers } from '../runner/reuse/fingerprint.ts';
import { toText, type Value } from '../values/index.ts';
import { didYouMean } from '../values/close-matches.ts';
import { hashOf, type KnownAnalysis, knownAnalysis } from './known-analysis.ts';
import { type EmptyProject, LocalEngine } from './local-engine.ts';
import { RelationQueue } from './relation-queue.ts';
import { type Columns, TableColumns } from './table-columns.ts';
import { declaredMistakes, placeInProperties, settingMistakes } from './declared-columns.ts';
import { keyMistakes } from './key-expressions.ts';

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

/** Materializations whose relation has the columns of the query. */
const PLAIN = new Set(
  'table view incremental materialized_view ephemeral snapshot distributed_table distributed_incremental'.split(' '),
);

/** Codes of errors about contracts: without a type, without columns, not fulfilled. */
const CONTRACT_ERRORS = new Set(['T2154', 'T2155', 'T2156']);
/** Columns that a query does not list. */
const STAR = /(?:\bselect|\ball|\bdistinct|,)\s*\*|\.\s*\*|\bcolumns\s*\(/i;

const TABLES = new Set(['seed', 'source']);
const CHECKED = new Set(['model', 'snapshot', 'test']);
/** What readers of a node depend on. */
interface Outcome {
  /** Null if there is no relation. */
  readonly columns: Columns | null;
  /** Whether the relation may have more columns, because YAML need not list all columns of a source. */
  readonly open: boolean;
  /** Why the node is not checked. */
  readonly missing: string | null;
}

const NO_RELATION: Outcome = { columns: null, open: false, missing: null };

/** The outcome of a node without mistakes that is kept for the next command. */
interface KeptCheck extends Outcome {
  /** Empty if compiling the node again may give another text. */
  readonly inputs: string;
  readonly own: string;
  readonly sql: string;
  readonly parents: string;
}

/** A node that is checked in this command. */
interface Examined {
  readonly node: Queried | TestNode;
  readonly sql: string;
  /** Whether its outcome may be kept. */
  readonly lasting: boolean;
}

/** A relation that is created together with others. */
interface Queued extends NamedQuery {
  readonly node: CompilableNode;
  /** Where the parts of the query come from. */
  readonly source: CodeSource | undefined;
}

/** A version of the project, and what is known about it. */
export interface CheckedProject {
  readonly parsed: ParsedProject;
  readonly ids: ReadonlySet<string>;
  readonly known: KnownAnalysis;
}

/**
 * Checks nodes. Their ancestors are checked too, but only the nodes are reported.
 * @throws {TsdbtError} if the local engine is needed, and is not installed or cannot start
 */
export async function checkProject(parsed: ParsedProject, ids: ReadonlySet<string>): Promise<CheckOutcome> {
  const [outcome] = await checkAll([{ parsed, ids, known: knownAnalysis(parsed) }], (check) => check.outcome(ids));
  return outcome ?? { findings: [], notChecked: [], checked: 0 };
}

/**
 * The types of the columns of models, snapshots, seeds and sources by unique_id, as far as the local engine knows
 * them, for each version of the project.
 * @throws {TsdbtError} like checkProject
 */
export function columnTypes(projects: readonly CheckedProject[]): Promise<Map<string, ReadonlyMap<string, string>>[]> {
  return checkAll(projects, (check) => check.types());
}

async function checkAll<T>(projects: readonly CheckedProject[], use: (check: Check) => T | Promise<T>): Promise<T[]> {
  const [first] = projects;
  if (first === undefined) return [];
  const engine = new LocalEngine(first.parsed);
  try {
    const results: T[] = [];
    for (const project of projects) {
      const check = new Check(project, engine);
      await check.run();
      results.push(await use(check));
      project.known.save();
    }
    return results;
  } finally {
    await engine.close();
  }
}

class Check {
  readonly #parsed: ParsedProject;
  readonly #known: KnownAnalysis;
  readonly #needed: Set<string>;
  readonly #engine: LocalEngine;
  #started: EmptyProject | null = null;
  readonly #tables: TableColumns;
  readonly #findings: Finding[] = [];
  readonly #outcomes = new Map<string, Outcome>();
  readonly #examined = new Map<string, Examined>();
  /** Nodes whose relation was created, or failed to be. */
  readonly #created = new Set<string>();
  readonly #queue = new RelationQueue<Queued>(() => this.#on, {
    isPossible: (queued) => this.#isPossible(queued),
    create: (queued) => this.#createQueued(queued),
  });
  /** Nodes whose relations may have more columns than here. */
  readonly #open = new Set<string>();
  /** Nodes without a relation in the local engine, and why. */
  readonly #missing = new Map<string, string>();
  #names = 0;

  constructor({ parsed, ids, known }: CheckedProject, engine: LocalEngine) {
    this.#parsed = parsed;
    this.#known = known;
    this.#engine = engine;
    this.#needed = new Set(ids);
    for (const id of ids) for (const each of parsed.dag.ancestors(id)) this.#needed.add(each);
    this.#tables = new TableColumns(parsed, known);
  }

  get #on(): EmptyProject {
    if (this.#started === null) throw new TsdbtError('internal', 'the local engine is used before it has started');
    return this.#started;
  }

  async run(): Promise<void> {
    for (const id of this.#parsed.dag.topological()) if (this.#needed.has(id)) await this.#add(id);
    await this.#settle();
    for (const [id, each] of this.#examined) await this.#finish(id, each);
    note(this.#parsed.logger, `${this.#examined.size} nodes compiled for the local engine`, { level: 'debug' });
  }

  outcome(ids: ReadonlySet<string>): CheckOutcome {
    const findings = this.#findings.filter(({ node }) => ids.has(node));
    const wrong = new Set(findings.map(({ node }) => node));
    const notChecked: NotChecked[] = [];
    let checked = 0;
    for (const [id, { missing }] of this.#outcomes) {
      if (!ids.has(id)) continue;
      if (missing !== null && !wrong.has(id)) notChecked.push({ node: id, reason: missing });
      if (missing === null && !TABLES.has(typeInId(id))) checked++;
    }
    return { findings, notChecked, checked };
  }

  async types(): Promise<Map<string, ReadonlyMap<string, string>>> {
    const types = new Map<string, ReadonlyMap<string, string>>();
    for (const [id, { columns, missing }] of this.#outcomes)
      if (columns !== null && missing === null)
        types.set(id, new Map(TABLES.has(typeInId(id)) ? await this.#engineColumns(id, columns) : columns));
    return types;
  }

  /** The columns of a seed or source as the engine names them. */
  async #engineColumns(id: string, columns: Columns): Promise<Columns> {
    const written = this.#known.hashOfSql(JSON.stringify(columns));
    const kept = this.#known.get<{ readonly written: string; readonly columns: Columns }>('table', id);
    if (kept?.written === written) return kept.columns;
    await this.#start();
    await this.#ensure(id);
    const node = nodeWithRows(lookupNode(this.#parsed.manifest, id));
    const name = node?.resource_type === 'source' ? node.identifier : node?.alias;
    const found = (await this.#on.columns([node?.schema ?? ''])).get(`${node?.schema}.${name}`);
    if (found === undefined) return columns;
    this.#known.set('table', id, { written, columns: [...found] });
    return [...found];
  }

  async #add(id: string): Promise<void> {
    const type = typeInId(id);
    if (TABLES.has(type)) return void this.#tableOf(id);
    if (!CHECKED.has(type)) return;
    const kept = this.#known.get<KeptCheck>('check', id);
    if (kept?.inputs === this.#known.inputsOf(id) && kept.parents === (await this.#parentsHash(id)))
      this.#take(id, kept);
    else await this.#examine(id, kept);
  }

  #take(id: string, { columns, open, missing }: Outcome): void {
    this.#outcomes.set(id, { columns, open, missing });
    if (open) this.#open.add(id);
    if (missing !== null) this.#missing.set(id, missing);
  }

  /** A hash of what a node's parents are for it. */
  async #parentsHash(id: string): Promise<string> {
    const parents = this.#known.parentsOf(id);
    if (parents.some((parent) => this.#examined.has(parent) && !this.#outcomes.has(parent))) await this.#settle();
    return hashOf(JSON.stringify(parents.map((parent) => this.#outcomeOf(parent))));
  }

  #outcomeOf(id: string): Outcome | string {
    const outcome = TABLES.has(typeInId(id)) ? this.#tableOf(id) : this.#outcomes.get(id);
    return outcome ?? this.#known.ownHash(id);
  }

  /** Reads the columns of the relations that were created. */
  async #settle(): Promise<void> {
    await this.#queue.flush();
    const unread = [...this.#examined].filter(([id]) => !this.#outcomes.has(id));
    if (unread.length === 0) return;
    const schemas = unread.flatMap(([, { node }]) => (node.resource_type === 'test' ? [] : node.schema));
    const all = await this.#on.columns([...new Set(schemas)]);
    for (const [id, { node }] of unread) {
      const missing = this.#missing.get(id) ?? null;
      const name = isEphemeral(node) ? `__dbt__cte__${node.alias}` : node.alias;
      const found = node.resource_type === 'test' || missing !== null ? undefined : all.get(`${node.schema}.${name}`);
      this.#take(id, { columns: found === undefined ? null : [...found], open: this.#open.has(id), missing });
    }
  }

  /** Compares a node with what YAML and settings say about it, and keeps its outcome if there is no mistake. */
  async #finish(id: string, { node, sql, lasting }: Examined): Promise<void> {
    const outcome = this.#outcomes.get(id);
    if (outcome === undefined) return;
    if (node.resource_type !== 'test' && outcome.columns !== null && !outcome.open && outcome.missing === null) {
      const columns = outcome.columns.map(([name]) => name);
      for (const error of declaredMistakes(this.#parsed, node, columns, this.#on.database.foldsNames))
        this.#found(node, error);
      if (node.resource_type === 'model' && this.#created.has(id) && !this.#findings.some((each) => each.node === id))
        for (const error of await keyMistakes(this.#parsed, this.#on, node, () => this.#spareName(node)))
          this.#found(node, error);
    }
    if (!lasting || this.#findings.some((each) => each.node === id)) return;
    const parents = hashOf(JSON.stringify(this.#known.parentsOf(id).map((parent) => this.#outcomeOf(parent))));
    const { ctx } = this.#on;
    const inputs = this.#known.isFixed(ctx, node) ? this.#known.inputsOf(id) : '';
    const kept: KeptCheck = { inputs, own: this.#known.ownHash(id), sql, parents, ...outcome };
    this.#known.set('check', id, kept);
  }

  /** The columns of a seed or source. */
  #tableOf(id: string): Outcome {
    const known = this.#outcomes.get(id);
    if (known !== undefined) return known;
    const { columns, open } = this.#tables.of(id);
    const outcome = { columns, open, missing: columns === null ? 'the types of its columns are not known' : null };
    this.#take(id, outcome);
    return outcome;
  }

  async #start(): Promise<void> {
    this.#started ??= await this.#engine.emptied(this.#parsed, this.#needed);
  }

  async #examine(id: string, kept?: KeptCheck): Promise<void> {
    await this.#start();
    this.#created.add(id);
    for (const parent of this.#known.parentsOf(id)) await this.#ensure(parent);
    const node = lookupNode(this.#on.ctx.manifest, id);
    if (node?.resource_type === 'test') await this.#addTest(node, kept);
    else if (node?.resource_type === 'model' || node?.resource_type === 'snapshot') await this.#addQuery(node, kept);
  }

  /** Creates the relation of a node that need not be checked. */
  async #ensure(id: string): Promise<void> {
    if (this.#created.has(id)) return;
    this.#created.add(id);
    const { columns, missing } = (TABLES.has(typeInId(id)) ? this.#tableOf(id) : this.#outcomes.get(id)) ?? NO_RELATION;
    if (columns === null || missing !== null) return;
    const { ctx, database, session, schema } = this.#on;
    const node = nodeWithRows(lookupNode(ctx.manifest, id));
    if (node === null) return;
    const typed = columns.map(([name, type]) => ({ name, type }));
    if (node.resource_type === 'source' || node.resource_type === 'seed') {
      const seed = node.resource_type === 'source' ? this.#tables.seedOf(node) : undefined;
      if (seed !== undefined) return this.#ensure(seed);
      await schema(node.schema);
      const error = await session.attempt(database.createTable(node.relation_name ?? '', typed), true);
      if (error !== null) this.#take(id, { columns: null, open: false, missing: firstLine(error) });
      return;
    }
    await schema(node.schema);
    const quoted = typed.map(({ name, type }) => ({ name: ctx.adapter.quote(name), type }));
    if ((await session.attempt(database.createLike(this.#relationOf(node), quoted), true)) === null) return;
    // A view can have columns that cannot be named in a definition.
    this.#outcomes.delete(id);
    await this.#examine(id);
  }

  /** @returns whether a relation was created that a query may name without reading it by ref or source */
  async #ensureAll(): Promise<boolean> {
    const before = this.#created.size;
    for (const id of [...this.#outcomes.keys()]) if (typeInId(id) !== 'test') await this.#ensure(id);
    return this.#created.size > before;
  }

  async #addQuery(node: Queried, kept: KeptCheck | undefined): Promise<void> {
    const id = node.unique_id;
    const examined = { node, sql: '', lasting: true };
    this.#examined.set(id, examined);
    const reason = this.#obstacle(node);
    if (reason !== null) return void this.#missing.set(id, reason);
    const first = await this.#compiled(node, false);
    if (typeof first === 'string') return void this.#missing.set(id, first);
    const { sources } = this.#on.ctx;
    const source = sources.get(id);
    const later = node.config.materialized === 'incremental' ? await this.#compiled(node, true) : first;
    const sourceOfLater = sources.get(id);
    const queries = [first, ...(typeof later === 'string' ? [] : [later])];
    const sql = this.#known.hashOfSql(JSON.stringify(queries.map((each) => each.compiled_code)));
    const lasting = queries.every((each) => !readsOthers(this.#on.ctx, each));
    this.#examined.set(id, { node: first, sql, lasting });
    const contract = first.config.contract?.enforced === true;
    const plain = node.resource_type !== 'snapshot' && !contract;
    if (plain && (await this.#isKept(id, sql, kept))) return;
    await this.#on.schema(node.schema);
    const name = this.#relationOf(node);
    const query = first.compiled_code ?? '';
    if (this.#readsOpen(node) && STAR.test(query)) this.#open.add(id);
    if (plain) await this.#queue.add({ node: first, name, query, unread: false, source });
    else {
      // Macros query the engine.
      await this.#queue.flush();
      if (source !== undefined) sources.set(id, source);
      if (this.#obstacle(node) !== null) return void this.#missing.set(id, this.#obstacle(node) ?? '');
      const created =
        node.resource_type === 'snapshot'
          ? await this.#createSnapshot(first, name)
          : await this.#create(first, name, query);
      if (!created || (contract && !this.#open.has(id) && !(await this.#keepsContract(first)))) return;
    }
    if (typeof later === 'string') this.#missing.set(id, `its incremental branch: ${later}`);
    else if (later.compiled_code !== first.compiled_code)
      await this.#queue.add({
        ...{ node: later, name: this.#spareName(node), query: later.compiled_code ?? '' },
        ...{ unread: true, source: sourceOfLater },
      });
  }

  /** Whether the outcome of an earlier command is valid, because the compiled SQL is the same. */
  async #isKept(id: string, sql: string, kept: KeptCheck | undefined): Promise<boolean> {
    if (kept === undefined || kept.sql !== sql || kept.own !== this.#known.ownHash(id)) return false;
    if (kept.parents !== (await this.#parentsHash(id))) return false;
    this.#created.delete(id);
    this.#take(id, kept);
    return true;
  }

  /** Whether the node has its parents. */
  #isPossible({ node }: Queued): boolean {
    const { unique_id: id } = node;
    const reason = this.#missing.has(id) ? null : this.#obstacle(node);
    if (reason !== null) this.#missing.set(id, reason);
    return !this.#missing.has(id);
  }

  async #createQueued({ node, name, query, source }: Queued): Promise<void> {
    if (source !== undefined) this.#on.ctx.sources.set(node.unique_id, source);
    await this.#create(node, name, query);
  }

  /** Why the node cannot be checked; null if it can. */
  #obstacle(node: CompilableNode): string | null {
    if (node.language === 'python') return 'it is a Python model';
    const { materialized } = node.config;
    if (node.resource_type !== 'test') {
      if (
        !PLAIN.has(String(materialized)) ||
        (materialized !== 'ephemeral' && this.#on.ctx.makers(materialized) === null)
      )
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
    const { adapter } = this.#on.ctx;
    const { database, schema, alias } = node;
    const identifier = isEphemeral(node) ? `__dbt__cte__${alias}` : alias;
    return isEphemeral(node) || node.relation_name === null
      ? adapter.createRelation({ database, schema, identifier }).render()
      : node.relation_name;
  }

  /** A name for a relation that no query reads. */
  #spareName({ database, schema }: { readonly database: string | null; readonly schema: string }): string {
    const identifier = `tsdbt_check_${this.#names++}`;
    return this.#on.ctx.adapter.createRelation({ database, schema, identifier }).render();
  }

  /** @returns the compiled node, or why it cannot be compiled without the database */
  async #compiled<N extends CompilableNode>(node: N, incremental: boolean): Promise<N | string> {
    const session = new NoIntrospection(this.#on.session, false);
    const extra = namesWithoutDatabase(incremental);
    try {
      const compiled = await compileNode(this.#on.ctx, node, session, { extra, write: false });
      return this.#on.database.refuses(compiled.compiled_code ?? '') ?? compiled;
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      const refused = refusedIntrospection(error);
      if (refused === null) this.#found(node, error);
      return refused ?? firstLine(error);
    }
  }

  /** @returns whether the relation exists now */
  async #create(node: CompilableNode, name: string, query: string): Promise<boolean> {
    const { ctx, database, session } = this.#on;
    const error = await session.attempt(database.createAs(name, query), true);
    if (error === null) return true;
    const parents = node.depends_on.nodes.map((id) => lookupNode(ctx.manifest, id));
    const verdict = await database.judge(session, error, {
      tables: parents.flatMap((parent) => (parent?.resource_type === 'source' ? (parent.relation_name ?? []) : [])),
      missing: parents.some((parent) => parent?.resource_type === 'model' && hasKey(parent)),
    });
    let reason = firstLine(error);
    let hint: string | undefined;
    if (verdict.kind === 'unknown') reason = verdict.reason;
    if (verdict.kind === 'relation') {
      if (await this.#ensureAll()) return this.#create(node, name, query);
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
    const { trace } = openScope(this.#on.ctx, node, this.#on.session);
    const located = locateDatabaseError(this.#on.ctx, node, trace, hint === undefined ? error : error.with({ hint }));
    if (!(located instanceof TsdbtError)) return error;
    if (located.details.position === undefined) located.details.sql = undefined;
    if (node.resource_type !== 'test' || located.details.line !== undefined) return located;
    const { attached_node: attached, column_name: column } = node;
    const owner = attached == null ? undefined : lookupNode(this.#on.ctx.manifest, attached);
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
    const all = await this.#on.columns([node.schema]);
    const columns = [...(all.get(spare.split('.').at(-1)?.replace(/["`]/g, '') ?? '')?.keys() ?? [])];
    const mistakes = settingMistakes(this.#parsed, node, columns, this.#on.database.foldsNames);
    if (!this.#open.has(node.unique_id) && mistakes.length > 0) {
      for (const error of mistakes) this.#found(node, error);
      this.#missing.set(node.unique_id, 'its settings name unknown columns');
      return false;
    }
    const scope = openScope(this.#on.ctx, node, this.#on.session);
    const sql = await this.#asMacro(() =>
      scope.render(
        "{%- set strategy = strategy_dispatch(config.get('strategy'))(model, 'snapshotted_data', 'source_data', " +
          "model['config'], false) -%}{{ build_snapshot_table(strategy, model['compiled_code']) }}",
        node.original_file_path,
      ),
    );
    const error =
      typeof sql === 'string' ? await this.#on.session.attempt(this.#on.database.createAs(name, sql), true) : sql;
    if (error !== null) this.#missing.set(node.unique_id, firstLine(error));
    return error === null;
  }

  async #keepsContract(node: Queried): Promise<boolean> {
    const scope = openScope(this.#on.ctx, node, this.#on.session);
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
      return await (this.#on.session.hold === undefined ? work() : this.#on.session.hold(work));
    } catch (error) {
      if (error instanceof TsdbtError) return error;
      throw error;
    }
  }

  async #addTest(node: TestNode, kept: KeptCheck | undefined): Promise<void> {
    const id = node.unique_id;
    this.#examined.set(id, { node, sql: '', lasting: true });
    const reason = this.#obstacle(node);
    if (reason !== null) return void this.#missing.set(id, reason);
    const compiled = await this.#compiled(node, false);
    if (typeof compiled === 'string') return void this.#missing.set(id, compiled);
    const { ctx, session, schema } = this.#on;
    const { fail_calc, warn_if, error_if } = compiled.config;
    const scope = openScope(ctx, compiled, new NoIntrospection(session, false));
    const kwargs = new Map<string, Value>([
      ['main_sql', compiled.compiled_code ?? ''],
      ...Object.entries({ fail_calc, warn_if, error_if }).map(([key, value]): [string, Value] => [key, String(value)]),
      ['limit', null],
    ]);
    const sql = await this.#asMacro(() => scope.callNamed('get_test_sql', [], kwargs));
    if (sql instanceof TsdbtError) return void this.#missing.set(id, refusedIntrospection(sql) ?? firstLine(sql));
    const query = toText(sql);
    const hash = this.#known.hashOfSql(query);
    this.#examined.set(id, { node: compiled, sql: hash, lasting: !readsOthers(ctx, compiled) });
    if (await this.#isKept(id, hash, kept)) return;
    const place = ctx.config.profile.credentials.schema;
    await schema(place);
    const name = this.#spareName({ database: node.database, schema: place });
    await this.#queue.add({ node: compiled, name, query, unread: true, source: ctx.sources.get(id) });
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
