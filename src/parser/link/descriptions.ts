// Descriptions with `{{ doc('x') }}`: rendered, and the doc blocks that they name kept. Leaves reading of docs blocks
// to doc-blocks.ts.
import type { ColumnInfo } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { packagesToSearch } from '../table/lookups.ts';
import { placeInYaml } from '../table/yaml-place.ts';
import type { ParseTools } from '../config/node-update.ts';

type Owner = Parameters<ParseTools['rendering']['description']>[1];
/** A resource whose description may name doc blocks, as those of its columns may. */
type DescribedWithColumns = Owner & {
  description: string;
  doc_blocks: string[];
  readonly columns: { readonly [name: string]: ColumnInfo };
};

/** Renders the descriptions of every resource of the parse. */
export function renderDescriptions(tools: ParseTools): void {
  const { state } = tools;
  for (const node of state.nodes.values()) renderWithColumns(tools, node);
  for (const source of state.sources.values()) {
    renderWithColumns(tools, source);
    source.source_description = rendered(tools, source, source.source_description);
  }
  for (const macro of state.macros.values()) {
    describe(tools, macro, macro);
    for (const argument of macro.arguments) describe(tools, macro, argument);
  }
  for (const table of [state.exposures, state.metrics, state.savedQueries])
    for (const node of table.values()) describe(tools, node, node);
  for (const model of state.semanticModels.values()) {
    describe(tools, model, model);
    for (const parts of [model.dimensions, model.measures, model.entities])
      for (const part of parts) describe(tools, model, part);
  }
}

function renderWithColumns(tools: ParseTools, node: DescribedWithColumns): void {
  if (node.description.includes('{')) {
    node.doc_blocks = docBlocksOf(tools, node.description, node.package_name);
    describe(tools, node, node);
  }
  for (const column of Object.values(node.columns)) {
    if (!column.description.includes('{')) continue;
    column.doc_blocks = docBlocksOf(tools, column.description, node.package_name);
    describe(tools, node, column);
  }
}

/** Renders a description, the owner's or of a part of it; what is no text stays. */
function describe(tools: ParseTools, owner: Owner, holder: { description: unknown }): void {
  if (typeof holder.description === 'string') holder.description = rendered(tools, owner, holder.description);
}

function rendered(tools: ParseTools, owner: Owner, text: string): string {
  if (!text.includes('{{') && !text.includes('{%') && !text.includes('{#')) return text;
  try {
    return tools.rendering.description(text, owner);
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    const path = owner.patch_path?.replace(/^[^:]+:\/\//, '') ?? owner.original_file_path;
    const file = tools.state.files.get(owner.patch_path ?? `${owner.package_name}://${path}`);
    const trail = { text: error.details.lineText, words: [owner.name, 'description'] };
    placeInYaml(error, owner.original_file_path, file, path, trail);
    throw error.with({ node: owner, path: owner.original_file_path });
  }
}

const DOC_CALL = /\{\{-?\+?\s*doc\s*\(\s*(?:'([^']*)'|"([^"]*)")\s*(?:,\s*(?:'([^']*)'|"([^"]*)")\s*)?\)\s*-?\}\}/g;

function docBlocksOf(tools: ParseTools, text: string, packageName: string): string[] {
  const { state } = tools;
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
      const id = state.docLookup.get(name, each);
      if (id === undefined) continue;
      out.push(id);
      break;
    }
  }
  return out;
}
