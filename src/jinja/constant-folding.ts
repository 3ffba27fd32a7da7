// Which expressions jinja2 computes while it compiles. That shows in dbt's native rendering only: of a computed expression the text is known,
// not the value.
import type { Expr, Node } from './ast.ts';
import { children } from './walk.ts';

/** Filters that look at the template, which jinja2 leaves for later. */
const CONTEXT_FILTERS: ReadonlySet<string> = new Set(['map', 'select', 'reject', 'selectattr', 'rejectattr', 'random']);

export function isFoldable(node: Expr): boolean {
  return foldable(node);
}

function foldable(node: Node): boolean {
  switch (node.type) {
    case 'Name':
    case 'NSRef':
    case 'Call':
      return false;
    case 'Filter':
      if (CONTEXT_FILTERS.has(node.name) || node.node === null) return false;
  }
  return children(node).every(foldable);
}
