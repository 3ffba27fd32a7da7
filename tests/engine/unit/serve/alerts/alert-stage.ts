// A stage for alarms: time that a test moves, what hosts share of the store, a receiver that answers as it is told.
import { plainSubject } from '../../../../../src/serve/alerts/alert-subject.ts';
import { setImmediate } from 'node:timers/promises';
import type { Subject, Trouble } from '../../../../../src/serve/alerts/alert.ts';
import { namedFiles } from '../../../../../src/connections/named-files.ts';
import { TsdbtError } from '../../../../../src/errors.ts';
import { CHANNELS } from '../../../../../src/serve/alerts/alert-settings.ts';
import { type Channel, channelList } from '../../../../../src/serve/alerts/channel.ts';
import { type Keys, Place } from '../../../../../src/settings/setting.ts';
import { Alarms, type AlarmsOptions } from '../../../../../src/serve/alerts/alert-routing.ts';
import type { Incident, SentAlarm } from '../../../../../src/serve/store/serve-store.ts';
import type { Json } from '../../../../../src/contracts/node.ts';

export const START = Date.UTC(2026, 4, 1, 12);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

interface AlertsText {
  readonly path?: string;
  readonly lineOf?: (keys: Keys) => number | undefined;
  readonly seen?: (secret: string) => void;
}

/** The channels of an `alerts:` section, as `readJobs` reads them. */
export function channelsOf(
  alerts: Json,
  { path = 'jobs.yml', lineOf = () => undefined, seen = () => undefined }: AlertsText = {},
): Channel[] {
  const place = new Place(
    {
      refuse: ({ keys, message, hint }) => {
        throw new TsdbtError('project', message, { path, line: lineOf(keys), hint });
      },
      seen,
      file: namedFiles(path, null),
    },
    '',
    ['alerts'],
  );
  return channelList(CHANNELS.read(alerts, place));
}

export class StageClock {
  #now = START;
  readonly #sleeps = new Set<{ readonly until: number; readonly wake: () => void }>();

  now(): number {
    return this.#now;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#sleeps.delete(entry);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const entry = { until: this.#now + ms, wake };
      this.#sleeps.add(entry);
      signal.addEventListener('abort', wake);
    });
  }

  /** Lets time pass, from one sleeper to the next. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    await quiet();
    for (;;) {
      const [next] = [...this.#sleeps].sort((a, b) => a.until - b.until);
      if (next === undefined || next.until > until) break;
      this.#now = Math.max(this.#now, next.until);
      next.wake();
      await quiet();
    }
    this.#now = until;
    await quiet();
  }
}

async function quiet(): Promise<void> {
  for (let i = 0; i < 5; i++) await setImmediate();
}

/** What all hosts share. */
export class StageStore {
  readonly #clock: StageClock;
  readonly sent: SentAlarm[] = [];
  readonly open = new Map<string, Incident>();
  away = false;
  /** False: nobody has made the tables yet. */
  made = true;

  constructor(clock: StageClock) {
    this.#clock = clock;
  }

  #check(): void {
    if (this.away) throw new Error('connection refused');
  }

  async exists(): Promise<boolean> {
    this.#check();
    return this.made;
  }

  async openIncidents(): Promise<readonly Incident[]> {
    this.#check();
    if (!this.made) throw new Error('relation "tsdbt.incidents" does not exist');
    return [...this.open.values()];
  }

  async noteAlarm(alarm: Omit<SentAlarm, 'at'>): Promise<boolean> {
    this.#check();
    const same = ({ incident, channel, occasion }: SentAlarm): boolean =>
      incident === alarm.incident && channel === alarm.channel && occasion === alarm.occasion;
    if (this.sent.some(same)) return false;
    this.sent.push({ ...alarm, at: this.#clock.now() });
    return true;
  }

  async alarms(incident: string): Promise<readonly SentAlarm[]> {
    this.#check();
    return this.sent.filter((sent) => sent.incident === incident);
  }
}

export interface Received {
  readonly channel: string;
  readonly id: string;
  readonly occasion: string;
  readonly body: { readonly [name: string]: Json };
}

export function subject(fields: Partial<Subject> = {}): Subject {
  return { ...plainSubject('job fast'), ...fields };
}

export class Stage {
  readonly clock = new StageClock();
  readonly store = new StageStore(this.clock);
  readonly received: Received[] = [];
  readonly log: string[] = [];
  /** What the receiver answers; an error is that of a broken connection. */
  answer: (received: Received) => Response | Error | 'never' = () => new Response('ok');
  #incidents = 0;

  /** Opens an incident in the store, as promises do. */
  incident(key = 'job:fast:failed', reason = 'the job failed'): Incident {
    const id = `i${++this.#incidents}`;
    const incident = { id, key, openedAt: this.clock.now(), closedAt: null, reason };
    this.store.open.set(id, incident);
    return incident;
  }

  close(incident: Incident): Incident {
    this.store.open.delete(incident.id);
    return { ...incident, closedAt: this.clock.now() };
  }

  trouble(incident: Incident, fields: Partial<Trouble> = {}): Trouble {
    return { incident, kind: 'failed', job: 'fast', runId: null, subject: subject(), parts: [], ...fields };
  }

  /** One host; with the same stage several share the store. @param store another one than the stage's */
  host(alerts: Json, store: AlarmsOptions['store'] = this.store): Alarms {
    const channels: readonly Channel[] = channelsOf(alerts);
    return new Alarms({
      channels,
      store,
      clock: this.clock,
      random: () => 1,
      fetch: (url, init) => this.#fetch(String(url), init),
      project: 'shop',
      linkOf: () => 'http://127.0.0.1:8080/#runs',
      describe: (incident) => this.trouble(incident),
      mask: (text) => text.replaceAll('s3cret', '*****'),
      say: (text) => this.log.push(text),
    });
  }

  get told(): string[] {
    return this.received.map(({ channel, id }) => `${channel} ${id}`);
  }

  async #fetch(url: string, init: RequestInit | undefined): Promise<Response> {
    const body = JSON.parse(String(init?.body)) as { [name: string]: Json };
    const received: Received = {
      channel: new URL(url).hostname,
      id: String(body['id'] ?? ''),
      occasion: String(body['occasion'] ?? ''),
      body,
    };
    const answer = this.answer(received);
    if (answer === 'never') return new Promise(() => undefined);
    if (answer instanceof Error) throw answer;
    if (answer.ok) this.received.push(received);
    return answer;
  }
}
