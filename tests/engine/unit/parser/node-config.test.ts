// Tests how configs of several levels are merged. The expected values are dbt's.
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../../src/contracts/node.ts';
import { configLevels, Configs, mergeConfigCall } from '../../../../src/parser/config/node-config.ts';
import { newProject } from '../../support/parse.ts';

const project = (models: Json) => newProject('p', { configs: { models } });
const model = (models: Json, patch: object = {}, call: object = {}, root = project(models)) =>
  new Configs().calculate({
    kind: 'model',
    section: 'models',
    fqn: ['p', 'staging', 'm'],
    project: project(models),
    root,
    patch: { ...patch },
    call: { ...call },
  });

describe('configLevels', () => {
  it('returns the settings for a path, widest first, with and without +', () => {
    const tree = {
      '+tags': 'a',
      materialized: 'view',
      p: { '+meta': { x: 1 }, staging: { enabled: false, m: { '+alias': 'n' } }, other: { '+tags': 'b' } },
    };
    expect(configLevels(tree, ['p', 'staging', 'm'])).toEqual([
      { tags: 'a', materialized: 'view' },
      { meta: { x: 1 } },
      { enabled: false },
      { alias: 'n' },
    ]);
  });
});

describe('Configs', () => {
  it('prefers the nearest setting: file, YAML, folder, project', () => {
    const tree = { '+materialized': 'view', p: { staging: { '+materialized': 'table' } } };
    expect(model(tree)['materialized']).toBe('table');
    expect(model(tree, { materialized: 'ephemeral' })['materialized']).toBe('ephemeral');
    expect(model(tree, { materialized: 'ephemeral' }, { materialized: 'incremental' })['materialized']).toBe(
      'incremental',
    );
  });

  it('appends tags and hooks, and merges meta and docs', () => {
    const config = model(
      { '+tags': 'a', '+meta': { x: 1, y: 1 }, '+pre-hook': 'one', p: { '+tags': ['b'], '+docs': { show: false } } },
      { tags: 'c', meta: { y: 2 } },
      { pre_hook: ['two', { sql: 'three', transaction: false }] },
    );
    expect(config).toMatchObject({
      tags: ['a', 'b', 'c'],
      meta: { x: 1, y: 2 },
      docs: { show: false, node_color: null },
      'pre-hook': [
        { sql: 'one', transaction: true, index: null },
        { sql: 'two', transaction: true, index: null },
        { sql: 'three', transaction: false, index: null },
      ],
    });
  });

  it('replaces grants, or extends those with a +', () => {
    const tree = { '+grants': { select: ['a'], insert: 'w' } };
    expect(model(tree, {}, { grants: { '+select': 'b', insert: ['x'] } })['grants']).toEqual({
      select: ['a', 'b'],
      insert: ['x'],
    });
  });

  it('prefers the root project to a package', () => {
    const root = newProject('root', { configs: { models: { p: { '+materialized': 'table' } } } });
    expect(model({ '+materialized': 'view' }, {}, { materialized: 'incremental' }, root)['materialized']).toBe('table');
  });

  it('keeps unknown keys', () => {
    expect(model({ '+indexes': [{ columns: ['a'] }] }, { custom: 1 })).toMatchObject({
      indexes: [{ columns: ['a'] }],
      custom: 1,
    });
  });

  it('drops unknown keys inside the known sections', () => {
    expect(
      model(
        { '+docs': { of: 'us' } },
        { contract: { enforce: true }, latest_version_pointer: { enabled: false, y: 2 } },
      ),
    ).toMatchObject({
      docs: { show: true, node_color: null },
      contract: { enforced: false, alias_types: true },
      latest_version_pointer: { enabled: false, alias: null },
    });
    expect(model({}, { contract: { enforce: true } })['contract']).toEqual({ enforced: false, alias_types: true });
  });

  it('accepts CSS colour names and hexadecimal codes', () => {
    const color = (node_color: string) => model({ '+docs': { node_color } })['docs'];
    expect(color('RebeccaPurple')).toEqual({ show: true, node_color: 'RebeccaPurple' });
    expect(color('#aBc')).toEqual({ show: true, node_color: '#aBc' });
    expect(() => color('notacolor')).toThrow(
      'Invalid color name for docs.node_color: notacolor. It is neither a valid HTML color name nor a valid HEX code.',
    );
  });

  it('derives how test failures are stored', () => {
    const test = (call: object) =>
      new Configs().calculate({
        kind: 'test',
        section: 'tests',
        fqn: ['p', 't'],
        project: project({}),
        root: project({}),
        call: { ...call },
      });
    expect(test({ store_failures: true })).toMatchObject({ store_failures: true, store_failures_as: 'table' });
    expect(test({ store_failures: false })).toMatchObject({ store_failures_as: 'ephemeral' });
    expect(test({ store_failures: false, store_failures_as: 'view' })).toMatchObject({
      store_failures: true,
      store_failures_as: 'view',
    });
    expect(test({})).toMatchObject({ store_failures: null, store_failures_as: null, schema: 'dbt_test__audit' });
  });
});

describe('mergeConfigCall', () => {
  it('merges two config() calls of one file', () => {
    const config = {};
    mergeConfigCall(config, { tags: 'a', meta: { x: 1 }, grants: { select: ['a'] }, materialized: 'view' });
    mergeConfigCall(config, { tags: ['b'], meta: { y: 2 }, grants: { insert: 'b' }, materialized: 'table' });
    expect(config).toEqual({
      tags: ['a', 'b'],
      meta: { x: 1, y: 2 },
      grants: { select: ['a'], insert: ['b'] },
      materialized: 'table',
    });
  });
});
