// Descriptions with `{{ doc('x') }}`: rendered, and the doc blocks that they name kept. Leaves reading of docs blocks
// to doc-blocks.ts.
import type { ColumnInfo } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { packagesToSearch } from '../table/lookups.ts';
import type { ParseTools } from '../config/node-update.ts';

interface Described {
  unique_id: string;
  package_name: string;
  name: string;
  original_file_path: string;
  resource_type: string;
  description?: unknown;
  [key: string]: unknown;
}

/** Renders the descriptions of every resource of the parse. */
export function renderDescriptions(tools: ParseTools): void {
  const { state } = tools;
  for (const node of state.nodes.values()) renderWithColumns(tools, node as unknown as Described);
  for (const source of state.sources.values()) {
    const described = source as unknown as Described;
    renderWithColumns(tools, described);
    renderField(tools, described, described, 'source_description');
  }
  for (const macro of state.macros.values()) {
    const described = macro as unknown as Described;
    renderField(tools, described, described, 'description');
    for (const argument of macro.arguments)
      renderField(tools, described, argument as unknown as Record<string, unknown>, 'description');
  }
  for (const table of [state.exposures, state.metrics, state.savedQueries]) {
    for (const node of table.values())
      renderField(tools, node as unknown as Described, node as unknown as Described, 'description');
  }
  for (const model of state.semanticModels.values()) {
    const described = model as unknown as Described;
    renderField(tools, described, described, 'description');
    for (const key of ['dimensions', 'measures', 'entities']) {
      for (const part of (model[key] ?? []) as Record<string, unknown>[])
        renderField(tools, described, part, 'description');
    }
  }
}

function renderWithColumns(tools: ParseTools, node: Described): void {
  const description = node.description as string;
  if (description.includes('{')) {
    node['doc_blocks'] = docBlocksOf(tools, description, node.package_name);
    renderField(tools, node, node, 'description');
  }
  const columns = node['columns'] as Record<string, ColumnInfo>;
  for (const column of Object.values(columns)) {
    if (!column.description.includes('{')) continue;
    column.doc_blocks = docBlocksOf(tools, column.description, node.package_name);
    renderField(tools, node, column, 'description');
  }
}

function renderField(tools: ParseTools, owner: Described, holder: Record<string, unknown>, key: string): void {
  const text = holder[key];
  if (typeof text !== 'string' || !text.includes('{')) return;
  if (!text.includes('{{') && !text.includes('{%') && !text.includes('{#')) return;
  try {
    holder[key] = tools.rendering.description(text, owner);
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    throw error.with({ node: owner, path: owner.original_file_path });
  }
}

const DOC_CALL = /\{\{-?\+?\s*doc\s*\(\s*(?:'([^']*)'|"([^"]*)")\s*(?:,\s*(?:'([^']*)'|"([^"]*)")\s*)?\)\s*-?\}\}/g;

function docBlocksOf(tools: ParseTools, text: string, packageName: string): string[] {
  const { state } = tools;
  const out: string[] = [];
  for (const [, a1, a2, b1, b2] of text.matchAll(DOC_CALL)) {
    const first = (a1 ?? a2) as string;
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
