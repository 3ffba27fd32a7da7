// The arguments of a generic test as its macro gets them: `_dbt_generic_test_kwargs`. Texts are templates, rendered natively, so that
// `ref('x')` becomes a relation. Leaves calling the test to its code.
import type { Json } from '../contracts/node.ts';
import type { Environment, Scope } from '../jinja/index.ts';
import { fromJson, PyDict, type Value } from '../values/index.ts';
import { hasJinja } from './templates.ts';

/** Texts that are calls without braces, as YAML files may write them. */
const LOOKS_LIKE_CALL = /^\s*(?:env_var|ref|var|source|doc)\s*\(.+\)\s*$/;

/** @param kwargs `test_metadata.kwargs`; `column_name` is never a template */
export function testArguments(kwargs: { readonly [name: string]: Json }, scope: Scope, environment: Environment, name: string): PyDict {
  const render = (value: Json): Value => {
    if (typeof value === 'string') {
      const text = LOOKS_LIKE_CALL.test(value) ? `{{ ${value} }}` : value;
      if (!hasJinja(text)) return text.endsWith('\n') ? text.slice(0, -1) : text;
      return environment.compile(text, { name }).renderNativeSync(scope);
    }
    if (Array.isArray(value)) return value.map(render);
    if (typeof value !== 'object' || value === null || 'jinjaType' in value) return fromJson(value);
    return new PyDict(Object.entries(value).map(([key, item]) => [key, render(item)] as const));
  };
  return new PyDict(Object.entries(kwargs).map(([key, value]) => [key, key === 'column_name' ? fromJson(value) : render(value)] as const));
}
