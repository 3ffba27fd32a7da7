// Tests that endless or too large templates stop with a clear error, and that JavaScript cannot be reached.
import { describe, expect, it } from 'vitest';
import { Environment, JinjaError, render } from '../../../../src/jinja/index.ts';
import type { Value } from '../../../../src/values/index.ts';

function failure(source: string, context: { [name: string]: unknown } = {}): JinjaError {
  try {
    render(source, context);
  } catch (error) {
    if (error instanceof JinjaError) return error;
    throw error;
  }
  throw new Error('it ended');
}

describe('an endless template', () => {
  it('is stopped when a loop extends its own list', () => {
    const environment = new Environment({ limits: { steps: 10_000 } });
    const template = environment.compile('{% set l = [1] %}\n{% for x in l %}{% do l.append(x) %}{% endfor %}', {
      name: 'm',
      path: 'models/m.sql',
    });
    expect(() => template.renderSync({ get: () => undefined })).toThrow(
      'the template has gone through more than 10000 rounds of its loops: it does not seem to end',
    );
    try {
      template.renderSync({ get: () => undefined });
    } catch (error) {
      expect((error as JinjaError).details).toMatchObject({ line: 2, path: 'models/m.sql' });
    }
  });

  it('is stopped when a macro calls itself', () => {
    const error = failure('{% macro m() %}{{ m() }}{% endmacro %}\n{{ m() }}');
    expect(error.message).toContain('maximum recursion depth exceeded');
    expect(error.type).toBe('LimitError');
    expect(error.line).toBe(1);
  });

  it('is not assumed for 300 levels of macros', () => {
    expect(
      render('{% macro m(n) %}{% if n > 0 %}{{ m(n - 1) }}{% else %}end{% endif %}{% endmacro %}{{ m(300) }}'),
    ).toBe('end');
  });

  it('is stopped in nested loops over large ranges', () => {
    const environment = new Environment({ limits: { steps: 100_000 }, dbt: false });
    const template = environment.compile(
      '{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}',
      { name: 'm' },
    );
    expect(() => template.renderSync({ get: () => undefined })).toThrow(JinjaError);
  });
});

describe('a value that is too large', () => {
  it.each([
    "{{ 'x' * 10 ** 12 }}",
    '{{ [0] * 10 ** 12 }}',
    '{{ 10 ** (10 ** 10) }}',
    '{{ 2 ** 100000000 }}',
    "{{ 'x'.ljust(10 ** 12) }}",
    "{{ '%1000000000000d' % 1 }}",
    "{{ '{:1000000000000}'.format(1) }}",
    "{{ 'x' | center(10 ** 12) }}",
    '{{ range(10 ** 9) }}',
    "{{ 'x' | indent(10 ** 12) }}",
  ])('is rejected in %s', (source) => {
    expect(failure(source)).toBeInstanceOf(JinjaError);
  });

  it('is rejected when output grows without bound', () => {
    const source =
      "{% set ns = namespace(s='0123456789') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor " +
      '%}{{ ns.s | length }}';
    expect(failure(source)).toBeInstanceOf(JinjaError);
  });
});

