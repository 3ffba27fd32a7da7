// Node types of a parsed template. Names and fields are jinja2's, so that dumps of both trees can be compared. Licensed
// in part under BSD-3-Clause, Copyright 2007 Pallets: the node types follow jinja2's `nodes.py`. See NOTICE at the end
// of lexer.ts.
import type { Value } from '../values/value.ts';

interface At {
  /** 1-based line in the template's source. */
  readonly line: number;
  /** Offset in the source after its newlines were normalized to `\n`. */
  readonly pos: number;
}

export interface Const extends At {
  readonly type: 'Const';
  readonly value: Value;
}
export interface TemplateData extends At {
  readonly type: 'TemplateData';
  readonly data: string;
}
export interface Name extends At {
  readonly type: 'Name';
  readonly name: string;
  ctx: 'load' | 'store' | 'param';
}
export interface NSRef extends At {
  readonly type: 'NSRef';
  readonly name: string;
  readonly attr: string;
}
export interface Tuple extends At {
  readonly type: 'Tuple';
  readonly items: readonly Expr[];
  ctx: 'load' | 'store' | 'param';
}
export interface List extends At {
  readonly type: 'List';
  readonly items: readonly Expr[];
}
export interface Pair extends At {
  readonly type: 'Pair';
  readonly key: Expr;
  readonly value: Expr;
}
export interface Dict extends At {
  readonly type: 'Dict';
  readonly items: readonly Pair[];
}
export interface Keyword extends At {
  readonly type: 'Keyword';
  readonly key: string;
  readonly value: Expr;
}
export interface CondExpr extends At {
  readonly type: 'CondExpr';
  readonly test: Expr;
  readonly expr1: Expr;
  readonly expr2: Expr | null;
}
/** Fields that calls, filters and tests have in common. */
export interface Arguments {
  readonly args: readonly Expr[];
  readonly kwargs: readonly Keyword[];
  readonly dyn_args: Expr | null;
  readonly dyn_kwargs: Expr | null;
}
export interface Call extends At, Arguments {
  readonly type: 'Call';
  readonly node: Expr;
}
export interface Filter extends At, Arguments {
  readonly type: 'Filter';
  /** Null in a filter block: the filter applies to the body. */
  readonly node: Expr | null;
  readonly name: string;
}
export interface Test extends At, Arguments {
  readonly type: 'Test';
  readonly node: Expr;
  readonly name: string;
}
export interface Getattr extends At {
  readonly type: 'Getattr';
  readonly node: Expr;
  readonly attr: string;
  readonly ctx: 'load';
}
export interface Getitem extends At {
  readonly type: 'Getitem';
  readonly node: Expr;
  readonly arg: Expr;
  readonly ctx: 'load';
}
export interface Slice extends At {
  readonly type: 'Slice';
  readonly start: Expr | null;
  readonly stop: Expr | null;
  readonly step: Expr | null;
}
export interface Concat extends At {
  readonly type: 'Concat';
  readonly nodes: readonly Expr[];
}
export interface Operand extends At {
  readonly type: 'Operand';
  readonly op: 'eq' | 'ne' | 'lt' | 'lteq' | 'gt' | 'gteq' | 'in' | 'notin';
  readonly expr: Expr;
}
export interface Compare extends At {
  readonly type: 'Compare';
  readonly expr: Expr;
  readonly ops: readonly Operand[];
}
export interface Binary extends At {
  readonly type: 'Add' | 'Sub' | 'Mul' | 'Div' | 'FloorDiv' | 'Mod' | 'Pow' | 'And' | 'Or';
  readonly left: Expr;
  readonly right: Expr;
}
export interface Unary extends At {
  readonly type: 'Not' | 'Neg' | 'Pos';
  readonly node: Expr;
}

export type Expr =
  | Const
  | TemplateData
  | Name
  | NSRef
  | Tuple
  | List
  | Dict
  | CondExpr
  | Call
  | Filter
  | Test
  | Getattr
  | Getitem
  | Slice
  | Concat
  | Compare
  | Binary
  | Unary;

