// Tells that the database is away, which no other alarm can: their incidents lie in it. What was told is known to this
// process alone, so that each host tells for itself. Alarms deliver it like any other.
import { randomUUID } from 'node:crypto';
import { LOOK_MS } from '../promises/facts.ts';
import type { Incident } from '../store/store.ts';
import type { Trouble } from './alarm.ts';
import type { Alarms, AlarmsOptions } from './alarms.ts';
import type { AlarmClock } from './delivery.ts';

/** The incident of a database that does not answer. */
export const DATABASE_AWAY = 'database:away';

export interface AwayAlarmsOptions {
  /** Milliseconds that the database may be away before anybody is told. */
  readonly graceMs: number;
  /** Names this host and process. */
  readonly host: string;
  readonly clock: AlarmClock;
  /** Makes alarms to the channels as they are now, whose notes are kept in that store. */
  readonly alarms: (store: AlarmsOptions['store']) => Alarms;
  readonly describe: (incident: Incident) => Trouble;
}

/** Alarms know what they have told themselves: nothing is kept for others. */
const NO_STORE: AlarmsOptions['store'] = {
  exists: async () => false,
  openIncidents: async () => [],
  noteAlarm: async () => true,
  alarms: async () => [],
};

export class AwayAlarms {
  readonly #options: AwayAlarmsOptions;
  /** Aborted when the database is back, or serve ends; null: it is there. */
  #back: AbortController | null = null;
  /** Those that have something to tell still. */
  readonly #telling = new Set<Alarms>();
  #isClosed = false;

  constructor(options: AwayAlarmsOptions) {
    this.#options = options;
  }

  /** The database does not answer. Changes nothing when that is known. */
  away(reason: string): void {
    if (this.#back !== null || this.#isClosed) return;
    this.#back = new AbortController();
    void this.#watch(reason, this.#back.signal);
  }

  /** It answers again. */
  back(): void {
    this.#back?.abort();
    this.#back = null;
  }

  /** Ends. A database that is away still is told of no more. @param ms milliseconds in which what waits is delivered */
  async close(ms: number): Promise<void> {
    this.#isClosed = true;
    this.back();
    await Promise.all([...this.#telling].map((alarms) => alarms.close(ms)));
  }

  async #watch(reason: string, signal: AbortSignal): Promise<void> {
    const { graceMs, host, clock, describe } = this.#options;
    const openedAt = clock.now();
    await clock.sleep(graceMs, signal);
    if (signal.aborted) return;
    const why = `${host} cannot reach the database, and starts no job until it can: ${reason}`;
    const incident = { id: randomUUID(), key: DATABASE_AWAY, openedAt, closedAt: null, reason: why };
    const alarms = this.#options.alarms(NO_STORE);
    this.#telling.add(alarms);
    while (!signal.aborted) {
      alarms.broken(describe(incident));
      await clock.sleep(LOOK_MS, signal);
    }
    if (this.#isClosed) return;
    alarms.recovered({ ...incident, closedAt: clock.now() });
    await alarms.settled();
    this.#telling.delete(alarms);
  }
}
