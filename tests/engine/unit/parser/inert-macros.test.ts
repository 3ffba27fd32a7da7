// Macros without effects are not called while parsing: what a macro reaches without naming it in a call is found all
// the same. The dependencies are those that dbt 1.12 gives.
import { describe, expect, it } from 'vitest';
import { parseFiles } from '../../support/parse.ts';

const OTHERS =
  "{% macro reads() %}{{ ref('b') }}{% endmacro %}{% macro default__reads() %}{{ ref('b') }}{% endmacro %}" +
  '{% macro calls(f) %}{{ f() }}{% endmacro %}{% macro total(x) %}sum({{ x }}){% endmacro %}' +
  '{% macro default__total(x) %}{{ x }}{% endmacro %}';

/** What a model depends on that calls a macro of this body. */
async function dependencies(body: string, parameters = ''): Promise<readonly string[] | undefined> {
  const { manifest } = await parseFiles({
    'models/a.sql': 'select {{ outer() }}',
    'models/b.sql': 'select 1',
    'macros/m.sql': `${OTHERS}{% macro outer(${parameters}) %}${body}{% endmacro %}`,
  });
  return manifest.nodes['model.p.a']?.depends_on.nodes;
}

describe('a macro that reaches others', () => {
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
    ['behind a text that holds the end of a tag', '{{ "}}" ~ p["reads"]() }}'],
  ])('%s is called while parsing', async (_, body) => {
    expect(await dependencies(body)).toEqual(['model.p.b']);
  });

  it('by a computed dispatch, where dbt has a stack trace, is called while parsing', async () => {
    const body = "{% set name = 'reads' %}{{ adapter.dispatch(name)() }}";
    expect(await dependencies(body)).toEqual(['model.p.b']);
  });

  it('as the default of a parameter is called while parsing', async () => {
    expect(await dependencies('{{ f() }}', 'f=reads')).toEqual(['model.p.b']);
  });
});

describe('a macro that names what it calls', () => {
  // An error that only calling it would tell shows that it is not called.
  const WRONG = '{% set never = nothing.at_all %}';

  it.each([
    "{{ total('a') }}{{ p.total(x='b') }}{{ dbt.concat(['a', 'b']) }}",
    "{{ 'a' | length }}{{ [1, 2] | list | replace(1, 2) }}",
    '{% set date = 1 %}{{ date }}{% for hash in [1] %}{{ hash }}{% endfor %}',
    "{{ adapter.dispatch('total')(1) }}{{ adapter.dispatch(macro_name='total', macro_namespace='p')(1) }}",
    "{# p['reads'] #}{{ 'p[reads]' }} reads p date",
  ])('is not: %s', async (body) => {
    expect(await dependencies(`${WRONG}${body}`)).toEqual([]);
  });
});
