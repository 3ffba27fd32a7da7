// Tests that a template cannot reach JavaScript or the host from any object.
import { describe, expect, it } from 'vitest';
import { BaseScope } from '../../../../src/context/base.ts';
import { createFileRenderer } from '../../../../src/context/yaml-scope.ts';
import { manifestOf, model, parse, run, runtime, world } from './contexts.ts';

const objects = [
  "''",
  '[]',
  '{}',
  '1',
  '(1,)',
  'none',
  'true',
  'ref',
  "ref('m')",
  'source',
  'config',
  'this',
  'model',
  'model.config',
  'graph',
  'graph.nodes',
  'target',
  'var',
  'env_var',
  'flags',
  'adapter',
  'api',
  'api.Relation',
  'api.Column',
  'exceptions',
  'exceptions.warn',
  'validation',
  'modules',
  'modules.datetime',
  'modules.datetime.datetime',
  'modules.datetime.date(2024, 1, 1)',
  'modules.re',
  "modules.re.compile('a')",
  "modules.re.match('a', 'a')",
  'modules.pytz.utc',
  "modules.pytz.timezone('Europe/Paris')",
  'modules.itertools.count()',
  'context',
  'builtins',
  'run_started_at',
  'helper',
  'shop',
  'dbt',
  "load_result('r').table",
  "load_result('r').table.columns",
  "load_result('r').table.rows",
  "load_result('r').response",
  'log',
  'return',
  'context_macro_stack',
  'invocation_args_dict',
  'dbt_metadata_envs',
  'load_result',
  'selected_resources',
  'set([1])',
  'range(2)',
  'namespace()',
  'lipsum',
  'cycler',
  'joiner',
];
const members = [
  'constructor',
  '__proto__',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__defineGetter__',
  '__lookupGetter__',
  'call',
  'apply',
  'bind',
  'caller',
  'jinjaGet',
  'jinjaCall',
  'settings',
  'options',
  '__class__',
  '__globals__',
  '__init__',
  '__subclasses__',
  'mro',
  'func_globals',
];
const w = world({
  macros: { shop: ['{% macro helper() %}{% endmacro %}'], dbt: ['{% macro other() %}{% endmacro %}'] },
});
const node = model('m', { depends_on: { macros: [], nodes: ['model.shop.m'] } });
const manifest = manifestOf([node]);

/** A template finds nothing under such a name, or a Python method. */
async function found(expression: string): Promise<string> {
  try {
    return await run(
      `{% do store_raw_result('r', message='m') %}{% set x = ${expression} %}{{ 'none' if x is undefined else ` +
        'x is callable ~ x }}',
      runtime(w, node, manifest),
    );
  } catch (error) {
    return (error as Error).message.includes('unsafe') ||
      (error as Error).message.includes('undefined') ||
      (error as Error).message.includes('no attribute') ||
      (error as Error).message.includes('used as a dictionary') ||
      (error as Error).message === 'no such group'
      ? 'none'
      : `${(error as Error).message}`;
  }
}

describe('the sandbox of templates', () => {
  it.each(objects)('hides the JavaScript members of %s', async (object) => {
    for (const member of members) {
      expect([object, member, await found(`(${object}).${member}`)]).toEqual([object, member, 'none']);
      expect([object, member, await found(`(${object})['${member}']`)]).toEqual([object, member, 'none']);
    }
  });

  it.each([
    'constructor',
    '__proto__',
    'hasOwnProperty',
    'process',
    'require',
    'globalThis',
    'Function',
    'eval',
    'Object',
    'console',
    'Buffer',
    'fetch',
  ])('does not define %s', async (name) => {
    expect(
      await run(
        `{{ ${name} is undefined }} {{ context['${name}'] is undefined }} {{ context.get('${name}') }} {{ ` +
          `builtins['${name}'] is undefined }}`,
        runtime(w, node, manifest),
      ),
    ).toBe('True True None True');
    expect(parse(`{{ ${name} is undefined }}`, w).text).toBe('True');
  });

  it('hides the JavaScript members from functions that look up names', async () => {
    const scope = runtime(w, node, manifest);
    expect(
      await run(
        "{{ var('constructor', 'd') }} {{ var('__proto__', 'd') }} {{ env_var('constructor', 'd') }} {{ " +
          "env_var('__proto__', 'd') }} {{ config.get('constructor', 'd') }} {{ config.meta_get('__proto__', " +
          "'d') }}",
        scope,
      ),
    ).toBe('d d d d d d');
    expect(
      await run(
        "{{ model.get('constructor') }} {{ graph.nodes.get('__proto__') }} {{ load_result('constructor') }} {{ " +
          "target.get('constructor') }}",
        scope,
      ),
    ).toBe('None None None None');
  });
});

describe('a secret', () => {
  it('is missing in target, in the environment of templates and in the log', () => {
    const { context, events } = world({ env: { DBT_ENV_SECRET_TOKEN: 's3cret', A: 'a' } });
    const render = createFileRenderer(context, context.templates);
    const surroundings = { target: null, vars: {}, requireVars: true, env: context.env, secrets: true };
    expect(render("x-{{ env_var('DBT_ENV_SECRET_TOKEN') }}-{{ env_var('A') }}", surroundings)).toBe('x-s3cret-a');
    // A filter only ever sees the placeholder.
    expect(render("{{ env_var('DBT_ENV_SECRET_TOKEN') | lower }}", surroundings)).toBe(
      '$$$DBT_SECRET_START$$$DBT_ENV_SECRET_TOKEN$$$DBT_SECRET_END$$$'.toLowerCase(),
    );
    context.templates.runtime.compile("{{ log('t: ' ~ x, info=true) }}", { name: 'm' }).renderSync({
      get: (name) =>
        name === 'x'
          ? '$$$DBT_SECRET_START$$$DBT_ENV_SECRET_TOKEN$$$DBT_SECRET_END$$$'
          : new BaseScope(context, [], true).get(name),
    });
    expect(events.map((event) => event.msg)).toEqual(['t: *****']);
    expect(() => render("{{ env_var('DBT_ENV_SECRET_TOKEN') }}", { ...surroundings, secrets: false })).toThrow(
      'Secret env vars are allowed only in profiles.yml or packages.yml',
    );
  });
});
