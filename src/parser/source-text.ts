// An expression of a template written back as source: what dbt keeps of config() before rendering. Leaves parsing to src/jinja.
import type { Arguments, Expr } from '../jinja/ast.ts';
import { toRepr } from '../values/index.ts';

const OPERATORS: Readonly<Record<string, string>> = { eq: '==', ne: '!=', lt: '<', lteq: '<=', gt: '>', gteq: '>=', in: 'in', notin: 'not in' };

/** dbt's text of an expression: `env_var('X')`, `['a', 'b']`, `target.name == 'prod'`. */
export function sourceText(node: Expr): string {
  switch (node.type) {
    case 'Const': return toRepr(node.value);
    case 'Name': return node.name;
    case 'Call': return `${sourceText(node.node)}(${argumentTexts(node)})`;
    case 'List': return `[${node.items.map(sourceText).join(', ')}]`;
    case 'Tuple': return node.items.length === 1 ? `(${sourceText(node.items[0] as Expr)},)` : `(${node.items.map(sourceText).join(', ')})`;
    case 'Dict': return `{${node.items.map((pair) => `${sourceText(pair.key)}: ${sourceText(pair.value)}`).join(', ')}}`;
    case 'Getattr': return `${sourceText(node.node)}.${node.attr}`;
    case 'Getitem': return `${sourceText(node.node)}[${sourceText(node.arg)}]`;
    case 'Concat': return node.nodes.map(sourceText).join(' ~ ');
    case 'Compare': return `${sourceText(node.expr)} ${node.ops.map((op) => `${OPERATORS[op.op] ?? op.op} ${sourceText(op.expr)}`).join(' ')}`;
    case 'Not': return `not ${sourceText(node.node)}`;
    case 'Neg': return `-${sourceText(node.node)}`;
    case 'And': return `${sourceText(node.left)} and ${sourceText(node.right)}`;
    case 'Or': return `${sourceText(node.left)} or ${sourceText(node.right)}`;
    case 'Filter': {
      const args = argumentTexts(node);
      return `${node.node === null ? '' : `${sourceText(node.node)} | `}${node.name}${args === '' ? '' : `(${args})`}`;
    }
    case 'CondExpr': return `${sourceText(node.expr1)} if ${sourceText(node.test)}${node.expr2 === null ? '' : ` else ${sourceText(node.expr2)}`}`;
    default: return node.type;
  }
}

function argumentTexts(node: Arguments): string {
  const parts = node.args.map(sourceText);
  for (const { key, value } of node.kwargs) parts.push(`${key}=${sourceText(value)}`);
  if (node.dyn_args !== null) parts.push(`*${sourceText(node.dyn_args)}`);
  if (node.dyn_kwargs !== null) parts.push(`**${sourceText(node.dyn_kwargs)}`);
  return parts.join(', ');
}
