// The outline of a file: entries of YAML with their columns, macros, tests, snapshots and doc blocks.
import { type DocumentSymbol, SymbolKind } from 'vscode-languageserver';
import type { NameUse } from './name-uses.ts';
import type { TextPlaces } from './text-places.ts';

const KINDS: Readonly<Partial<Record<NameUse['thing']['kind'], SymbolKind>>> = {
  entry: SymbolKind.Class,
  source: SymbolKind.Class,
  macro: SymbolKind.Function,
  test: SymbolKind.Function,
  doc: SymbolKind.String,
  var: SymbolKind.Constant,
};

export function outlineOf(uses: readonly NameUse[], places: TextPlaces): DocumentSymbol[] {
  const symbols: (DocumentSymbol & { readonly children: DocumentSymbol[] })[] = [];
  for (const { thing, start, end, defines } of uses) {
    if (!defines) continue;
    const name = thing.kind === 'source' ? `${thing.source}.${thing.table}` : thing.name;
    const range = places.range(start, end);
    const kind = KINDS[thing.kind];
    if (kind !== undefined) symbols.push({ name, kind, range, selectionRange: range, children: [] });
    else symbols.at(-1)?.children.push({ name, kind: SymbolKind.Field, range, selectionRange: range });
  }
  // An entry reaches to its last column.
  return symbols.map((each) => ({
    ...each,
    range: { start: each.range.start, end: (each.children.at(-1) ?? each).range.end },
  }));
}
