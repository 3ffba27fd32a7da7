// Selections by columns: `column:model.column+` and `state:modified.columns`. Analyzes columns only if one is used.
import { errorOf } from '../error-table.ts';
import { type ColumnNodes, type ColumnSelection, MODIFIED_COLUMNS } from '../graph/column-selection.ts';
import { stateMatches } from '../graph/state-methods.ts';
import type { QueryLineage } from '../lineage/column-lineage.ts';
import { type ColumnReach, originsOf, readersOf } from '../lineage/column-reach.ts';
import { lookupNode } from '../runner/nodes.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { closeMatches } from '../values/close-matches.ts';
import { type ImpactOutcome, projectImpact } from './project-impact.ts';
import { projectLineage } from './project-lineage.ts';

/** A column of the project, or a node. */
export interface ColumnPlace {
  readonly node: string;
  readonly column: string | null;
}

/**
 * Finds the node whose name is the longest beginning of the text. The rest is a column.
 * @throws `usage` for an unknown node
 */
export function columnPlace({ manifest, dag }: ParsedProject, asked: string): ColumnPlace {
  const names = new Map<string, string>();
  for (const id of dag.nodes) {
    const [type, , ...name] = id.split('.');
    if (!['model', 'snapshot', 'seed', 'source'].includes(type ?? '')) continue;
    names.set(id, id);
    if (type === 'source') names.set(name.join('.'), id);
    else names.set(manifest.nodes[id]?.name ?? name.join('.'), id).set(name.join('.'), id);
  }
  for (let end = asked.length; end > 0; end = asked.lastIndexOf('.', end - 1)) {
    const node = names.get(asked.slice(0, end));
    if (node !== undefined) return { node, column: end === asked.length ? null : asked.slice(end + 1) };
  }
  const similar =
    closeMatches(asked, names.keys(), 1)[0] ?? closeMatches(asked.split('.')[0] ?? '', names.keys(), 1)[0];
  throw errorOf('lineageUnknownNode', { name: asked, similar: similar ?? '' });
}

/**
 * The columns of a node that a place names. A column that is not listed may be one of those that are not known.
 * @throws `usage` for an unknown column
 */
export function columnsOfPlace({ node, column }: ColumnPlace, columns: readonly string[]): readonly string[] {
  if (column === null) return columns;
  if (columns.includes(column)) return [column];
  if (columns.includes('*')) return ['*'];
  throw errorOf('lineageUnknownColumn', { node, column, similar: closeMatches(column, columns, 1)[0] ?? '' });
}

/**
 * The project with what its selection needs to know about columns.
 * @throws {TsdbtError} if the parser of the dialect is not installed, or the state is missing
 */
export async function withColumnSelection(parsed: ParsedProject): Promise<ParsedProject> {
  const { flags, project } = parsed.config;
  const typed = JSON.stringify([flags.select, flags.exclude, flags.models]);
  const file = JSON.stringify(project.selectors ?? null);
  const named = Boolean(flags.selector) || typed.includes('selector:') || file.includes('"default":true');
  const text = named ? `${typed}${file}` : typed;
  const byColumn = /column:|"(?:method":")?column"/.test(text);
  const byChange = text.includes(MODIFIED_COLUMNS);
  if (!byColumn && !byChange) return parsed;
  // Reports a missing state as for the other values.
  if (byChange) stateMatches('new', parsed.manifest, parsed.previousState, () => undefined);
  const lineage = byColumn ? await projectLineage(parsed, parsed.dag.nodes) : new Map<string, QueryLineage>();
  const impact = byChange ? await projectImpact(parsed) : null;
  return Object.defineProperty(parsed, 'columns', { value: new Columns(parsed, lineage, impact), enumerable: true });
}

class Columns implements ColumnSelection {
  readonly #parsed: ParsedProject;
  readonly #lineage: ReadonlyMap<string, QueryLineage>;
  readonly #impact: ImpactOutcome | null;

  constructor(parsed: ParsedProject, lineage: ReadonlyMap<string, QueryLineage>, impact: ImpactOutcome | null) {
    this.#parsed = parsed;
    this.#lineage = lineage;
    this.#impact = impact;
  }

  ofColumn(name: string): ColumnNodes {
    const place = columnPlace(this.#parsed, name);
    const { node } = place;
    const columns = columnsOfPlace(place, this.#lineage.get(node)?.columns.map(({ column }) => column) ?? []);
    // A column that is not listed can be read by its name.
    const asked = place.column === null ? columns : [...new Set([...columns, place.column])];
    const { dag } = this.#parsed;
    const graph = { lineage: this.#lineage, order: dag.topological(), parents: (id: string) => dag.parents(id) };
    return {
      nodes: new Set([node]),
      parents: (depth) => originsOf(graph, node, asked).within(depth),
      children: (depth) => this.#withOthers(readersOf(graph, node, asked)).within(depth),
    };
  }

  /** Adds readers without SQL, such as exposures. A publication reads the columns that it lists. */
  #withOthers(reach: ColumnReach): ColumnReach {
    const { dag, manifest } = this.#parsed;
    for (const id of dag.topological()) {
      const node = this.#lineage.has(id) || id.startsWith('test.') ? undefined : lookupNode(manifest, id);
      if (node === undefined) continue;
      const listed =
        node.resource_type === 'publication' && node.config.columns !== null
          ? [...node.config.columns, ...node.config.key]
          : null;
      const from = dag.parents(id).filter((parent) => {
        if (!reach.columns.has(parent)) return false;
        return listed === null || listed.some((column) => reach.has({ node: parent, column }));
      });
      if (from.length > 0) reach.add(id, 'all', from);
    }
    return reach;
  }

  ofChanges(): ColumnNodes {
    const { dag } = this.#parsed;
    const changed = (this.#impact?.nodes ?? []).filter(
      ({ status, changes }) => status === 'new' || changes.some(({ column }) => column !== null),
    );
    const nodes = new Set(changed.map(({ node }) => node));
    return {
      nodes,
      parents: (depth) => dag.selectParents(nodes, depth),
      children: (depth) => {
        const found = new Set<string>();
        for (const { node, status, changes } of changed) {
          const below = dag.selectChildren(new Set([node]), depth);
          const read = changes
            .filter(({ column }) => column !== null)
            .flatMap(({ readers }) => readers.filter((reader) => reader.class !== 'invisible'));
          for (const id of status === 'new' ? below : read.map((reader) => reader.node))
            if (below.has(id)) found.add(id);
        }
        return found;
      },
    };
  }
}
