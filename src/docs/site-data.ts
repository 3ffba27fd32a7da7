// Selects the data of the docs page from manifest and catalog, small enough to be inlined. Pure; page.ts builds the
// page.
import type { CatalogArtifact, CatalogTable } from '../contracts/results.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { ColumnInfo, GraphNode, Json, MacroNode, TestMetadata, TestNode } from '../contracts/node.ts';
import { showJson } from '../values/float.ts';
import { addLineage, type SiteColumn, type SiteLineage, type WithColumns } from './site-columns.ts';

/** The data of one page. Edges are indexes into `SiteData.items`. Absent fields are empty. */
export interface SiteItem extends WithColumns {
  id: string;
  kind: string;
  name: string;
  package: string;
  /** Folder and file, relative to the project. */
  file: string;
  description?: string;
  relation?: { database: string; schema: string; name: string };
  /** Short facts, in order: materialization, owner, tags … */
  facts: [label: string, value: string][];
  source?: string;
  compiled?: string;
  arguments?: { name: string; type: string; description: string }[];
  tests?: { name: string; kind: string; severity: string }[];
  parents: number[];
  children: number[];
  /** The node's color in the graph, if the project sets one. */
  color?: string;
  tags: string[];
  /** Whether the item is a node of the graph. */
  graph: boolean;
}

export interface SiteData {
  project: string;
  generated: string;
  version: string;
  adapter: string;
  /** Markdown of the `__overview__` block of the project, if it has one. */
  overview: string;
  items: SiteItem[];
}

type Listed = GraphNode | MacroNode;

export interface MoreSiteData {
  /** Returns SQL that an earlier command compiled, for nodes without compiled SQL in the manifest. */
  readonly compiledOf?: (node: GraphNode) => string | null;
  readonly lineage?: SiteLineage;
}

/** @param version tsdbt version, shown in the page footer */
export function buildSiteData(
  manifest: Manifest,
  catalog: CatalogArtifact | null,
  version: string,
  { compiledOf = () => null, lineage = new Map() }: MoreSiteData = {},
): SiteData {
  const nodes = listedNodes(manifest);
  const position = new Map(nodes.map((node, i) => [node.unique_id, i]));
  const parentIds = nodes.map(parentsOf);
  const tests = testsByNode(manifest);
  const items = nodes.map((node) => {
    const item = itemOf(node, catalogTableOf(catalog, node.unique_id), tests.get(node.unique_id) ?? []);
    if (node.resource_type === 'macro' || item.source === undefined || item.compiled !== undefined) return item;
    const compiled = compiledOf(node);
    return compiled === null ? item : { ...item, compiled };
  });
  for (const [i, item] of items.entries()) {
    for (const id of new Set(parentIds[i])) {
      const p = position.get(id);
      const parent = p === undefined ? undefined : items[p];
      if (p === undefined || p === i || parent === undefined) continue;
      item.parents.push(p);
      parent.children.push(i);
    }
  }
  addLineage(items, position, lineage);
  return {
    project: manifest.metadata.project_name ?? '',
    generated: manifest.metadata.generated_at,
    version,
    adapter: manifest.metadata.adapter_type ?? '',
    overview: overviewOf(manifest),
    items,
  };
}

/** Items with a page. Excluded: generic tests (listed with their node), hooks, built-in macros, hidden resources. */
function listedNodes(manifest: Manifest): Listed[] {
  const shown = (node: { docs?: { show: boolean } | undefined }): boolean => node.docs?.show !== false;
  return [
    ...Object.values(manifest.sources),
    ...Object.values(manifest.nodes).filter(
      (n) => n.resource_type !== 'operation' && n.resource_type !== 'sql_operation' && !isGenericTest(n) && shown(n),
    ),
    ...Object.values(manifest.exposures),
    ...Object.values(manifest.metrics),
    ...Object.values(manifest.semantic_models),
    ...Object.values(manifest.saved_queries),
    ...Object.values(manifest.functions),
    ...Object.values(manifest.macros).filter((m) => isProjectMacro(manifest, m) && shown(m)),
  ];
}

function isProjectMacro(manifest: Manifest, macro: MacroNode): boolean {
  const adapter = manifest.metadata.adapter_type;
  return macro.package_name !== 'dbt' && macro.package_name !== `dbt_${adapter}`;
}

