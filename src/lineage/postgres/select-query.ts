// Column lineage of a SELECT: its CTEs, FROM, output columns, and what decides its rows.
import { checkWidth } from '../analysis-limits.ts';
import {
  EXPRESSION,
  FILTER,
  type Flow,
  Gathered,
  GROUP,
  mergedFlow,
  NOTHING,
  ORDER,
  raised,
  unknownFlow,
} from '../flow.ts';
import {
  allColumns,
  combinedTables,
  type FlowColumn,
  FlowTable,
  QueryScope,
  stableTable,
  unknownTable,
} from '../query-scope.ts';
import { type Ctes, flowOf, type PgContext, type PgScope, partsFlow, rowOf } from './expressions.ts';
import type { Masks } from '../masks.ts';
import { fromEntry } from './from-clause.ts';
import { outputName } from './output-names.ts';
import { type CommonTableExpr, namesOf, type PgNode, type SelectStmt } from './syntax-tree.ts';

/** @param relation finds relations that are not CTEs */
export function selectQuery(stmt: SelectStmt, relation: PgContext['relation'], masks: Masks): FlowTable {
  const query: PgContext['query'] = (select, outer, ctes) => {
    const visible = withCtes(select, outer, ctes, query);
    const context: PgContext = { ctes: visible, windows: new Map(), rows: new Gathered(), query, relation, masks };
    if (select.larg !== undefined && select.rarg !== undefined) return setOperation(select, outer, context);
    if (select.valuesLists !== undefined) return values(select.valuesLists, new QueryScope(outer, context));
    return simpleSelect(select, new QueryScope(outer, context));
  };
  return query(stmt, null, new Map());
}

function withCtes({ withClause }: SelectStmt, outer: PgScope | null, known: Ctes, query: PgContext['query']): Ctes {
  if (withClause === undefined) return known;
  let visible = new Map(known);
  for (const { CommonTableExpr: cte } of withClause.ctes ?? []) {
    if (cte?.ctename === undefined) continue;
    // Only in WITH RECURSIVE, a CTE sees itself and those after it.
    const ctes = visible;
    if (withClause.recursive !== true) visible = new Map(visible);
    let table: FlowTable | null = null;
    visible.set(cte.ctename, () => (table ??= cteTable(cte, outer, ctes, query, withClause.recursive === true)));
  }
  return visible;
}

function cteTable(
  cte: CommonTableExpr,
  outer: PgScope | null,
  ctes: Ctes,
  query: PgContext['query'],
  recursive: boolean,
): FlowTable {
  const select = cte.ctequery?.SelectStmt;
  const name = cte.ctename ?? '';
  if (select === undefined) return unknownTable(`CTE "${name}" is not a SELECT`);
  const names = namesOf(cte.aliascolnames);
  const { larg, rarg } = select;
  if (!recursive || larg === undefined || rarg === undefined)
    return searchColumns(cte, query(select, outer, ctes).renamed(names));
  const self = (table: FlowTable): Ctes =>
    withCtes(
      select,
      outer,
      new Map(ctes).set(name, () => table),
      query,
    );
  const first = query(larg, outer, self(unknownTable(`CTE "${name}" reads itself in its first part`))).renamed(names);
  const stable = stableTable(name, first, (table) =>
    combined(select, table, query(rarg, outer, self(searchColumns(cte, table)))),
  );
  return searchColumns(cte, stable);
}

/** Adds the columns of SEARCH and CYCLE. */
function searchColumns({ search_clause: search, cycle_clause: cycle }: CommonTableExpr, table: FlowTable): FlowTable {
  if (search === undefined && cycle === undefined) return table;
  const of = (list: readonly PgNode[] | undefined): Flow =>
    mergedFlow(
      namesOf(list).map((name) => table.findQualified(name) ?? NOTHING),
      EXPRESSION,
    );
  const added: [string | undefined, Flow][] = [
    [search?.search_seq_column, of(search?.search_col_list)],
    [cycle?.cycle_mark_column, of(cycle?.cycle_col_list)],
    [cycle?.cycle_path_column, of(cycle?.cycle_col_list)],
  ];
  const columns = added.flatMap(([name, flow]) => (name === undefined ? [] : { name, flow }));
  return new FlowTable([...table.columns, ...columns], table.more, table.rows, table.placed);
}

function setOperation(select: SelectStmt, outer: PgScope | null, context: PgContext): FlowTable {
  const { larg = {}, rarg = {}, sortClause } = select;
  const side = (stmt: SelectStmt): FlowTable => context.query(stmt, outer, context.ctes);
  const table = combined(select, side(larg), side(rarg));
  const rows = new Gathered().addUses(table.rows);
  for (const { SortBy: sort } of sortClause ?? [])
    rows.use(outputFlow(sort?.node, table) ?? unknownFlow('ORDER BY of a set operation is not a column'), ORDER);
  limit(select, new QueryScope(outer, context), rows);
  return new FlowTable(table.columns, table.more, rows, table.placed);
}

function combined({ op, all }: SelectStmt, left: FlowTable, right: FlowTable): FlowTable {
  const union = op === 'SETOP_UNION';
  return combinedTables(union, union && all === true, left, right);
}

