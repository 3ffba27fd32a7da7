// Reads the goldens that jinja_cases.py writes: decodes typed values from tagged JSON, and runs a case with our engine.
// Comparison is left to the tests.
import { Environment, JinjaError } from '../../../src/jinja/index.ts';
import { makeFloat } from '../../../src/values/float.ts';
import { PyDecimal } from '../../../src/values/decimal.ts';
import { PyDict } from '../../../src/values/dict.ts';
import { PySet } from '../../../src/values/set.ts';
import { toRepr } from '../../../src/values/text.ts';
import { PyTuple } from '../../../src/values/tuple.ts';
import type { Value } from '../../../src/values/value.ts';

export interface GoldenCase {
  readonly source: string;
  readonly extra?: { readonly [key: string]: unknown };
  readonly out?: string;
  readonly error?: { readonly type: string; readonly message: string; readonly line: number | null };
}

export interface Golden {
  readonly context: { readonly [name: string]: unknown };
  readonly areas: { readonly [area: string]: readonly GoldenCase[] };
}

/** Decodes a value that Python wrote. */
export function decode(x: unknown): Value {
  if (Array.isArray(x)) return x.map(decode);
  if (typeof x !== 'object' || x === null) return x as Value;
  const [[tag, body] = ['', undefined]] = Object.entries(x) as [string, unknown][];
  switch (tag) {
    case '$int':
      return BigInt(body as string);
    case '$float':
      return makeFloat(Number((body as string).replace('inf', 'Infinity')));
    case '$decimal':
      return PyDecimal.from(body as string);
    case '$tuple':
      return new PyTuple((body as unknown[]).map(decode));
    case '$set':
      return new PySet((body as unknown[]).map(decode));
    case '$dict':
      return new PyDict((body as [unknown, unknown][]).map(([key, value]) => [decode(key), decode(value)]));
    default:
      return new PyDict(Object.entries(x).map(([key, value]) => [key, decode(value)]));
  }
}

/** Renders a case with our engine. With `times` > 1 it returns the last rendering, which runs the translated code. */
export function runCase(
  golden: Golden,
  one: GoldenCase,
  times = 1,
): { out?: string; error?: { message: string; line: number | undefined } } {
  const {
    context,
    templates,
    trim_blocks,
    lstrip_blocks,
    keep_trailing_newline,
    undefined: missing,
    native,
    dbt,
  } = (one.extra ?? {}) as {
    context?: { [name: string]: unknown };
    templates?: { [name: string]: string };
    trim_blocks?: boolean;
    lstrip_blocks?: boolean;
    keep_trailing_newline?: boolean;
    undefined?: 'default' | 'strict' | 'chainable' | 'capture';
    native?: boolean;
    dbt?: boolean;
  };
  const names = { ...golden.context, ...context };
  try {
    const environment = new Environment({
      dbt: native ?? dbt ?? false,
      trimBlocks: trim_blocks ?? false,
      lstripBlocks: lstrip_blocks ?? false,
      keepTrailingNewline: keep_trailing_newline ?? false,
      undefined: missing ?? 'default',
      templates: templates ?? {},
    });
    const template = environment.compile(one.source, { name: '<template>' });
    for (let i = 1; ; i++) {
      const values = new Map(Object.keys(names).map((name) => [name, decode(names[name])]));
      const scope = { get: (name: string) => values.get(name) };
      try {
        const out = native ? toRepr(template.renderNativeSync(scope)) : template.renderSync(scope);
        if (i === times) return { out };
      } catch (error) {
        if (i === times) throw error;
      }
    }
  } catch (error) {
    if (!(error instanceof JinjaError)) throw error;
    return { error: { message: error.message, line: error.line } };
  }
}
