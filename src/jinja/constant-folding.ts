// Finds the expressions that jinja2 evaluates at compile time. Only dbt's native rendering shows the difference: it
// knows the text of such an expression, not its value.
import type { Expr, Node } from './ast.ts';
import { children } from './walk.ts';

/** Filters that depend on the template; jinja2 never evaluates them at compile time. */
const CONTEXT_FILTERS: ReadonlySet<string> = new Set(['map', 'select', 'reject', 'selectattr', 'rejectattr', 'random']);

/** Returns the truth of an expression that can be evaluated; undefined if the evaluation fails. */
export type Truth = (node: Expr) => boolean | undefined;

/**
 * @param truth decides which operands of `and`, `or`, `if` and chained comparisons are evaluated: names in the others
 *   are ignored
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
