// FROM of a ClickHouse query: relations, subqueries, table functions, joins and ARRAY JOIN.
import { EXPRESSION, Gathered, JOIN, mergedFlow, NOTHING, raised, type Flow } from '../flow.ts';
import { FlowTable, unknownTable } from '../query-scope.ts';
import { type BoundTable, type JoinedTables, type NameScope, NO_TABLES } from './name-scope.ts';
import { attribute, itemsOf, type TreeNode } from './query-tree.ts';
import { pathOf, type Queries, textOf, type TreeValues } from './tree-values.ts';

export class JoinTree {
  readonly #queries: Queries;
  readonly #values: TreeValues;

  constructor(queries: Queries, values: TreeValues) {
    this.#queries = queries;
    this.#values = values;
  }

  /** Adds what decides rows to the scope. */
  tables(node: TreeNode | undefined, scope: NameScope): JoinedTables {
    if (node === undefined) return NO_TABLES;
    switch (node.kind) {
      case 'JOIN':
        return this.#join(node, scope);
      case 'CROSS JOIN':
        return (node.parts.get('TABLE EXPRESSION') ?? [])
          .map((each) => this.tables(each, scope))
          .reduce((left, right) => joined(left, right, scope.rows));
      case 'ARRAY_JOIN':
        return this.#arrayJoin(node, scope);
      default:
        return this.#single(node, scope);
    }
  }

  #single(node: TreeNode, scope: NameScope): JoinedTables {
    const path = node.kind === 'IDENTIFIER' ? pathOf(node, scope) : [];
    const table = this.#table(node, path, scope);
    scope.rows.addUses(table.rows);
    const bound: BoundTable = { alias: node.alias, path, table };
    return { ...NO_TABLES, tables: [bound], star: table.columns.map((each) => ({ ...each, of: 0 })) };
  }

  #table(node: TreeNode, path: readonly string[], scope: NameScope): FlowTable {
    if (node.kind === 'IDENTIFIER')
      return this.#queries.named(path, scope, true) ?? unknownTable(`"${path.join('.')}" is not a table`);
    if (node.kind === 'QUERY' || node.kind === 'UNION') return this.#queries.table(node, scope, true);
    if (node.kind === 'TABLE_FUNCTION') return this.#tableFunction(node, scope);
    return unknownTable(`${node.kind} in FROM is not supported`);
  }

  #tableFunction(node: TreeNode, scope: NameScope): FlowTable {
    const name = attribute(node, 'table_function_name');
    const args = itemsOf(node, 'ARGUMENTS');
    const [first] = args;
    if (name === 'view' && first !== undefined) return this.#queries.table(first, scope, true);
    const known = columnsOfFunction(name, first);
    if (known !== null)
      return new FlowTable(
        known.map((column) => ({ name: column, flow: NOTHING })),
        [],
        new Gathered().use(this.#values.all(args, scope), JOIN),
      );
    const relation = name === 'dictionary' ? textOf(first)?.split('.') : undefined;
    return relation === undefined
      ? unknownTable(`the columns of the table function ${name} are not known`)
      : scope.shared.relation(relation);
  }

  #join(node: TreeNode, scope: NameScope): JoinedTables {
    const { rows } = scope;
    const left = this.tables(node.parts.get('LEFT TABLE EXPRESSION')?.[0], scope);
    const right = this.tables(node.parts.get('RIGHT TABLE EXPRESSION')?.[0], scope);
    const both = joined(left, right, rows);
    const [condition] = node.parts.get('JOIN EXPRESSION') ?? [];
    if (condition === undefined) return both;
    if (condition.kind === 'LIST')
      return this.#using(itemsOf(condition, ''), attribute(node, 'kind'), [left, right], scope);
    rows.use(this.#values.of(condition, { ...scope, from: both, known: new Map() }), JOIN);
    return both;
  }

  #using(
    names: readonly TreeNode[],
    kind: string,
    [left, right]: readonly [JoinedTables, JoinedTables],
    scope: NameScope,
  ): JoinedTables {
    const merged = new Map<string, Flow>();
    const valueIn = (node: TreeNode, from: JoinedTables): Flow =>
      this.#values.of(node, { ...scope, from, aliases: new Map(), known: new Map() });
    for (const node of names) {
      const [one, other] = [valueIn(node, left), valueIn(node, right)];
      scope.rows.use(one, JOIN).use(other, JOIN);
      const flow = kind === 'FULL' ? mergedFlow([one, other], EXPRESSION) : kind === 'RIGHT' ? other : one;
      merged.set(pathOf(node, scope).join('.'), flow);
    }
    const both = joined(left, right, scope.rows);
    const star = both.star
      .filter(({ name, of }) => of < left.tables.length || !merged.has(name))
      .map((each) => ({ ...each, flow: merged.get(each.name) ?? each.flow }));
    return { ...both, merged: new Map([...both.merged, ...merged]), keepsRight: kind === 'RIGHT', star };
  }

  /** Each element of an array is a row. Without an alias, the element replaces the column. */
  #arrayJoin(node: TreeNode, scope: NameScope): JoinedTables {
    const inner = this.tables(node.parts.get('TABLE EXPRESSION')?.[0], scope);
    const elements = new Map(inner.elements);
    let { star } = inner;
    for (const expression of itemsOf(node, 'JOIN EXPRESSIONS')) {
      const flow = raised(this.#values.of(expression, { ...scope, from: inner, known: new Map() }), EXPRESSION);
      scope.rows.use(flow, JOIN);
      const path = expression.kind === 'IDENTIFIER' ? pathOf(expression, scope) : [];
      const column = path.join('.');
      const name = expression.alias ?? path.at(-1);
      if (name === undefined) continue;
      elements.set(name, flow);
      if (expression.alias === null && path.length > 1) elements.set(column, flow);
      // Columns of a Nested are joined together.
      for (const each of inner.star) {
        if (!each.name.startsWith(`${column}.`) || column === '') continue;
        const part = raised(each.flow, EXPRESSION);
        elements.set(`${name}${each.name.slice(column.length)}`, part);
        if (expression.alias === null)
          star = star.map((old) => (old.name === each.name ? { ...old, flow: part } : old));
      }
      if (expression.alias === null) star = star.map((each) => (each.name === name ? { ...each, flow } : each));
    }
    return { ...inner, elements, star };
  }
}

