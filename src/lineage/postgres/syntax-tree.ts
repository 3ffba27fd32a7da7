// The part of Postgres's parse tree that lineage reads, as libpg-query writes it: each node is an object whose only key
// is its type. Fields with default values are absent.

export interface PgNode {
  readonly SelectStmt?: SelectStmt;
  readonly ResTarget?: { readonly name?: string; readonly val?: PgNode };
  readonly ColumnRef?: ColumnRef;
  readonly A_Star?: object;
  readonly String?: { readonly sval?: string };
  readonly A_Const?: { readonly ival?: { readonly ival?: number } };
  readonly A_Indirection?: { readonly arg?: PgNode; readonly indirection?: readonly PgNode[] };
  readonly A_Expr?: { readonly kind?: string };
  readonly TypeCast?: TypeCast;
  readonly CollateClause?: { readonly arg?: PgNode };
  readonly FuncCall?: FuncCall;
  readonly SubLink?: SubLink;
  readonly JsonObjectAgg?: JsonAggregate;
  readonly JsonArrayAgg?: JsonAggregate;
  readonly CaseExpr?: { readonly defresult?: PgNode };
  readonly MinMaxExpr?: { readonly op?: string };
  readonly SQLValueFunction?: { readonly op?: string };
  readonly XmlExpr?: { readonly op?: string };
  readonly JsonFuncExpr?: { readonly op?: string };
  readonly GroupingFunc?: object;
  readonly GroupingSet?: { readonly content?: readonly PgNode[] };
  readonly SortBy?: { readonly node?: PgNode };
  readonly WindowDef?: WindowDef;
  readonly CommonTableExpr?: CommonTableExpr;
  readonly List?: { readonly items?: readonly PgNode[] };
  readonly ColumnDef?: { readonly colname?: string };
  readonly RangeVar?: RangeVar;
  readonly RangeSubselect?: { readonly lateral?: boolean; readonly subquery?: PgNode; readonly alias?: Alias };
  readonly RangeFunction?: RangeFunction;
  readonly RangeTableSample?: { readonly relation?: PgNode };
  readonly RangeTableFunc?: RangeTableFunc;
  readonly RangeTableFuncCol?: { readonly colname?: string };
  readonly JsonTable?: JsonTable;
  readonly JsonTableColumn?: JsonTableColumn;
  readonly JoinExpr?: JoinExpr;
}

export interface SelectStmt {
  readonly distinctClause?: readonly PgNode[];
  readonly targetList?: readonly PgNode[];
  readonly fromClause?: readonly PgNode[];
  readonly whereClause?: PgNode;
  readonly groupClause?: readonly PgNode[];
  readonly havingClause?: PgNode;
  readonly windowClause?: readonly PgNode[];
  readonly valuesLists?: readonly PgNode[];
  readonly sortClause?: readonly PgNode[];
  readonly limitOffset?: PgNode;
  readonly limitCount?: PgNode;
  readonly withClause?: { readonly ctes?: readonly PgNode[]; readonly recursive?: boolean };
  readonly op?: string;
  readonly all?: boolean;
  readonly larg?: SelectStmt;
  readonly rarg?: SelectStmt;
}

export interface ColumnRef {
  readonly fields?: readonly PgNode[];
}

export interface TypeCast {
  readonly arg?: PgNode;
  readonly typeName?: { readonly names?: readonly PgNode[] };
}

export interface FuncCall {
  readonly funcname?: readonly PgNode[];
  readonly args?: readonly PgNode[];
  readonly agg_order?: readonly PgNode[];
  readonly agg_filter?: PgNode;
  readonly over?: WindowDef;
  readonly agg_within_group?: boolean;
  readonly agg_star?: boolean;
  readonly agg_distinct?: boolean;
}

export interface WindowDef {
  readonly name?: string;
  readonly refname?: string;
  readonly partitionClause?: readonly PgNode[];
  readonly orderClause?: readonly PgNode[];
}

export interface SubLink {
  readonly subLinkType?: string;
  readonly testexpr?: PgNode;
  readonly subselect?: PgNode;
}

export interface JsonAggregate {
  readonly constructor?: {
    readonly agg_filter?: PgNode;
    readonly agg_order?: readonly PgNode[];
    readonly over?: WindowDef;
  };
  readonly arg?: unknown;
}

export interface CommonTableExpr {
  readonly ctename?: string;
  readonly aliascolnames?: readonly PgNode[];
  readonly ctequery?: PgNode;
  readonly search_clause?: { readonly search_col_list?: readonly PgNode[]; readonly search_seq_column?: string };
  readonly cycle_clause?: {
    readonly cycle_col_list?: readonly PgNode[];
    readonly cycle_mark_column?: string;
    readonly cycle_path_column?: string;
  };
}

export interface Alias {
  readonly aliasname?: string;
  readonly colnames?: readonly PgNode[];
}

export interface RangeVar {
  readonly catalogname?: string;
  readonly schemaname?: string;
  readonly relname?: string;
  readonly alias?: Alias;
}

export interface RangeFunction {
  readonly ordinality?: boolean;
  readonly is_rowsfrom?: boolean;
  readonly functions?: readonly PgNode[];
  readonly alias?: Alias;
  readonly coldeflist?: readonly PgNode[];
}

export interface RangeTableFunc {
  readonly docexpr?: PgNode;
  readonly rowexpr?: PgNode;
  readonly columns?: readonly PgNode[];
  readonly alias?: Alias;
}

export interface JsonTable {
  readonly context_item?: unknown;
  readonly passing?: readonly PgNode[];
  readonly columns?: readonly PgNode[];
  readonly alias?: Alias;
}

export interface JsonTableColumn {
  readonly name?: string;
  readonly columns?: readonly PgNode[];
}

export interface JoinExpr {
  readonly jointype?: string;
  readonly isNatural?: boolean;
  readonly larg?: PgNode;
  readonly rarg?: PgNode;
  readonly usingClause?: readonly PgNode[];
  readonly join_using_alias?: Alias;
  readonly quals?: PgNode;
  readonly alias?: Alias;
}

/** Texts of a list of String nodes. Other nodes are skipped. */
export function namesOf(nodes: readonly PgNode[] = []): string[] {
  return nodes.flatMap((node) => (node.String === undefined ? [] : (node.String.sval ?? '')));
}
