// The states of SLAs for a page or a metric, from a check or from verdicts alone.
import type { PromiseState } from '../live-state.ts';
import type { Incident } from '../store/serve-store.ts';
import { percent } from './evaluate-sla.ts';
import type { Verdict } from './sla-types.ts';
import { durationText } from '../../values/duration.ts';

/** Names of SLAs that differ from their kind. */
const PROMISES: Readonly<Record<string, string>> = { success: 'success rate', failed: 'no failure', late: 'in time' };

/** @param incidents the open ones */
export function promiseStates(verdicts: readonly Verdict[], incidents: readonly Incident[]): PromiseState[] {
  const known = new Map(incidents.map((incident) => [incident.key, incident]));
  return verdicts.map(({ promised: { key, subject, terms }, state, reason, limit }) => {
    const incident = known.get(key);
    const opened = incident?.openedAt ?? null;
    return {
      subject: subject.id,
      promise: PROMISES[terms.kind] ?? terms.kind,
      limit: limitInWords(terms.kind, limit),
      value: state === 'unknown' ? null : reason,
      // Suppressed as flapping until it has been found as often as the SLA requires.
      state: state === 'broken' && opened === null ? 'breaking' : state,
      since: opened,
      owner: subject.owner,
      // An incident that is about to close keeps the reason for which it was opened.
      incident:
        incident === undefined
          ? null
          : { id: incident.id, reason: state === 'broken' ? `${subject.shown}: ${reason}` : incident.reason },
    };
  });
}

function limitInWords(kind: Verdict['promised']['terms']['kind'], limit: number | null): string {
  if (limit === null) return 'succeeds';
  return kind === 'success' ? `at least ${percent(limit)}` : `at most ${durationText(limit)}`;
}
