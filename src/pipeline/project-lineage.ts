// Column lineage of a project: compiles models without a database and analyzes them, parents first.
import { parsingEngine } from '../adapters/index.ts';
import type { ColumnInfo, ModelNode, SeedNode, SnapshotNode, SourceDefinition } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import {
  type DialectNames,
  type LineageDialect,
  type OutputColumn,
  type ParentRelation,
  type Parents,
  type QueryLineage,
  type Source,
  unionOf,
  unknownQuery,
} from '../lineage/column-lineage.ts';
import { createLineageDialect, dialectNames } from '../lineage/create-dialect.ts';
import { Masks, NO_MASKS } from '../lineage/masks.ts';
import { keysOf } from '../graph/unread-record.ts';
import { SILENT } from '../log.ts';
import { refusedIntrospection } from '../runner/no-introspection.ts';
import { lookupNode, nodeWithRows } from '../runner/nodes.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { seedTable } from '../runner/seed-table.ts';
import type { CatalogColumns } from './catalog-columns.ts';
import { hashOf, type KnownAnalysis, knownAnalysis } from './known-analysis.ts';
import { type Compilable, type CompiledQueries, OfflineCompiler } from './offline-compiler.ts';
import { readPolicies } from './policies-file.ts';
import { knownColumns } from './source-lock.ts';

/** Lineage by unique_id. Sources and seeds have columns without sources. */
export type ProjectLineage = ReadonlyMap<string, QueryLineage>;

/**
 * Analyzes models, snapshots, seeds and sources, with all their ancestors.
 * @param ids unique_ids, or all of the project
 * @throws {TsdbtError} if the dialect has no lineage, or its parser is not installed
 */
export async function projectLineage(parsed: ParsedProject, ids: Iterable<string>): Promise<ProjectLineage> {
  const needed = new Set<string>();
  for (const id of ids) for (const each of [id, ...parsed.dag.ancestors(id)]) needed.add(each);
  const order = parsed.dag.topological().filter((id) => needed.has(id));
  const known = knownAnalysis(parsed);
  const masks = masksOfPolicies(parsed);
  const started: Promise<LineageDialect>[] = [];
  try {
    const parser: Parser = {
      ...dialectNames(parsed.adapter.type),
      columns: async (...query) => (await (started[0] ??= openDialect(parsed, masks))).columns(...query),
    };
    // Readers of an ephemeral model read it by its CTE's name, like any other parent.
    const analysis = new LineageAnalysis(parsed, needed, { parser, known, inject: false, masks });
    for (const id of order) await analysis.add(id);
    known.save();
    return analysis.found;
  } finally {
    for (const dialect of await Promise.allSettled(started))
      if (dialect.status === 'fulfilled') await dialect.value.close();
  }
}

/** The part of a dialect that the analysis uses. It starts when a query is not known. */
type Parser = Pick<LineageDialect, 'columns' | keyof DialectNames>;

/** The lineage dialect of the target. The caller closes it. @throws {TsdbtError} like projectLineage */
export function openDialect({ adapter: { type }, config }: ParsedProject, masks?: Masks): Promise<LineageDialect> {
  return createLineageDialect(type, () => parsingEngine(type, config.project.project_root), masks);
}

/** Names of masks that are macros of the project. */
function maskMacros({ manifest }: ParsedProject, masks: Masks): string[] {
  if (masks.names.length === 0) return [];
  const macros = new Set(keysOf(manifest.macros).map((id) => id.slice(id.lastIndexOf('.') + 1)));
  return masks.written.filter((name) => macros.has(name));
}

/** The masks of policies.yml, which lineage reports. @throws {TsdbtError} `project` if the file is invalid */
function masksOfPolicies({ config }: ParsedProject): Masks {
  const policies = readPolicies(config)?.policies ?? null;
  return policies === null ? NO_MASKS : new Masks(policies.flatMap(({ masks }) => masks));
}

/** The lineage of a query that is kept for the next command. */
interface KeptLineage {
  readonly sql: string;
  /** Hashes of the relations that the analysis asked for. */
  readonly asked: readonly (readonly [key: string, relation: string])[];
  readonly lineage: QueryLineage;
}

interface AnalysisOptions {
  readonly parser: Parser;
  /** Null: nothing is known from earlier commands, and nothing is kept. */
  readonly known: KnownAnalysis | null;
  /** Whether queries contain the CTEs of ephemeral models. */
  readonly inject: boolean;
  /** Those that the parser reports. */
  readonly masks?: Masks;
}

