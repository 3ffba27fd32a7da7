// Tests how the answer of a second connection to Postgres is interpreted for a silent statement.
import { describe, expect, it } from 'vitest';
import { type AnswerRow, verdictOf, verdictOfFailure } from '../../../../src/adapters/postgres/silent-statement.ts';

const STATEMENT = { processId: 7, sql: 'select 1', age: 100 };
const row = (more: Partial<AnswerRow>): AnswerRow => ({
  asker: 9,
  replica: false,
  tells: true,
  pid: 7,
  own: true,
  state: 'active',
  wait_event: null,
  age: 100,
  ...more,
});
const none = row({ pid: null, own: null, state: null, age: null });
const verdict = (rows: readonly AnswerRow[], asker = 9): unknown[] => {
  const { state, end, undone } = verdictOf(rows, asker, STATEMENT);
  return [state, end ?? null, undone ?? false];
};

describe('the check of a silent Postgres statement', () => {
  it('reports, on a direct connection, that it runs while its process is active, even if it waits for a lock', () => {
    expect(verdict([row({})])).toEqual(['runs', null, false]);
    expect(verdict([row({ wait_event: 'relation' })])).toEqual(['runs', null, false]);
    expect(verdict([row({ pid: 8, state: 'idle' }), row({})])).toEqual(['runs', null, false]);
  });

  it(
    'reports, on a direct connection, that it is gone if its process is missing, idle or waits for the client, ' +
      'and ends that process',
    () => {
      expect(verdict([none])).toEqual(['gone', null, false]);
      expect(verdict([row({ state: 'idle in transaction' })])).toEqual(['gone', 7, true]);
      expect(verdict([row({ state: 'idle' })])).toEqual(['gone', 7, false]);
      expect(verdict([row({ wait_event: 'ClientWrite' })])).toEqual(['gone', 7, false]);
      // A restarted server assigns the same process ids to other sessions.
      expect(verdict([row({ age: 20 })])).toEqual(['gone', null, false]);
      expect(verdict([row({ own: false, state: null })])).toEqual(['gone', null, false]);
    },
  );

  it('reports unknown if the server does not track the activity of its processes', () => {
    expect(verdict([row({ state: 'disabled', tells: false })])).toEqual(['unknown', null, false]);
  });

  it('finds the statement by its text through a pooler, and ends nothing', () => {
    expect(verdict([row({ pid: 30 })], 1)).toEqual(['runs', null, false]);
    expect(verdict([row({ pid: 30, state: 'idle in transaction' })], 1)).toEqual(['gone', null, false]);
    expect(verdict([none], 1)).toEqual(['gone', null, false]);
    expect(verdict([{ ...none, tells: false }], 1)).toEqual(['unknown', null, false]);
    expect(verdict([{ ...none, replica: true }], 1)).toEqual(['unknown', null, false]);
  });

  it('takes a refused connection for a sign of life, but not that of a pooler without a server', () => {
    const refused = (message: string): unknown =>
      verdictOfFailure(Object.assign(new Error(message), { severity: 'FATAL' })).state;
    expect([
      refused('sorry, too many clients already'),
      refused('password authentication failed'),
      refused('the database system is starting up'),
    ]).toEqual(['unknown', 'unknown', 'unknown']);
    expect(refused('server login has been failing, cached error: connect timeout (server_login_retry)')).toBe(
      'unreachable',
    );
    const failed = (message: string, code?: string): unknown =>
      verdictOfFailure(Object.assign(new Error(message), { code })).state;
    expect([
      failed('timeout expired'),
      failed('connect ECONNREFUSED', 'ECONNREFUSED'),
      failed('certificate has expired', 'CERT_HAS_EXPIRED'),
    ]).toEqual(['unreachable', 'unreachable', 'unknown']);
  });
});
