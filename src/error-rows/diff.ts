// Errors of comparisons: invalid options, and keys that are not unique.
import { type Facts, row } from './row.ts';

export const DIFF_ERRORS = {
  diffWithWhat: row(
    'T1015',
    'usage',
    () => 'Error: Expected either --to-target, the target to compare with, or --copies, to compare with publications.',
  ),
  diffOwnTarget: row<Facts<'target'>>(
    'T1016',
    'usage',
    (f) => `Error: '${f.target}' is the target itself: there is nothing to compare it with.`,
    () => 'Name the other one with --to-target, or this one with --target.',
  ),
  diffBadLimit: row<Facts<'limit'>>(
    'T1017',
    'usage',
    (f) => `Error: Invalid value for '--limit': ${f.limit} is not a number of rows, 0 or more.`,
  ),
  diffColumnMissing: row<Facts<'column' | 'columns'>>(
    'T1018',
    'usage',
    (f) => `Error: There is no column '${f.column}' on either side.`,
    (f) => `Columns: ${f.columns}.`,
  ),
  diffNothing: row(
    'T1019',
    'usage',
    () => 'Error: Nothing is selected that could be compared.',
    () => 'Models that are not ephemeral, seeds and snapshots are compared; with --copies publications.',
  ),
  diffKeyNotCompared: row<Facts<'column' | 'why'>>(
    'T3080',
    'runtime',
    (f) => `The rows cannot be compared by '${f.column}': ${f.why}`,
  ),
  diffWithoutKey: row<Facts<'node'>>(
    'T3081',
    'runtime',
    (f) => `No key of ${f.node} is known`,
    () => 'Name its columns with --key; a unique_key, a primary_key or a test of uniqueness would tell.',
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
    (f) => `The key has a null ${f.place}, in '${f.column}': such rows cannot be compared`,
    () => 'Another key is named with --key; --where leaves rows out.',
  ),
  diffKeyTwice: row<Facts<'key' | 'place' | 'example'>>(
    'T3085',
    'runtime',
    (f) => `The key ${f.key} is not unique ${f.place}: several rows have ${f.example}`,
    () => 'Another key is named with --key.',
  ),
  diffKeyOrder: row<Facts<'key' | 'place'>>(
    'T3086',
    'runtime',
    (f) => `The database ${f.place} does not sort ${f.key} by the bytes of UTF-8`,
    () => 'A key of numbers is sorted alike everywhere.',
  ),
  diffNoCopy: row<Facts<'publication'>>(
    'T3087',
    'runtime',
    (f) => `${f.publication} is in files: only copies in databases are compared`,
  ),
};