/** Compiles nodes and analyzes them, in the order of their dependencies. */
export class LineageAnalysis {
  readonly found = new Map<string, QueryLineage>();
  readonly #parsed: ParsedProject;
  readonly #compiler: OfflineCompiler;
  readonly #known: KnownAnalysis | null;
  readonly #dialect: Parser;
  readonly #masks: Masks;
  readonly #relations = new Map<string, ParentRelation>();
  readonly #hashes = new Map<ParentRelation, string>();
  readonly #catalog: CatalogColumns;

  constructor(parsed: ParsedProject, needed: ReadonlySet<string>, options: AnalysisOptions) {
    const { parser, known, inject, masks = NO_MASKS } = options;
    this.#parsed = parsed;
    this.#compiler = new OfflineCompiler(parsed, needed, inject, known, maskMacros(parsed, masks));
    this.#known = known;
    this.#dialect = parser;
    this.#masks = masks;
    this.#catalog = knownColumns(parsed);
  }

  async add(id: string): Promise<void> {
    const node = nodeWithRows(lookupNode(this.#parsed.manifest, id));
    switch (node?.resource_type) {
      case 'source':
        return this.#keep(
          node,
          unsourced(this.#columnsOf(node) ?? declaredColumns(node.columns, this.#dialect)),
          this.#completeness(node),
        );
      case 'seed':
        return this.#keep(node, unsourced(seedColumns(node, this.#parsed, this.#dialect)), 'complete');
      case 'model':
      case 'snapshot': {
        const lineage = await this.#query(node);
        const full =
          node.resource_type === 'snapshot' ? withSnapshotColumns(node, lineage, this.#dialect, this.#masks) : lineage;
        return this.#keep(node, full, full.columns.some(({ column }) => column === '*') ? 'unknown' : 'complete');
      }
      default:
    }
  }

  #keep(
    node: ModelNode | SnapshotNode | SeedNode | SourceDefinition,
    lineage: QueryLineage,
    completeness: ParentRelation['completeness'],
  ): void {
    this.found.set(node.unique_id, lineage);
    const listed = lineage.columns.flatMap(({ column }) => (column === '*' ? [] : column));
    const catalog = completeness === 'unknown' ? this.#columnsOf(node) : null;
    const relation: ParentRelation =
      catalog === null
        ? { node: node.unique_id, columns: listed, completeness }
        : { node: node.unique_id, columns: catalog, completeness: 'complete' };
    for (const name of namesOf(node))
      for (const key of this.#dialect.relationKeys(name)) this.#relations.set(key, relation);
  }

  #columnsOf({ unique_id: id }: { readonly unique_id: string }): string[] | null {
    const columns = this.#catalog.get(id)?.map(({ name }) => name) ?? [];
    return columns.length === 0 ? null : columns;
  }

  #completeness(source: SourceDefinition): ParentRelation['completeness'] {
    if (this.#columnsOf(source) !== null) return 'complete';
    return Object.keys(source.columns).length > 0 ? 'declared' : 'unknown';
  }

  /** An incremental model is the union of its first run and of the runs that add to it. */
  async #query(node: ModelNode | SnapshotNode): Promise<QueryLineage> {
    if (node.resource_type === 'model' && node.language === 'python') return unknownQuery('Python is not analyzed');
    const queries = await this.compiled(node);
    if (queries instanceof TsdbtError) return unknownQuery(whyNotCompiled(queries));
    const { first, later } = queries;
    const lineage = await this.#analyzed(node, 'lineage', first);
    if (later === first) return lineage;
    if (typeof later !== 'string') {
      const reason = `of its incremental branch: ${whyNotCompiled(later)}`;
      return { ...lineage, columns: lineage.columns.map((each) => ({ ...each, reason: each.reason ?? reason })) };
    }
    // The branch may read the model itself.
    this.#keep(node, lineage, lineage.columns.some(({ column }) => column === '*') ? 'unknown' : 'complete');
    return unionOf(lineage, await this.#analyzed(node, 'later lineage', later));
  }

  /** A known lineage is valid if the SQL and the relations that the analysis asked for are the same. */
  async #analyzed({ unique_id: id }: Compilable, kind: string, sql: string): Promise<QueryLineage> {
    if (this.#known === null) return this.#dialect.columns(sql, this.parents);
    const known = this.#known.get<KeptLineage>(kind, id);
    const hash = this.#known.hashOfSql(this.#masks.names.join() + sql);
    if (known?.sql === hash && known.asked.every(([key, relation]) => this.#relationHash(key) === relation))
      return known.lineage;
    const asked = new Set<string>();
    const lineage = await this.#dialect.columns(sql, (key) => {
      asked.add(key);
      return this.parents(key);
    });
    const kept: KeptLineage = { sql: hash, asked: [...asked].map((key) => [key, this.#relationHash(key)]), lineage };
    this.#known.set(kind, id, kept);
    return lineage;
  }

  #relationHash(key: string): string {
    const relation = this.#relations.get(key);
    if (relation === undefined) return '';
    let hash = this.#hashes.get(relation);
    if (hash === undefined) this.#hashes.set(relation, (hash = hashOf(JSON.stringify(relation))));
    return hash;
  }

  /** The relations of the nodes that were added. */
  readonly parents: Parents = (key) => this.#relations.get(key);

  /** @returns the error of a template that needs the database */
  compiled(node: Compilable): Promise<CompiledQueries | TsdbtError> {
    return this.#compiler.compiled(node);
  }
}

function whyNotCompiled(error: TsdbtError): string {
  return refusedIntrospection(error) ?? `it cannot be compiled: ${error.message}`;
}

/** The names under which queries read a node. */
function namesOf(node: ModelNode | SnapshotNode | SeedNode | SourceDefinition): string[] {
  if (node.resource_type === 'model' && node.config.materialized === 'ephemeral')
    return [`__dbt__cte__${'cte_name' in node && typeof node.cte_name === 'string' ? node.cte_name : node.alias}`];
  return node.relation_name === null ? [] : [node.relation_name];
}

function unsourced(columns: readonly string[]): QueryLineage {
  if (columns.length === 0) return unknownQuery('its columns are not declared');
  return { columns: columns.map((column) => ({ column, reason: null, sources: [], uses: [] })), uses: [] };
}

function declaredColumns(columns: Readonly<Record<string, ColumnInfo>>, { foldsNames }: DialectNames): string[] {
  return Object.values(columns).map(({ name, quote }) => (quote === true || !foldsNames ? name : name.toLowerCase()));
}

/** Reads only the first record of the file. */
function seedColumns(node: SeedNode, { files }: ParsedProject, { foldsNames }: DialectNames): string[] {
  const text = files.read(node.original_file_path, node.package_name) ?? '';
  const [header = ''] = /^(?:"(?:[^"]|"")*"|[^"\n])*/.exec(text) ?? [];
  const names = seedTable(node, header, SILENT, true).columnNames;
  return node.config.quote_columns === false && foldsNames ? names.map((name) => name.toLowerCase()) : [...names];
}

/** Adds the columns of the snapshot's history, which come from its key and from the time of a change. */
function withSnapshotColumns(
  { config }: SnapshotNode,
  lineage: QueryLineage,
  { foldsNames }: DialectNames,
  masks: Masks,
): QueryLineage {
  // The id is a hash, which other functions compute in other databases.
  const hashed = masks.names.filter((name) => name === 'md5');
  const names = { ...Object(config['snapshot_meta_column_names']) };
  const updated = typeof config['updated_at'] === 'string' ? [config['updated_at']] : [];
  const keys = [config['unique_key']].flat().filter((key) => typeof key === 'string');
  const deleted = config['hard_deletes'] === 'new_record' ? ['dbt_is_deleted'] : [];
  const from: [string, readonly string[]][] = [
    ['dbt_scd_id', [...keys, ...updated]],
    ['dbt_updated_at', updated],
    ['dbt_valid_from', updated],
    ['dbt_valid_to', updated],
    ...deleted.map((name): [string, readonly string[]] => [name, []]),
  ];
  const added = from.map(([name, columns]): OutputColumn => {
    const read = columns.map((column) =>
      lineage.columns.find((each) => each.column === (foldsNames ? column.toLowerCase() : column)),
    );
    const missing = columns.find((_, at) => read[at] === undefined);
    return {
      column: String(names[name] ?? name),
      reason: missing === undefined ? null : `"${missing}" is not a known column of the snapshot's query`,
      sources: read
        .flatMap((each) => each?.sources ?? [])
        .map((each): Source => {
          const through = [...new Set([...(each.masks ?? []), ...(name === 'dbt_scd_id' ? hashed : [])])];
          return { ...each, kind: 'expression', ...(through.length > 0 && { masks: through }) };
        }),
      uses: read.flatMap((each) => each?.uses ?? []),
    };
  });
  const listed = lineage.columns.filter(({ column }) => column !== '*');
  const unlisted = lineage.columns.filter(({ column }) => column === '*');
  return { columns: [...listed, ...added, ...unlisted], uses: lineage.uses };
}
