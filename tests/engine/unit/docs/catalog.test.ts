// Tests that rows of the catalogue macro become the same catalog.json as in dbt-core 1.12.
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../../src/contracts/manifest.ts';
import type { Json } from '../../../../src/contracts/node.ts';
import { buildCatalog } from '../../../../src/docs/catalog.ts';

const metadata = {
  dbt_schema_version: 'catalog/v1',
  dbt_version: '1.12.6',
  generated_at: '',
  invocation_id: null,
  env: {},
};
const manifest = {
  nodes: { 'model.p.orders': { unique_id: 'model.p.orders', database: 'DB', schema: 'Main', alias: 'Orders' } },
  sources: {
    'source.p.raw.orders': { unique_id: 'source.p.raw.orders', database: 'db', schema: 'main', identifier: 'orders' },
    'source.p.raw.users': { unique_id: 'source.p.raw.users', database: 'db', schema: 'main', identifier: 'users' },
  },
} as unknown as Manifest;

const row = (table: string, column: string, index: number, more: Record<string, Json> = {}): Map<string, Json> =>
  new Map(
    Object.entries({
      table_database: 'db',
      table_schema: 'main',
      table_name: table,
      table_type: 'BASE TABLE',
      table_comment: null,
      table_owner: 'me',
      column_name: column,
      column_type: 'integer',
      column_index: index,
      column_comment: null,
      ...more,
    }),
  );

describe('the docs catalogue', () => {
  it('assigns a relation to its node and to every source of the same name, ignoring case', () => {
    const { nodes, sources, errors } = buildCatalog({
      manifest,
      rows: [row('orders', 'id', 1), row('orders', 'n', 2), row('stranger', 'x', 1)],
      selected: null,
      errors: [],
      metadata,
    });
    expect(Object.keys(nodes)).toEqual(['model.p.orders']);
    expect(Object.keys(sources)).toEqual(['source.p.raw.orders']);
    expect(nodes['model.p.orders']).toEqual({
      metadata: { type: 'BASE TABLE', schema: 'main', name: 'orders', database: 'db', comment: null, owner: 'me' },
      columns: {
        id: { type: 'integer', index: 1, name: 'id', comment: null },
        n: { type: 'integer', index: 2, name: 'n', comment: null },
      },
      stats: {
        has_stats: {
          id: 'has_stats',
          label: 'Has Stats?',
          value: false,
          include: false,
          description: 'Indicates whether there are statistics for this table',
        },
      },
      unique_id: 'model.p.orders',
    });
    expect(errors).toBeNull();
  });

  it('contains only selected nodes', () => {
    const { nodes, sources } = buildCatalog({
      manifest,
      rows: [row('orders', 'id', 1), row('users', 'id', 1)],
      selected: new Set(['source.p.raw.users']),
      errors: [],
      metadata,
    });
    expect(nodes).toEqual({});
    expect(Object.keys(sources)).toEqual(['source.p.raw.users']);
  });

  it('shows only the statistics with the include flag', () => {
    const stats = (include: boolean): Record<string, Json> => ({
      'stats:size:label': 'Size',
      'stats:size:value': 12,
      'stats:size:description': 'bytes',
      'stats:size:include': include,
    });
    const shown = buildCatalog({
      manifest,
      rows: [row('users', 'id', 1, stats(true)), row('orders', 'id', 1, stats(false))],
      selected: null,
      errors: [],
      metadata,
    });
    expect(shown.sources['source.p.raw.users']!.stats['size']).toEqual({
      id: 'size',
      label: 'Size',
      value: 12,
      include: true,
      description: 'bytes',
    });
    expect(shown.sources['source.p.raw.users']!.stats['has_stats']!.value).toBe(true);
    expect(Object.keys(shown.nodes['model.p.orders']!.stats)).toEqual(['has_stats']);
  });

  it('rejects two relations that match one source', () => {
    const twice = [row('orders', 'id', 1), row('ORDERS', 'id', 1)];
    expect(() => buildCatalog({ manifest, rows: twice, selected: null, errors: [], metadata })).toThrow(
      /main\.orders and main\.ORDERS both answer for "source\.p\.raw\.orders"/,
    );
  });

  it('names the key that a macro left out', () => {
    expect(() =>
      buildCatalog({ manifest, rows: [new Map([['table_name', 'x']])], selected: null, errors: [], metadata }),
    ).toThrow(/missing required key 'table_schema'/);
  });

  it('contains the errors of schemas that could not be read', () => {
    expect(
      buildCatalog({ manifest, rows: [], selected: null, errors: ['permission denied'], metadata }).errors,
    ).toEqual(['permission denied']);
  });
});
