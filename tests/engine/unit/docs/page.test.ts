// Tests the data of the docs page, and that no text can break out of the page.
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../../src/contracts/manifest.ts';
import { renderPage } from '../../../../src/docs/page.ts';
import { buildSiteData } from '../../../../src/docs/site-data.ts';
import { lineageFrom } from '../../../../src/docs/site-columns.ts';

const node = (id: string, more: object): object => {
  const [resource_type, package_name, name] = id.split('.') as [string, string, string];
  return {
    unique_id: id,
    resource_type,
    package_name,
    name,
    alias: name,
    database: 'db',
    schema: 'main',
    original_file_path: `models/${name}.sql`,
    tags: [],
    config: { materialized: 'view' },
    columns: {},
    description: '',
    raw_code: 'select 1',
    depends_on: { nodes: [], macros: [] },
    docs: { show: true, node_color: null },
    ...more,
  };
};
const manifest = {
  metadata: { project_name: 'p', generated_at: '2026-01-01T00:00:00Z', adapter_type: 'pg' },
  nodes: {
    'model.p.a': node('model.p.a', {
      columns: {
        id: {
          name: 'id',
          description: 'The id.',
          data_type: 'int',
          constraints: [{ type: 'not_null', expression: null }],
        },
      },
    }),
    'model.p.b': node('model.p.b', {
      depends_on: { nodes: ['model.p.a', 'model.p.a'], macros: ['macro.p.m', 'macro.dbt.x'] },
      description: '</script><script>alert(1)</script>',
    }),
    'model.p.hidden': node('model.p.hidden', { docs: { show: false, node_color: null } }),
    'test.p.unique_a_id': node('test.p.unique_a_id', {
      resource_type: 'test',
      attached_node: 'model.p.a',
      column_name: 'id',
      test_metadata: { name: 'unique', kwargs: { model: 'x', column_name: 'id' } },
      config: { severity: 'WARN' },
    }),
  },
  sources: {},
  exposures: {},
  metrics: {},
  semantic_models: {},
  saved_queries: {},
  functions: {},
  docs: {},
  unit_tests: {},
  macros: {
    'macro.p.m': {
      unique_id: 'macro.p.m',
      resource_type: 'macro',
      package_name: 'p',
      name: 'm',
      original_file_path: 'macros/m.sql',
      macro_sql: '{% macro m() %}{% endmacro %}',
      arguments: [],
      depends_on: { macros: [] },
      docs: { show: true },
      description: '',
    },
    'macro.dbt.x': {
      unique_id: 'macro.dbt.x',
      resource_type: 'macro',
      package_name: 'dbt',
      name: 'x',
      original_file_path: 'x.sql',
      macro_sql: '',
      arguments: [],
      depends_on: { macros: [] },
      docs: { show: true },
      description: '',
    },
  },
} as unknown as Manifest;
const data = buildSiteData(manifest, null, '9.9.9');
const item = (id: string) => data.items.find((i) => i.id === id)!;

describe('the data of the docs page', () => {
  it('contains the project without generic tests, built-in macros and hidden nodes', () => {
    expect(data.items.map((i) => i.id)).toEqual(['model.p.a', 'model.p.b', 'macro.p.m']);
  });

  it('links parents and children once', () => {
    const at = (id: string): number => data.items.indexOf(item(id));
    expect(item('model.p.b').parents).toEqual([at('model.p.a'), at('macro.p.m')]);
    expect(item('model.p.a').children).toEqual([at('model.p.b')]);
  });

  it('attaches tests and constraints to their column', () => {
    expect(item('model.p.a').columns).toEqual([
      { name: 'id', type: 'int', description: 'The id.', tests: ['unique'], constraints: ['not_null'] },
    ]);
    expect(item('model.p.a').tests).toEqual([{ name: 'id: unique', kind: 'data test', severity: 'warn' }]);
  });

  it('takes types and undocumented columns from the catalogue', () => {
    const column = (name: string, index: number) => ({
      name,
      index,
      type: 'bigint',
      comment: name === 'extra' ? 'from the database' : null,
    });
    const table = {
      metadata: { type: 'VIEW', schema: 'main', name: 'a', database: 'db', comment: null, owner: 'me' },
      columns: { extra: column('extra', 1), id: column('id', 2) },
      stats: {},
      unique_id: 'model.p.a',
    };
    const found = buildSiteData(
      manifest,
      { metadata: {} as never, nodes: { 'model.p.a': table }, sources: {}, errors: null },
      '',
    ).items[0]!;
    expect(found.columns!.map((c) => [c.name, c.type, c.description])).toEqual([
      ['extra', 'bigint', 'from the database'],
      ['id', 'bigint', 'The id.'],
    ]);
  });

  it('links columns to those they come from, and omits malformed entries of the file', () => {
    const id = { node: 'model.p.a', column: 'id' };
    const outside = { node: '"x"."y"', column: 'z', kind: 'cast' };
    const lineage = lineageFrom({
      nodes: {
        'model.p.a': { columns: [{ column: 'id', reason: null }], uses: [] },
        'model.p.b': {
          columns: [
            { column: 'id', reason: null, sources: [{ ...id, kind: 'identical' }, outside], uses: [] },
            { column: 'open', reason: 'why', sources: [], uses: [{ ...id, role: 'filter' }] },
          ],
          uses: [{ ...id, role: 'join' }],
        },
        'model.p.hidden': { columns: [], uses: [] },
        'model.p.gone': null,
      },
    });
    expect([...lineage.keys()]).toEqual(['model.p.b', 'model.p.hidden']);
    const { items } = buildSiteData(manifest, null, '', { lineage });
    const plain = { type: '', description: '', tests: [], constraints: [] };
    expect(items[0]).toEqual({ ...item('model.p.a'), children: [1] });
    expect(items[1]).toMatchObject({
      uses: [[0, 'id', 'join']],
      columns: [
        {
          ...plain,
          name: 'id',
          from: [
            [0, 'id', 'identical'],
            ['"x"."y"', 'z', 'cast'],
          ],
        },
        { ...plain, name: 'open', uses: [[0, 'id', 'filter']], unknown: 'why' },
      ],
    });
    for (const artifact of [null, [], { nodes: [] }, { nodes: { x: { columns: {}, uses: [] } } }])
      expect(lineageFrom(artifact).size).toBe(0);
  });
});

describe('the docs page', () => {
  const html = renderPage(data);

  it('is one file that requests nothing from the network', () => {
    expect(html.replace(/<script>[\s\S]*<\/script>/, '')).not.toMatch(/<(script|link|img)[^>]+(src|href)="(?!data:|#)/);
    expect(html).not.toMatch(/@import|url\(http|fetch\(/);
  });

  it('keeps its data inside the data element whatever the texts contain', () => {
    expect(html.match(/<script/g)).toHaveLength(2);
    const json = /<script type="application\/json" id="data">([\s\S]*?)<\/script>/.exec(html)![1]!;
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(data)));
  });
});