function isGenericTest(node: GraphNode): node is TestNode & { readonly test_metadata: TestMetadata } {
  return (
    node.resource_type === 'test' &&
    'test_metadata' in node &&
    node.test_metadata !== undefined &&
    node.test_metadata !== null
  );
}

interface AttachedTest {
  name: string;
  kind: string;
  severity: string;
  column: string | null;
  label: string;
}

/** Generic tests grouped by the node they test, unit tests by their model. */
function testsByNode(manifest: Manifest): Map<string, AttachedTest[]> {
  const found = new Map<string, AttachedTest[]>();
  const add = (id: string, test: AttachedTest): void => {
    const list = found.get(id);
    if (list === undefined) found.set(id, [test]);
    else list.push(test);
  };
  for (const node of Object.values(manifest.nodes)) {
    if (!isGenericTest(node)) continue;
    const tested = node.attached_node ?? node.depends_on.nodes.at(-1);
    if (tested === undefined) continue;
    const { name, kwargs } = node.test_metadata;
    const shown = Object.entries(kwargs)
      .filter(([key]) => key !== 'model' && key !== 'column_name')
      .map(([key, value]) => `${key}: ${plain(value)}`);
    add(tested, {
      name: node.name,
      kind: 'data test',
      severity: node.config.severity.toLowerCase(),
      column: node.column_name ?? null,
      label: shown.length > 0 ? `${name} (${shown.join(', ')})` : name,
    });
  }
  for (const test of Object.values(manifest.unit_tests)) {
    const model = test.depends_on.nodes[0];
    if (model !== undefined)
      add(model, { name: test.name, kind: 'unit test', severity: '', column: null, label: test.name });
  }
  return found;
}

function plain(value: Json): string {
  return typeof value === 'object' ? showJson(value) : String(value);
}

function parentsOf(node: Listed): readonly string[] {
  if (node.resource_type === 'source') return [];
  const { nodes = [], macros = [] } =
    (node as { depends_on?: { nodes?: readonly string[]; macros?: readonly string[] } }).depends_on ?? {};
  return node.resource_type === 'macro' ? macros : [...nodes, ...macros];
}

function catalogTableOf(catalog: CatalogArtifact | null, id: string): CatalogTable | undefined {
  return catalog?.nodes[id] ?? catalog?.sources[id];
}

function itemOf(node: Listed, table: CatalogTable | undefined, tests: AttachedTest[]): SiteItem {
  const fields = node as unknown as Readonly<Record<string, unknown>>;
  const text = (key: string): string => (typeof fields[key] === 'string' ? (fields[key] as string) : '');
  const version = fields['version'];
  const item: SiteItem = {
    id: node.unique_id,
    kind: node.resource_type,
    name:
      node.resource_type === 'source'
        ? `${node.source_name}.${node.name}`
        : version === null || version === undefined
          ? node.name
          : `${node.name} v${String(version)}`,
    package: node.package_name,
    file: node.original_file_path,
    facts: factsOf(fields, table),
    parents: [],
    children: [],
    tags: tagsOf(fields),
    graph: node.resource_type !== 'macro',
  };
  if (text('description') !== '') item.description = text('description');
  const schema = table?.metadata.schema ?? text('schema');
  if (schema !== '' && hasRelation(node)) {
    item.relation = {
      database: table?.metadata.database ?? text('database'),
      schema,
      name: table?.metadata.name ?? (text('identifier') || text('alias')),
    };
  }
  const columns = columnsOf(fields['columns'] as Record<string, ColumnInfo> | undefined, table, tests);
  if (columns.length > 0) item.columns = columns;
  if (text('macro_sql') !== '') item.source = text('macro_sql').trim();
  else if (text('raw_code') !== '') item.source = text('raw_code');
  if (text('compiled_code') !== '') item.compiled = text('compiled_code');
  if (node.resource_type === 'macro' && node.arguments.length > 0) {
    item.arguments = node.arguments.map((a) => ({ name: a.name, type: a.type ?? '', description: a.description }));
  }
  if (tests.length > 0) {
    item.tests = tests.map((t) => ({
      name: t.column === null ? t.label : `${t.column}: ${t.label}`,
      kind: t.kind,
      severity: t.severity,
    }));
  }
  const color = (fields['docs'] as { node_color?: string | null } | undefined)?.node_color;
  if (color) item.color = color;
  return item;
}

