// Verdicts in the words of a page: one that is broken is breaking until its incident opens.
import { expect, it } from 'vitest';
import type { PromiseTerms, Verdict } from '../../../../../src/serve/sla/sla-types.ts';
import { promiseStates } from '../../../../../src/serve/sla/sla-states.ts';

const verdict = (state: Verdict['state'], terms: PromiseTerms, limit: number | null): Verdict => ({
  promised: {
    key: `k:${terms.kind}`,
    subject: { kind: 'job', id: 'fast', shown: 'job fast', owner: 'ann', path: 'jobs.yml', line: 1 },
    terms,
    looks: 2,
  },
  state,
  reason: `so ${state}`,
  value: null,
  limit,
  looks: 2,
  breaksAt: null,
});

it("an objective's state has its terms, its value, and since when it is broken", () => {
  const late = verdict('broken', { kind: 'late', maxMs: 120_000 }, 120_000);
  const success = verdict('broken', { kind: 'success', min: 0.99, overMs: 1 }, 0.99);
  const failed = verdict('unknown', { kind: 'failed', retries: { times: 0, backoffMs: 0 } }, null);
  const incident = { id: 'i', key: 'k:late', openedAt: 7, closedAt: null, reason: 'r' };
  const same = { subject: 'fast', owner: 'ann', incident: null };
  const open = { id: 'i', reason: 'job fast: so broken' };
  expect(promiseStates([late, success, failed], [incident])).toEqual([
    { ...same, promise: 'in time', limit: 'at most 2m', value: 'so broken', state: 'broken', since: 7, incident: open },
    { ...same, promise: 'success rate', limit: 'at least 99%', value: 'so broken', state: 'breaking', since: null },
    { ...same, promise: 'no failure', limit: 'succeeds', value: null, state: 'unknown', since: null },
  ]);
  const [closing] = promiseStates([{ ...late, state: 'kept' }], [incident]);
  expect(closing?.incident).toEqual({ id: 'i', reason: 'r' });
});
