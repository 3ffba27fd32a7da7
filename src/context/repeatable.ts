// Decides whether a template is repeatable: it returns the same result while its names mean the same, and has no side
// effects, so its result can be cached.
import type { Arguments, Call, Expr, Node } from '../jinja/ast.ts';
import { walk } from '../jinja/walk.ts';

/** Pure methods of values. */
const METHODS: ReadonlySet<string> = new Set([
  ...['capitalize', 'casefold', 'count', 'endswith', 'find', 'format', 'index', 'isalnum', 'isalpha', 'isdigit'],
  ...['islower', 'isupper', 'join', 'lower', 'lstrip', 'partition', 'replace', 'rfind', 'rpartition', 'rsplit'],
  ...['rstrip', 'split', 'splitlines', 'startswith', 'strip', 'title', 'upper', 'zfill'],
  ...['get', 'has_var', 'items', 'keys', 'values'],
  ...['astimezone', 'date', 'isoformat', 'strftime', 'time', 'timestamp', 'timezone', 'weekday'],
]);

/** Pure functions of every context. */
const FUNCTIONS: ReadonlySet<string> = new Set([
  ...['return', 'namespace', 'dict', 'range', 'tojson', 'fromjson', 'set', 'zip', 'local_md5'],
]);

/** What the owner of a template knows about its names. */
export interface RepeatableNames {
  /** Whether the value of a name never changes. */
  readonly steady: (name: string) => boolean;
  /** Whether calls of a name (`name()`, `name.member()` or `name.f()()`) always return the same. */
  readonly callable: (name: string, member: string | null) => boolean;
}

/**
 * Returns the external names that the trees read if they only compute from stable ones; otherwise null. Works by an
 * allow-list.
 */
export function repeatableNames(trees: readonly Node[], names: RepeatableNames): ReadonlySet<string> | null {
  const own = new Set<string>();
  const read = new Set<string>();
  walk(trees, (node) => {
    if (node.type === 'Name') (node.ctx === 'load' ? read : own).add(node.name);
  });
  let good = true;
  walk(trees, (node) => {
    good &&= isKnown(node, own, names);
  });
  for (const name of own) read.delete(name);
  return good ? read : null;
}

function isKnown(node: Node, own: ReadonlySet<string>, names: RepeatableNames): boolean {
  switch (node.type) {
    case 'Name':
      return node.ctx !== 'load' || own.has(node.name) || FUNCTIONS.has(node.name) || names.steady(node.name);
    case 'Call':
      return !hasSpread(node) && isKnownCall(node, own, names);
    case 'Filter':
      return node.name !== 'random' && !hasSpread(node);
    case 'CallBlock':
    case 'Block':
    case 'Extends':
    case 'Include':
    case 'Import':
    case 'FromImport':
    case 'ScopedEvalContextModifier':
      return false;
    default:
      return true;
  }
}

function hasSpread(node: Arguments): boolean {
  return node.dyn_args !== null || node.dyn_kwargs !== null;
}

function isKnownCall({ node }: Call, own: ReadonlySet<string>, names: RepeatableNames): boolean {
  if (node.type === 'Name') return !own.has(node.name) && (FUNCTIONS.has(node.name) || names.callable(node.name, null));
  // adapter.dispatch('name')()
  const callee: Expr = node.type === 'Call' ? node.node : node;
  if (callee.type !== 'Getattr') return false;
  const of = callee.node;
  if (of.type === 'Name' && !own.has(of.name) && names.callable(of.name, callee.attr)) return true;
  return callee === node && METHODS.has(callee.attr);
}

/** Names of every context that are stable during a parse. */
const STEADY: ReadonlySet<string> = new Set([
  ...['target', 'project_name', 'dbt_version', 'run_started_at', 'invocation_id', 'modules'],
]);

/** For texts in variables, which nodes of any package may render. */
export const TEXT_NAMES: RepeatableNames = { steady: (name) => STEADY.has(name), callable: () => false };

/** For texts in YAML files of one package. */
export const YAML_NAMES: RepeatableNames = {
  steady: (name) => STEADY.has(name) || name === 'var' || name === 'env_var',
  callable: (name, member) => member === null && (name === 'var' || name === 'env_var'),
};
