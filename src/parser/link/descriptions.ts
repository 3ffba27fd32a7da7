// Renders descriptions with `{{ doc('x') }}` and records the doc blocks that they use. doc-blocks.ts reads the blocks.
import type { ColumnInfo, Json, MacroNode, SemanticPart, SourceDefinition } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { placeInYaml } from '../table/yaml-place.ts';
import type { ParseTools } from '../config/node-update.ts';
import { PackageLookup, packagesToSearch } from '../table/lookups.ts';
import type { PatchedExposure, PatchedNode, PatchedSemanticModel, PatchedSource } from '../table/phases.ts';
import type { DocsBlockOf } from '../table/rendering.ts';
import type { PatchedTable } from '../table/tables.ts';

type Owner = Parameters<ParseTools['rendering']['description']>[1];
type WithDescription = { readonly description: Json };

/** The rendered fields of a node or a source. */
export interface Described {
  readonly description: string;
  readonly doc_blocks: readonly string[];
  readonly columns: { readonly [name: string]: ColumnInfo };
}

/** The rendered descriptions of a table. */
export interface Descriptions {
  /** Rendered fields of those nodes that contain Jinja. */
  readonly nodes: ReadonlyMap<PatchedNode, Described>;
  readonly sources: ReadonlyMap<string, SourceDefinition>;
  readonly macros: ReadonlyMap<string, MacroNode>;
  readonly exposures: ReadonlyMap<PatchedExposure, string>;
  /** Of metrics, saved queries, semantic models. */
  readonly others: ReadonlyMap<object, Json>;
  readonly semanticParts: ReadonlyMap<
    PatchedSemanticModel,
    Pick<PatchedSemanticModel, 'dimensions' | 'measures' | 'entities'>
  >;
}

/** Renders the descriptions of all resources of the parse, in dbt's order. */
export function renderDescriptions(tools: ParseTools, table: PatchedTable): Descriptions {
  return new Renderer(tools, table).all();
}

const DOC_CALL = /\{\{-?\+?\s*doc\s*\(\s*(?:'([^']*)'|"([^"]*)")\s*(?:,\s*(?:'([^']*)'|"([^"]*)")\s*)?\)\s*-?\}\}/g;

class Renderer {
  readonly #tools: ParseTools;
  readonly #table: PatchedTable;
  readonly #lookup = new PackageLookup();
  readonly #textOf: DocsBlockOf = (name, packageName) => {
    const id = this.#lookup.get(name, packageName);
    return id === undefined ? undefined : this.#table.docs.get(id)?.block_contents;
  };

  constructor(tools: ParseTools, table: PatchedTable) {
    this.#tools = tools;
    this.#table = table;
    for (const doc of table.docs.values()) this.#lookup.add(doc.name, doc.package_name, doc.unique_id);
  }

  all(): Descriptions {
    const table = this.#table;
    const nodes = new Map<PatchedNode, Described>();
    for (const node of table.nodes.values()) {
      const described = this.#withColumns(node);
      if (described !== null) nodes.set(node, described);
    }
    const sources = new Map<string, SourceDefinition>();
    for (const [id, source] of table.sources) sources.set(id, this.#source(source));
    const macros = new Map<string, MacroNode>();
    for (const [id, macro] of table.macros) macros.set(id, this.#macro(macro));
    const exposures = new Map<PatchedExposure, string>();
    for (const node of table.exposures.values()) exposures.set(node, this.#rendered(node, node.description));
    const others = new Map<object, Json>();
    for (const each of [table.metrics, table.savedQueries])
      for (const node of each.values()) others.set(node, this.#text(node, node.description));
    const semanticParts = new Map<
      PatchedSemanticModel,
      Pick<PatchedSemanticModel, 'dimensions' | 'measures' | 'entities'>
    >();
    for (const model of table.semanticModels.values()) {
      others.set(model, this.#text(model, model.description));
      const parts = (list: readonly SemanticPart[]): SemanticPart[] => list.map((part) => this.#withText(model, part));
      const dimensions = parts(model.dimensions);
      const measures = parts(model.measures);
      semanticParts.set(model, { dimensions, measures, entities: parts(model.entities) });
    }
    return { nodes, sources, macros, exposures, others, semanticParts };
  }

  #source(source: PatchedSource): SourceDefinition {
    const described = this.#withColumns(source);
    const source_description = this.#rendered(source, source.source_description);
    return { ...source, doc_blocks: [], ...described, source_description };
  }

  #macro(macro: MacroNode): MacroNode {
    const described = this.#withText(macro, macro);
    if (macro.arguments.length === 0) return described;
    return { ...described, arguments: macro.arguments.map((argument) => this.#withText(macro, argument)) };
  }

  /** Returns the rendered description and columns of a resource; null if nothing changes. */
  #withColumns(node: Owner & Omit<Described, 'doc_blocks'>): Described | null {
    const holds = node.description.includes('{');
    let columns: { [name: string]: ColumnInfo } | null = null;
    const doc_blocks = holds ? this.#docBlocksOf(node.description, node.package_name) : [];
    const description = holds ? this.#rendered(node, node.description) : node.description;
    for (const name in node.columns) {
      const column = node.columns[name];
      if (column === undefined || !column.description.includes('{')) continue;
      columns ??= { ...node.columns };
      columns[name] = {
        ...column,
        doc_blocks: this.#docBlocksOf(column.description, node.package_name),
        description: this.#rendered(node, column.description),
      };
    }
    return holds || columns !== null ? { description, doc_blocks, columns: columns ?? node.columns } : null;
  }

  /** An owner, or a part of one, with its description rendered. */
  #withText<T extends WithDescription>(owner: Owner, part: T): T {
    const description = this.#text(owner, part.description);
    return description === part.description ? part : { ...part, description };
  }

  /** Renders a description. A value that is not a text is returned unchanged. */
  #text(owner: Owner, text: Json): Json {
    return typeof text === 'string' ? this.#rendered(owner, text) : text;
  }

  #rendered(owner: Owner, text: string): string {
    if (!text.includes('{{') && !text.includes('{%') && !text.includes('{#')) return text;
    try {
      return this.#tools.rendering.description(text, owner, this.#textOf);
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      const path = owner.patch_path?.replace(/^[^:]+:\/\//, '') ?? owner.original_file_path;
      const file = this.#tools.state.files.get(owner.patch_path ?? `${owner.package_name}://${path}`);
      const trail = { text: error.details.lineText, words: [owner.name, 'description'] };
      placeInYaml(error, owner.original_file_path, file, path, trail);
      throw error.with({ node: owner, path: owner.original_file_path });
    }
  }

  #docBlocksOf(text: string, packageName: string): string[] {
    const { state } = this.#tools;
    const out: string[] = [];
    for (const [, a1, a2, b1, b2] of text.matchAll(DOC_CALL)) {
      const first = a1 ?? a2 ?? '';
      const second = b1 ?? b2;
      const [targetPackage, name] = second === undefined ? [null, first] : [first, second];
      for (const each of packagesToSearch(
        state.root.project_name,
        packageName,
        targetPackage,
        state.flag('require_ref_searches_node_package_before_root', false),
      )) {
        const id = this.#lookup.get(name, each);
        if (id === undefined) continue;
        out.push(id);
        break;
      }
    }
    return out;
  }
}
