// What can be read from a tree without running it: calls with literal arguments, the macros that a template may call, its use of names.
import { negate } from '../values/arithmetic.ts';
import { PyDict } from '../values/dict.ts';
import { PyTuple } from '../values/tuple.ts';
import { toRepr } from '../values/text.ts';
import type { Value } from '../values/value.ts';
import type { Call, Expr, Node, TemplateNode } from './ast.ts';
import { walk } from './walk.ts';

/** A call whose arguments are all literals. */
export interface LiteralCall {
  readonly name: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
  readonly line: number;
}

/**
 * All calls of a template, when it consists of text and of prints (or `do`) of calls of `names` with literal arguments, nested calls
 * among the arguments not counted; `null` when something else has to be evaluated.
 */
export function extractLiteralCalls(ast: TemplateNode, names: ReadonlySet<string>): LiteralCall[] | null {
  const calls: LiteralCall[] = [];
  for (const statement of ast.body) {
    if (statement.type === 'ExprStmt') {
      if (!addCall(statement.node, names, calls)) return null;
    } else if (statement.type === 'Output') {
      for (const node of statement.nodes) {
        if (node.type !== 'TemplateData' && !addCall(node, names, calls)) return null;
      }
    } else {
      return null;
    }
  }
  return calls;
}

function addCall(node: Expr, names: ReadonlySet<string>, calls: LiteralCall[]): boolean {
  const call = literalCall(node);
  if (call === undefined || !names.has(call.name)) return false;
  calls.push(call);
  return true;
}

/** The call that an expression is, when it names its function and has only literal arguments. */
export function literalCall(node: Expr): LiteralCall | undefined {
  if (node.type !== 'Call' || node.node.type !== 'Name' || node.dyn_args !== null || node.dyn_kwargs !== null) return undefined;
  const args: Value[] = [];
  for (const arg of node.args) {
    const value = literalOf(arg);
    if (value === undefined) return undefined;
    args.push(value);
  }
  const kwargs = new Map<string, Value>();
  for (const { key, value: expr } of node.kwargs) {
    const value = literalOf(expr);
    if (value === undefined) return undefined;
    kwargs.set(key, value);
  }
  return { name: node.node.name, args, kwargs, line: node.line };
}

/** The value of a literal expression (fresh for lists and dicts), `undefined` for any other. */
export function literalOf(node: Expr): Value | undefined {
  switch (node.type) {
    case 'Const':
      return node.value;
    case 'List':
    case 'Tuple': {
      const items: Value[] = [];
      for (const item of node.items) {
        const value = literalOf(item);
        if (value === undefined) return undefined;
        items.push(value);
      }
      return node.type === 'List' ? items : new PyTuple(items);
    }
    case 'Dict': {
      const dict = new PyDict();
      for (const pair of node.items) {
        const key = literalOf(pair.key);
        const value = literalOf(pair.value);
        if (key === undefined || value === undefined || (typeof key === 'object' && key !== null)) return undefined;
        dict.set(key, value);
      }
      return dict;
    }
    case 'Neg': {
      const value = node.node.type === 'Const' ? node.node.value : undefined;
      return typeof value === 'number' || typeof value === 'bigint' ? negate(value) : undefined;
    }
    default:
      return undefined;
  }
}

/** All calls of a tree, in the order of jinja2's `find_all`. */
export function findCalls(nodes: readonly Node[]): Call[] {
  const calls: Call[] = [];
  walk(nodes, (node) => {
    if (node.type === 'Call') calls.push(node);
  });
  return calls;
}

/** Whether a tree reads a name. */
export function usesName(nodes: readonly Node[], name: string): boolean {
  let found = false;
  walk(nodes, (node) => {
    if (node.type === 'Name' && node.name === name) found = true;
  });
  return found;
}

/** An `adapter.dispatch(name, namespace)` with literal arguments; undefined parts are not literal. */
export interface DispatchCall {
  readonly macroName: string | undefined;
  readonly namespace: string | undefined;
}

/** A macro that may be called: by name, or by `package.name`. */
export type PossibleCall = { readonly name: string } | { readonly dispatch: DispatchCall };

/**
 * The macros that a template may call, as dbt finds them: `f()`, `package.f()`, `adapter.dispatch('f')()`; without `source`, `ref`,
 * `config` and other methods of `adapter`. The caller leaves out names that are functions of the context.
 */
export function extractMacroCalls(nodes: readonly Node[]): PossibleCall[] {
  const found: PossibleCall[] = [];
  const seen = new Set<string>();
  const add = (name: string) => {
    if (seen.has(name) || STANDARD.has(name)) return;
    seen.add(name);
    found.push({ name });
  };
  for (const call of findCalls(nodes)) {
    const target = call.node;
    if (target.type === 'Name' || target.type === 'Filter' || target.type === 'Test') {
      add(target.name);
    } else if (target.type === 'Getattr' && target.node.type === 'Name') {
      if (target.node.name !== 'adapter') add(`${target.node.name}.${target.attr}`);
      else if (target.attr === 'dispatch') found.push({ dispatch: dispatchArguments(call) });
    }
  }
  return found;
}

const STANDARD: ReadonlySet<string> = new Set(['source', 'ref', 'config']);

function dispatchArguments(call: Call): DispatchCall {
  const text = (node: Expr | undefined) => (node?.type === 'Const' && typeof node.value === 'string' ? node.value : undefined);
  const keyword = (key: string) => call.kwargs.find((k) => k.key === key)?.value;
  return { macroName: text(call.args[0] ?? keyword('macro_name')), namespace: text(call.args[1] ?? keyword('macro_namespace')) };
}

const COMPARE_TEXT: { readonly [op: string]: string } = { eq: '==', ne: '!=', lt: '<', lteq: '<=', gt: '>', gteq: '>=', in: 'in', notin: 'not in' };

/** The keyword arguments of the first `config(...)` of a template as dbt's manifest keeps them in `unrendered_config`. */
export function unrenderedConfig(nodes: readonly Node[]): Map<string, string> | undefined {
  const call = findCalls(nodes).find((c) => c.node.type === 'Name' && c.node.name === 'config');
  if (call === undefined) return undefined;
  return new Map(call.kwargs.map(({ key, value }) => [key, value.type === 'Const' && typeof value.value === 'string' ? value.value : sourceText(value)]));
}

/** An expression as text that reads like its source. */
export function sourceText(node: Expr): string {
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
      return node.items.length === 1 ? `(${sourceText(node.items[0] as Expr)},)` : `(${node.items.map(sourceText).join(', ')})`;
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

/** jinja2's repr of a node, the last resort of dbt's text of an expression. */
function dumpNode(node: Expr): string {
  const fields = Object.entries(node).filter(([key]) => key !== 'type' && key !== 'line' && key !== 'pos');
  return `${node.type}(${fields.map(([key, value]) => `${key}=${fieldText(value)}`).join(', ')})`;
}

function fieldText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(fieldText).join(', ')}]`;
  if (typeof value === 'object' && value !== null && 'type' in value && 'line' in value) return dumpNode(value as Expr);
  return toRepr(value as Value);
}
