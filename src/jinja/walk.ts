// Walks syntax trees: the children of a node in evaluation order, and queries over whole trees.
import type { Arguments, For, Keyword, Node } from './ast.ts';

/** Returns the direct children of a node, in jinja2's order of fields. */
export function children(node: Node): readonly Node[] {
  switch (node.type) {
    case 'Template':
    case 'Scope':
    case 'Block':
      return node.body;
    case 'Output':
    case 'Concat':
      return node.nodes;
    case 'Const':
    case 'TemplateData':
    case 'Name':
    case 'NSRef':
    case 'Break':
    case 'Continue':
      return [];
    case 'Tuple':
    case 'List':
    case 'Dict':
      return node.items;
    case 'Pair':
      return [node.key, node.value];
    case 'Keyword':
      return [node.value];
    case 'Operand':
      return [node.expr];
    case 'CondExpr':
      return node.expr2 === null ? [node.test, node.expr1] : [node.test, node.expr1, node.expr2];
    case 'Call':
    case 'Test':
      return [node.node, ...argumentNodes(node)];
    case 'Filter':
      return node.node === null ? argumentNodes(node) : [node.node, ...argumentNodes(node)];
    case 'Getattr':
    case 'Not':
    case 'Neg':
    case 'Pos':
    case 'ExprStmt':
      return [node.node];
    case 'Getitem':
      return [node.node, node.arg];
    case 'Slice':
      return [node.start, node.stop, node.step].filter((n) => n !== null);
    case 'Compare':
      return [node.expr, ...node.ops];
    case 'Add':
    case 'Sub':
    case 'Mul':
    case 'Div':
    case 'FloorDiv':
    case 'Mod':
    case 'Pow':
    case 'And':
    case 'Or':
      return [node.left, node.right];
    case 'For':
      return [node.target, node.iter, ...node.body, ...node.else_, ...(node.test === null ? [] : [node.test])];
    case 'If':
      return [node.test, ...node.body, ...node.elif_, ...node.else_];
    case 'Macro':
      return [...node.args, ...node.defaults, ...node.body];
    case 'CallBlock':
      return [node.call, ...node.args, ...node.defaults, ...node.body];
    case 'FilterBlock':
      return [...node.body, node.filter];
    case 'With':
      return [...node.targets, ...node.values, ...node.body];
    case 'Extends':
    case 'Include':
    case 'Import':
    case 'FromImport':
      return [node.template];
    case 'Assign':
      return [node.target, node.node];
    case 'AssignBlock':
      return node.filter === null ? [node.target, ...node.body] : [node.target, node.filter, ...node.body];
    case 'ScopedEvalContextModifier':
      return [...node.options, ...node.body];
  }
}

function argumentNodes(node: Arguments): Node[] {
  const out: Node[] = [...node.args, ...node.kwargs];
  if (node.dyn_args !== null) out.push(node.dyn_args);
  if (node.dyn_kwargs !== null) out.push(node.dyn_kwargs);
  return out;
}

/** Calls `found` for every node of the trees, parents first. */
export function walk(nodes: readonly Node[], found: (node: Node) => void): void {
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i];
    if (node !== undefined) visit(node, found);
  }
}

/** `walk` for one tree. The most frequent node types do not allocate an array of children. */
function visit(node: Node, found: (node: Node) => void): void {
  found(node);
  switch (node.type) {
    case 'Const':
    case 'TemplateData':
    case 'Name':
      return;
    case 'Keyword':
      visit(node.value, found);
      return;
    case 'Getattr':
      visit(node.node, found);
      return;
    case 'Call':
      visit(node.node, found);
      if (node.args.length > 0) walk(node.args, found);
      if (node.kwargs.length > 0) walk(node.kwargs, found);
      if (node.dyn_args !== null) visit(node.dyn_args, found);
      if (node.dyn_kwargs !== null) visit(node.dyn_kwargs, found);
      return;
    default:
      walk(children(node), found);
  }
}

/** Returns which of the names are read in the trees before an assignment. */
export function undeclaredNames(nodes: readonly Node[], names: readonly string[]): Set<string> {
  const open = new Set(names);
  const found = new Set<string>();
  const visit = (node: Node): void => {
    if (node.type === 'Name') {
      if (node.ctx !== 'load') open.delete(node.name);
      else if (open.has(node.name)) found.add(node.name);
      return;
    }
    if (node.type !== 'Block') for (const child of children(node)) visit(child);
  };
  for (const node of nodes) visit(node);
  return found;
}

/** Whether the body of a loop needs the `loop` variable. */
export function usesLoop(node: For): boolean {
  return node.recursive || undeclaredNames(node.body, ['loop']).has('loop') || hasScopedBlock(node);
}

function hasScopedBlock(node: Node): boolean {
  return (node.type === 'Block' && node.scoped) || children(node).some(hasScopedBlock);
}

/** Whether the tree contains a call, and so may have to await. */
export function hasCall(node: Node): boolean {
  return node.type === 'Call' || children(node).some(hasCall);
}

/** Returns the first repeated keyword of a call, filter or test in the tree. Python refuses such a template. */
export function repeatedKeyword({ kwargs }: Arguments): Keyword | undefined {
  return kwargs.length < 2 ? undefined : kwargs.find((k, i) => kwargs.findIndex((other) => other.key === k.key) < i);
}
