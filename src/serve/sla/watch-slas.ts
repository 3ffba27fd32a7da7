// Checks SLAs repeatedly, and maintains their incidents: flapping opens none, a missed SLA opens one, which is repeated
// hourly and closed when it is met again. The alerts decide which channels are notified, and how.
import type { Incident, Moment, Store } from '../store/serve-store.ts';
import { evaluate } from './evaluate-sla.ts';
import { type DueBefore, FactFinder, isMeasured, type Measure, type PromiseHistory } from './sla-facts.ts';
import type { Promised, Verdict } from './sla-types.ts';

export type PromiseStore = PromiseHistory & Pick<Store, 'openIncidents' | 'openIncident' | 'closeIncident'>;

/** An open incident. */
export interface OpenIncident {
  readonly incident: Incident;
  /** The verdict of the current check. */
  readonly verdict: Verdict;
  /** What to report in this check: `opened`, `repeated 2`; null: nothing new. */
  readonly occasion: string | null;
  /** Number of checks by this process that found it missed. */
  readonly times: number;
}

/** An incident that this check has closed. @param verdict null: the SLA was removed */
export interface ClosedIncident {
  readonly incident: Incident;
  readonly verdict: Verdict | null;
}

export interface Look {
  readonly at: Moment;
  readonly verdicts: readonly Verdict[];
  readonly open: readonly OpenIncident[];
  readonly recovered: readonly ClosedIncident[];
}

export interface WatchOptions {
  readonly store: PromiseStore;
  readonly measure: Measure;
  readonly dueBefore: DueBefore;
  /** Milliseconds after which an open incident is reported again. */
  readonly repeatMs?: number;
  /**
   * Called before an incident is closed, so that the message is recorded even if this process ends in between: the next
   * process closes it again.
   */
  readonly closing?: (closed: ClosedIncident) => Promise<void>;
}

const HOUR_MS = 3_600_000;

/** Number of consecutive checks that found an SLA in one state. */
interface Streak {
  readonly state: 'kept' | 'broken';
  readonly count: number;
}

export class Watch {
  readonly #options: WatchOptions;
  readonly #facts: FactFinder;
  readonly #streaks = new Map<string, Streak>();
  /** By incident: the last reported occasion. */
  readonly #told = new Map<string, number>();

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#facts = new FactFinder(options.store, options.measure, options.dueBefore);
  }

  /**
   * Checks all SLAs once. To be called every `LOOK_MS`, also after an error.
   * @throws if the database is unavailable
   */
  async look(promises: readonly Promised[]): Promise<Look> {
    const { store } = this.#options;
    const { facts, fresh } = await this.#facts.gather(promises);
    const verdicts = evaluate(promises, facts);
    const incidents = new Map((await store.openIncidents()).map((incident) => [incident.key, incident]));
    const [open, recovered]: [OpenIncident[], ClosedIncident[]] = [[], []];
    for (const verdict of verdicts) {
      const { key } = verdict.promised;
      // A measurement counts as one check, however often it is read.
      const counts = !isMeasured(verdict.promised) || fresh.has(key);
      const streak = this.#note(verdict, counts);
      let incident = incidents.get(key);
      if (incident === undefined && verdict.state === 'broken' && streak.count >= verdict.looks)
        incident = (await store.openIncident(key, `${verdict.promised.subject.shown}: ${verdict.reason}`)).incident;
      if (incident !== undefined) {
        const kept = verdict.state === 'kept' && streak.state === 'kept' && streak.count >= verdict.looks;
        if (kept) recovered.push(await this.#close(incident, verdict));
        else
          open.push({
            incident,
            verdict,
            occasion: this.#occasion(incident, facts.now),
            times: streak.state === 'broken' ? streak.count : 0,
          });
      }
      if (counts) this.#facts.plan(verdict, incident !== undefined || streak.state === 'broken', facts.now);
    }
    const keys = new Set(verdicts.map(({ promised }) => promised.key));
    for (const incident of incidents.values())
      if (isOfPromise(incident.key) && !keys.has(incident.key)) recovered.push(await this.#close(incident, null));
    return { at: facts.now, verdicts, open, recovered };
  }

  #note({ promised: { key }, state }: Verdict, counts: boolean): Streak {
    const before = this.#streaks.get(key) ?? { state: 'kept', count: 0 };
    if (state === 'unknown' || !counts) return before;
    const streak = { state, count: before.state === state ? before.count + 1 : 1 };
    this.#streaks.set(key, streak);
    return streak;
  }

  /** A new process reports again what another may have left unreported. The alerts know what was already sent. */
  #occasion({ id, openedAt }: Incident, now: Moment): string | null {
    const number = Math.max(0, Math.floor((now - openedAt) / (this.#options.repeatMs ?? HOUR_MS)));
    if (this.#told.get(id) === number) return null;
    this.#told.set(id, number);
    return number === 0 ? 'opened' : `repeated ${number}`;
  }

  async #close(incident: Incident, verdict: Verdict | null): Promise<ClosedIncident> {
    const closed = { incident, verdict };
    await this.#options.closing?.(closed);
    await this.#options.store.closeIncident(incident.id);
    this.#told.delete(incident.id);
    return closed;
  }
}

/** Whether an SLA opened the incident with this key. Others may open incidents, too. */
function isOfPromise(key: string): boolean {
  return key.startsWith('sla:') || /^job:.*:(failed|late)$/s.test(key);
}
