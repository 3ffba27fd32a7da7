// The names that Postgres gives to output columns without an alias, as in its FigureColname.
import { namesOf, type PgNode } from './syntax-tree.ts';

/** Names by type of node. */
const NAMES: Readonly<Record<string, string>> = {
  GroupingFunc: 'grouping',
  A_ArrayExpr: 'array',
  RowExpr: 'row',
  CoalesceExpr: 'coalesce',
  XmlSerialize: 'xmlserialize',
  JsonParseExpr: 'json',
  JsonScalarExpr: 'json_scalar',
  JsonSerializeExpr: 'json_serialize',
  JsonObjectConstructor: 'json_object',
  JsonArrayConstructor: 'json_array',
  JsonArrayQueryConstructor: 'json_array',
  JsonObjectAgg: 'json_objectagg',
  JsonArrayAgg: 'json_arrayagg',
  MergeSupportFunc: 'merge_action',
};
/** Names by value of the node's field `op`. */
const OP_NAMES: Readonly<Record<string, string>> = {
  IS_GREATEST: 'greatest',
  IS_LEAST: 'least',
  SVFOP_CURRENT_DATE: 'current_date',
  SVFOP_CURRENT_TIME: 'current_time',
  SVFOP_CURRENT_TIME_N: 'current_time',
  SVFOP_CURRENT_TIMESTAMP: 'current_timestamp',
  SVFOP_CURRENT_TIMESTAMP_N: 'current_timestamp',
  SVFOP_LOCALTIME: 'localtime',
  SVFOP_LOCALTIME_N: 'localtime',
  SVFOP_LOCALTIMESTAMP: 'localtimestamp',
  SVFOP_LOCALTIMESTAMP_N: 'localtimestamp',
  SVFOP_CURRENT_ROLE: 'current_role',
  SVFOP_CURRENT_USER: 'current_user',
  SVFOP_USER: 'user',
  SVFOP_SESSION_USER: 'session_user',
  SVFOP_CURRENT_CATALOG: 'current_catalog',
  SVFOP_CURRENT_SCHEMA: 'current_schema',
  IS_XMLCONCAT: 'xmlconcat',
  IS_XMLELEMENT: 'xmlelement',
  IS_XMLFOREST: 'xmlforest',
  IS_XMLPARSE: 'xmlparse',
  IS_XMLPI: 'xmlpi',
  IS_XMLROOT: 'xmlroot',
  JSON_EXISTS_OP: 'json_exists',
  JSON_QUERY_OP: 'json_query',
  JSON_VALUE_OP: 'json_value',
};

/** The name of an expression in a select list. */
export function outputName(node: PgNode | undefined): string {
  return figured(node)?.name ?? '?column?';
}

/** A weak name gives way to the name of a CASE or a cast around it. */
interface Figured {
  readonly name: string;
  readonly weak: boolean;
}

function figured(node: PgNode | undefined): Figured | null {
  if (node === undefined) return null;
  const strong = (name: string | undefined): Figured | null => (name === undefined ? null : { name, weak: false });
  if (node.ColumnRef !== undefined) return strong(namesOf(node.ColumnRef.fields).at(-1));
  if (node.FuncCall !== undefined) return strong(namesOf(node.FuncCall.funcname).at(-1));
  if (node.A_Indirection !== undefined)
    return strong(namesOf(node.A_Indirection.indirection).at(-1)) ?? figured(node.A_Indirection.arg);
  if (node.CollateClause !== undefined) return figured(node.CollateClause.arg);
  if (node.TypeCast !== undefined) {
    const inner = figured(node.TypeCast.arg);
    const type = namesOf(node.TypeCast.typeName?.names).at(-1);
    return inner?.weak === false || type === undefined ? inner : { name: type, weak: true };
  }
  if (node.CaseExpr !== undefined) {
    const inner = figured(node.CaseExpr.defresult);
    return inner?.weak === false ? inner : { name: 'case', weak: true };
  }
  if (node.SubLink !== undefined) {
    const { subLinkType, subselect } = node.SubLink;
    if (subLinkType === 'EXISTS_SUBLINK') return strong('exists');
    if (subLinkType === 'ARRAY_SUBLINK') return strong('array');
    if (subLinkType !== 'EXPR_SUBLINK') return null;
    let select = subselect?.SelectStmt;
    while (select?.larg !== undefined) select = select.larg;
    const target = select?.targetList?.[0]?.ResTarget;
    return strong(select?.valuesLists === undefined ? (target?.name ?? outputName(target?.val)) : 'column1');
  }
  if (node.A_Expr !== undefined) return node.A_Expr.kind === 'AEXPR_NULLIF' ? strong('nullif') : null;
  const op = (node.MinMaxExpr ?? node.SQLValueFunction ?? node.XmlExpr ?? node.JsonFuncExpr)?.op;
  return strong(op === undefined ? NAMES[Object.keys(node)[0] ?? ''] : OP_NAMES[op]);
}
