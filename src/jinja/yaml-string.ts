// Rendering of one string of a YAML file, as dbt does it: natively, so that `{{ var('x') }}` gives the variable's
// value.
import type { Value } from '../values/value.ts';
import type { Scope } from './context.ts';
import { Environment, type TemplateInfo } from './environment.ts';

const JINJA = /\{[{%#]|[#}%]\}/;

/** Whether a text has anything that Jinja would read. */
export function hasJinja(text: string): boolean {
  return JINJA.test(text);
}

/**
 * The value of a string: its text when nothing is to be rendered, the value itself when it is one expression, else the
 * text of all parts.
 * @throws JinjaError, also when `as_bool` or `as_number` does not hold
 */
export function renderYamlString(
  source: string,
  scope: Scope,
  info: TemplateInfo = { name: '<yaml>' },
  environment: Environment = new Environment(),
): Value {
  if (!hasJinja(source)) return environment.lexer.normalize(source);
  return environment.compile(source, info).renderNativeSync(scope);
}
