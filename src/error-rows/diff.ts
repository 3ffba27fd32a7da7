// Errors of comparisons: invalid options, and keys that are not unique.
import { type Facts, row } from './row.ts';

export const DIFF_ERRORS = {
  diffWithWhat: row(
    'T1015',
    'usage',
    () =>
      'Error: Expected either --to-target (compare with another target) or --copies (compare with published copies).',
  ),
  diffOwnTarget: row<Facts<'target'>>(
    'T1016',
    'usage',
    (f) => `Error: '${f.target}' is the current target and cannot be compared with itself.`,
    () => 'Set the other target with --to-target, or the current one with --target.',
  ),
  diffBadLimit: row<Facts<'limit'>>(
    'T1017',
    'usage',
    (f) => `Error: Invalid value for '--limit': ${f.limit}; expected a number of rows, 0 or more.`,
  ),
  diffColumnMissing: row<Facts<'column' | 'columns'>>(
    'T1018',
    'usage',
    (f) => `Error: Column '${f.column}' does not exist on either side.`,
    (f) => `Columns: ${f.columns}.`,
  ),
  diffNothing: row(
    'T1019',
    'usage',
    () => 'Error: No selected node can be compared.',
    () => 'Models (except ephemeral ones), seeds and snapshots can be compared, and publications with --copies.',
  ),
  diffKeyNotCompared: row<Facts<'column' | 'why'>>(
    'T3080',
    'runtime',
    (f) => `The rows cannot be compared by '${f.column}': ${f.why}`,
  ),
  diffWithoutKey: row<Facts<'node'>>(
    'T3081',
    'runtime',
    (f) => `The key of ${f.node} is unknown`,
    () => 'Set its columns with --key, or define a unique_key, a primary_key constraint or a unique test.',
  ),
  diffRelationMissing: row<Facts<'relation'>>('T3082', 'runtime', (f) => `There is no relation ${f.relation}`),
  diffNodeMissing: row<Facts<'node' | 'target'>>(
    'T3083',
    'runtime',
    (f) => `${f.node} is not part of the project in target '${f.target}'`,
  ),
  diffKeyNull: row<Facts<'place' | 'column'>>(
    'T3084',
    'runtime',
    (f) => `The key column '${f.column}' contains nulls ${f.place}, which cannot be compared`,
    () => 'Set another key with --key, or exclude these rows with --where.',
  ),
  diffKeyTwice: row<Facts<'key' | 'place' | 'example'>>(
    'T3085',
    'runtime',
    (f) => `The key ${f.key} is not unique ${f.place}: several rows have ${f.example}`,
    () => 'Set another key with --key.',
  ),
  diffKeyOrder: row<Facts<'key' | 'place'>>(
    'T3086',
    'runtime',
    (f) => `The database ${f.place} does not sort ${f.key} by UTF-8 bytes`,
    () => 'Use a numeric key, which all databases sort in the same order.',
  ),
  diffNoCopy: row<Facts<'publication'>>(
    'T3087',
    'runtime',
    (f) => `${f.publication} is stored in files; only copies in databases can be compared`,
  ),
};
