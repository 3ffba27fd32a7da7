// Compares a project with the manifest of an earlier version: which columns change, and who reads them.
import type { Manifest } from '../contracts/manifest.ts';
import type { GraphNode, ManifestNode, ModelNode, SnapshotNode, TestNode } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { TsdbtError } from '../errors.ts';
import { buildGraph } from '../graph/dag.ts';
import { fieldsOf, sameConfig, sameRelation, sameValue } from '../graph/same-contents.ts';
import { type Matcher, stateMatches } from '../graph/state-methods.ts';
import type { LineageDialect } from '../lineage/column-lineage.ts';
import {
  type ColumnChange,
  compareQueries,
  type RelationChange,
  relationsIn,
  type RowChange,
  UNCHANGED,
} from '../lineage/query-changes.ts';
import { textOf } from '../lineage/query-parts.ts';
import { refusedIntrospection } from '../runner/no-introspection.ts';
import { lookupNode } from '../runner/nodes.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { type KnownAnalysis, knownAnalysis } from './known-analysis.ts';
import { LineageAnalysis, openDialect } from './project-lineage.ts';
import { type CheckedProject, columnTypes } from './static-check.ts';

/** What a change means to a reader. `invisible`: its rows and columns are the same. */
export type ImpactClass = 'breaking' | 'additive' | 'invisible';

export interface ImpactReader {
  readonly node: string;
  readonly class: ImpactClass;
}

/** A change of a column, or of the rows if the column is null. */
export interface ImpactChange {
  readonly column: string | null;
  readonly change: ColumnChange['kind'] | RowChange['kind'];
  readonly now?: string;
  readonly types?: readonly [string, string];
  readonly reason?: string;
  readonly class: ImpactClass;
  readonly readers: readonly ImpactReader[];
}

export interface NodeImpact {
  readonly node: string;
  readonly path: string;
  readonly status: 'new' | 'removed' | 'changed';
  readonly class: ImpactClass;
  readonly changes: readonly ImpactChange[];
  /** All nodes after it. */
  readonly readers: readonly ImpactReader[];
}

export interface ImpactOutcome {
  readonly nodes: readonly NodeImpact[];
  /** Why types are not compared; null if they are. */
  readonly untyped: string | null;
}

type Queried = ModelNode | SnapshotNode;
type Types = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Keys of a config that decide neither rows nor columns. */
const HARMLESS = new Set(
  'access contract description docs freshness grants group indexes meta on_schema_change persist_docs tags'.split(' '),
);
const INTERCHANGEABLE: ReadonlySet<unknown> = new Set(['view', 'table', 'ephemeral']);
/** Readers without SQL. They read all columns, unless a publication lists them. */
const WHOLE = new Set('exposure publication unit_test semantic_model metric saved_query'.split(' '));

/** @throws {TsdbtError} if the state is missing or has no compiled SQL, or if the dialect has no column lineage */
export async function projectImpact(parsed: ParsedProject): Promise<ImpactOutcome> {
  const { previousState } = parsed;
  const before = previousState?.manifest;
  if (previousState === undefined || before === undefined) throw errorOf('impactWithoutState', {});
  const missing = Object.values(before.nodes).filter((node) => isQueried(node) && node.compiled_code == null);
  if (missing.length > 0) {
    const ids = missing.map(({ unique_id: id }) => id);
    const nodes = ids.length > 2 ? `${ids[0]} and ${ids.length - 1} others` : ids.join(' and ');
    throw errorOf('impactNotCompiled', { folder: previousState.folder, nodes });
  }
  const dialect = await openDialect(parsed);
  try {
    return await new Impact(parsed, before, dialect).outcome();
  } finally {
    await dialect.close();
  }
}

function isQueried(node: GraphNode | undefined): node is Queried {
  return node?.resource_type === 'model' || node?.resource_type === 'snapshot';
}

