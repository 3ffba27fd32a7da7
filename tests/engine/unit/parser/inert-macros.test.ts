// A model that calls macros without effects alone is not rendered: what a macro reaches without naming it in a call is
// found all the same. The dependencies are those that dbt 1.12 gives.
import { describe, expect, it } from 'vitest';
import { parseProject } from '../../../../src/parser/build-manifest.ts';
import { ParseClock } from '../../../../src/parser/table/parse-clock.ts';
import { parseInput } from '../../support/parse.ts';

const OTHERS =
  "{% macro reads() %}{{ ref('b') }}{% endmacro %}{% macro default__reads() %}{{ ref('b') }}{% endmacro %}" +
  '{% macro calls(f) %}{{ f() }}{% endmacro %}{% macro total(x) %}sum({{ x }}){% endmacro %}' +
  '{% macro default__total(x) %}{{ x }}{% endmacro %}';

/** What a model depends on that calls a macro of this body, and whether the model was rendered. */
async function parsed(body: string, parameters = ''): Promise<{ nodes: readonly string[]; rendered: boolean }> {
  const input = await parseInput({
    'models/a.sql': 'select {{ outer() }}',
    'models/b.sql': 'select 1',
    'macros/m.sql': `${OTHERS}{% macro outer(${parameters}) %}${body}{% endmacro %}`,
  });
  const clock = new ParseClock(() => 0);
  const { nodes } = parseProject({ ...input, clock }).manifest;
  return { nodes: nodes['model.p.a']?.depends_on.nodes ?? [], rendered: clock.staticModels < clock.models };
}

const READS = { nodes: ['model.p.b'], rendered: true };

describe('a macro that calls others indirectly', () => {
  it.each([
    ['by a computed name', "{{ p['re' ~ 'ads']() }}"],
    ['by a name in a variable', "{% set name = 'reads' %}{{ p[name]() }}"],
    ["by the package's get", "{{ p.get('reads')() }}"],
    ['in a variable', '{% set f = reads %}{{ f() }}'],
    ['in a variable, out of its package', '{% set f = p.reads %}{{ f() }}'],
    ['in a list', '{% for f in [p.reads] %}{{ f() }}{% endfor %}'],
    ['as an argument', '{{ calls(reads) }}'],
    ['as an argument by name', '{{ calls(f=p.reads) }}'],
    ['by the package in a variable', '{% set mine = p %}{{ mine.reads() }}'],
    ['behind a dict in a dict', "{{ total([{'a': {'b': 1}}, p['reads']()]) }}"],
    ['behind what is no tag', `{% raw %}{{ it's }}{% endraw %}{{ p['reads']() }}{{ "isn't" }}`],
    ['behind a text that holds the end of a tag', '{{ "}}" ~ p["reads"]() }}'],
  ])('%s is rendered while parsing', async (_, body) => {
    expect(await parsed(body)).toEqual(READS);
  });

  it('by a computed dispatch, for which dbt prints a stack trace, is rendered while parsing', async () => {
    const body = "{% set name = 'reads' %}{{ adapter.dispatch(name)() }}";
    expect(await parsed(body)).toEqual(READS);
  });

  it('by dispatch in a variable is rendered while parsing', async () => {
    const body = "{% set found = adapter.dispatch %}{{ found('reads')() }}";
    expect(await parsed(body)).toEqual(READS);
  });

  it('as the default of a parameter is rendered while parsing', async () => {
    expect(await parsed('{{ f() }}', 'f=reads')).toEqual(READS);
  });
});

describe('a macro that calls others by name', () => {
  it.each([
    "{{ total('a') }}{{ p.total(x='b') }}{{ dbt.concat(['a', 'b']) }}",
    "{{ 'a' | length }}{{ [1, 2] | list | replace(1, 2) }}",
    '{% set date = 1 %}{{ date }}{% for hash in [1] %}{{ hash }}{% endfor %}',
    "{{ adapter.dispatch('total')(1) }}{{ adapter.dispatch(macro_name='total', macro_namespace='p')(1) }}",
    "{# p['reads'] #}{{ 'p[reads]' }} reads p date",
  ])('is not rendered while parsing: %s', async (body) => {
    expect(await parsed(body)).toEqual({ nodes: [], rendered: false });
  });
});
