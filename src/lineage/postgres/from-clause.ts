// The tables in a FROM clause: relations, CTEs, subqueries, functions and joins.
import { EXPRESSION, type Flow, Gathered, JOIN, mergedFlow, NOTHING, unknownFlow } from '../flow.ts';
import { type FlowColumn, FlowTable, type FromEntry, type MoreColumns, unknownTable } from '../query-scope.ts';
import { flowOf, type PgScope, partsFlow } from './expressions.ts';
import { columnsOfFunction } from './known-functions.ts';
import { outputName } from './output-names.ts';
import {
  type Alias,
  type JoinExpr,
  type JsonTable,
  namesOf,
  type PgNode,
  type RangeFunction,
  type RangeTableFunc,
  type RangeVar,
} from './syntax-tree.ts';

/** @param scope the query; its entries so far are visible to LATERAL */
export function fromEntry(node: PgNode, scope: PgScope): FromEntry {
  if (node.RangeVar !== undefined) return relationEntry(node.RangeVar, scope);
  if (node.JoinExpr !== undefined) return joinEntry(node.JoinExpr, scope);
  if (node.RangeFunction !== undefined) return functionEntry(node.RangeFunction, scope);
  if (node.RangeTableSample?.relation !== undefined) return fromEntry(node.RangeTableSample.relation, scope);
  if (node.RangeTableFunc !== undefined) return xmlTableEntry(node.RangeTableFunc, scope);
  if (node.JsonTable !== undefined) return jsonTableEntry(node.JsonTable, scope);
  const select = node.RangeSubselect?.subquery?.SelectStmt;
  if (select === undefined) return named(unknownTable(`${Object.keys(node)[0]} in FROM is not supported`), undefined);
  const { lateral, alias } = node.RangeSubselect ?? {};
  const { context } = scope;
  return named(context.query(select, lateral === true ? scope : scope.outer, context.ctes), alias);
}

function named(table: FlowTable, alias: Alias | undefined, path: readonly string[] = []): FromEntry {
  const renamed = table.renamed(namesOf(alias?.colnames));
  const name = alias?.aliasname === undefined ? path : [alias.aliasname];
  return { table: renamed, relations: name.length === 0 ? [] : [{ path: name, table: renamed }] };
}

function relationEntry({ catalogname, schemaname, relname = '', alias }: RangeVar, scope: PgScope): FromEntry {
  const path = [catalogname, schemaname, relname].flatMap((part) => part ?? []);
  const cte = path.length === 1 ? scope.context.ctes.get(relname) : undefined;
  return named(cte === undefined ? scope.context.relation(path) : cte(), alias, path);
}

/** A function's columns come from its arguments, which also decide how many rows there are. */
function functionEntry({ functions = [], alias, coldeflist, ordinality }: RangeFunction, scope: PgScope): FromEntry {
  const columns: FlowColumn[] = [];
  const more: MoreColumns[] = [];
  const rows = new Gathered();
  const only = functions.length === 1 ? alias : undefined;
  const aliases = namesOf(only?.colnames);
  if (ordinality === true) aliases.pop();
  for (const node of functions) {
    const [value, definitions] = node.List?.items ?? [];
    const call = value?.FuncCall ?? {};
    const flow = partsFlow(value, scope, EXPRESSION);
    rows.use(flow, JOIN);
    const defined = (coldeflist ?? definitions?.List?.items)?.flatMap((each) => each.ColumnDef?.colname ?? []);
    const known = value?.FuncCall === undefined ? [only?.aliasname ?? outputName(value)] : null;
    const names = defined ?? known ?? columnsOfFunction(call, only?.aliasname);
    const of = `function ${namesOf(call.funcname).join('.')}`;
    const unnested = of === 'function unnest' && names !== null && names.length > 1 ? (call.args ?? []) : [];
    for (const [at, name] of (names ?? aliases).entries())
      columns.push({ name, flow: unnested[at] === undefined ? flow : partsFlow(unnested[at], scope, EXPRESSION) });
    const unlisted = names === null ? `the columns of ${of} are not known` : null;
    // The elements of an array can be composite values.
    if (names === null || of === 'function unnest') more.push({ of, get: () => flow, unlisted });
  }
  if (ordinality === true) columns.push({ name: 'ordinality', flow: NOTHING });
  return named(new FlowTable(columns, more, rows), alias);
}

