// Public exports of the template engine. `render`, `float`, `tuple` and `JinjaError` form the library `tsdbt/jinja`;
// other folders use the rest.
import { JinjaError } from '../values/python-error.ts';
import type { TemplateNode } from './ast.ts';
import { DEFAULT_LEXER_OPTIONS, Lexer, type LexerOptions } from './lexer.ts';
import { parseSource } from './parser.ts';

export type * as Ast from './ast.ts';
export { dumpAst } from './ast-dump.ts';
export { type Block, type ExtractOptions, extractBlocks } from './blocks.ts';
export type { Scope } from './context.ts';
export {
  Environment,
  type EnvironmentOptions,
  type MacroArgument,
  type MacroDefinition,
  type MacroTemplate,
  type Template,
  type TemplateInfo,
} from './environment.ts';
export { Lexer, type Token } from './lexer.ts';
export { Markup } from './markup.ts';
export { Namespace } from './namespace.ts';
export { macroScript, type PreparedMacro } from './prepared-macro.ts';
export { parseLiteral } from './python-literal.ts';
export { float, type RenderOptions, render, toValue, tuple } from './render.ts';
export { type Limits, RenderState } from './render-state.ts';
export { macroReturn, ReturnSignal } from './return-signal.ts';
export { columnOf as syntaxColumn } from './syntax-error.ts';
export { templateTags } from './tags.ts';
export { Trace, type TracePlace, type TraceSource } from './trace.ts';
export { unrenderedConfig } from './unrendered-config.ts';
export { hasJinja, renderYamlString } from './yaml-string.ts';
export { JinjaError };

/**
 * Parses a template to its tree.
 * @throws JinjaError of type TemplateSyntaxError
 */
export function parseTemplate(
  source: string,
  options: Partial<LexerOptions> & { dbt?: boolean; name?: string } = {},
): TemplateNode {
  const { dbt = true, name = '<template>', ...rest } = options;
  return parseSource(source, new Lexer({ ...DEFAULT_LEXER_OPTIONS, ...rest }), { dbt }, { name });
}

export { settle } from '../values/call.ts';