/** Columns of two sides next to each other. */
function joined(left: JoinedTables, right: JoinedTables, rows: Gathered): JoinedTables {
  const by = left.tables.length;
  for (const name of right.elements.keys())
    if (left.elements.has(name)) rows.reason ??= `two sides of a join have an array element "${name}"`;
  return {
    tables: [...left.tables, ...right.tables],
    joins: left.joins + right.joins + 1,
    merged: new Map([...right.merged, ...left.merged]),
    keepsRight: left.keepsRight || right.keepsRight,
    elements: new Map([...right.elements, ...left.elements]),
    star: [...left.star, ...right.star.map((each) => ({ ...each, of: each.of + by }))],
  };
}

/** Columns of table functions that read nothing; null for others. */
function columnsOfFunction(name: string, first: TreeNode | undefined): string[] | null {
  if (/^numbers(?:_mt)?$/.test(name)) return ['number'];
  if (/^zeros(?:_mt)?$/.test(name)) return ['zero'];
  if (/^generate_?series$/i.test(name)) return ['generate_series'];
  if (name !== 'values' && name !== 'VALUES' && name !== 'null' && name !== 'generateRandom') return null;
  const structure = textOf(first);
  if (structure === undefined) return null;
  const columns: string[] = [];
  // Types contain commas in parentheses.
  let flat = structure;
  while (/\([^()]*\)/.test(flat)) flat = flat.replace(/\([^()]*\)/g, '');
  for (const part of flat.split(',')) {
    const [, column] = /^\s*`?(\w+)`?\s+\w/.exec(part) ?? [];
    if (column === undefined) return null;
    columns.push(column);
  }
  return columns;
}
