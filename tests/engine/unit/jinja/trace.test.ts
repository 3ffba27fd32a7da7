// A position in the final text is traced to the line of the model or macro that wrote it.
import { describe, expect, it } from 'vitest';
import { Environment, macroReturn, type Scope, Trace } from '../../../../src/jinja/index.ts';
import type { Value } from '../../../../src/values/index.ts';

const MACROS = [
  '{% macro columns(names) %}',
  '  {%- for name in names -%}',
  '    {{ name }} as {{ alias_of(name) }},',
  '  {%- endfor -%}',
  '{% endmacro %}',
  '{% macro alias_of(name) -%}',
  '  {{ return("the_" ~ name ~ "_alias") }}',
  '{%- endmacro %}',
  '{% macro wrap(sql) %}',
  'create table x as (',
  '  {{ sql }}',
  ');',
  '{% endmacro %}',
  '{% macro outer() %}',
  '  {%- set inner_sql -%}',
  '    select',
  '      broken_here',
  '  {%- endset -%}',
  '  {{ wrap(inner_sql) }}',
  '{% endmacro %}',
  '{% macro statement() %}{{ return(caller()) }}{% endmacro %}',
  '{% macro materialization(sql) %}',
  '  {%- call statement() -%}',
  '    insert into t',
  '    {{ sql }}',
  '    where mistake',
  '  {%- endcall -%}',
  '{% endmacro %}',
].join('\n');

function setup(): { environment: Environment; scope: Scope } {
  const environment = new Environment();
  const macros = environment.compileMacros(MACROS, { name: 'm', path: 'macros/m.sql', line: 101 });
  const bound = new Map<string, Value>([['return', macroReturn]]);
  const scope: Scope = { get: (name) => bound.get(name) };
  for (const { name } of macros.macros) bound.set(name, macros.bind(name, scope));
  return { environment, scope };
}

function trace(source: string, wanted: string, times = 1) {
  const { environment, scope } = setup();
  const template = environment.compile(source, { name: 'orders', path: 'models/orders.sql', type: 'model' });
  let text = '';
  let recorder = new Trace();
  for (let i = 0; i < times; i++) {
    recorder = new Trace();
    text = template.renderSync(scope, recorder);
  }
  const place = recorder.locate(text, text.indexOf(wanted));
  return (
    place && { path: place.path, line: place.line, frames: place.frames.map((f) => `${f.type} ${f.name}:${f.line}`) }
  );
}

describe.each([
  ['walked over', 1],
  ['translated', 6],
])('the trace of a template that is %s', (_how, times) => {
  it('finds the line of fixed text', () => {
    expect(trace('select 1\nfrom a\nwhere {{ 1 }} = oops', 'oops', times)).toEqual({
      path: 'models/orders.sql',
      line: 3,
      frames: ['model orders:3'],
    });
  });

  it('finds the line of a printed value', () => {
    expect(trace('select\n{% set c = "bad_column" %}\n  {{ c }}\nfrom t', 'bad_column', times)).toEqual({
      path: 'models/orders.sql',
      line: 3,
      frames: ['model orders:3'],
    });
  });

  it('leads into the macro that wrote the text', () => {
    expect(trace('select\n{{ columns(["a", "b"]) }}\nfrom t', ' as the_b', times)).toEqual({
      path: 'macros/m.sql',
      line: 103,
      frames: ['macro columns:103', 'model orders:2'],
    });
  });

  it('leads through macros that return their value', () => {
    expect(trace('select\n{{ columns(["a", "b"]) }}\nfrom t', 'b_alias', times)).toEqual({
      path: 'macros/m.sql',
      line: 107,
      frames: ['macro alias_of:107', 'macro columns:103', 'model orders:2'],
    });
  });

  it('leads through a set block that another macro prints', () => {
    expect(trace('{{ outer() }}', 'broken_here', times)).toEqual({
      path: 'macros/m.sql',
      line: 117,
      frames: ['macro outer:117', 'model orders:1'],
    });
    expect(trace('{{ outer() }}', 'create table', times)).toMatchObject({ path: 'macros/m.sql', line: 110 });
  });

  it('leads into filtered output', () => {
    expect(trace('x\n{{ columns(["a"]) | trim }}', 'a as', times)).toMatchObject({ path: 'macros/m.sql', line: 103 });
  });

  it('handles loops, conditions and blocks of the template itself', () => {
    const source =
      '{% for i in [1, 2] %}\n{% if i == 2 %}\n  second\n{% endif %}\n{% endfor %}\n{% filter upper %}\nlast\n' +
      '{% endfilter %}';
    expect(trace(source, 'second', times)).toMatchObject({ line: 3 });
    expect(trace(source, 'LAST', times)).toMatchObject({ line: 6 });
  });
});

describe('the trace of SQL that was compiled earlier', () => {
  it('leads from the statement of a materialization to the model', () => {
    const { environment, scope } = setup();
    const compiled = new Trace();
    const model = environment
      .compile('select\n  wrong\nfrom t', { name: 'orders', path: 'models/orders.sql', type: 'model' })
      .renderSync(scope, compiled);
    const running = new Trace();
    running.register(model, compiled);
    const whole = environment.compile('{{ materialization(sql) }}', { name: 'run', path: 'run.sql' });
    const text = whole.renderSync(
      { get: (name) => (name === 'sql' ? model : scope.get(name)), state: environment.stateOf(scope) },
      running,
    );
    expect(text).toContain('wrong');
    const sql = `/* comment */ insert into t\n    ${model}\n    where mistake`;
    expect(running.locate(sql, sql.indexOf('wrong'))).toMatchObject({ path: 'models/orders.sql', line: 2 });
    expect(running.locate(sql, sql.indexOf('mistake'))).toMatchObject({ path: 'macros/m.sql', line: 126 });
    expect(running.locate('select 1', 3)).toBeUndefined();
  });
});
