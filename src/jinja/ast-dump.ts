// Dumps a syntax tree in a canonical text form, which tests compare with jinja2's own tree.
import { toRepr } from '../values/text.ts';
import type { Value } from '../values/value.ts';
import type { TemplateNode } from './ast.ts';

const FIELDS: { readonly [type: string]: readonly string[] } = {
  Template: ['body'],
  Output: ['nodes'],
  Extends: ['template'],
  For: ['target', 'iter', 'body', 'else_', 'test', 'recursive'],
  If: ['test', 'body', 'elif_', 'else_'],
  Macro: ['name', 'args', 'defaults', 'body'],
  CallBlock: ['call', 'args', 'defaults', 'body'],
  FilterBlock: ['body', 'filter'],
  With: ['targets', 'values', 'body'],
  Block: ['name', 'body', 'scoped', 'required'],
  Include: ['template', 'with_context', 'ignore_missing'],
  Import: ['template', 'target', 'with_context'],
  FromImport: ['template', 'names', 'with_context'],
  ExprStmt: ['node'],
  Assign: ['target', 'node'],
  AssignBlock: ['target', 'filter', 'body'],
  Name: ['name', 'ctx'],
  NSRef: ['name', 'attr'],
  Const: ['value'],
  TemplateData: ['data'],
  Tuple: ['items', 'ctx'],
  List: ['items'],
  Dict: ['items'],
  Pair: ['key', 'value'],
  Keyword: ['key', 'value'],
  CondExpr: ['test', 'expr1', 'expr2'],
  Filter: ['node', 'name', 'args', 'kwargs', 'dyn_args', 'dyn_kwargs'],
  Test: ['node', 'name', 'args', 'kwargs', 'dyn_args', 'dyn_kwargs'],
  Call: ['node', 'args', 'kwargs', 'dyn_args', 'dyn_kwargs'],
  Getitem: ['node', 'arg', 'ctx'],
  Getattr: ['node', 'attr', 'ctx'],
  Slice: ['start', 'stop', 'step'],
  Concat: ['nodes'],
  Compare: ['expr', 'ops'],
  Operand: ['op', 'expr'],
  Scope: ['body'],
  ScopedEvalContextModifier: ['options', 'body'],
  Break: [],
  Continue: [],
  Not: ['node'],
  Neg: ['node'],
  Pos: ['node'],
};
const BINARY: readonly string[] = ['left', 'right'];

/** Writes each node as `Type(field=…)`, followed by `@line` unless `lines` is false. */
export function dumpAst(node: TemplateNode, lines = true): string {
  return dump(node, lines);
}

function dump(v: unknown, lines: boolean): string {
  if (Array.isArray(v)) return `[${v.map((x) => dump(x, lines)).join(', ')}]`;
  if (typeof v === 'object' && v !== null && 'type' in v && 'line' in v) {
    const node = v as { type: string; line: number; [field: string]: unknown };
    const fields = FIELDS[node.type] ?? BINARY;
    const at = lines && node.line > 0 && node.type !== 'Operand' && node.type !== 'Keyword' ? `@${node.line}` : '';
    return `${node.type}${at}(${fields.map((f) => `${f}=${dump(node[f], lines)}`).join(', ')})`;
  }
  return toRepr(v as Value);
}
