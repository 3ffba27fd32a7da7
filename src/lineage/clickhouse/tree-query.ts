// Column lineage of a ClickHouse query: CTEs, FROM, output columns, set operations, and what decides its rows.
import { checkWidth } from '../analysis-limits.ts';
import { EXPRESSION, FILTER, type Flow, Gathered, GROUP, mergedFlow, ORDER, raised, unknownFlow } from '../flow.ts';
import { allColumns, combinedTables, FlowTable, stableTable, unknownTable } from '../query-scope.ts';
import { JoinTree } from './join-tree.ts';
import { type NameScope, NO_TABLES, type SharedContext } from './name-scope.ts';
import { OutputColumns } from './output-columns.ts';
import { attribute, flagged, itemsOf, type TreeNode } from './query-tree.ts';
import { aliasesOf, pathOf, type Queries, TreeValues } from './tree-values.ts';

/** Settings of a query that change what names mean. */
const CHANGES_NAMES = new RegExp(
  '\\b(prefer_column_name_to_alias|single_join_prefer_left_table|enable_positional_arguments|union_default_mode|' +
    'enable_global_with_statement|joined_subquery_requires_alias|asterisk_include_\\w+|\\w+_analyzer)=',
);
/** Parts of a query with expressions whose aliases are visible in the whole query. */
const WITH_ALIASES = [
  'WITH',
  'PROJECTION',
  'PREWHERE',
  'WHERE',
  'GROUP BY',
  'HAVING',
  'QUALIFY',
  'WINDOW',
  'ORDER BY',
  'LIMIT BY',
];

export class TreeQuery implements Queries {
  readonly #shared: SharedContext;
  readonly #values = new TreeValues(this);
  readonly #outputs = new OutputColumns(this.#values);
  readonly #from = new JoinTree(this, this.#values);

  constructor(shared: SharedContext) {
    this.#shared = shared;
  }

  table(node: TreeNode, outer: NameScope | null, isolated: boolean): FlowTable {
    if (node.kind === 'UNION') return this.#union(node, outer, isolated);
    if (node.kind === 'QUERY') return this.#select(node, outer, isolated);
    return unknownTable(`${node.kind} is not a query`);
  }

  named(path: readonly string[], scope: NameScope, certain: boolean): FlowTable | undefined {
    const [name = ''] = path;
    for (let each: NameScope | null = path.length === 1 ? scope : null; each !== null; each = each.outer) {
      const table = each.ctes.get(name)?.();
      if (table !== undefined && table !== null) return table;
      const alias = each.aliases.get(name);
      if (certain && (alias?.kind === 'QUERY' || alias?.kind === 'UNION')) return this.table(alias, each, true);
    }
    if (path.join('.') === 'system.one') return new FlowTable([], [], new Gathered());
    return certain ? this.#shared.relation(path) : undefined;
  }

  matched(node: TreeNode, scope: NameScope): readonly FlowTable[] {
    return this.#outputs.matched(node, scope);
  }

