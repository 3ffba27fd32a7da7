// Looks at promises again and again, and keeps their incidents: a flap opens none, a broken promise opens one, repeated
// hourly, closed when it is kept again. Who is told, and how, is left to the alarms.
import type { Incident, Moment, Store } from '../store/store.ts';
import { evaluate } from './evaluate.ts';
import { type DueBefore, FactFinder, isMeasured, type Measure, type PromiseHistory } from './facts.ts';
import type { Promised, Verdict } from './promise.ts';

export type PromiseStore = PromiseHistory & Pick<Store, 'openIncidents' | 'openIncident' | 'closeIncident'>;

/** An incident that is open. */
export interface OpenIncident {
  readonly incident: Incident;
  /** What the look says now. */
  readonly verdict: Verdict;
  /** What there is to tell in this look: `opened`, `repeated 2`; null: nothing new. */
  readonly occasion: string | null;
  /** Looks of this process in which it was broken. */
  readonly times: number;
}

/** An incident that this look has closed. @param verdict null: it is promised no longer */
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
  /** Milliseconds after which an open incident is told again. */
  readonly repeatMs?: number;
  /**
   * Called before an incident is closed, so that the message is noted even if this process ends between: the next one
   * closes it again.
   */
  readonly closing?: (closed: ClosedIncident) => Promise<void>;
}

const HOUR_MS = 3_600_000;

/** How often in turn a promise was found in one state. */
interface Streak {
  readonly state: 'kept' | 'broken';
  readonly count: number;
}

export class Watch {
  readonly #options: WatchOptions;
  readonly #facts: FactFinder;
  readonly #streaks = new Map<string, Streak>();
  /** By incident: the last occasion that was told. */
  readonly #told = new Map<string, number>();

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#facts = new FactFinder(options.store, options.measure, options.dueBefore);
  }

  /**
   * One look at all promises. Call it every `LOOK_MS`; after an error, too.
   * @throws when the database is away
   */
  async look(promises: readonly Promised[]): Promise<Look> {
    const { store } = this.#options;
    const { facts, fresh } = await this.#facts.gather(promises);
    const verdicts = evaluate(promises, facts);
    const incidents = new Map((await store.openIncidents()).map((incident) => [incident.key, incident]));
    const [open, recovered]: [OpenIncident[], ClosedIncident[]] = [[], []];
    for (const verdict of verdicts) {
      const { key } = verdict.promised;
      // A measurement is one look, however often it is read.
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

  /** A process that starts tells again what another may have left untold; who was told already is the alarms'. */
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

/** Whether promises opened the incident of this key: others may open incidents of their own. */
function isOfPromise(key: string): boolean {
  return key.startsWith('sla:') || /^job:.*:(failed|late)$/s.test(key);
}