function xmlTableEntry({ docexpr, rowexpr, columns = [], alias }: RangeTableFunc, scope: PgScope): FromEntry {
  const document = partsFlow([docexpr, rowexpr], scope, EXPRESSION);
  const all = columns.map((column): FlowColumn => {
    const flow = mergedFlow([document, partsFlow(column, scope, EXPRESSION)]);
    return { name: column.RangeTableFuncCol?.colname ?? '', flow };
  });
  return named(new FlowTable(all, [], new Gathered().use(document, JOIN)), alias);
}

function jsonTableEntry({ context_item, passing, columns = [], alias }: JsonTable, scope: PgScope): FromEntry {
  const flow = partsFlow([context_item, passing], scope, EXPRESSION);
  const flat = (nodes: readonly PgNode[]): FlowColumn[] =>
    nodes.flatMap(({ JsonTableColumn: column }) =>
      column?.columns === undefined ? { name: column?.name ?? '', flow } : flat(column.columns),
    );
  return named(new FlowTable(flat(columns), [], new Gathered().use(flow, JOIN)), alias);
}

function joinEntry(join: JoinExpr, scope: PgScope): FromEntry {
  const { larg, rarg, quals, usingClause, alias, join_using_alias: usingAlias } = join;
  const left = larg === undefined ? named(unknownTable('a join has no left side'), undefined) : fromEntry(larg, scope);
  scope.entries.push(left);
  const right =
    rarg === undefined ? named(unknownTable('a join has no right side'), undefined) : fromEntry(rarg, scope);
  scope.entries.pop();
  const rows = new Gathered().addUses(left.table.rows).addUses(right.table.rows);
  if (quals !== undefined) rows.use(flowOf(quals, scope.only([left, right])), JOIN);
  const common = join.isNatural === true ? naturalColumns(left.table, right.table, rows) : namesOf(usingClause);
  const merged = common.map((name) => mergedColumn(name, left.table, right.table, join.jointype, rows));
  const table =
    common.length === 0 ? FlowTable.joined([left.table, right.table], rows) : mergedTable(left, right, merged, rows);
  if (alias !== undefined) return named(table, alias);
  const relations = [...left.relations, ...right.relations];
  if (usingAlias?.aliasname !== undefined)
    relations.push({ path: [usingAlias.aliasname], table: new FlowTable(merged, [], rows) });
  return { table, relations };
}

function naturalColumns(left: FlowTable, right: FlowTable, rows: Gathered): string[] {
  const [incomplete] = [...left.more, ...right.more];
  if (incomplete !== undefined) rows.reason ??= `not all columns of ${incomplete.of} in a natural join are known`;
  return [...new Set(left.columns.map(({ name }) => name).filter((name) => right.find(name) !== undefined))];
}

/** A column of USING has the value of the side that always has it. */
function mergedColumn(
  name: string,
  left: FlowTable,
  right: FlowTable,
  jointype: string | undefined,
  rows: Gathered,
): FlowColumn {
  const missing = unknownFlow(`column "${name}" of USING is not found`);
  const one = left.findQualified(name) ?? missing;
  const other = right.findQualified(name) ?? missing;
  rows.use(one, JOIN).use(other, JOIN);
  const flow =
    jointype === 'JOIN_FULL' ? mergedFlow([one, other], EXPRESSION) : jointype === 'JOIN_RIGHT' ? other : one;
  return { name, flow };
}

/** Columns of USING come first and only once. */
function mergedTable(left: FromEntry, right: FromEntry, merged: readonly FlowColumn[], rows: Flow): FlowTable {
  const names = new Set(merged.map(({ name }) => name));
  const rest = ({ table }: FromEntry): FlowTable => {
    const columns = table.columns.filter(({ name }) => !names.has(name));
    return new FlowTable(columns, table.more, table.rows, table.unlisted === null ? columns.length : 0);
  };
  return FlowTable.joined([new FlowTable(merged, [], NOTHING), rest(left), rest(right)], rows);
}
