// Tests the state folder: manifests of older dbts are converted, missing files are undefined, broken ones cause an
// error, and source_status: reads both sides.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../../src/contracts/manifest.ts';
import { type PreviousState, sourceStatusMatches } from '../../../../src/graph/state-methods.ts';
import { previousState } from '../../../../src/state/previous-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'previous-state-'));
let isRunning = false;
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  for (const name of ['manifest.json', 'run_results.json', 'run.journal', 'sources.json'])
    rmSync(join(folder, name), { force: true });
  isRunning = false;
});

const open = (flags: { readonly [name: string]: unknown } = {}): PreviousState =>
  previousState({
    folder,
    projectRoot: '/',
    targetPath: folder,
    dbtVersion: '1.12.6',
    isRunning: () => isRunning,
    enforcedConstraints: new Set(),
    now: 0,
    flags,
  });
const write = (name: string, value: unknown): void =>
  writeFileSync(join(folder, name), typeof value === 'string' ? value : JSON.stringify(value));
const metadata = (kind: string, version: number, dbt = '1.3.0'): unknown => ({
  dbt_schema_version: `https://schemas.getdbt.com/dbt/${kind}/v${version}.json`,
  dbt_version: dbt,
});

function manifestOf(
  version: number,
  groups: object,
  dbt?: string,
  flags?: { readonly [name: string]: unknown },
): Manifest {
  write('manifest.json', { metadata: metadata('manifest', version, dbt), ...groups });
  const { manifest } = open(flags);
  if (manifest === undefined) throw new Error('no manifest');
  return manifest;
}

describe('the manifest of a state folder', () => {
  it('has empty groups if its version did not have them', () => {
    const { unit_tests, saved_queries, functions, groups } = manifestOf(7, { nodes: {} });
    expect({ unit_tests, saved_queries, functions, groups }).toEqual({
      unit_tests: {},
      saved_queries: {},
      functions: {},
      groups: {},
    });
  });

  it('has code and refs in the current fields, and a seed has no SQL fields', () => {
    const { nodes, exposures } = manifestOf(6, {
      nodes: {
        'model.p.a': {
          resource_type: 'model',
          raw_sql: 'select 1',
          compiled_sql: 'select 2',
          refs: [['b'], ['q', 'c']],
        },
        'seed.p.s': { resource_type: 'seed', raw_sql: '', compiled: true, relation_name: 'x', refs: [] },
      },
      exposures: { 'exposure.p.e': { refs: [['a']] } },
    });
    expect(nodes['model.p.a']).toMatchObject({
      raw_code: 'select 1',
      compiled_code: 'select 2',
      language: 'sql',
      refs: [
        { package: null, name: 'b', version: null },
        { package: 'q', name: 'c', version: null },
      ],
    });
    expect(nodes['seed.p.s']).toEqual({ resource_type: 'seed', raw_sql: '', raw_code: '' });
    expect(exposures['exposure.p.e']?.refs).toEqual([{ package: null, name: 'a', version: null }]);
  });

  it('has no metrics from before version 10, and their filters as lists since', () => {
    const metrics = {
      'metric.p.m': {
        filter: { where_sql_template: 'x' },
        type_params: { measure: { filter: { where_sql_template: 'y' } } },
      },
    };
    expect(manifestOf(9, { metrics }).metrics).toEqual({});
    expect(manifestOf(10, { metrics }).metrics['metric.p.m']).toEqual({
      filter: { where_filters: [{ where_sql_template: 'x' }] },
      type_params: { measure: { filter: { where_filters: [{ where_sql_template: 'y' }] } } },
    });
  });

  it('has the config of a model as written, whatever an older dbt kept of it', () => {
    const nodes = {
      'model.p.a': {
        resource_type: 'model',
        raw_code: "{{ config(materialized=env_var('X')) }} select 1",
        unrendered_config: { materialized: 'view', tags: ['t'] },
      },
    };
    const of = (dbt: string, flags?: { readonly [name: string]: unknown }): unknown =>
      manifestOf(12, { nodes }, dbt, flags).nodes['model.p.a']?.unrendered_config;
    expect(of('1.9.0')).toEqual({ materialized: "env_var('X')", tags: ['t'] });
    expect(of('1.12.6')).toEqual({ materialized: 'view', tags: ['t'] });
    expect(of('1.9.0', { state_modified_compare_more_unrendered_values: false })).toEqual({
      materialized: 'view',
      tags: ['t'],
    });
  });

  it('is undefined if it is missing, and an error if it is invalid', () => {
    expect(open().manifest).toBeUndefined();
    write('manifest.json', '{"nodes": ');
    expect(() => open().manifest).toThrow(
      `Could not read WritableManifest at "${join(folder, 'manifest.json')}" as JSON`,
    );
    for (const [value, found] of [
      [{ metadata: metadata('manifest', 3) }, '"https://schemas.getdbt.com/dbt/manifest/v3.json"'],
      [{}, 'nothing'],
      [{ metadata: metadata('catalog', 12) }, '"https://schemas.getdbt.com/dbt/catalog/v12.json"'],
    ] as const) {
      write('manifest.json', value);
      expect(() => open().manifest).toThrow(
        'Expected a schema version of "https://schemas.getdbt.com/dbt/manifest/v12.json" in ' +
          `${join(folder, 'manifest.json')}, but found ${found}. Are you running with a different version of dbt?`,
      );
    }
  });
});

