// The arguments of a generic test as its macro receives them: `_dbt_generic_test_kwargs`. Texts are templates rendered
// natively, so that `ref('x')` becomes a relation.
import type { Json } from '../contracts/node.ts';
import type { Environment, Scope } from '../jinja/index.ts';
import { fromJson, PyDict, type Value } from '../values/index.ts';
import { hasJinja } from './templates.ts';

/** Texts that are calls without braces, which YAML files may contain. */
export const LOOKS_LIKE_CALL = /^\s*(?:env_var|ref|var|source|doc)\s*\(.+\)\s*$/;

type Arguments = { readonly [name: string]: Json };

/** @param kwargs `test_metadata.kwargs`; `column_name` is never a template */
export function testArguments(kwargs: Arguments, scope: Scope, environment: Environment, name: string): PyDict {
  return build(kwargs, (text) => environment.compile(text, { name }).renderNativeSync(scope));
}

/** Asynchronous form: a `ref` may query the database to decide whether to defer. */
export async function testArgumentsLater(
  kwargs: Arguments,
  scope: Scope,
  environment: Environment,
  name: string,
): Promise<PyDict> {
  const texts = new Set<string>();
  build(kwargs, (text) => {
    texts.add(text);
    return null;
  });
  const rendered = new Map<string, Value>();
  for (const text of texts) rendered.set(text, await environment.compile(text, { name }).renderNative(scope));
  return build(kwargs, (text) => rendered.get(text) ?? null);
}

function build(kwargs: Arguments, renderText: (text: string) => Value): PyDict {
  const render = (value: Json): Value => {
    if (typeof value === 'string') {
      const text = LOOKS_LIKE_CALL.test(value) ? `{{ ${value} }}` : value;
      if (!hasJinja(text)) return text.endsWith('\n') ? text.slice(0, -1) : text;
      return renderText(text);
    }
    if (Array.isArray(value)) return value.map(render);
    if (typeof value !== 'object' || value === null || 'jinjaType' in value) return fromJson(value);
    return new PyDict(Object.entries(value).map(([key, item]) => [key, render(item)] as const));
  };
  return new PyDict(
    Object.entries(kwargs).map(
      ([key, value]) => [key, key === 'column_name' ? fromJson(value) : render(value)] as const,
    ),
  );
}
