// What flows into the value of an expression.
import {
  AGGREGATE,
  CAST,
  EXPRESSION,
  FILTER,
  type Flow,
  Gathered,
  GROUP,
  JOIN,
  NOTHING,
  ORDER,
  raised,
  unknownFlow,
  WINDOW,
} from '../flow.ts';
import type { Masks } from '../masks.ts';
import type { FlowTable, QueryScope } from '../query-scope.ts';
import { isAggregate, returnsRows } from './known-functions.ts';
import {
  type ColumnRef,
  type FuncCall,
  type JsonAggregate,
  namesOf,
  type PgNode,
  type SelectStmt,
  type SubLink,
  type WindowDef,
} from './syntax-tree.ts';

/** CTEs by name. Each is analyzed when a query first reads it. */
export type Ctes = ReadonlyMap<string, () => FlowTable>;

export interface PgContext {
  readonly ctes: Ctes;
  readonly windows: Map<string, WindowDef>;
  /** What decides which rows the query has. */
  readonly rows: Gathered;
  /** Analyzes a subquery. */
  query(stmt: SelectStmt, outer: PgScope | null, ctes: Ctes): FlowTable;
  /** A relation that is not a CTE. */
  relation(path: readonly string[]): FlowTable;
  readonly masks: Masks;
}
export type PgScope = QueryScope<PgContext>;

/** @returns the flow of an expression's value */
export function flowOf(node: PgNode | undefined, scope: PgScope): Flow {
  if (node === undefined) return NOTHING;
  if (node.ColumnRef !== undefined) return columnFlow(node.ColumnRef, scope);
  if (node.TypeCast !== undefined) return raised(flowOf(node.TypeCast.arg, scope), CAST);
  if (node.CollateClause !== undefined) return flowOf(node.CollateClause.arg, scope);
  if (node.FuncCall !== undefined) return callFlow(node.FuncCall, scope);
  if (node.SubLink !== undefined) return subqueryFlow(node.SubLink, scope);
  if (node.A_Indirection !== undefined) return fieldFlow(node.A_Indirection, scope);
  // GROUPING depends on the grouping set, not on values.
  if (node.GroupingFunc !== undefined) return NOTHING;
  // JSON_ARRAY(SELECT …)
  if (node.SelectStmt !== undefined) return subqueryFlow({ subLinkType: 'ARRAY_SUBLINK', subselect: node }, scope);
  const aggregate = node.JsonObjectAgg ?? node.JsonArrayAgg;
  if (aggregate !== undefined) return jsonAggregateFlow(aggregate, scope);
  return partsFlow(Object.values(node), scope, EXPRESSION);
}

/** The keys of nodes that `flowOf` treats specially, within a tree of any shape. */
const SPECIAL = new Set([
  'ColumnRef',
  'TypeCast',
  'CollateClause',
  'FuncCall',
  'SubLink',
  'A_Indirection',
  'GroupingFunc',
  'SelectStmt',
  'JsonObjectAgg',
  'JsonArrayAgg',
]);

/** The flow of all expressions in a tree. */
export function partsFlow(tree: unknown, scope: PgScope, kind: number): Flow {
  const all = new Gathered();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, field] of Object.entries(value)) {
      // Modifiers of a type look like columns, as in geometry(point).
      if (key === 'typeName') continue;
      if (SPECIAL.has(key)) all.add(flowOf({ [key]: field }, scope), kind);
      else visit(field);
    }
  };
  visit(tree);
  return all;
}

function columnFlow({ fields = [] }: ColumnRef, scope: PgScope): Flow {
  const path = namesOf(fields);
  if (fields.at(-1)?.A_Star !== undefined)
    return scope.relation(path)?.wholeRow() ?? unknownFlow(`"${path.join('.')}" is not found in FROM`);
  const name = path.pop() ?? '';
  return path.length === 0 ? scope.find(name) : scope.findQualified(path, name);
}

/** The relation that `(t)` means, if no column can have that name. */
export function rowOf(node: PgNode | undefined, scope: PgScope): FlowTable | undefined {
  const path = namesOf(node?.ColumnRef?.fields);
  const [name] = path;
  if (name === undefined || path.length > 1) return undefined;
  for (let each: PgScope | null = scope; each !== null; each = each.outer)
    if (each.findHere(name) !== undefined || each.entries.some(({ table }) => table.more.length > 0)) return undefined;
  return scope.relation(path);
}

/** `(t).column`, `(value).field`, `array[index]` */
function fieldFlow({ arg, indirection = [] }: NonNullable<PgNode['A_Indirection']>, scope: PgScope): Flow {
  const [first, ...others] = indirection;
  const row = rowOf(arg, scope);
  const [name] = namesOf(first === undefined ? [] : [first]);
  const value = row === undefined || name === undefined ? undefined : row.findQualified(name);
  if (value !== undefined && others.length === 0) return value;
  const all = new Gathered().add(value ?? flowOf(arg, scope), EXPRESSION);
  return all.add(partsFlow(indirection, scope, EXPRESSION));
}

function callFlow(call: FuncCall, scope: PgScope): Flow {
  const kind = call.over !== undefined ? WINDOW : isAggregate(call) ? AGGREGATE : EXPRESSION;
  const masks = scope.context.masks.bitsOf(namesOf(call.funcname));
  const all = new Gathered().add(partsFlow(call.args, scope, kind), kind, masks);
  if (returnsRows(call)) scope.context.rows.use(all, JOIN);
  if (call.agg_within_group === true) all.add(partsFlow(call.agg_order, scope, kind));
  else all.use(partsFlow(call.agg_order, scope, EXPRESSION), ORDER);
  if (call.agg_filter !== undefined) all.use(flowOf(call.agg_filter, scope), FILTER);
  if (call.over !== undefined) useWindow(call.over, scope, all);
  return all;
}

function jsonAggregateFlow({ constructor: options, arg }: JsonAggregate, scope: PgScope): Flow {
  const all = new Gathered().add(partsFlow(arg, scope, options?.over === undefined ? AGGREGATE : WINDOW));
  all.use(partsFlow(options?.agg_order, scope, EXPRESSION), ORDER);
  all.use(partsFlow(options?.agg_filter, scope, EXPRESSION), FILTER);
  if (options?.over !== undefined) useWindow(options.over, scope, all);
  return all;
}

function useWindow(window: WindowDef, scope: PgScope, all: Gathered): void {
  const name = window.refname ?? window.name;
  const base = name === undefined ? undefined : scope.context.windows.get(name);
  if (base !== undefined && base !== window) useWindow(base, scope, all);
  all.use(partsFlow(window.partitionClause, scope, EXPRESSION), GROUP);
  all.use(partsFlow(window.orderClause, scope, EXPRESSION), ORDER);
}

function subqueryFlow({ subLinkType, testexpr, subselect }: SubLink, scope: PgScope): Flow {
  if (subselect?.SelectStmt === undefined) return unknownFlow('the subquery is not a SELECT');
  const { columns, rows, unlisted } = scope.context.query(subselect.SelectStmt, scope, scope.context.ctes);
  const all = new Gathered().addUses(rows);
  if (subLinkType === 'EXISTS_SUBLINK') return all;
  const scalar = subLinkType === 'EXPR_SUBLINK';
  const kind = scalar ? 0 : subLinkType === 'ARRAY_SUBLINK' ? AGGREGATE : EXPRESSION;
  for (const { flow } of columns) all.add(flow, kind);
  all.reason ??= unlisted;
  return testexpr === undefined ? all : all.add(flowOf(testexpr, scope), EXPRESSION);
}