export interface Output extends At {
  readonly type: 'Output';
  readonly nodes: readonly Expr[];
}
export interface For extends At {
  readonly type: 'For';
  readonly target: Expr;
  readonly iter: Expr;
  readonly body: readonly Stmt[];
  readonly else_: readonly Stmt[];
  readonly test: Expr | null;
  readonly recursive: boolean;
}
export interface If extends At {
  readonly type: 'If';
  test: Expr;
  body: readonly Stmt[];
  elif_: If[];
  else_: readonly Stmt[];
}
/** Type annotation of a macro argument: `list[string]`. */
export interface MacroType {
  readonly name: string;
  readonly params: readonly MacroType[];
}
export interface Macro extends At {
  readonly type: 'Macro';
  readonly name: string;
  readonly args: readonly Name[];
  readonly defaults: readonly Expr[];
  readonly body: readonly Stmt[];
  /** Type annotation of each argument; null for an argument without one. */
  readonly annotations: readonly (MacroType | undefined)[];
  /** The tag that defines the macro: `macro`, `materialization`, `test` or `docs`. */
  readonly blockType: string;
  /** The name as written, without dbt's prefix. */
  readonly writtenName: string;
}
export interface CallBlock extends At {
  readonly type: 'CallBlock';
  readonly call: Call;
  readonly args: readonly Name[];
  readonly defaults: readonly Expr[];
  readonly body: readonly Stmt[];
}
export interface FilterBlock extends At {
  readonly type: 'FilterBlock';
  readonly body: readonly Stmt[];
  readonly filter: Filter;
}
export interface With extends At {
  readonly type: 'With';
  readonly targets: readonly Expr[];
  readonly values: readonly Expr[];
  readonly body: readonly Stmt[];
}
export interface Block extends At {
  readonly type: 'Block';
  readonly name: string;
  readonly body: readonly Stmt[];
  readonly scoped: boolean;
  readonly required: boolean;
}
export interface Extends extends At {
  readonly type: 'Extends';
  readonly template: Expr;
}
export interface Include extends At {
  readonly type: 'Include';
  readonly template: Expr;
  readonly with_context: boolean;
  readonly ignore_missing: boolean;
}
export interface Import extends At {
  readonly type: 'Import';
  readonly template: Expr;
  readonly target: string;
  readonly with_context: boolean;
}
export interface FromImport extends At {
  readonly type: 'FromImport';
  readonly template: Expr;
  /** A name, or a pair of name and alias. */
  readonly names: readonly (string | readonly [string, string])[];
  readonly with_context: boolean;
}
export interface ExprStmt extends At {
  readonly type: 'ExprStmt';
  readonly node: Expr;
}
export interface Assign extends At {
  readonly type: 'Assign';
  readonly target: Expr;
  readonly node: Expr;
}
export interface AssignBlock extends At {
  readonly type: 'AssignBlock';
  readonly target: Expr;
  readonly filter: Filter | null;
  readonly body: readonly Stmt[];
}
export interface LoopControl extends At {
  readonly type: 'Break' | 'Continue';
}
export interface Scope extends At {
  readonly type: 'Scope';
  readonly body: readonly Stmt[];
}
export interface ScopedEvalContextModifier extends At {
  readonly type: 'ScopedEvalContextModifier';
  readonly options: readonly Keyword[];
  readonly body: readonly Stmt[];
}

export type Stmt =
  | Output
  | For
  | If
  | Macro
  | CallBlock
  | FilterBlock
  | With
  | Block
  | Extends
  | Include
  | Import
  | FromImport
  | ExprStmt
  | Assign
  | AssignBlock
  | LoopControl
  | Scope
  | ScopedEvalContextModifier;

/** A whole template. */
export interface TemplateNode extends At {
  readonly type: 'Template';
  readonly body: readonly Stmt[];
}

export type Node = TemplateNode | Stmt | Expr | Pair | Keyword | Operand;