describe('the results of a state folder', () => {
  const start = {
    k: 'start',
    invocation_id: 'i',
    command: 'run',
    args: {},
    started_at: '2026-01-01T00:00:00Z',
    pid: 7,
    selected: ['model.p.a', 'model.p.b', 'model.p.c'],
  };
  const journal = [
    start,
    { k: 'begin', id: 'model.p.a', at: '' },
    { k: 'result', result: { unique_id: 'model.p.a', status: 'success' } },
    { k: 'begin', id: 'model.p.b', at: '' },
  ]
    .map((line) => JSON.stringify(line))
    .join('\n');
  const found = (): unknown => open().results?.map(({ unique_id, status }) => [unique_id, status]);

  it('are those of the journal if the run was killed, but not if it is running or has ended', () => {
    write('run_results.json', {
      metadata: metadata('run-results', 5),
      args: {},
      results: [{ unique_id: 'model.p.z', status: 'error' }],
    });
    expect(found()).toEqual([['model.p.z', 'error']]);
    write('run.journal', `${journal}\n{"k":"beg`);
    expect(found()).toEqual([
      ['model.p.a', 'success'],
      ['model.p.b', 'error'],
      ['model.p.c', 'skipped'],
    ]);
    isRunning = true;
    expect(found()).toEqual([['model.p.z', 'error']]);
    isRunning = false;
    write('run.journal', `${journal}\n{"k":"end","at":"","elapsed":1}\n`);
    expect(found()).toEqual([['model.p.z', 'error']]);
  });

  it('are undefined if nothing ran', () => {
    expect(open().results).toBeUndefined();
  });
});

describe('source_status:fresher', () => {
  const state = (before: object[], now: object[]): PreviousState =>
    ({ ...open(), sources: before, currentSources: now }) as unknown as PreviousState;
  const fresher = (before: [string, string?][], now: [string, string?][]): string[] => {
    const list = (items: [string, string?][]): object[] =>
      items.map(([unique_id, max_loaded_at]) =>
        max_loaded_at === undefined ? { unique_id, status: 'runtime error' } : { unique_id, max_loaded_at },
      );
    const matches = sourceStatusMatches('fresher', state(list(before), list(now)));
    return now.map(([id]) => id).filter((id) => matches({} as never, id));
  };

  it('selects a source with newer data or a first measurement, but none without a measurement', () => {
    expect(
      fresher(
        [
          ['older', '2026-01-01T00:00:00Z'],
          ['same', '2026-01-01T00:00:00Z'],
          ['fraction', '2026-01-01T00:00:00Z'],
          ['failed'],
          ['fails', '2026-01-01T00:00:00Z'],
        ],
        [
          ['older', '2026-01-02T00:00:00Z'],
          ['same', '2026-01-01T00:00:00Z'],
          ['fraction', '2026-01-01T00:00:00.000001Z'],
          ['failed', '2026-01-01T00:00:00Z'],
          ['fails'],
          ['new', '2025-01-01T00:00:00Z'],
        ],
      ),
    ).toEqual(['older', 'fraction', 'failed', 'new']);
  });

  it('needs both measurements', () => {
    expect(() => sourceStatusMatches('fresher', undefined)).toThrow(
      'No previous state comparison freshness results in sources.json',
    );
    expect(() => sourceStatusMatches('fresher', { ...state([], []), currentSources: undefined })).toThrow(
      'No current state comparison freshness results in sources.json',
    );
  });
});
