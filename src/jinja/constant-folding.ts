// Which expressions jinja2 computes while it compiles. That shows in dbt's native rendering only: of a computed
// expression the text is known, not the value.
import type { Expr, Node } from './ast.ts';
import { children } from './walk.ts';

/** Filters that look at the template, which jinja2 leaves for later. */
const CONTEXT_FILTERS: ReadonlySet<string> = new Set(['map', 'select', 'reject', 'selectattr', 'rejectattr', 'random']);

/** The truth of an expression that can be computed; undefined when that fails. */
export type Truth = (node: Expr) => boolean | undefined;

/**
 * @param truth decides which part of `and`, `or`, `if` and a chain of comparisons counts: names in the other parts are
 *   not seen
 */
export function isFoldable(node: Expr, truth: Truth): boolean {
  return foldable(node, truth);
}

function foldable(node: Node, truth: Truth): boolean {
  const all = (nodes: readonly Node[]): boolean => nodes.every((n) => foldable(n, truth));
  switch (node.type) {
    case 'Name':
    case 'NSRef':
    case 'Call':
      return false;
    case 'Filter':
      if (CONTEXT_FILTERS.has(node.name) || node.node === null) return false;
      break;
    case 'And':
    case 'Or':
      return foldable(node.left, truth) && (foldable(node.right, truth) || truth(node.left) === (node.type === 'Or'));
    case 'CondExpr': {
      if (!foldable(node.test, truth)) return false;
      const holds = truth(node.test);
      const chosen = holds === true ? node.expr1 : node.expr2;
      return holds !== undefined && chosen !== null && foldable(chosen, truth);
    }
    case 'Compare': {
      if (!foldable(node.expr, truth)) return false;
      const unknown = node.ops.findIndex((operand) => !foldable(operand, truth));
      return unknown < 0 || (unknown > 0 && truth({ ...node, ops: node.ops.slice(0, unknown) }) === false);
    }
  }
  return all(children(node));
}
