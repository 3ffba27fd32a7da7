// The lines of `ls`: expectations are real dbt's on the case project of selection.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { listLines } from '../../../../src/pipeline/list.ts';
import type { Manifest } from '../../../../src/contracts/manifest.ts';
import { buildGraph } from '../../../../src/graph/dag.ts';
import { resourceTypesFor } from '../../../../src/graph/resource-types.ts';
import { select } from '../../../../src/graph/selector.ts';

const folder = new URL('../../cases/selection/every-method/expected/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('manifest.json', folder), 'utf8')) as Manifest;
const expected = JSON.parse(readFileSync(new URL('list-outputs.json', folder), 'utf8')) as Record<
  'name' | 'path' | 'selector' | 'json' | 'keys',
  string[]
>;
const { selected } = select(manifest, buildGraph(manifest), {
  includeEmpty: true,
  resourceTypes: resourceTypesFor('list'),
});

describe('listLines', () => {
  it.each(['name', 'path', 'selector'] as const)('prints the %s of each resource', (output) => {
    expect(listLines(manifest, selected, output)).toEqual(expected[output]);
  });

  it('prints JSON with the keys that dbt prints', () => {
    const read = (lines: readonly string[]): unknown[] => lines.map((line) => JSON.parse(line));
    expect(read(listLines(manifest, selected, 'json'))).toEqual(read(expected.json));
  });

  it('prints the requested keys, nested ones with dots', () => {
    expect(
      listLines(manifest, selected, 'json', [
        'name',
        'config.materialized',
        'config.meta.owner',
        'package_name',
        'nothing',
      ]),
    ).toEqual(expected.keys);
  });
});
