// Reads the configuration of a model from its tree without running it, and prints expressions as text for that purpose.
import { toRepr } from '../values/text.ts';
import type { Value } from '../values/value.ts';
import type { Call, Expr, Node } from './ast.ts';
import { walk } from './walk.ts';

const COMPARE_TEXT: { readonly [op: string]: string } = {
  eq: '==',
  ne: '!=',
  lt: '<',
  lteq: '<=',
  gt: '>',
  gteq: '>=',
  in: 'in',
  notin: 'not in',
};

/**
 * Returns the keyword arguments of a template's first `config(...)` as dbt's manifest keeps them in
 * `unrendered_config`.
 */
export function unrenderedConfig(nodes: readonly Node[]): Map<string, string> | undefined {
  let found: Call | undefined;
  walk(nodes, (node) => {
    if (found === undefined && node.type === 'Call' && node.node.type === 'Name' && node.node.name === 'config')
      found = node;
  });
  return (
    found &&
    new Map(
      found.kwargs.map(({ key, value }) => [
        key,
        value.type === 'Const' && typeof value.value === 'string' ? value.value : sourceText(value),
      ]),
    )
  );
}

/** Prints an expression close to its source. */
function sourceText(node: Expr): string {
  switch (node.type) {
    case 'Const':
      return toRepr(node.value);
    case 'Name':
      return node.name;
    case 'Call': {
      const parts = node.args.map(sourceText);
      for (const keyword of node.kwargs) parts.push(`${keyword.key}=${sourceText(keyword.value)}`);
      if (node.dyn_args !== null) parts.push(`*${sourceText(node.dyn_args)}`);
      if (node.dyn_kwargs !== null) parts.push(`**${sourceText(node.dyn_kwargs)}`);
      return `${sourceText(node.node)}(${parts.join(', ')})`;
    }
    case 'List':
      return `[${node.items.map(sourceText).join(', ')}]`;
    case 'Tuple':
      return node.items.length === 1
        ? `(${sourceText(node.items[0] as Expr)},)`
        : `(${node.items.map(sourceText).join(', ')})`;
    case 'Dict':
      return `{${node.items.map((p) => `${sourceText(p.key)}: ${sourceText(p.value)}`).join(', ')}}`;
    case 'Getattr':
      return `${sourceText(node.node)}.${node.attr}`;
    case 'Getitem':
      return `${sourceText(node.node)}[${sourceText(node.arg)}]`;
    case 'Concat':
      return node.nodes.map(sourceText).join(' ~ ');
    case 'Compare':
      return `${sourceText(node.expr)} ${node.ops.map((o) => `${COMPARE_TEXT[o.op]} ${sourceText(o.expr)}`).join(' ')}`;
    case 'Not':
      return `not ${sourceText(node.node)}`;
    case 'Neg':
      return `-${sourceText(node.node)}`;
    case 'And':
      return `${sourceText(node.left)} and ${sourceText(node.right)}`;
    case 'Or':
      return `${sourceText(node.left)} or ${sourceText(node.right)}`;
    default:
      return dumpNode(node);
  }
}

/** jinja2's repr of a node: dbt's fallback for the text of an expression. */
function dumpNode(node: Expr): string {
  const fields = Object.entries(node).filter(([key]) => key !== 'type' && key !== 'line' && key !== 'pos');
  return `${node.type}(${fields.map(([key, value]) => `${key}=${fieldText(value)}`).join(', ')})`;
}

function fieldText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(fieldText).join(', ')}]`;
  if (typeof value === 'object' && value !== null && 'type' in value && 'line' in value) return dumpNode(value as Expr);
  return toRepr(value as Value);
}