  #union(node: TreeNode, outer: NameScope | null, isolated: boolean): FlowTable {
    const mode = attribute(node, 'union_mode');
    const union = mode.startsWith('UNION');
    if (!/^(?:UNION|EXCEPT|INTERSECT)_(?:ALL|DISTINCT)$/.test(mode)) return unknownTable(`${mode} is not supported`);
    const [first, ...others] = itemsOf(node, 'QUERIES');
    if (first === undefined) return unknownTable('a set operation has no queries');
    return others.reduce(
      (left, each) => combinedTables(union, union && mode.endsWith('ALL'), left, this.table(each, outer, isolated)),
      this.table(first, outer, isolated),
    );
  }

  #ctes(node: TreeNode, scope: () => NameScope): Map<string, () => FlowTable | null> {
    const ctes = new Map<string, () => FlowTable | null>();
    for (const each of itemsOf(node, 'WITH')) {
      if (!flagged(each, 'is_cte')) continue;
      const name = this.#shared.nameOf(attribute(each, 'cte_name'));
      const columns = this.#shared.columnLists.get(name) ?? [];
      let table: FlowTable | null = null;
      let busy = false;
      ctes.set(name, () => {
        // Within a CTE, its own name is that of a table.
        if (busy) return null;
        busy = true;
        table ??= flagged(each, 'is_recursive_cte')
          ? this.#recursive(name, each, columns, scope())
          : this.table(each, scope(), true).renamed(columns);
        busy = false;
        return table;
      });
    }
    return ctes;
  }

  #recursive(name: string, node: TreeNode, columns: readonly string[], scope: NameScope): FlowTable {
    const [first, ...others] = itemsOf(node, 'QUERIES');
    if (first === undefined || others.length === 0) return unknownTable(`CTE "${name}" is not a set operation`);
    const all = attribute(node, 'union_mode') === 'UNION_ALL';
    const start = this.table(first, scope, true).renamed(columns);
    return stableTable(name, start, (table) => {
      const inner: NameScope = { ...scope, ctes: new Map([...scope.ctes, [name, () => table]]), known: new Map() };
      return others.reduce((left, each) => combinedTables(true, all, left, this.table(each, inner, true)), table);
    });
  }

  #select(node: TreeNode, outer: NameScope | null, isolated: boolean): FlowTable {
    const rows = new Gathered();
    const declared = itemsOf(node, 'WITH').filter((each) => !flagged(each, 'is_cte'));
    const aliases = aliasesOf(
      WITH_ALIASES.flatMap((label) => itemsOf(node, label)).filter((each) => !flagged(each, 'is_cte')),
    );
    const windows = itemsOf(node, 'WINDOW');
    for (const { alias } of windows) if (alias !== null) aliases.delete(alias);
    const scope: NameScope = {
      outer,
      isolated,
      ctes: this.#ctes(node, () => scope),
      aliases,
      withAliases: new Set(aliasesOf(declared).keys()),
      locals: new Map(),
      windows: new Map(windows.map((each) => [each.alias ?? '', each])),
      resolving: new Set(),
      passedOver: new Set(),
      known: new Map(),
      rows,
      from: NO_TABLES,
      shared: this.#shared,
    };
    const [, setting] = CHANGES_NAMES.exec(attribute(node, 'settings')) ?? [];
    if (setting !== undefined) return unknownTable(`the setting ${setting} can change what names mean`);
    scope.from = this.#from.tables(node.parts.get('JOIN TREE')?.[0], scope);
    scope.known.clear();
    for (const label of ['PREWHERE', 'WHERE']) rows.use(this.#values.all(itemsOf(node, label), scope), FILTER);
    const output = this.#projection(node, scope);
    this.#keys(node, scope, output);
    for (const label of ['HAVING', 'QUALIFY', 'LIMIT', 'OFFSET', 'LIMIT BY LIMIT', 'LIMIT BY OFFSET'])
      rows.use(this.#values.all(itemsOf(node, label), scope), FILTER);
    return output;
  }

  #projection(node: TreeNode, scope: NameScope): FlowTable {
    const parts = itemsOf(node, 'PROJECTION').flatMap((each) => this.#outputs.of(each, scope));
    checkWidth(parts);
    const joined = FlowTable.joined(parts, scope.rows);
    const filled = this.#filled(node, scope);
    if (filled.size === 0) return joined;
    const columns = joined.columns.map(({ name, flow }) => {
      const more = filled.get(name);
      return { name, flow: more === undefined ? flow : mergedFlow([flow, more], EXPRESSION) };
    });
    return new FlowTable(columns, joined.more, joined.rows, joined.placed);
  }

  /** Columns that ORDER BY … WITH FILL and INTERPOLATE give new values. */
  #filled(node: TreeNode, scope: NameScope): Map<string, Flow> {
    const filled = new Map<string, Flow>();
    const nameOf = (each: TreeNode | undefined): string =>
      each === undefined ? '' : (each.alias ?? (each.kind === 'IDENTIFIER' ? (pathOf(each, scope).at(-1) ?? '') : ''));
    for (const sort of itemsOf(node, 'ORDER BY').filter((each) => flagged(each, 'with_fill'))) {
      const ends = ['FILL FROM', 'FILL TO', 'FILL STEP', 'FILL STALENESS'].flatMap((label) => itemsOf(sort, label));
      filled.set(nameOf(sort.parts.get('EXPRESSION')?.[0]), this.#values.all(ends, scope));
    }
    for (const each of itemsOf(node, 'INTERPOLATE'))
      filled.set(
        nameOf(each.parts.get('EXPRESSION')?.[0]),
        this.#values.all(itemsOf(each, 'INTERPOLATE_EXPRESSION'), scope),
      );
    return filled;
  }

  /** DISTINCT, GROUP BY, ORDER BY and LIMIT BY. */
  #keys(node: TreeNode, scope: NameScope, output: FlowTable): void {
    const { rows } = scope;
    const whole = (role: number): void => {
      rows.use(allColumns([output]), role);
      rows.reason ??= output.unlisted;
    };
    if (flagged(node, 'is_distinct') || flagged(node, 'is_limit_by_all')) whole(GROUP);
    if (flagged(node, 'is_order_by_all')) whole(ORDER);
    if (flagged(node, 'is_group_by_all')) for (const each of itemsOf(node, 'PROJECTION')) this.#groupAll(each, scope);
    const key = (each: TreeNode): Flow => positionalFlow(each, output) ?? this.#values.of(each, scope);
    for (const each of itemsOf(node, 'GROUP BY'))
      for (const one of each.kind === 'LIST' ? itemsOf(each, '') : [each]) rows.use(key(one), GROUP);
    for (const each of itemsOf(node, 'LIMIT BY')) rows.use(key(each), GROUP);
    for (const each of itemsOf(node, 'ORDER BY'))
      for (const value of each.parts.get('EXPRESSION') ?? []) rows.use(key(value), ORDER);
  }

  /** GROUP BY ALL groups by the largest parts of SELECT without aggregates. */
  #groupAll(node: TreeNode, scope: NameScope): void {
    if (!this.#hasAggregate(node)) scope.rows.use(this.#values.of(node, scope), GROUP);
    else if (!this.#isAggregate(node)) for (const each of itemsOf(node, 'ARGUMENTS')) this.#groupAll(each, scope);
  }

  #isAggregate(node: TreeNode): boolean {
    if (node.kind !== 'FUNCTION') return false;
    const name = this.#shared.nameOf(attribute(node, 'function_name'));
    return attribute(node, 'function_type') === 'window' || this.#shared.functions.combinatorsOf(name) !== null;
  }

  #hasAggregate(node: TreeNode): boolean {
    return this.#isAggregate(node) || itemsOf(node, 'ARGUMENTS').some((each) => this.#hasAggregate(each));
  }
}

/** The output column that a number in GROUP BY, ORDER BY or LIMIT BY stands for. */
function positionalFlow(node: TreeNode, output: FlowTable): Flow | undefined {
  const [, sign, digits] =
    /^U?Int64_(-?)(\d+)$/.exec(node.kind === 'CONSTANT' ? attribute(node, 'constant_value') : '') ?? [];
  if (digits === undefined) return undefined;
  const position = Number(digits);
  if (sign === '-' && output.unlisted !== null) return unknownFlow(output.unlisted);
  const at = sign === '-' ? output.columns.length - position : position - 1;
  const column = at < output.placed ? output.columns[at] : undefined;
  return column === undefined
    ? unknownFlow(output.unlisted ?? `output column ${digits} does not exist`)
    : raised(column.flow, 0);
}
