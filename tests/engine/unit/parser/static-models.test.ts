// Tests what can be read from a model without rendering it.
import { describe, expect, it } from 'vitest';
import { readStaticModel, type StaticCall, sourceTexts } from '../../../../src/parser/shortcuts/static-models.ts';

const inert = ({ name }: StaticCall): string | null =>
  name === 'units' || name === 'pkg.units' ? `macro.${name}` : null;
const read = (code: string) => readStaticModel(code, inert);

describe('readStaticModel', () => {
  it.each([
    ['select 1', {}],
    [
      "select * from {{ ref('a') }} join {{ ref('p', 'b', v=2) }}",
      {
        refs: [
          { name: 'a', package: null, version: null },
          { name: 'b', package: 'p', version: 2 },
        ],
      },
    ],
    ["{{ source('s', \"t\") }}{{ source('s', 't') }}", { sources: [['s', 't']] }],
    ["{# {{ ref('no') }} #}{{ ref('a') }}", { refs: [{ name: 'a', package: null, version: null }] }],
    [
      "{{ config(tags=['a', 'b'], meta={'k': ['v']}, enabled=True,) }}",
      { configs: [{ tags: ['a', 'b'], meta: { k: ['v'] }, enabled: true }] },
    ],
  ])("reads %s as dbt's static reader does", (code, effects) => {
    expect(read(code)).toMatchObject({ refs: [], sources: [], configs: [], macros: [], simple: true, ...effects });
  });

  it.each([
    ["{{- ref('a') -}}", { refs: [{ name: 'a', package: null, version: null }] }],
    ['{{ config(a=1, b=none, c=true, pre_hook="x") }}', { configs: [{ a: 1, b: null, c: true, 'pre-hook': 'x' }] }],
    ["{{ var('x') }} {{ var('y', 2) }} {{ this }} {{ target.schema }}", {}],
    ["{{ units('amount') }} {{ pkg.units('a', scale=2) }}", { macros: ['macro.units', 'macro.pkg.units'] }],
  ])('also reads %s, which dbt renders', (code, effects) => {
    expect(read(code)).toMatchObject({ refs: [], sources: [], configs: [], macros: [], simple: false, ...effects });
  });

  it.each([
    '{% if true %}{% endif %}',
    "{{ ref(var('x')) }}",
    '{{ unknown() }}',
    "{{ ref('a') | upper }}",
    "{{ ref('a').schema }}",
    '{{ x }}',
    '{{ target.schema.x }}',
    "{{ config(a='it\\'s') }} {{ this }}",
    "{{ config(a='x\\\\') }}",
    "{{ ref('a' ~ 'b') }}",
    "{{ 'text' }}",
    '{# never closed',
    "{{ ref('a', v=true) }}",
    '{{ config({"a": 1}) }}',
    "{{ ref('a', x=1) }}",
  ])('leaves %s to the engine', (code) => {
    expect(read(code)).toBeNull();
  });

  it('passes on the text of a macro call', () => {
    const texts: string[] = [];
    readStaticModel(
      "{{- units( 'a',\n scale=2 ) }} {{ref('a')}} {{pkg.units()}}",
      ({ text }) => `m${texts.push(text)}`,
    );
    expect(texts).toEqual(["units( 'a',\n scale=2 )", 'pkg.units()']);
  });

  it('keeps escapes unchanged as dbt does, but only where dbt does', () => {
    expect(read("{{ config(a='it\\'s', b=['\\x41']) }}")).toMatchObject({
      configs: [{ a: "it\\'s", b: ['\\x41'] }],
      simple: true,
    });
    expect(readStaticModel("{{ config(a='it\\'s') }}", () => null, false)).toBeNull();
  });

  it('keeps the source text of config() values', () => {
    expect(sourceTexts({ a: 'x', b: ['y', 1], c: true, d: null, e: { f: 1.5 } })).toEqual({
      a: 'x',
      b: "['y', 1]",
      c: 'True',
      d: 'None',
      e: "{'f': 1.5}",
    });
  });
});
