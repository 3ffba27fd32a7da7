// Renders one string of a YAML file natively, as dbt does: `{{ var('x') }}` gives the variable's value.
import type { Value } from '../values/value.ts';
import type { Scope } from './context.ts';
import { Environment, type TemplateInfo } from './environment.ts';

const JINJA = /\{[{%#]|[#}%]\}/;

/** Whether a text contains anything that Jinja would interpret. */
export function hasJinja(text: string): boolean {
  return JINJA.test(text);
}

/**
 * Returns the text itself if there is nothing to render, the value if the string is a single expression, otherwise the
 * concatenated text.
 * @throws JinjaError, also if the value does not have the type that `as_bool` or `as_number` requests
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
