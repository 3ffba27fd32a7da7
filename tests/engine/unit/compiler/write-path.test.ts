// Where compiled SQL is written. Expected paths are those of dbt-core 1.12.6 (get_target_write_path).
import { expect, it } from 'vitest';
import { writePath } from '../../../../src/compiler/write-path.ts';
import type { GraphNode } from '../../../../src/contracts/node.ts';

const node = (fields: object): GraphNode =>
  ({
    resource_type: 'model',
    package_name: 'p',
    name: 'a',
    path: 'staging/a.sql',
    original_file_path: 'models/staging/a.sql',
    ...fields,
  }) as GraphNode;

it.each([
  ['a model has its own file', node({}), 'compiled', 'target/compiled/p/models/staging/a.sql'],
  [
    'a test of a properties file stands below it',
    node({ resource_type: 'test', path: 'not_null_a_id.sql', original_file_path: 'models/_m.yml' }),
    'compiled',
    'target/compiled/p/models/_m.yml/not_null_a_id.sql',
  ],
  [
    'a snapshot stands below its file even when named as it',
    node({ resource_type: 'snapshot', name: 's', path: 's.sql', original_file_path: 'snapshots/s.sql' }),
    'run',
    'target/run/p/snapshots/s.sql/s.sql',
  ],
] as const)('writePath follows dbt: %s', (_what, n, folder, expected) => {
  expect(writePath(n, 'target', folder)).toBe(expected);
});

it.each([
  [
    'the path of a source',
    { original_file_path: '../../../outside/a.sql', path: 'a.sql' },
    'target/compiled/p/outside/a.sql',
  ],
  [
    'the name of a test',
    { resource_type: 'test', path: '../../../../../outside.sql', original_file_path: 'models/_m.yml' },
    'target/compiled/p/models/_m.yml/outside.sql',
  ],
  [
    'the name of a snapshot',
    { resource_type: 'snapshot', name: '../../../../../outside', path: 's.sql', original_file_path: 'snapshots/s.yml' },
    'target/compiled/p/snapshots/s.yml/outside.sql',
  ],
  [
    'a shared folder beside the project, which stays below target/',
    { original_file_path: '../shared/a.sql', path: 'a.sql' },
    'target/compiled/p/../shared/a.sql',
  ],
])('writePath keeps %s inside the target folder', (_what, fields, expected) => {
  expect(writePath(node(fields), 'target', 'compiled')).toBe(expected);
});

it('writePath gives a batch a separate file', () => {
  expect(writePath(node({}), '/abs/target', 'run', '2024-01-01')).toBe(
    '/abs/target/run/p/models/staging/a/a_2024-01-01.sql',
  );
});