function hasRelation(node: Listed): boolean {
  if (node.resource_type === 'model' || node.resource_type === 'snapshot')
    return node.config.materialized !== 'ephemeral';
  return node.resource_type === 'seed' || node.resource_type === 'source';
}

function tagsOf(fields: Readonly<Record<string, unknown>>): string[] {
  const own = (fields['tags'] ?? (fields['config'] as { tags?: unknown } | undefined)?.tags) as unknown;
  return Array.isArray(own) ? own.map(String) : [];
}

function factsOf(fields: Readonly<Record<string, unknown>>, table: CatalogTable | undefined): [string, string][] {
  const config = (fields['config'] ?? {}) as Readonly<Record<string, unknown>>;
  const owner = fields['owner'] as { name?: unknown; email?: unknown } | undefined;
  const facts: [string, unknown][] = [
    ['materialized', fields['resource_type'] === 'model' ? config['materialized'] : null],
    ['type', table?.metadata.type.toLowerCase() ?? fields['type']],
    ['owner', owner ? [owner.name, owner.email].filter(Boolean).flat().join(', ') : table?.metadata.owner],
    ['access', fields['access']],
    ['group', fields['group']],
    ['contract', (fields['contract'] as { enforced?: boolean } | undefined)?.enforced ? 'enforced' : null],
    ['latest version', fields['latest_version']],
    ['deprecated on', fields['deprecation_date']],
    ['incremental strategy', config['incremental_strategy']],
    ['strategy', config['strategy']],
    ['unique key', fields['resource_type'] === 'test' ? null : config['unique_key']],
    ['severity', fields['resource_type'] === 'test' ? config['severity'] : null],
    ['loader', fields['loader']],
    ['loaded at', fields['loaded_at_field'] ?? fields['loaded_at_query']],
    ['freshness', freshnessOf(fields['freshness'])],
    ['maturity', fields['maturity']],
    ['url', fields['url']],
  ];
  for (const [key, value] of Object.entries((fields['meta'] ?? {}) as Record<string, Json>))
    facts.push([`meta: ${key}`, plain(value)]);
  for (const stat of Object.values(table?.stats ?? {})) if (stat.include) facts.push([stat.label, plain(stat.value)]);
  return facts.flatMap(([label, value]) =>
    value === null || value === undefined || value === ''
      ? []
      : [[label, Array.isArray(value) ? value.join(', ') : String(value)] as [string, string]],
  );
}

function freshnessOf(value: unknown): string | null {
  const threshold = value as
    | {
        warn_after?: { count?: number | null; period?: string | null } | null;
        error_after?: { count?: number | null; period?: string | null } | null;
      }
    | null
    | undefined;
  const parts = (['warn', 'error'] as const).flatMap((level) => {
    const after = threshold?.[`${level}_after`];
    return after?.count ? [`${level} after ${after.count} ${after.period ?? ''}${after.count === 1 ? '' : 's'}`] : [];
  });
  return parts.length > 0 ? parts.join(', ') : null;
}

/** Columns of the catalog in the database's order, then columns that are only declared. */
function columnsOf(
  declared: Record<string, ColumnInfo> | undefined,
  table: CatalogTable | undefined,
  tests: readonly AttachedTest[],
): SiteColumn[] {
  const byName = new Map(Object.values(declared ?? {}).map((c) => [c.name.toLowerCase(), c]));
  const found = Object.values(table?.columns ?? {}).sort((a, b) => a.index - b.index);
  const names = new Map(found.map((c) => [c.name.toLowerCase(), c.name]));
  for (const [key, c] of byName) if (!names.has(key)) names.set(key, c.name);
  return [...names].map(([key, name]) => {
    const info = byName.get(key);
    const inDatabase = found.find((c) => c.name === name);
    return {
      name,
      type: inDatabase?.type ?? info?.data_type ?? '',
      description: info?.description || inDatabase?.comment || '',
      tests: tests.filter((t) => t.column?.toLowerCase() === key).map((t) => t.label),
      constraints: (info?.constraints ?? []).map((c) => (c.expression ? `${c.type}: ${c.expression}` : c.type)),
    };
  });
}

function overviewOf(manifest: Manifest): string {
  const blocks = Object.values(manifest.docs);
  const project = manifest.metadata.project_name;
  return (
    (
      blocks.find((d) => d.name === `__${project}__`) ??
      blocks.find((d) => d.name === '__overview__' && d.package_name === project)
    )?.block_contents ?? ''
  );
}
