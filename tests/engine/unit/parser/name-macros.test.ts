// Tests that caching the results of generate_*_name does not change names: each node gets the name from its own fields.
import { describe, expect, it } from 'vitest';
import { createAdapter } from '../../../../src/adapters/index.ts';
import type { LogEvent } from '../../../../src/log.ts';
import { parseProject } from '../../../../src/parser/build-manifest.ts';
import { type ParseOptions, parseInput } from '../../support/parse.ts';

const models = {
  'models/a.sql': 'select 1 as id',
  'models/b.sql': "{{ config(schema='x') }} select 1 as id",
  'models/sub/c.sql': "{{ config(schema='x', meta={'to': 'm'}) }} select 1 as id",
  'models/sub/d.sql': "{{ config(schema='x', tags=['t']) }} select 1 as id",
  'models/s.yml': 'models:\n  - name: d\n    config: {tags: [u]}\n  - name: a\n    description: of a\n',
};

async function names(macros: string, which: 'schema' | 'alias' = 'schema', options: ParseOptions = {}) {
  const input = await parseInput({ ...models, 'macros/names.sql': macros }, options);
  const events: LogEvent[] = [];
  const { manifest } = parseProject({ ...input, logger: { fire: (event) => void events.push(event) } });
  const of = (name: string): unknown => manifest.nodes[`model.p.${name}`]?.[which];
  return { names: ['a', 'b', 'c', 'd'].map(of), said: events.filter(({ name }) => name === 'JinjaLogInfo').length };
}

const schema = (body: string): string => `{% macro generate_schema_name(custom, node) -%}${body}{%- endmacro %}`;

describe('a macro that generates names', () => {
  it.each([
    ['the custom name alone', '{{ custom or target.schema }}', ['sch', 'x', 'x', 'x']],
    ['a field', '{{ node.name }}', ['a', 'b', 'c', 'd']],
    [
      'fields by turns',
      "{% if node.name in 'ab' %}{{ node['resource_type'] }}{% else %}{{ node.fqn[1] }}{% endif %}",
      ['model', 'model', 'sub', 'sub'],
    ],
    ['the config', "{{ node.config.meta.get('to', 'no') }}", ['no', 'no', 'm', 'no']],
    ['tags', "{{ node.tags | join('_') or 'none' }}", ['none', 'none', 'none', 't_u']],
    ['its text', '{{ node }}', ['model.p.a', 'model.p.b', 'model.p.c', 'model.p.d']],
    ['a field that is not there', "{{ node.none is defined }}{{ node['none'] | length }}", Array(4).fill('False0')],
    ['a list that nodes do not share', '{{ node.depends_on.macros | length }}', Array(4).fill('0')],
    ['what jinja2 chooses', '{{ [node.name] | random }}', ['a', 'b', 'c', 'd']],
  ])('and reads %s returns a separate name for each node', async (_, body, expected) => {
    expect((await names(schema(body))).names).toEqual(expected);
  });

  it('and logs something logs it for every node', async () => {
    const once = await names(schema("{{ log('x', info=true) }}s"));
    const deep = await names(
      `${schema('{{ inner() }}s')}{% macro inner() %}{% do log('x', info=true) %}{% endmacro %}`,
    );
    expect([once.names, deep.names]).toEqual([Array(4).fill('s'), Array(4).fill('s')]);
    expect([once.said >= 4, deep.said]).toEqual([true, once.said]);
  });

  it('and calls others returns the same whichever runs first', async () => {
    const macros =
      schema("{{ adapter.dispatch('pick')(node) }}") +
      "{% macro default__pick(node) %}{% if node.name == 'a' %}{{ node.name }}{% else %}{{ other(node) }}{% endif %}" +
      '{% endmacro %}{% macro other(node) %}{% do log(node.name, info=true) %}{{ node.name * 2 }}{% endmacro %}';
    const { names: given, said } = await names(macros);
    expect(given).toEqual(['a', 'bb', 'cc', 'dd']);
    expect(said).toBeGreaterThanOrEqual(3);
  });

  it('and reads variables renders the Jinja in them', async () => {
    const vars = { plain: 'p', moved: '{{ target.name }}_{{ 1 + 1 }}' };
    expect(
      (await names(schema("{{ var('plain') }}_{{ var('moved') }}_{{ node.name }}"), 'schema', { vars })).names,
    ).toEqual(['a', 'b', 'c', 'd'].map((name) => `p_dev_2_${name}`));
  });

  it('for an alias sees the generated schema', async () => {
    const macros =
      '{% macro generate_alias_name(custom=none, node=none) %}{{ node.schema }}.{{ node.name }}{% endmacro %}';
    expect((await names(macros, 'alias')).names).toEqual(['sch.a', 'sch_x.b', 'sch_x.c', 'sch_x.d']);
  });

  it('for a database does not affect names on ClickHouse, where relations have no database', async () => {
    const macros =
      '{% macro generate_database_name(custom=none, node=none) %}{{ target.schema }}{% endmacro %}' +
      schema('{{ custom or target.schema }}');
    const input = await parseInput({ ...models, 'macros/names.sql': macros });
    const { project, profile } = input.config;
    const credentials = { ...profile.credentials, type: 'clickhouse' };
    const adapter = await createAdapter({ ...profile, credentials }, { quoting: project.quoting, projectDir: '/p' });
    const { manifest } = parseProject({ ...input, adapter });
    const place = (name: string) => {
      const node = manifest.nodes[`model.p.${name}`];
      return [node?.database, node?.schema, node?.relation_name];
    };
    expect(['a', 'b'].map(place)).toEqual([
      ['sch', 'sch', '`sch`.`a`'],
      ['sch', 'x', '`x`.`b`'],
    ]);
  });
});
