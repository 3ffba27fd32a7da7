// What dbt adds to Jinja: its scanner of blocks, native rendering of YAML strings, config() as written, macros that
// return. The goldens come from real dbt-core 1.12.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  Environment,
  extractBlocks,
  macroReturn,
  parseTemplate,
  renderYamlString,
  type Scope,
  unrenderedConfig,
} from '../../../../src/jinja/index.ts';
import { TsdbtError } from '../../../../src/errors.ts';
import { fromJson, toRepr, typeName, type Value } from '../../../../src/values/index.ts';

interface Golden {
  readonly blocks: readonly { source: string; blocks?: [string, string | null, string, string][]; error?: string }[];
  readonly native: readonly { source: string; type?: string; repr?: string; error?: string }[];
  readonly configs: readonly { source: string; config: { [key: string]: string } | null }[];
}

const golden = JSON.parse(readFileSync(new URL('./dbt-cases.json', import.meta.url), 'utf8')) as Golden;
const allowed = ['macro', 'materialization', 'test', 'data_test', 'docs', 'snapshot'];

describe('the blocks of a file', () => {
  it.each(golden.blocks.map((one) => [one.source, one] as const))('are the same as in dbt for %s', (source, one) => {
    const cut = () =>
      extractBlocks(source, { allowed, collectText: true }).map((b) => [
        b.blockType,
        b.name ?? null,
        b.contents,
        b.fullBlock,
      ]);
    if (one.error === undefined) {
      expect(cut()).toEqual(one.blocks);
      return;
    }
    expect(cut).toThrow(TsdbtError);
    expect(cut).toThrow(one.error);
  });

  it('know their line, and unexpected top-level tags are reported', () => {
    const unexpected: string[] = [];
    const source = '{% set x = 1 %}\n\n  {% macro a() %}\nx\n{% endmacro %}\n{% nope %}';
    const blocks = extractBlocks(source, {
      allowed: ['macro'],
      onUnexpected: (type, line) => unexpected.push(`${type}:${line}`),
    });
    expect(blocks.map((b) => [b.name, b.line, b.start])).toEqual([['a', 3, source.indexOf('{% macro')]]);
    expect(unexpected).toEqual(['set:1', 'nope:6']);
  });

  // Each of these would take minutes with quadratic time.
  it('are found in a file with 200,000 blocks', () => {
    for (const [line, separator] of [
      [200_000, '\n'],
      [1, ' '],
    ] as const) {
      const blocks = extractBlocks(`{% docs a %}{% enddocs %}${separator}`.repeat(200_000), { allowed });
      expect([blocks.length, blocks.at(-1)?.line]).toEqual([200_000, line]);
    }
    for (const [text, expected] of [
      ['{# ', '#}'],
      ['{% raw %} ', '{% raw %}...{% endraw %}'],
    ] as const)
      expect(() => extractBlocks(text.repeat(200_000), { allowed })).toThrow(`unexpected EOF, expected ${expected}`);
    const blanks = ' '.repeat(200_000);
    const text = `${blanks}{% docs a %}${blanks}{{ x${blanks}}}{% raw %}${blanks}{% endraw %}${blanks}{%- enddocs %}`;
    expect(extractBlocks(text, { allowed }).map(({ fullBlock }) => fullBlock)).toEqual([text.trim()]);
  });
});

describe('native rendering of YAML strings', () => {
  const values: { [name: string]: Value } = {
    x: 5,
    s: 'abc',
    s3: '3',
    lst: [1, 'a'],
    d: fromJson({ a: 1 }),
    n: null,
    lit: "[1, {'a': (2, None)}]",
  };
  it.each(golden.native.map((one) => [one.source, one] as const))('returns the same as dbt for %s', (source, one) => {
    const environment = new Environment();
    for (let i = 0; i < 6; i++) {
      let got: { [key: string]: string };
      try {
        const value = renderYamlString(source, { get: (name) => values[name] }, { name: 'yaml' }, environment);
        got = { type: typeName(value), repr: toRepr(value) };
      } catch (error) {
        got = { error: (error as Error).message };
      }
      expect({ source, ...got }).toEqual(one);
    }
  });
});

describe('the unrendered config()', () => {
  it.each(golden.configs.map((one) => [one.source, one.config] as const))(
    'is the same as in dbt for %s',
    (source, config) => {
      const found = unrenderedConfig([parseTemplate(source)]);
      expect(found === undefined ? null : Object.fromEntries(found)).toEqual(config);
    },
  );
});

function macros(source: string, extra: { [name: string]: Value } = {}) {
  const environment = new Environment();
  const template = environment.compileMacros(source, { name: 'm.sql', path: 'macros/m.sql' });
  const bound = new Map<string, Value>([['return', macroReturn], ...Object.entries(extra)]);
  const scope: Scope = { get: (name) => bound.get(name) };
  for (const { name } of template.macros) bound.set(name, template.bind(name, scope));
  return {
    environment,
    template,
    scope,
    render: (text: string) =>
      environment.compile(text, { name: 'model', path: 'models/model.sql', type: 'model' }).renderSync(scope),
  };
}

