// States of nodes are texts in a table of the target, where another user of the database may have written anything: a
// node whose state is invalid runs.
import { describe, expect, it } from 'vitest';
import { readState } from '../../../src/runner/reuse/decide.ts';

const STATE = {
  key: 'k',
  print: { sql: 's', config: 'c', macros: 'm' },
  out: { identity: 'i', counter: null, written: 'w' },
  version: 'shape.rows',
  inputs: { 'model.a.b': 'shape.rows' },
  volatile: null,
  dynamic: false,
  at: 1,
  took: { seconds: 1, rows: null },
  result: { status: 'pass', failures: 0, message: null },
};

describe('a recorded state', () => {
  it('is read', () => {
    expect(readState(JSON.stringify(STATE))).toEqual(STATE);
    expect(readState(JSON.stringify({ ...STATE, out: null, result: null, took: undefined }))).toBeDefined();
  });

  it.each([
    '',
    'null',
    '[]',
    '{}',
    '"x"',
    '['.repeat(100_000),
    ...[
      { print: null },
      { print: [] },
      { inputs: null },
      { inputs: { 'model.a.b': null } },
      { inputs: { 'model.a.b': { slice: 1 } } },
      { version: 5 },
      { out: 'x' },
      { out: undefined },
      { result: true },
      { result: { status: 'pass', failures: { a: 1 }, message: null } },
      { result: { status: 'pass', failures: null, message: ['x'] } },
      { volatile: 1 },
      { at: 'x' },
      { took: null },
      { took: { seconds: '1', rows: null } },
    ].map((change) => JSON.stringify({ ...STATE, ...change })),
  ])('is ignored if it is %.60s', (text) => {
    expect(readState(text)).toBeUndefined();
  });
});