/** The project with the nodes of the manifest, whose code is the compiled one. Relations have their present names. */
function formerProject(parsed: ParsedProject, before: Manifest, dialect: LineageDialect): ParsedProject {
  const { manifest } = parsed;
  const names = new Map<string, string>();
  for (const { unique_id: id, relation_name: old } of [
    ...Object.values(before.nodes),
    ...Object.values(before.sources),
  ]) {
    const now = (manifest.nodes[id] ?? manifest.sources[id])?.relation_name ?? null;
    if (old !== null && now !== null && old !== now) for (const key of dialect.relationKeys(old)) names.set(key, now);
  }
  const nodes: Record<string, ManifestNode> = {};
  for (const [id, node] of Object.entries(before.nodes)) {
    const { database, schema, alias, relation_name } = manifest.nodes[id] ?? node;
    const place = { database, schema, alias, relation_name };
    // Seeds are compared by their checksums.
    if (node.resource_type === 'seed') nodes[id] = manifest.nodes[id] ?? node;
    else if (isQueried(node)) {
      const sql = renamedRelations(node.compiled_code ?? '', names, dialect);
      nodes[id] = { ...node, ...place, raw_code: `{% raw %}${sql}{% endraw %}`, extra_ctes: [] };
    }
  }
  const sources = { ...before.sources };
  for (const [id, now] of Object.entries(manifest.sources)) {
    const old = before.sources[id];
    const { database, schema, identifier, relation_name } = now;
    if (old !== undefined) sources[id] = { ...old, database, schema, identifier, relation_name };
  }
  const former: Manifest = {
    ...before,
    ...{ nodes, sources, macros: manifest.macros, functions: before.functions },
    ...{ exposures: {}, metrics: {}, semantic_models: {}, saved_queries: {}, unit_tests: {}, publications: {} },
  };
  return { ...parsed, manifest: former, dag: buildGraph(former, { checked: true }) };
}

function renamedRelations(sql: string, names: ReadonlyMap<string, string>, dialect: LineageDialect): string {
  const tokens = names.size === 0 ? null : dialect.tokens(sql);
  if (tokens === null) return sql;
  let [text, at] = ['', 0];
  for (let index = 0; index < tokens.length; index++) {
    for (const parts of [3, 2]) {
      const path = tokens.slice(index, index + parts * 2 - 1);
      const last = path.at(-1);
      if (path.some(({ kind, value }, n) => (n % 2 === 1 ? value !== '.' : kind === 'sign' || kind === 'text')))
        continue;
      const name = names.get(JSON.stringify(path.filter((_, n) => n % 2 === 0).map(({ value }) => value)));
      if (name === undefined || last === undefined) continue;
      text += sql.slice(at, tokens[index]?.start) + name;
      at = last.end;
      index += parts * 2 - 2;
      break;
    }
  }
  return text + sql.slice(at);
}

class Impact {
  readonly #parsed: ParsedProject;
  /** The manifest of the earlier version. */
  readonly #original: Manifest;
  readonly #former: ParsedProject;
  readonly #dialect: LineageDialect;
  readonly #known: KnownAnalysis;
  readonly #knownBefore: KnownAnalysis;
  readonly #now: LineageAnalysis;
  readonly #before: LineageAnalysis;
  /** Changes by node. Causes are origins. */
  readonly #changes = new Map<string, RelationChange>();
  /** Nodes whose relation has another name. */
  readonly #moved = new Set<string>();
  #types: readonly [Types, Types] | null = null;
  #hasOtherMacros: Matcher | null = null;

  constructor(parsed: ParsedProject, original: Manifest, dialect: LineageDialect) {
    this.#parsed = parsed;
    this.#original = original;
    this.#former = formerProject(parsed, original, dialect);
    this.#dialect = dialect;
    this.#known = knownAnalysis(parsed);
    const analysis = (project: ParsedProject, known: KnownAnalysis): LineageAnalysis =>
      new LineageAnalysis(project, new Set(project.dag.nodes), { parser: dialect, known, inject: true });
    this.#now = analysis(parsed, this.#known);
    this.#knownBefore = this.#known.ofFormer(this.#former);
    this.#before = analysis(this.#former, this.#knownBefore);
  }

