// Spellings of config and properties on which random projects differed from dbt's manifest
// (tests/oracle/fuzz/parse.mjs). The expectations are dbt's.
import { describe, expect, it } from 'vitest';
import { parseFiles } from '../../support/parse.ts';

const model = { 'models/m.sql': 'select 1 as id' };
const nodeWhere = async (files: Record<string, string>, name: string, configs: object = {}) => {
  const { manifest } = await parseFiles(
    { ...model, ...files },
    { project: { configs: configs as Record<string, never> } },
  );
  return Object.values(manifest.nodes).find((node) => node.name === name);
};

describe('config', () => {
  it('falls back to the default in the artifact when an option with a default is set to null', async () => {
    const node = await nodeWhere({ 'tests/t.sql': "{{ config(schema=none) }} select * from {{ ref('m') }}" }, 't');
    expect([node?.config['schema'], node?.schema]).toEqual(['dbt_test__audit', 'sch']);
  });

  it('may be invalid for a folder if each node overrides it', async () => {
    const { manifest } = await parseFiles(
      { ...model, 'models/s.yml': 'sources: [{name: s, tags: [b], tables: [{name: t}]}]' },
      { project: { configs: { sources: { '+tags': 'a' } } } },
    );
    expect(manifest.sources['source.p.s.t']?.tags).toEqual(['b']);
  });

  it('does not apply hooks of models to groups', async () => {
    const { manifest } = await parseFiles(
      { ...model, 'models/g.yml': 'groups: [{name: g, owner: {name: a}}]' },
      { project: { configs: { models: { '+post-hook': 'select 1', '+x': 1 } } } },
    );
    expect(manifest.groups['group.p.g']?.config).toEqual({ meta: {}, x: 1 });
  });

  it('of a test ignores a false at the top level if there is a config', async () => {
    const yaml =
      'models: [{name: m, columns: [{name: id, tests: [{unique: {name: u, store_failures: false, config: ' +
      '{severity: warn}}}]}]}]';
    const node = await nodeWhere({ 'models/m.yml': yaml }, 'u');
    expect([node?.config['store_failures'], node?.config['severity']]).toEqual([null, 'warn']);
  });
});

describe('a source', () => {
  it('completes the partitions of an external table', async () => {
    const yaml =
      'sources: [{name: s, tables: [{name: t, external: {location: x, partitions: [{name: d, data_type: date}]}}]}]';
    const { manifest } = await parseFiles({ ...model, 'models/s.yml': yaml });
    expect(manifest.sources['source.p.s.t']?.external).toMatchObject({
      partitions: [{ name: 'd', data_type: 'date', description: '', meta: {} }],
    });
  });
});
