// Where a symbol is defined.
import { join } from 'node:path';
import type { Location } from 'vscode-languageserver';
import type { ParsedProject } from '../index.ts';
import { URI } from './file-uri.ts';
import type { EditorProject } from './editor-project.ts';
import type { NameIndex } from './name-index.ts';
import type { ProjectSymbol } from './symbol-table.ts';
import { plainParts } from './template-names.ts';
import { escaped, TextPlaces } from './text-places.ts';

export function definitionOf(project: EditorProject, index: NameIndex, symbol: ProjectSymbol): Location[] {
  const { parsed } = project;
  if (parsed === null) return [];
  if (symbol.column !== null) return columnDefinition(project, parsed, index, symbol);
  const { id } = symbol;
  const path = id.startsWith('var.') ? index.settingsPath : fileOf(parsed, id);
  if (path === null) return [];
  const use = index
    .usesIn(path)
    .find((each) => each.defines && index.table?.resolve(each.thing, index.packageOf(path))?.id === id);
  if (use === undefined && id.startsWith('var.')) return [];
  const places = new TextPlaces(project.textAt(path));
  return [{ uri: URI.of(path), range: places.range(use?.start ?? 0, use?.end ?? 0) }];
}

/** The file that defines a node, source, macro or doc block. */
function fileOf(parsed: ParsedProject, id: string): string | null {
  const { nodes, sources, macros, docs } = parsed.manifest;
  const found = nodes[id] ?? sources[id] ?? macros[id] ?? docs[id];
  const root = parsed.config.packages.find(({ project_name }) => project_name === found?.package_name)?.project_root;
  return found === undefined || root === undefined ? null : join(root, found.original_file_path);
}

/** The column's entry in YAML, or else its last occurrence in the SQL of the node. */
function columnDefinition(
  project: EditorProject,
  parsed: ParsedProject,
  index: NameIndex,
  { id, column }: ProjectSymbol,
): Location[] {
  const node = parsed.manifest.nodes[id] ?? parsed.manifest.sources[id];
  if (node === undefined || column === null) return [];
  const [patchPackage = '', patch] = node.patch_path?.split('://') ?? [];
  const root = parsed.config.packages.find(({ project_name }) => project_name === patchPackage)?.project_root ?? '';
  const yaml = patch === undefined ? (node.resource_type === 'source' ? fileOf(parsed, id) : null) : join(root, patch);
  if (yaml !== null) {
    const use = index.usesIn(yaml).find(({ thing, defines }) => {
      if (!defines || thing.kind !== 'column' || thing.name.toLowerCase() !== column.toLowerCase()) return false;
      return index.table?.resolve(thing, index.packageOf(yaml))?.id === id;
    });
    if (use !== undefined)
      return [{ uri: URI.of(yaml), range: new TextPlaces(project.textAt(yaml)).range(use.start, use.end) }];
  }
  const path = fileOf(parsed, id);
  if (path === null || !path.endsWith('.sql')) return [];
  const text = project.textAt(path);
  const span = outputPlace(text, column) ?? { start: 0, end: 0 };
  return [{ uri: URI.of(path), range: new TextPlaces(text).range(span.start, span.end) }];
}

/** The last place where SQL names a column, or an alias of this name before it. */
function outputPlace(text: string, column: string): { start: number; end: number } | null {
  const word = new RegExp(`(?<![\\p{L}\\p{N}_$])${escaped(column)}(?![\\p{L}\\p{N}_$])`, 'giu');
  const all = plainParts(text).flatMap((part) =>
    [...text.slice(part.start, part.end).matchAll(word)].map(({ index }) => part.start + index),
  );
  const start = all.findLast((at) => /\bas\s+["`]?$/i.test(text.slice(0, at))) ?? all.at(-1);
  return start === undefined ? null : { start, end: start + column.length };
}
