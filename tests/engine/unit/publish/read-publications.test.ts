// Tests what `meta.tsdbt.publish` may contain, its defaults, and what is rejected.
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../../src/contracts/node.ts';
import { PUBLICATIONS } from '../../../../src/settings/publication-settings.ts';
import { type Problem, readSetting } from '../../../../src/settings/setting.ts';

/** The problem of a publication that is refused. */
class Refused extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}
const read = (written: Json) =>
  readSetting(PUBLICATIONS, written, {
    refuse: (problem) => {
      throw new Refused(problem);
    },
  });
function problemOf(written: Json): Problem {
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
    expect(read(false)).toEqual([]);
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
  const wrong: [string, Json, keys: (string | number)[], message: string, hint?: string][] = [
    ['a text', 'lookup', [], 'must be a dictionary of to, table, path, format, mode and others, found "lookup"'],
    [
      'an unknown option',
      [{ ...place, modes: 'replace' }],
      [0, 'modes'],
      "unknown key '[0].modes'",
      "did you mean 'mode'?",
    ],
    ['no connection', { table: 't' }, [], "needs 'to': a text", 'Example: publish:'],
    ['no place', { to: 'lookup' }, [], "needs 'table' or 'path'"],
    ['two places', { ...place, path: 'p' }, ['path'], "has 'table' and 'path'", 'Remove one of them.'],
    [
      'a table of three parts',
      { to: 'lookup', table: 'a.b.c' },
      ['table'],
      `'table' must be name or schema.name, found "a.b.c"`,
    ],
    [
      'an unknown mode',
      { ...place, mode: 'upsrt' },
      ['mode'],
      `'mode' must be one of replace, upsert, partitions, append, found "upsrt"`,
      "did you mean 'upsert'?",
    ],
    ['an upsert without a key', { ...place, mode: 'upsert' }, [], "needs 'key' with mode: upsert"],
    ['partitions of nothing', { ...place, mode: 'partitions' }, [], "needs 'partition_by' with mode: partitions"],
    [
      'an unknown partition function',
      { ...place, mode: 'partitions', partition_by: ['week(at)'] },
      ['partition_by'],
      `'partition_by' must be columns, or hour, day, month or year of one, found "week(at)"`,
      'Example: [day(created_at), country].',
    ],
    [
      'retention of a copy',
      { ...place, retention: '90 days' },
      ['retention'],
      `'retention' needs mode: partitions, found "replace"`,
      'Other modes copy all rows.',
    ],
    [
      'retention without a unit',
      { ...place, mode: 'partitions', partition_by: 'day(at)', retention: '90' },
      ['retention'],
      `'retention' must be a duration such as 30s, 5m or 1h30m, found "90"`,
      'Units: ms, s, m, h, d, w, days, weeks',
    ],
    [
      'fewer snapshots than the current one',
      { ...place, snapshots: { keep: 0 } },
      ['snapshots', 'keep'],
      "'snapshots.keep' must be a whole number, 1 or more, found 0",
    ],
    [
      'an age of snapshots without a unit',
      { ...place, snapshots: { older_than: 5 } },
      ['snapshots', 'older_than'],
      "'snapshots.older_than' must be a duration such as 30s, 5m or 1h30m, found 5",
      'A number needs its unit: 5s, 5m or 5h.',
    ],
    [
      'snapshots as a number',
      { ...place, snapshots: 5 },
      ['snapshots'],
      "'snapshots' must be a dictionary of keep, older_than, found 5",
    ],
    ['a column twice', { ...place, key: ['a', 'a'] }, ['key'], `'key' names "a" twice`],
    [
      'a key that is left out',
      { ...place, key: 'id', columns: ['a'] },
      ['columns'],
      "'columns' lacks 'id', which another key names",
      'Columns: a.',
    ],
    ['a text for a truth', { ...place, adopt: 'yes' }, ['adopt'], `'adopt' must be true or false, found "yes"`],
    [
      'a path in the form of a partition',
      { to: 'lake', path: 'marts/day=1' },
      ['path'],
      `'path' must be a path below the bucket, without =, found "marts/day=1"`,
      'Example: marts/sessions.',
    ],
    ['one place twice', [place, place], [1], `'[1]' publishes to "t" of 'lookup' a second time`],
  ];
  for (const [name, written, keys, message, hint] of wrong)
    it(`publish rejects ${name}, with its position`, () => {
      const found = problemOf(written);
      expect({ keys: found.keys, message: found.message }).toEqual({ keys, message });
      expect(found.hint ?? '').toContain(hint ?? '');
    });
});
