// Tests what `meta.tsdbt.publish` may contain, its defaults, and what is rejected.
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../../src/contracts/node.ts';
import { type PublishProblem, readPublications } from '../../../../src/publish/read-publications.ts';

class Refused extends Error {
  readonly problem: PublishProblem;
  constructor(problem: PublishProblem) {
    super(problem.what);
    this.problem = problem;
  }
}
const read = (written: Json) =>
  readPublications(written, (problem) => {
    throw new Refused(problem);
  });
function problemOf(written: Json): PublishProblem {
  try {
    read(written);
  } catch (error) {
    if (error instanceof Refused) return error.problem;
    throw error;
  }
  throw new Error('was not refused');
}

const COMPLETE = {
  enabled: true,
  to: 'lookup',
  table: 'serving.sessions',
  path: null,
  mode: 'replace',
  key: [],
  order_by: [],
  partition_by: [],
  indexes: [],
  columns: null,
  when: 'green',
  retention: null,
  snapshots: null,
  adopt: false,
};

describe('meta.tsdbt.publish', () => {
  it('is one publication or a list, completed by defaults', () => {
    expect(read({ to: 'lookup', table: 'serving.sessions' })).toEqual([COMPLETE]);
    expect(read([{ to: 'lookup', table: 'serving.sessions' }])).toEqual([COMPLETE]);
    expect(read(null)).toEqual([]);
  });

  it('completes the settings of kept snapshots', () => {
    const [found] = read({ to: 'lookup', table: 'serving.sessions', snapshots: { keep: 3 } });
    expect(found).toEqual({ ...COMPLETE, snapshots: { keep: 3, older_than: null } });
  });

  it('accepts one column instead of a list, and indexes with and without a name', () => {
    const [found] = read({
      to: 'lookup',
      table: 'sessions',
      mode: 'upsert',
      key: 'id',
      indexes: ['name', ['a', 'b'], { columns: 'c', unique: true }],
    });
    expect(found).toEqual({
      ...COMPLETE,
      table: 'sessions',
      mode: 'upsert',
      key: ['id'],
      indexes: [
        { columns: ['name'], unique: false },
        { columns: ['a', 'b'], unique: false },
        { columns: ['c'], unique: true },
      ],
    });
  });

  const place = { to: 'lookup', table: 't' };
  const wrong: [string, Json, PublishProblem][] = [
    [
      'a text',
      'lookup',
      { keys: [], what: 'must be { to: a connection, table: … }, or a list of such, found "lookup"' },
    ],
    [
      'an unknown option',
      [{ ...place, modes: 'replace' }],
      {
        keys: [0, 'modes'],
        what: "has the unknown option 'modes'",
        hint:
          "did you mean 'mode'? Options: to, table, path, format, mode, key, order_by, partition_by, " +
          'indexes, columns, when, retention, snapshots, adopt.',
      },
    ],
    ['no connection', { table: 't' }, { keys: [], what: "needs 'to': the name of a connection of connections.yml" }],
    ['no place', { to: 'lookup' }, { keys: [], what: "needs 'table': name or schema.name, or 'path' in a store" }],
    ['two places', { ...place, path: 'p' }, { keys: ['path'], what: "has 'table' and 'path'; one of them must go" }],
    [
      'a table of three parts',
      { to: 'lookup', table: 'a.b.c' },
      { keys: ['table'], what: `'table' must be name or schema.name, found "a.b.c"` },
    ],
    [
      'an unknown mode',
      { ...place, mode: 'upsrt' },
      {
        keys: ['mode'],
        what: `'mode' must be one of replace, upsert, partitions, append, found "upsrt"`,
        hint: "did you mean 'upsert'? Known: replace, upsert, partitions, append",
      },
    ],
    [
      'an upsert without a key',
      { ...place, mode: 'upsert' },
      { keys: [], what: "of mode upsert needs 'key': the columns that name a row" },
    ],
    [
      'partitions of nothing',
      { ...place, mode: 'partitions' },
      { keys: [], what: "of mode partitions needs 'partition_by': columns, or day(column)" },
    ],
    [
      'a grain that there is not',
      { ...place, mode: 'partitions', partition_by: ['week(at)'] },
      {
        keys: ['partition_by'],
        what: `'partition_by' must hold columns, or hour, day, month or year of one, found "week(at)"`,
        hint: 'Such as: [day(created_at), country].',
      },
    ],
    [
      'retention of a copy',
      { ...place, retention: '90 days' },
      {
        keys: ['retention'],
        what: "has 'retention', which only mode partitions keeps, and its mode is replace",
        hint: 'In the other modes the copy holds what the model holds.',
      },
    ],
    [
      'retention without a unit',
      { ...place, mode: 'partitions', partition_by: 'day(at)', retention: '90' },
      {
        keys: ['retention'],
        what: `'retention' must be a time such as 90 days or 12h, found "90"`,
        hint: 'Units: ms, s, m, h, d, w, days, weeks.',
      },
    ],
    [
      'fewer snapshots than the current one',
      { ...place, snapshots: { keep: 0 } },
      { keys: ['snapshots'], what: "'keep' of 'snapshots' must be a whole number from 1 on, found 0" },
    ],
    [
      'an age of snapshots without a unit',
      { ...place, snapshots: { older_than: 5 } },
      {
        keys: ['snapshots'],
        what: "'older_than' of 'snapshots' must be a time such as 90 days or 12h, found 5",
        hint: 'Units: ms, s, m, h, d, w, days, weeks.',
      },
    ],
    [
      'snapshots as a number',
      { ...place, snapshots: 5 },
      { keys: ['snapshots'], what: "'snapshots' must be { keep: 10, older_than: 5d }, found 5" },
    ],
    ['a column twice', { ...place, key: ['a', 'a'] }, { keys: ['key'], what: "'key' has the column 'a' twice" }],
    [
      'a key that is left out',
      { ...place, key: 'id', columns: ['a'] },
      {
        keys: ['columns'],
        what: "leaves the column 'id' out of 'columns' and uses it",
        hint: 'Columns: a.',
      },
    ],
    [
      'a text for a truth',
      { ...place, adopt: 'yes' },
      { keys: ['adopt'], what: `'adopt' must be true or false, found "yes"` },
    ],
    [
      'a path in the form of a partition',
      { to: 'lake', path: 'marts/day=1' },
      {
        keys: ['path'],
        what: `'path' must not hold '=', found "marts/day=1"`,
        hint: "Folders with '=' are those of 'partition_by': files of two copies would mix.",
      },
    ],
    ['one place twice', [place, place], { keys: [1], what: "publishes to 't' of 'lookup' a second time" }],
  ];
  for (const [name, written, problem] of wrong)
    it(`rejects ${name}, with its position`, () => {
      expect(problemOf(written)).toEqual(problem);
    });
});
