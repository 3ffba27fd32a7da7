// All places that name a symbol. A column in SQL counts if only one relation can have it.
import { join } from 'node:path';
import type { Location } from 'vscode-languageserver';
import { columnAt } from './column-at.ts';
import type { RenameContext } from './column-rename.ts';
import { URI } from './file-uri.ts';
import type { ProjectSymbol } from './symbol-table.ts';
import { plainParts } from './template-names.ts';
import { escaped, TextPlaces } from './text-places.ts';

export async function referencesOf(context: RenameContext, symbol: ProjectSymbol): Promise<Location[]> {
  const { project, index, parsed, columns } = context;
  const found = index.usesOf(symbol).map(({ path, use: { start, end } }) => ({ path, start, end }));
  if (symbol.column !== null) {
    const readers = [symbol.id, ...(parsed.manifest.child_map[symbol.id] ?? [])];
    const paths = readers.flatMap((id) => {
      const node = parsed.manifest.nodes[id];
      const root = parsed.config.packages.find(({ project_name }) => project_name === node?.package_name)?.project_root;
      if (node === undefined || root === undefined || !node.original_file_path.endsWith('.sql')) return [];
      return join(root, node.original_file_path);
    });
    const word = new RegExp(`(?<![\\p{L}\\p{N}_$])${escaped(symbol.column)}(?![\\p{L}\\p{N}_$])`, 'giu');
    for (const path of new Set(paths)) {
      const text = project.textAt(path);
      for (const part of plainParts(text))
        for (const match of text.slice(part.start, part.end).matchAll(word)) {
          const at = await columnAt(parsed, index, columns, path, text, part.start + match.index);
          if (at?.symbol.id === symbol.id) found.push({ path, start: at.start, end: at.end });
        }
    }
  }
  return found.map(({ path, start, end }) => ({
    uri: URI.of(path),
    range: new TextPlaces(project.textAt(path)).range(start, end),
  }));
}