describe('JavaScript', () => {
  const context = { s: 'a', l: [1], d: { a: 1 }, f: () => 1 };
  const names = [
    'constructor',
    '__proto__',
    'prototype',
    '__defineGetter__',
    'toString',
    'valueOf',
    'hasOwnProperty',
    'bind',
    'call',
    'apply',
    'caller',
    'arguments',
    'jinjaGet',
    'jinjaType',
    'then',
    'next',
  ];
  const objects = [
    's',
    'l',
    'd',
    'f',
    'n',
    '1',
    '1.5',
    'none',
    'true',
    's.upper',
    'l.append',
    'd.items',
    'range',
    'range(2)',
    'namespace()',
    'dict',
    "('<' | e)",
    'loop',
    'self',
    'm',
    "(l | map('string'))",
  ];
  it.each(objects.flatMap((object) => names.map((name) => [object, name] as const)))(
    'in %s hides %s',
    (object, name) => {
      for (const access of [`${object}.${name}`, `${object}['${name}']`, `${object} | attr('${name}')`]) {
        let out = '';
        try {
          out = render(
            `{% macro m() %}{% endmacro %}{% for loop_item in [1] %}{{ (${access}) is defined and (${access}) ` +
              `is callable and (${access})('return 1') }}{% endfor %}`,
            context,
          );
        } catch (error) {
          expect(error).toBeInstanceOf(JinjaError);
          continue;
        }
        expect(out).not.toMatch(/function|native code|1/);
      }
    },
  );

  it('is not visible in the globals', () => {
    for (const name of [
      'process',
      'globalThis',
      'require',
      'global',
      'Function',
      'eval',
      'module',
      'console',
      '$',
      '$r',
      '$g',
      '$c',
      'C',
    ]) {
      expect(render(`{{ ${name.startsWith('$') ? 'x' : name} is defined }}`)).toBe('False');
    }
  });

  it('cannot be injected by names, strings or filters', () => {
    expect(render('{% set __proto__ = 1 %}{{ __proto__ }}{{ {}.a is defined }}')).toBe('1False');
    expect(render("{{ {'__proto__': {'x': 1}}.x is defined }}")).toBe('False');
    expect(render('{{ "${1}`\\\\" }}')).toBe('${1}`\\');
    expect(render("{% set x = '*/ ] } ) `' %}{{ x }}{% macro m(a='\"]}') %}{{ a }}{% endmacro %}{{ m() }}")).toBe(
      '*/ ] } ) `"]}',
    );
    expect(failure('{{ 1 | constructor }}').message).toBe("No filter named 'constructor'.");
    expect(failure('{{ 1 is __proto__ }}').message).toBe("No test named '__proto__'.");
    expect(failure("{{ [1] | map('constructor') | list }}").message).toBe("No filter named 'constructor'.");
  });

  it('is not reached through its reserved names', () => {
    const names = [
      'class',
      'function',
      'var',
      'let',
      'yield',
      'await',
      'this',
      'new',
      'delete',
      'undefined',
      'null',
      'arguments',
      'eval',
      'o',
      'e',
    ];
    for (const name of names)
      expect(
        render(
          `{% macro m(${name}) %}{{ ${name} }}{% endmacro %}{{ m(1) }}{% for ${name} in [2] %}{{ ${name} }}{% ` +
            'endfor %}',
        ),
      ).toBe('12');
  });
});

describe('asynchronous rendering', () => {
  const scope = (names: { [name: string]: Value }) => ({ get: (name: string) => names[name] });
  const later = (value: Value) => () => new Promise<Value>((resolve) => setTimeout(() => resolve(value), 1));

  it('waits inside any expression, and evaluates each call once', async () => {
    const calls: string[] = [];
    const note = (args: readonly Value[]) => {
      calls.push(String(args[0]));
      return args[0] as Value;
    };
    const template = new Environment().compile(
      "{% set x = note('a') ~ query() ~ note('b') ~ query() %}{{ x }}{% if query() == 'q' %}{% for i in " +
        "[query(), 'z'] %}{{ i }}{% endfor %}{% endif %}",
      { name: 'm' },
    );
    for (let i = 0; i < 6; i++) expect(await template.render(scope({ note, query: later('q') }))).toBe('aqbqqz');
    expect(calls).toHaveLength(12);
  });

  it('waits in the condition of a loop, even if the body looks ahead', async () => {
    const odd = (args: readonly Value[]) =>
      new Promise<Value>((resolve) => setTimeout(() => resolve(Number(args[0]) % 2 === 1), 1));
    for (const [used, text] of [
      ['loop.last', '1False3False5True'],
      ['loop.nextitem', '13355'],
      ['loop.revindex ~ loop.length', '133323513'],
      ['loop.index', '113253'],
      ['loop.length if loop.last', '1353'],
      ['look(loop)', '1False3False5True'],
    ]) {
      const template = new Environment({ dbt: false }).compile(
        `{% macro look(l) %}{{ l.last }}{% endmacro %}{% for i in range(6) if odd(i) %}{{ i }}{{ ${used} }}{% ` +
          'endfor %}',
        { name: 'm' },
      );
      for (let i = 0; i < 6; i++) expect(await template.render(scope({ odd }))).toBe(text);
    }
  });

  it('reports a rejected promise as an error of the line', async () => {
    const template = new Environment().compile('\n{{ 1 }}\n{{ query() }}', { name: 'm', path: 'm.sql' });
    const query = () => Promise.reject(new JinjaError('RuntimeError', 'no database'));
    for (let i = 0; i < 6; i++)
      await expect(template.render(scope({ query }))).rejects.toMatchObject({
        message: 'no database',
        details: { line: 3, path: 'm.sql' },
      });
  });

  it('throws when it cannot wait', () => {
    const template = new Environment().compile('{{ query() }}', { name: 'm' });
    for (let i = 0; i < 6; i++)
      expect(() => template.renderSync(scope({ query: later('q') }))).toThrow(
        'this call has to wait for the database, which is not possible here',
      );
  });
});