function values(lists: readonly PgNode[], scope: PgScope): FlowTable {
  const rows = lists.map((row) => row.List?.items ?? []);
  const columns = (rows[0] ?? []).map((_, at): FlowColumn => {
    return { name: `column${at + 1}`, flow: mergedFlow(rows.map((row) => flowOf(row[at], scope))) };
  });
  return new FlowTable(columns, [], NOTHING);
}

function simpleSelect(select: SelectStmt, scope: PgScope): FlowTable {
  for (const node of select.fromClause ?? []) scope.entries.push(fromEntry(node, scope));
  for (const { WindowDef: window } of select.windowClause ?? [])
    if (window?.name !== undefined) scope.context.windows.set(window.name, window);
  const { rows } = scope.context;
  for (const { table } of scope.entries) rows.addUses(table.rows);
  if (select.whereClause !== undefined) rows.use(flowOf(select.whereClause, scope), FILTER);
  const output = targets(select.targetList ?? [], scope, rows);
  for (const node of select.groupClause ?? []) group(node, output, scope, rows);
  if (select.havingClause !== undefined) rows.use(flowOf(select.havingClause, scope), FILTER);
  for (const node of select.distinctClause ?? []) {
    // DISTINCT without ON is an empty node.
    if (Object.keys(node).length > 0) rows.use(outputFlow(node, output) ?? flowOf(node, scope), GROUP);
    else {
      rows.use(allColumns([output]), GROUP);
      rows.reason ??= output.unlisted;
    }
  }
  for (const { SortBy: sort } of select.sortClause ?? [])
    rows.use(outputFlow(sort?.node, output) ?? flowOf(sort?.node, scope), ORDER);
  limit(select, scope, rows);
  return output;
}

function limit({ limitCount, limitOffset }: SelectStmt, scope: PgScope, rows: Gathered): void {
  rows.use(partsFlow([limitCount, limitOffset], scope, EXPRESSION), FILTER);
}

function targets(list: readonly PgNode[], scope: PgScope, rows: Flow): FlowTable {
  checkWidth([], list.length);
  const parts = list.flatMap(({ ResTarget: target }): readonly FlowTable[] => {
    const value = target?.val;
    const fields = value?.ColumnRef?.fields;
    if (fields?.at(-1)?.A_Star !== undefined) {
      if (fields.length === 1) return scope.entries.map(({ table }) => table);
      const path = namesOf(fields);
      return [scope.relation(path) ?? unknownTable(`"${path.join('.')}" is not found in FROM`)];
    }
    const indirection = value?.A_Indirection;
    if (indirection?.indirection?.at(-1)?.A_Star !== undefined)
      return [
        (indirection.indirection.length === 1 && rowOf(indirection.arg, scope)) || fieldsOf(indirection.arg, scope),
      ];
    return [new FlowTable([{ name: target?.name ?? outputName(value), flow: flowOf(value, scope) }], [], NOTHING)];
  });
  checkWidth(parts);
  return FlowTable.joined(parts, rows);
}

/** `(value).*` of a composite type. */
function fieldsOf(value: PgNode | undefined, scope: PgScope): FlowTable {
  const flow = raised(flowOf(value, scope), EXPRESSION);
  const unlisted = 'the fields of a composite value are not known';
  return new FlowTable([], [{ of: 'a composite value', get: () => flow, unlisted }], NOTHING);
}

/** The output column that an entry of ORDER BY, GROUP BY or DISTINCT ON names, by its position or name. */
function outputFlow(node: PgNode | undefined, output: FlowTable): Flow | undefined {
  const position = node?.A_Const?.ival?.ival;
  if (position !== undefined) {
    const column = position <= output.placed ? output.columns[position - 1] : undefined;
    return column?.flow ?? unknownFlow(output.unlisted ?? `output column ${position} does not exist`);
  }
  const names = namesOf(node?.ColumnRef?.fields);
  // Columns of the same name are allowed if they are the same expression.
  return names.length === 1 ? output.columns.find(({ name }) => name === names[0])?.flow : undefined;
}

function group(node: PgNode, output: FlowTable, scope: PgScope, rows: Gathered): void {
  if (node.GroupingSet !== undefined) {
    for (const each of node.GroupingSet.content ?? []) group(each, output, scope, rows);
    return;
  }
  const named = outputFlow(node, output);
  const [name] = namesOf(node.ColumnRef?.fields);
  // Unlike in ORDER BY, columns of FROM take precedence over output columns.
  if (named === undefined || (name !== undefined && scope.findHere(name) !== undefined)) {
    rows.use(flowOf(node, scope), GROUP);
    return;
  }
  rows.use(named, GROUP);
  const hidden = name === undefined ? undefined : scope.entries.flatMap(({ table }) => table.more);
  for (const { of, get } of hidden ?? [])
    if (!sameSources(get(name ?? ''), named))
      rows.reason ??= `"${name}" in GROUP BY can be a column of ${of}, whose columns are not known, or of the output`;
}

function sameSources({ sources: one }: Flow, { sources: other }: Flow): boolean {
  return one.size === other.size && [...one.keys()].every((column) => other.has(column));
}
