// What flows into the value of a ClickHouse expression.
import {
  AGGREGATE,
  CAST,
  EXPRESSION,
  FILTER,
  type Flow,
  Gathered,
  GROUP,
  JOIN,
  masked,
  mergedFlow,
  NOTHING,
  ORDER,
  unknownFlow,
  WINDOW,
} from '../flow.ts';
import type { FlowTable } from '../query-scope.ts';
import { isCast } from './clickhouse-engine.ts';
import { identifierFlow, type NameScope } from './name-scope.ts';
import { attribute, itemsOf, type TreeNode } from './query-tree.ts';

const MOST_STEPS = 2_000_000;

/** What expressions need from queries. */
export interface Queries {
  /** A subquery. */
  table(node: TreeNode, outer: NameScope, isolated: boolean): FlowTable;
  /** A CTE or relation; undefined if the name can only be that of a column. */
  named(path: readonly string[], scope: NameScope, certain: boolean): FlowTable | undefined;
  /** The columns that `*` or COLUMNS stands for. */
  matched(node: TreeNode, scope: NameScope): readonly FlowTable[];
}

export class TreeValues {
  readonly #queries: Queries;
  #steps = 0;

  constructor(queries: Queries) {
    this.#queries = queries;
  }

  /** The flow of an expression. Within it, its own alias is not visible. */
  of(node: TreeNode | undefined, scope: NameScope): Flow {
    if (node === undefined) return NOTHING;
    // Aliases that refer to each other are analyzed once per way in.
    if (++this.#steps > MOST_STEPS) throw new RangeError('too many expressions');
    const { alias } = node;
    if (alias === null || scope.resolving.has(alias)) return this.#plain(node, scope);
    const known = scope.known.get(node);
    if (known !== undefined) return known;
    const earlier = new Set(scope.passedOver);
    scope.passedOver.clear();
    scope.resolving.add(alias);
    const flow = this.#plain(node, scope);
    scope.resolving.delete(alias);
    scope.passedOver.delete(alias);
    // The flow of an alias within another one can differ.
    if (scope.passedOver.size === 0) scope.known.set(node, flow);
    for (const each of earlier) scope.passedOver.add(each);
    return flow;
  }

  all(nodes: readonly TreeNode[], scope: NameScope, kind = EXPRESSION): Flow {
    return mergedFlow(
      nodes.map((node) => this.of(node, scope)),
      kind,
    );
  }

  #plain(node: TreeNode, scope: NameScope): Flow {
    switch (node.kind) {
      case 'CONSTANT':
        return NOTHING;
      case 'IDENTIFIER':
        return identifierFlow(pathOf(node, scope), scope, (alias, at) => this.of(alias, at));
      case 'FUNCTION':
        return this.#call(node, scope);
      case 'LAMBDA':
        return this.#lambda(node, [], scope);
      case 'QUERY':
      case 'UNION':
        return this.#scalar(node, scope);
      case 'MATCHER':
        return mergedFlow(this.#queries.matched(node, scope).map((table) => table.wholeRow()));
      case 'LIST':
        return this.all(itemsOf(node, ''), scope);
      case 'SORT':
        return this.of(node.parts.get('EXPRESSION')?.[0], scope);
      default:
        return unknownFlow(`${node.kind} is not supported`);
    }
  }

  /** @param values of the arguments; without them, the function that is called with it adds them */
  #lambda(node: TreeNode, values: readonly Flow[], scope: NameScope): Flow {
    const locals = new Map<string, Flow>();
    for (const [at, each] of itemsOf(node, 'ARGUMENTS').entries())
      locals.set(pathOf(each, scope).join('.'), values[at] ?? NOTHING);
    const [body] = node.parts.get('EXPRESSION') ?? [];
    return this.of(body, {
      ...scope,
      outer: scope,
      isolated: false,
      ctes: new Map(),
      aliases: aliasesOf(body === undefined ? [] : [body]),
      withAliases: new Set(),
      locals,
      resolving: new Set(),
      passedOver: new Set(),
      known: new Map(),
      from: { ...scope.from, tables: [], merged: new Map(), elements: new Map(), star: [] },
    });
  }

