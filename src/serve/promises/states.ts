// The promises as a page and a metric show them, of a look or of verdicts alone.
import type { PromiseState } from '../live.ts';
import type { Incident } from '../store/store.ts';
import { percent } from './evaluate.ts';
import type { Verdict } from './promise.ts';
import { durationText } from './sla.ts';

/** @param incidents that are open */
export function promiseStates(verdicts: readonly Verdict[], incidents: readonly Incident[]): PromiseState[] {
  const since = new Map(incidents.map(({ key, openedAt }) => [key, openedAt]));
  return verdicts.map(({ promised: { key, subject, terms }, state, reason, limit }) => {
    const opened = since.get(key) ?? null;
    return {
      subject: subject.id,
      promise: terms.kind === 'success' ? 'success rate' : terms.kind,
      limit: limitInWords(terms.kind, limit),
      value: state === 'unknown' ? null : reason,
      // Held back as a flap until it has been found as often as the promise says.
      state: state === 'broken' && opened === null ? 'breaking' : state,
      since: opened,
      owner: subject.owner,
    };
  });
}

function limitInWords(kind: Verdict['promised']['terms']['kind'], limit: number | null): string {
  if (limit === null) return 'succeeds';
  return kind === 'success' ? `at least ${percent(limit)}` : `at most ${durationText(limit)}`;
}