  async outcome(): Promise<ImpactOutcome> {
    const { dag } = this.#parsed;
    const direct = new Set<string>();
    for (const id of dag.nodes) if (await this.#isChanged(id)) direct.add(id);
    const affected = new Set([...direct].flatMap((id) => [id, ...dag.descendants(id)]));
    const needed = new Set([...affected].flatMap((id) => [id, ...dag.ancestors(id)]));
    for (const id of this.#former.dag.topological()) if (needed.has(id)) await this.#before.add(id);
    for (const id of dag.topological()) if (needed.has(id)) await this.#now.add(id);
    const untyped = await this.#readTypes(needed);
    for (const id of dag.topological()) {
      if (!affected.has(id)) continue;
      const change = await this.#changeOf(id, direct.has(id));
      if (change !== UNCHANGED) this.#changes.set(id, withOrigins(id, change));
    }
    this.#known.save();
    return { nodes: this.#report(), untyped };
  }

  async #readTypes(needed: ReadonlySet<string>): Promise<string | null> {
    if (needed.size === 0) return null;
    try {
      const checked = (parsed: ParsedProject, known: KnownAnalysis): CheckedProject => ({
        ...{ parsed, known, ids: new Set(parsed.dag.nodes.filter((id) => needed.has(id))) },
      });
      const former = checked(this.#former, this.#knownBefore);
      const [before, now] = await columnTypes([former, checked(this.#parsed, this.#known)]);
      if (before !== undefined && now !== undefined) this.#types = [before, now];
      return null;
    } catch (error) {
      if (error instanceof TsdbtError) return error.message.split('\n')[0] ?? '';
      throw error;
    }
  }

  /** Whether the node itself differs, not only what it reads. */
  async #isChanged(id: string): Promise<boolean> {
    const node = lookupNode(this.#parsed.manifest, id);
    const old = lookupNode(this.#former.manifest, id);
    const original = lookupNode(this.#original, id);
    if (node === undefined || original === undefined) return false;
    if (sameRelation(fieldsOf(node), fieldsOf(original), false) === false) this.#moved.add(id);
    if (node.resource_type === 'seed' && original.resource_type === 'seed')
      return node.checksum.checksum !== original.checksum.checksum || changedConfig(node, original) !== null;
    if (node.resource_type === 'source' && original.resource_type === 'source')
      return this.#moved.has(id) || !sameValue(declaredTypes(node), declaredTypes(original));
    if (node.resource_type === 'function') return !sameValue(codeOf(node), codeOf(original));
    if (!isQueried(node) || !isQueried(old)) return false;
    return this.#moved.has(id) || changedConfig(node, original) !== null || !(await this.#sameSql(node, old));
  }

  async #sameSql(node: Queried, old: Queried): Promise<boolean> {
    const [now, before] = [await this.#now.compiled(node), await this.#before.compiled(old)];
    if (before instanceof TsdbtError) throw before;
    if (now instanceof TsdbtError || now.later instanceof TsdbtError) {
      const error = now instanceof TsdbtError ? now : now.later;
      if (error instanceof TsdbtError && refusedIntrospection(error) === null) throw error;
      return codeOf(node) === this.#originalCode(node.unique_id);
    }
    if (now.first === now.later) return this.#isText(now.first, before.first);
    return this.#sameBranches(node) && [now.first, now.later].some((sql) => this.#isText(sql, before.first));
  }

  /** Whether the text that is only in one branch is the same. The state has one of the two branches. */
  #sameBranches(node: Queried): boolean {
    const { manifest, previousState } = this.#parsed;
    this.#hasOtherMacros ??= stateMatches('modified.macros', manifest, previousState, () => undefined);
    if (this.#hasOtherMacros(node, node.unique_id)) return false;
    const [now, before] = [codeOf(node), this.#originalCode(node.unique_id)];
    return now === before || (incrementalBlocks(now) ?? now) === incrementalBlocks(before);
  }

  #originalCode(id: string): string {
    return codeOf(this.#original.nodes[id]);
  }

  #isText(one: string, other: string): boolean {
    const [a, b] = [this.#dialect.tokens(one), this.#dialect.tokens(other)];
    return a === null || b === null ? one.trim() === other.trim() : textOf(a) === textOf(b);
  }

  async #changeOf(id: string, direct: boolean): Promise<RelationChange> {
    const node = lookupNode(this.#parsed.manifest, id);
    if (node === undefined) return UNCHANGED;
    if (WHOLE.has(node.resource_type)) return this.#readWhole(node);
    if (node.resource_type === 'test') return this.#ofTest(node);
    if (!isQueried(node)) return direct ? this.#ofTable(id, node.resource_type) : UNCHANGED;
    const old = lookupNode(this.#former.manifest, id);
    if (!isQueried(old)) return UNCHANGED;
    const original = this.#original.nodes[id];
    const config = original === undefined ? null : changedConfig(node, original);
    const change = this.#withTypes(id, await this.#ofQueries(node, old), direct);
    const rows = [...change.rows, ...(config === null ? [] : [ownRows(`config: ${config}`)])];
    return escalated(node, { columns: change.columns, rows });
  }

  async #ofQueries(node: Queried, old: Queried): Promise<RelationChange> {
    const [now, before] = [await this.#now.compiled(node), await this.#before.compiled(old)];
    if (
      now instanceof TsdbtError ||
      now.later instanceof TsdbtError ||
      before instanceof TsdbtError ||
      node.language !== 'sql'
    )
      return this.#unknown(node, codeOf(node) !== this.#originalCode(node.unique_id));
    const same = (sql: string): Promise<RelationChange> => this.#compare(node, sql, sql);
    if (now.first === now.later) return this.#compare(node, before.first, now.first);
    if (!this.#sameBranches(node))
      return merged(await same(now.first), { columns: [], rows: [ownRows('incremental branch')] });
    const [first, later] = [
      await this.#compare(node, before.first, now.first),
      await this.#compare(node, before.first, now.later),
    ];
    const ownOf = ({ rows }: RelationChange): number => rows.filter(({ causes }) => causes.has('')).length;
    return ownOf(later) < ownOf(first) ? merged(later, await same(now.first)) : merged(first, await same(now.later));
  }

  async #compare(node: Queried | TestNode, before: string, now: string): Promise<RelationChange> {
    const visible = relationsIn(this.#dialect.tokens(now) ?? [], this.#now.parents, []);
    const others = node.depends_on.nodes.filter((id) => !visible.has(id));
    const versions = [
      { sql: before, parents: this.#before.parents },
      { sql: now, parents: this.#now.parents },
    ] as const;
    let own: RelationChange | undefined;
    const changeOf = (id: string): RelationChange | undefined => (id === node.unique_id ? own : this.#changes.get(id));
    own = await compareQueries(this.#dialect, versions, changeOf, others);
    // It reads its own rows.
    return visible.has(node.unique_id) ? compareQueries(this.#dialect, versions, changeOf, others) : own;
  }

  async #ofTest(node: TestNode): Promise<RelationChange> {
    const queries = await this.#now.compiled(node);
    return queries instanceof TsdbtError
      ? this.#unknown(node, false)
      : this.#compare(node, queries.first, queries.first);
  }

  /** The query cannot be compared: any change of what it reads may change its rows. */
  #unknown({ depends_on: { nodes } }: Queried | TestNode, own: boolean): RelationChange {
    const causes = new Set(own ? [''] : []);
    for (const id of nodes) {
      const { columns = [], rows = [] } = this.#changes.get(id) ?? {};
      for (const each of [...columns, ...rows]) for (const cause of each.causes) causes.add(cause);
    }
    return causes.size === 0
      ? UNCHANGED
      : { columns: [], rows: [{ kind: 'rows', reason: 'the query is not known', causes }] };
  }

  /** A seed, source or function. */
  #ofTable(id: string, type: string): RelationChange {
    if (type !== 'source') return { columns: [], rows: [ownRows(type === 'seed' ? 'file' : 'code')] };
    const [old, now] = [this.#before, this.#now].map(
      ({ found }) => new Set(found.get(id)?.columns.map(({ column }) => column)),
    );
    const own = new Set(['']);
    const columns = [
      ...[...(now ?? [])]
        .filter((column) => old?.has(column) === false)
        .map((column): ColumnChange => ({ column, kind: 'added', causes: own })),
      ...[...(old ?? [])]
        .filter((column) => now?.has(column) === false)
        .map((column): ColumnChange => ({ column, kind: 'removed', causes: own })),
    ];
    return this.#withTypes(id, { columns, rows: this.#moved.has(id) ? [ownRows('relation')] : [] }, true);
  }

  #withTypes(id: string, { columns, rows }: RelationChange, direct: boolean): RelationChange {
    const [before, now] = this.#types?.map((types) => types.get(id)) ?? [];
    const found: ColumnChange[] = [];
    for (const [column, type] of before ?? []) {
      const name = columns.find((each) => each.kind === 'renamed' && each.column === column)?.now ?? column;
      const is = now?.get(name);
      if (is === undefined || is === type) continue;
      const causes = columns.find((each) => each.column === column && each.kind === 'values')?.causes;
      found.push({ column, kind: 'type', types: [type, is], causes: causes ?? this.#causesOfType(id, direct) });
    }
    const typed = new Set(found.map(({ column }) => column));
    const others = columns.filter(({ kind, column }) => !typed.has(column) || !['values', 'order'].includes(kind));
    return { columns: [...others, ...found], rows };
  }

  /** Causes of a change of type that no other change explains. */
  #causesOfType(id: string, direct: boolean): ReadonlySet<string> {
    const parents = [...this.#parsed.dag.ancestors(id)].flatMap((parent) => this.#changes.get(parent)?.columns ?? []);
    const causes = parents.filter(({ kind }) => kind === 'type').flatMap((each) => [...each.causes]);
    return new Set(direct || causes.length === 0 ? ['', ...causes] : causes);
  }

  #readWhole(node: GraphNode): RelationChange {
    const parents = ('depends_on' in node ? node.depends_on?.nodes : undefined) ?? [];
    const columns: ColumnChange[] = [];
    const rows: RowChange[] = [];
    const listed = node.resource_type === 'publication' ? node.config.columns : null;
    const read =
      listed === null || node.resource_type !== 'publication' ? null : new Set([...listed, ...node.config.key]);
    for (const id of parents) {
      const change = this.#changes.get(id) ?? UNCHANGED;
      // The inputs of unit tests are fixed.
      const counts = ({ causes }: { causes: ReadonlySet<string> }): boolean =>
        node.resource_type !== 'unit_test' || [...causes].some((cause) => JSON.parse(cause)[0] === id);
      columns.push(...change.columns.filter((each) => counts(each) && (read === null || read.has(each.column))));
      rows.push(...change.rows.filter(counts));
      if (this.#moved.has(id) && node.resource_type === 'exposure') rows.push(movedRows(id));
    }
    return columns.length + rows.length === 0 ? UNCHANGED : { columns, rows };
  }

  #report(): NodeImpact[] {
    const { manifest, dag } = this.#parsed;
    const classes = new Map<string, Map<string, ImpactClass>>();
    for (const [node, { columns, rows }] of this.#changes) {
      for (const { kind, causes } of [...columns, ...rows]) {
        for (const cause of causes) {
          const readers = classes.get(cause) ?? new Map<string, ImpactClass>();
          classes.set(cause, readers.set(node, worst([readers.get(node) ?? 'invisible', CLASSES[kind]])));
        }
      }
    }
    const reports: NodeImpact[] = [];
    for (const id of dag.topological()) {
      const { columns = [], rows = [] } = this.#changes.get(id) ?? {};
      const node = lookupNode(manifest, id);
      if (node === undefined || node.resource_type === 'test') continue;
      const path = 'original_file_path' in node ? node.original_file_path : '';
      if (isQueried(node) && this.#original.nodes[id] === undefined)
        reports.push({ node: id, path, status: 'new', class: 'additive', changes: [], readers: [] });
      if (WHOLE.has(node.resource_type)) continue;
      const moved = this.#moved.has(id) ? [movedRows(id)] : [];
      const own = [
        ...columns.map((each) => ({ ...each, reason: undefined })),
        ...[...rows, ...moved].map((each) => ({ ...each, column: null, now: undefined, types: undefined })),
      ];
      const changes = own.flatMap(({ column, kind, now, types, reason, causes }): ImpactChange[] => {
        const origin = [originOf(id, column, kind), originOf(id, null, 'relation')].find((each) => causes.has(each));
        if (origin === undefined) return [];
        const readers = [...(classes.get(origin) ?? [])]
          .filter(([reader]) => reader !== id)
          .map(([reader, found]) => ({ node: reader, class: found }));
        const found = worst([kind === 'added' ? 'additive' : 'invisible', ...readers.map((each) => each.class)]);
        return [
          {
            ...{ column, change: kind, class: found, readers },
            ...(now === undefined ? {} : { now }),
            ...(types === undefined ? {} : { types }),
            ...(reason === undefined ? {} : { reason }),
          },
        ];
      });
      if (changes.length === 0) continue;
      const readers = [...dag.descendants(id)].map((reader) => {
        const found = changes.flatMap((change) => change.readers.filter((each) => each.node === reader));
        return { node: reader, class: worst(found.map((each) => each.class)) };
      });
      const found = worst(changes.map((change) => change.class));
      reports.push({ node: id, path, status: 'changed', class: found, changes, readers });
    }
    for (const [id, node] of Object.entries(this.#original.nodes))
      if (isQueried(node) && manifest.nodes[id] === undefined)
        reports.push({
          node: id,
          path: node.original_file_path,
          status: 'removed',
          class: 'invisible',
          changes: [],
          readers: [],
        });
    return reports;
  }
}

const CLASSES: Readonly<Record<ImpactChange['change'], ImpactClass>> = {
  added: 'additive',
  order: 'invisible',
  removed: 'breaking',
  renamed: 'breaking',
  rows: 'breaking',
  type: 'breaking',
  values: 'breaking',
};

function worst(classes: readonly ImpactClass[]): ImpactClass {
  return (['breaking', 'additive'] as const).find((each) => classes.includes(each)) ?? 'invisible';
}

function originOf(node: string, column: string | null, kind: string): string {
  return JSON.stringify([node, column, kind]);
}

function withOrigins(id: string, { columns, rows }: RelationChange): RelationChange {
  const named = (causes: ReadonlySet<string>, column: string | null, kind: string): Set<string> =>
    new Set([...causes].map((cause) => (cause === '' ? originOf(id, column, kind) : cause)));
  return {
    columns: columns.map((each) => ({ ...each, causes: named(each.causes, each.column, each.kind) })),
    rows: rows.map((each) => ({ ...each, causes: named(each.causes, null, each.kind) })),
  };
}

function ownRows(reason: string): RowChange {
  return { kind: 'rows', reason, causes: new Set(['']) };
}

/** For readers by name: the relation of the node has another one. */
function movedRows(id: string): RowChange {
  return { ...ownRows('relation'), causes: new Set([originOf(id, null, 'relation')]) };
}

function merged(one: RelationChange, other: RelationChange): RelationChange {
  return { columns: [...one.columns, ...other.columns], rows: [...one.rows, ...other.rows] };
}

/** Every change of a snapshot's query may add versions of rows. An engine may keep the last of several rows. */
function escalated(node: Queried, { columns, rows }: RelationChange): RelationChange {
  const { check_cols: checked, engine } = { ...Object(node.config) };
  const history = [...columns, ...rows].filter(
    ({ kind }) => kind !== 'order' && (kind !== 'added' || checked === 'all'),
  );
  if (node.resource_type === 'snapshot' && history.length > 0) {
    const causes = new Set(history.flatMap((each) => [...each.causes]));
    return { columns, rows: [...rows, { kind: 'rows', reason: 'history', causes }] };
  }
  const keeps = /Replacing|Collapsing|Aggregating|Summing/.test(String(engine ?? ''));
  const all = rows.map((row): RowChange => (keeps && row.kind === 'order' ? { ...row, kind: 'rows' } : row));
  return columns.length + rows.length === 0 ? UNCHANGED : { columns, rows: all };
}

/** The first key of the config that may decide rows and differs. */
function changedConfig(now: GraphNode, before: GraphNode): string | null {
  const [a, b] = [now, before].map((node) => ({ ...Object(fieldsOf(node)['unrendered_config']) }));
  const keys = [...new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})])].filter((key) => !HARMLESS.has(key));
  return (
    keys.find((key) => {
      if (key === 'materialized' && [now, before].every((node) => INTERCHANGEABLE.has(materializedOf(node))))
        return false;
      const only = (config: Record<string, unknown>): Record<string, unknown> =>
        Object.hasOwn(config, key) ? { [key]: config[key] } : {};
      return (
        sameConfig(
          { ...fieldsOf(now), unrendered_config: only(a ?? {}) },
          { ...fieldsOf(before), unrendered_config: only(b ?? {}) },
        ) === false
      );
    }) ?? null
  );
}

function materializedOf(node: GraphNode): unknown {
  return isQueried(node) ? node.config.materialized : undefined;
}

function declaredTypes({
  columns,
}: {
  readonly columns: Readonly<Record<string, { name: string; data_type: string | null }>>;
}): unknown {
  return Object.values(columns).map(({ name, data_type: type }) => [name, type]);
}

function codeOf(node: GraphNode | undefined): string {
  const code = node !== undefined && 'raw_code' in node ? node.raw_code : '';
  return typeof code === 'string' ? code : '';
}

/**
 * The blocks of `{% if is_incremental() %}`, to their ends.
 * @returns null if the function is also used elsewhere
 */
function incrementalBlocks(code: string): string | null {
  const blocks: string[] = [];
  let rest = code;
  for (let start = OPENING.exec(rest); start !== null; start = OPENING.exec(rest)) {
    const [before, after] = [rest.slice(0, start.index), rest.slice(start.index)];
    if (before.includes('is_incremental')) return null;
    let [depth, end] = [0, -1];
    for (const tag of after.matchAll(/\{%-?\s*(if|endif)\b[^%]*%\}/g)) {
      depth += tag[1] === 'if' ? 1 : -1;
      if (depth > 0) continue;
      end = tag.index + tag[0].length;
      break;
    }
    if (end < 0) return null;
    blocks.push(after.slice(0, end));
    rest = after.slice(end);
  }
  return rest.includes('is_incremental') || blocks.length === 0 ? null : blocks.join('\n');
}
const OPENING = /\{%-?\s*if\s+(?:not\s+)?is_incremental\(\)\s*-?%\}/;
