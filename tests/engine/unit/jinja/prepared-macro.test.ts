// Tests that a macro that was translated at build time behaves like its text, which is not parsed.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { macroKey } from '../../../../src/context/templates.ts';
import { Environment, macroReturn, macroScript, type PreparedMacro, type Scope } from '../../../../src/jinja/index.ts';
import type { MacroFacts } from '../../../../src/parser/read/macros.ts';
import { toText, type Value } from '../../../../src/values/index.ts';

const INFO = { name: 'macro.dbt.m', path: 'macros/m.sql', line: 11 };

const prepare = (source: string): PreparedMacro =>
  new Function(`return (${macroScript(new Environment(), source)});`)();

/** Returns the result of a call, its frames if it fails, and the visible attributes of the macro. */
function outcome(source: string, call: string, prepared?: PreparedMacro) {
  const environment = new Environment(prepared === undefined ? {} : { prepared: () => prepared });
  const template = environment.compileMacros(source, INFO);
  const bound = new Map<string, Value>([['return', macroReturn]]);
  const scope: Scope = { get: (name) => bound.get(name) };
  const name = template.firstName ?? '';
  const macro = template.bind(name, scope);
  bound.set(name, macro);
  const seen = [name, macro.face?.get?.('name'), macro.face?.get?.('catch_kwargs'), macro.face?.text?.()];
  const { arguments: args, line, blockType } = template.macros[0] ?? {};
  try {
    return { text: environment.compile(call, { name: 'model' }).renderSync(scope), seen, args, line, blockType };
  } catch (error) {
    return { error: { ...(error as { details: object }).details, text: String(error) }, seen, args, line, blockType };
  }
}

describe('a prepared macro', () => {
  it.each([
    [
      "{% macro m(x, y='q', z=none) %}{{ x | upper | replace('A', y) }}{% if z is none %}!{% endif %}{% endmacro %}",
      "{{ m('abc') }} {{ m('a', y='u', z=1) }}",
    ],
    ['{% macro m() %}{{ return({"a": [1, 2.5, none], "b": kwargs, "c": varargs}) }}{% endmacro %}', '{{ m(1, k=2) }}'],
    [
      '{% macro m(n) %}{% for i in range(n) if i is odd %}{{ loop.index }}{{ i }}{{ "," if not loop.last }}' +
        '{% endfor %}{% set ns = namespace(x=1) %}{% set ns.x = n %}{{ ns.x }}{{ caller("é\u2028") }}{% endmacro %}',
      '{% call(v) m(6) %}<{{ v }}>{% endcall %}',
    ],
    ["{% materialization m, adapter='postgres' %}{{ return({'relations': []}) }}{% endmaterialization %}", '{{ 1 }}'],
    ['{% macro m(x) %}\n\n{{ x.y.z }}\n{% endmacro %}', '{{ m(1) }}'],
    ['{% macro m(x) %}{% endmacro %}', '{{ m(1, 2) }}'],
  ])('behaves like the parsed macro %s', (source, call) => {
    expect(outcome(source, call, prepare(source))).toEqual(outcome(source, call));
  });

  it('is called without parsing its text', () => {
    const prepared = prepare("{% macro m() %}it{{ 's' }}{% endmacro %}");
    const template = new Environment({ prepared: () => prepared }).compileMacros('{% macro of nothing', INFO);
    expect(toText(template.bind('m', { get: () => undefined })([], new Map()) as Value)).toBe('its');
    expect(() => template.macros).toThrow("expected token '(', got 'nothing'");
  });

  it.each([
    ['two macros', '{% macro a() %}{% endmacro %}{% macro b() %}{% endmacro %}'],
    ['a number that JSON cannot hold', '{% macro a() %}{{ 123456789012345678901 }}{% endmacro %}'],
  ])('is not made from %s', (_, source) => {
    expect(macroScript(new Environment(), source)).toBeNull();
  });
});

const dist = join(import.meta.dirname, '../../../../dist');

describe.skipIf(!existsSync(join(dist, 'dbt.cjs')))('the scripts of the built program', () => {
  const facts: MacroFacts[] = JSON.parse(readFileSync(join(dist, 'builtin-macros.json'), 'utf8'));

  it.each(['dbt', 'dbt_postgres'])('contain the macros of %s that common commands call', (packageName) => {
    const { macros }: { macros: Record<string, PreparedMacro> } = createRequire(join(dist, 'cli.cjs'))(
      `./${packageName}.cjs`,
    );
    const texts = facts.filter((each) => each.package_name === packageName).map((each) => each.macro_sql);
    const known = new Map(texts.map((text) => [macroKey(text), text]));
    const names = Object.entries(macros).map(([key, { info }]) => {
      expect(known.get(key)).toContain(info.name?.replace(/^dbt_macro__(?:materialization_|test_)?/, '').split('_')[0]);
      return info.name;
    });
    expect(names).toContain(
      packageName === 'dbt' ? 'dbt_macro__materialization_table_default' : 'dbt_macro__postgres__create_schema',
    );
  });
});