  /** A function of one argument that APPLY calls. */
  applied(lambda: TreeNode, value: Flow, scope: NameScope): Flow {
    return this.#lambda(lambda, [value], scope);
  }

  #scalar(node: TreeNode, scope: NameScope): Flow {
    const { columns, rows, unlisted } = this.#queries.table(node, scope, false);
    const kind = columns.length === 1 && unlisted === null ? 0 : EXPRESSION;
    const all = new Gathered().addUses(rows);
    for (const { flow } of columns) all.add(flow, kind);
    all.reason ??= unlisted;
    return all;
  }

  #call(node: TreeNode, scope: NameScope): Flow {
    const name = scope.shared.nameOf(attribute(node, 'function_name'));
    const args = itemsOf(node, 'ARGUMENTS');
    for (let each: NameScope | null = scope; each !== null; each = each.outer) {
      const lambda = each.aliases.get(name);
      if (lambda?.kind === 'LAMBDA')
        return this.#lambda(
          lambda,
          args.map((arg) => this.of(arg, scope)),
          each,
        );
    }
    const masks = masksOf(name, scope);
    if (masks !== 0) return masked(this.#calledFlow(name, node, scope), masks);
    return this.#calledFlow(name, node, scope);
  }

  #calledFlow(name: string, node: TreeNode, scope: NameScope): Flow {
    const args = argumentsOf(name, node);
    if (attribute(node, 'function_type') === 'window') return this.#window(node, scope);
    if (name === 'grouping') return NOTHING;
    if (name === 'exists') return new Gathered().addUses(this.#scalar(args[0] ?? node, scope));
    if (name === 'arrayJoin') {
      const flow = this.all(args, scope);
      scope.rows.use(flow, JOIN);
      return flow;
    }
    if (/^(?:global)?(?:not)?(?:null)?in(?:ignoreset)?$/i.test(name)) return this.#membership(args, scope);
    if (/^(?:dict|joinGet)/.test(name)) return this.#dictionary(name, args, scope);
    const combinators = scope.shared.functions.combinatorsOf(name);
    if (combinators !== null) return this.#aggregate(combinators, args, AGGREGATE, scope);
    if (isCast(name)) {
      const [value, ...others] = args;
      return new Gathered().add(this.of(value, scope), CAST).add(this.all(others, scope));
    }
    return this.all(args, scope);
  }

  /** The combinator If has its condition as last argument. */
  #aggregate(combinators: readonly string[], args: readonly TreeNode[], kind: number, scope: NameScope): Flow {
    const all = new Gathered();
    const rest = [...args];
    for (const combinator of combinators) {
      // A state is the only argument.
      if (combinator.startsWith('Merge')) break;
      if (combinator === 'If') all.use(this.of(rest.pop(), scope), FILTER);
      else if (/^(?:ArgM|Resample)/.test(combinator)) all.add(this.of(rest.pop(), scope), kind);
    }
    return all.add(this.all(rest, scope, kind));
  }

  #window(node: TreeNode, scope: NameScope): Flow {
    const name = scope.shared.nameOf(attribute(node, 'function_name'));
    const combinators = scope.shared.functions.combinatorsOf(name) ?? [];
    const all = new Gathered().add(this.#aggregate(combinators, argumentsOf(name, node), WINDOW, scope), WINDOW);
    this.#useWindow(node.parts.get('WINDOW')?.[0], scope, all, 0);
    return all;
  }

  #useWindow(window: TreeNode | undefined, scope: NameScope, all: Gathered, depth: number): void {
    if (window === undefined || depth > 100) return;
    const parent =
      window.kind === 'IDENTIFIER' ? attribute(window, 'identifier') : attribute(window, 'parent_window_name');
    if (parent !== '') this.#useWindow(scope.windows.get(scope.shared.nameOf(parent)), scope, all, depth + 1);
    all.use(this.all(itemsOf(window, 'PARTITION BY'), scope), GROUP);
    all.use(this.all(itemsOf(window, 'ORDER BY'), scope), ORDER);
  }

  /** `x IN (…)`, whose right side can be a table. */
  #membership([value, set]: readonly TreeNode[], scope: NameScope): Flow {
    const all = new Gathered().add(this.of(value, scope), EXPRESSION);
    if (set === undefined) return all;
    const path = set.kind === 'IDENTIFIER' ? pathOf(set, scope) : null;
    const table =
      path === null
        ? set.kind === 'QUERY' || set.kind === 'UNION'
          ? this.#queries.table(set, scope, false)
          : undefined
        : this.#queries.named(path, scope, this.of(set, scope).reason !== null);
    if (table === undefined) return all.add(this.of(set, scope), EXPRESSION);
    return all.add(table.wholeRow(), EXPRESSION).addUses(table.rows);
  }

  /** A value of a dictionary comes from its attribute; the key decides which one. */
  #dictionary(name: string, args: readonly TreeNode[], scope: NameScope): Flow {
    const [dictionary, attributes, ...keys] = args;
    const path = textOf(dictionary)?.split('.');
    const columns = namesIn(attributes);
    const known = /^(?:dictGet(?!Hierarchy|Children|Descendants|Keys)|joinGet)/.test(name);
    if (path === undefined || columns === null || !known)
      return unknownFlow(`${name} reads columns of a dictionary that are not known`);
    const table = scope.shared.relation(path);
    const all = new Gathered().add(this.all(keys, scope));
    for (const column of columns)
      all.add(
        table.findQualified(column) ?? unknownFlow(`"${column}" is not among the columns of ${path.join('.')}`),
        EXPRESSION,
      );
    return all;
  }
}

