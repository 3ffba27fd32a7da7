// Alerts that the database is unavailable. No other alert can, because their incidents are stored in it. Only this
// process knows what it has sent, so every host alerts separately. Delivery is that of all alerts.
import { randomUUID } from 'node:crypto';
import { LOOK_MS } from '../sla/sla-facts.ts';
import type { Incident } from '../store/serve-store.ts';
import type { Trouble } from './alert.ts';
import type { Alarms, AlarmsOptions } from './alert-routing.ts';
import type { AlarmClock } from './delivery.ts';

/** Key of the incident of a database that does not respond. */
export const DATABASE_AWAY = 'database:away';

export interface AwayAlarmsOptions {
  /** Milliseconds that the database may be unavailable before an alert is sent. */
  readonly graceMs: number;
  /** Identifies this host and process. */
  readonly host: string;
  readonly clock: AlarmClock;
  /** Creates alerts to the current channels, recorded in the given store. */
  readonly alarms: (store: AlarmsOptions['store']) => Alarms;
  readonly describe: (incident: Incident) => Trouble;
}

/** The alerts remember what they have sent: nothing is stored for other processes. */
const NO_STORE: AlarmsOptions['store'] = {
  exists: async () => false,
  openIncidents: async () => [],
  noteAlarm: async () => true,
  alarms: async () => [],
};

export class AwayAlarms {
  readonly #options: AwayAlarmsOptions;
  /** Aborted when the database is back or serve ends; null: the database is available. */
  #back: AbortController | null = null;
  /** Alerts that still have messages to send. */
  readonly #telling = new Set<Alarms>();
  #isClosed = false;

  constructor(options: AwayAlarmsOptions) {
    this.#options = options;
  }

  /** Reports that the database does not respond. No effect if that is known. */
  away(reason: string): void {
    if (this.#back !== null || this.#isClosed) return;
    this.#back = new AbortController();
    void this.#watch(reason, this.#back.signal);
  }

  /** Reports that it responds again. */
  back(): void {
    this.#back?.abort();
    this.#back = null;
  }

  /** Stops alerts about the database. @param ms milliseconds in which queued messages are still delivered */
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