describe('a dbt macro', () => {
  it('describes itself', () => {
    const { template } = macros(
      (
        "{% macro a(x, y: list[string] = [], z='q') %}{% endmacro %}\n{% materialization view, " +
        "adapter='postgres' %}{% endmaterialization %}\n{% materialization t, default, " +
        "supported_languages=['sql', 'python'] %}{% endmaterialization %}\n{% test u(model, column_name) %}{% " +
        'enddtest %}{% endtest %}\n{% docs d %}text{% enddocs %}'
      ).replace('{% enddtest %}', ''),
    );
    expect(
      template.macros.map(({ name, arguments: args, blockType, line }) => [
        name,
        args.map((a) => [a.name, a.hasDefault, a.annotation]),
        blockType,
        line,
      ]),
    ).toEqual([
      [
        'a',
        [
          ['x', false, undefined],
          ['y', true, 'list[string]'],
          ['z', true, undefined],
        ],
        'macro',
        1,
      ],
      ['materialization_view_postgres', [['supported_languages', true, undefined]], 'materialization', 2],
      ['materialization_t_default', [['supported_languages', true, undefined]], 'materialization', 3],
      [
        'test_u',
        [
          ['model', false, undefined],
          ['column_name', false, undefined],
        ],
        'test',
        4,
      ],
      ['d', [], 'docs', 5],
    ]);
  });

  it('returns values of any kind from anywhere in its body', () => {
    const { render } = macros(
      (
        `
      {% macro list() %}{{ return([1, 'a']) }}{% endmacro %}
      {% macro early(n) %}{% for i in range(10) %}{% if i == n %}{% do return(i) %}{% endif %}{% endfor ` +
        `%}never{% endmacro %}
      {% macro nothing() %}{{ return(none) }}{% endmacro %}
      {% macro in_set() %}{% set x %}{{ return('out') }}{% endset %}no{% endmacro %}
      {% macro through(x) %}{{ return(list()) }}{% endmacro %}
      {% macro in_caller() %}{% call wrapper() %}{{ return(7) }}{% endcall %}after{% endmacro %}
      {% macro wrapper() %}[{{ caller() }}]{% endmacro %}
      {% macro keyword() %}{{ return(data=3) }}{% endmacro %}
      {% macro kinds(a, *b) %}{% endmacro %}`
      ).replace('\n      {% macro kinds(a, *b) %}{% endmacro %}', ''),
    );
    expect(render('{{ list()[0] + 1 }}{{ through() }}')).toBe("2[1, 'a']");
    expect(render('{{ early(3) + 1 }}{{ early(20) }}')).toBe('4never');
    expect(render('{{ nothing() is none }}{{ in_set() }}{{ keyword() + 1 }}')).toBe('Trueout4');
    // A call block prints what is called, and only texts can be joined.
    expect(() => render('{{ in_caller() }}')).toThrow('sequence item 0: expected str instance, int found');
  });

  it('sees the globals of its scope, but not the variables of the caller', () => {
    const { render } = macros('{% macro m() %}{{ x is defined }}{{ g }}{% endmacro %}', { g: 'G' });
    expect(render('{% set x = 1 %}{{ m() }}')).toBe('FalseG');
  });

  it('reports the line, the file and the macro stack in an error', () => {
    const { render } = macros(
      '{% macro a() %}\n{{ b() }}\n{% endmacro %}\n{% macro b() %}\n\n{{ 1 / 0 }}{% endmacro %}',
    );
    try {
      render('\n\n{{ a() }}');
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        message: 'division by zero',
        details: {
          path: 'macros/m.sql',
          line: 6,
          lineText: '{{ 1 / 0 }}{% endmacro %}',
          stack: [
            { type: 'macro', name: 'b', path: 'macros/m.sql', line: 6 },
            { type: 'macro', name: 'a', path: 'macros/m.sql', line: 2 },
          ],
        },
      });
    }
  });

  it('reports syntax errors with line and column', () => {
    try {
      new Environment().compileMacros('{% macro a() %}\n  {{ foo( }}\n{% endmacro %}', {
        name: 'm',
        path: 'macros/m.sql',
        line: 11,
      });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        message: "unexpected '}', expected ')'",
        details: { path: 'macros/m.sql', line: 12 },
      });
    }
  });

  it('uses the capturing kind of undefined while parsing', () => {
    const environment = new Environment({ undefined: 'capture' });
    const render = (text: string) => environment.compile(text, { name: 'm' }).renderSync({ get: () => undefined });
    expect(render("[{{ a.b['c'](1).d }}{{ x() }}]{% for i in y.z %}{% endfor %}{{ 1 if q.r else 2 }}")).toBe('[]2');
  });
});
