// Builds the import graph of src/ from TypeScript's syntax tree and finds its cycles. measure.mjs and the
// architecture test set limits.
import { dirname, join, posix, relative, resolve } from 'node:path';
import ts from 'typescript';

/**
 * The imports of one file by a relative path.
 * @param {string} path absolute
 * @param {string} text
 * @param {string} root what `target` is relative to
 * @returns {{ target: string, kind: 'types' | 'run time' | 'later' }[]} `later`: `import('…')`, which a cycle may have
 */
export function importsOf(path, text, root) {
  const found = [];
  const add = (specifier, kind) => {
    if (!specifier || !ts.isStringLiteralLike(specifier) || !specifier.text.startsWith('.')) return;
    const target = relative(root, resolve(dirname(path), specifier.text)).replace(/\.js$/, '.ts');
    found.push({ target: target.split('\\').join('/'), kind });
  };
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, false);
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, node.importClause?.isTypeOnly ? 'types' : 'run time');
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly ? 'types' : 'run time');
    else if (ts.isImportTypeNode(node)) add(node.argument.literal, 'types');
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], 'later');
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/**
 * Finds the cycles of a graph: each set of two or more nodes that reach each other (Tarjan), sorted by name.
 * @param {Map<string, Set<string>>} graph a node and its successors
 * @returns {string[][]}
 */
export function circles(graph) {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const found = [];
  const visit = (node) => {
    index.set(node, index.size);
    low.set(node, index.get(node));
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) {
        visit(next);
        low.set(node, Math.min(low.get(node), low.get(next)));
      } else if (stack.includes(next)) low.set(node, Math.min(low.get(node), index.get(next)));
    }
    if (low.get(node) !== index.get(node)) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1) found.push(circle.sort());
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found.sort((a, b) => a[0].localeCompare(b[0]));
}

/**
 * Builds three graphs of src/: run-time imports between files, all static imports between files (those of types, too),
 * and run-time imports between folders on each level (src/a and src/b; src/a/x and src/a/y). Imports between a folder
 * and its parent are not counted.
 * @param {{ name: string, imports: { target: string, kind: string }[] }[]} sources `name` is relative to src/
 * @returns {Record<'files' | 'typed' | 'folders', Map<string, Set<string>>>}
 */
export function graphsOf(sources) {
  const files = new Map();
  const typed = new Map();
  const folders = new Map();
  const edge = (graph, from, to) => graph.set(from, (graph.get(from) ?? new Set()).add(to));
  for (const { name, imports } of sources) {
    for (const { target, kind } of imports) {
      if (kind !== 'later') edge(typed, name, target);
      if (kind !== 'run time') continue;
      edge(files, name, target);
      const [from, to] = [posix.dirname(name).split('/'), posix.dirname(target).split('/')];
      let level = 0;
      while (level < from.length && level < to.length && from[level] === to[level]) level++;
      if (level < from.length && level < to.length && !from.includes('.') && !to.includes('.')) {
        edge(folders, join(...from.slice(0, level + 1)), join(...to.slice(0, level + 1)));
      }
    }
  }
  return { files, typed, folders };
}