/** The masks of a function. The state of an aggregate can contain its values. */
export function masksOf(name: string, { shared: { functions, masks } }: NameScope): number {
  const combinators = functions.combinatorsOf(name) ?? [];
  if (combinators.some((combinator) => /State$/.test(combinator))) return 0;
  const bare = combinators.reduce((rest, combinator) => rest.slice(0, -combinator.length), name);
  return masks.bitsOf([name]) | masks.bitsOf([bare]);
}

/** The arguments of a function. `count(*)` counts rows and reads no columns. */
export function argumentsOf(name: string, node: TreeNode): readonly TreeNode[] {
  const args = itemsOf(node, 'ARGUMENTS');
  const [first] = args;
  const ofRows =
    first?.kind === 'MATCHER' &&
    /^count(?:if)?$/i.test(name) &&
    attribute(first, 'matcher_type') === 'ASTERISK' &&
    attribute(first, 'qualified_identifier') === '';
  return ofRows ? args.slice(1) : args;
}

export function pathOf(node: TreeNode, scope: NameScope): string[] {
  return attribute(node, 'identifier')
    .split('.')
    .map((part) => scope.shared.nameOf(part));
}

/** The value of a constant text. */
export function textOf(node: TreeNode | undefined): string | undefined {
  if (node?.kind === 'IDENTIFIER') return attribute(node, 'identifier');
  const value = node?.kind === 'CONSTANT' ? attribute(node, 'constant_value') : '';
  return /^'(?:[^'\\]|\\.)*'$/.test(value) ? value.slice(1, -1).replace(/\\(.)/g, '$1') : undefined;
}

/** A text, or the texts of a tuple. */
function namesIn(node: TreeNode | undefined): string[] | null {
  const value = node?.kind === 'CONSTANT' ? attribute(node, 'constant_value') : '';
  if (!/^(?:Tuple_\()?'/.test(value)) return null;
  // An escaped quote outside of a text begins none.
  return [...value.matchAll(/\\.|'((?:[^'\\]|\\.)*)'/g)].flatMap(([, name]) => name?.replace(/\\(.)/g, '$1') ?? []);
}

const NO_ALIASES_WITHIN = new Set(['QUERY', 'UNION', 'LAMBDA']);

/** The aliases in expressions of one query. */
export function aliasesOf(nodes: readonly TreeNode[]): Map<string, TreeNode> {
  const found = new Map<string, TreeNode>();
  const visit = (node: TreeNode): void => {
    if (node.alias !== null && !found.has(node.alias)) found.set(node.alias, node);
    if (NO_ALIASES_WITHIN.has(node.kind)) return;
    for (const children of node.parts.values()) for (const child of children) visit(child);
  };
  for (const node of nodes) visit(node);
  return found;
}
