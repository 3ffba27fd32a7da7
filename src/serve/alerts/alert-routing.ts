// Decides which channels are alerted and when: after a number of checks, once per opening, again while the problem
// lasts, once when it ends; the same on every host and after a restart. Others check, delivery.ts delivers. Nothing
// here throws, and callers never wait for a delivery.
import type { Incident, Moment, SentAlarm, Store } from '../store/serve-store.ts';
import type { Occasion, Trouble } from './alert.ts';
import { type Channel, takes } from './channel.ts';
import { type AlarmClock, GIVE_UP_MS, Lane } from './delivery.ts';
import { type Fetch, send } from './channel-requests.ts';

export interface AlarmsOptions {
  readonly channels: readonly Channel[];
  readonly store: Pick<Store, 'exists' | 'openIncidents' | 'noteAlarm' | 'alarms'>;
  readonly clock: AlarmClock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly fetch: Fetch;
  readonly project: string;
  /** Page of a problem; null: there is none. */
  readonly linkOf: (trouble: Trouble) => string | null;
  /** Describes an incident that another process opened. */
  readonly describe: (incident: Incident) => Trouble;
  /** Masks secrets. */
  readonly mask: (text: string) => string;
  /** Writes a line to the log. */
  readonly say: (text: string) => void;
}

/** Interval between checks of the open incidents. */
const TICK_MS = 15_000;
/** For this long, an incident is left to the process that opened it. */
const STRANGER_MS = 60_000;
/** Interval at which a firing alert is sent to an Alertmanager again. */
const REFRESH_MS = 60_000;
/**
 * A first message that was recorded but not confirmed for this long is sent again, because the process that recorded it
 * has ended. Longer than all delivery attempts take.
 */
const UNCONFIRMED_MS = 2 * GIVE_UP_MS;

const OPENED = 'opened';
const DELIVERED = 'opened: delivered';
const AGAIN = 'opened: again';
const RECOVERED = 'recovered';

/** State of one incident. */
interface Known {
  trouble: Trouble;
  /** How often this process has found it. */
  looks: number;
  /** Whether this process has followed it from its beginning. */
  readonly own: boolean;
  over: boolean;
  /** Times of recorded messages, by channel and occasion; null: not read yet. */
  told: Map<string, Moment> | null;
  /** Time of the last message to an Alertmanager, by channel. */
  readonly refreshed: Map<string, Moment>;
}

export class Alarms {
  readonly #options: AlarmsOptions;
  readonly #lanes: readonly Lane[];
  readonly #known = new Map<string, Known>();
  readonly #stop = new AbortController();
  /** Incidents that have changed since they were last handled. */
  readonly #dirty = new Set<string>();
  #work: Promise<void> | null = null;
  #loop: Promise<void> | null = null;
  #storeAway = false;
  /** Whether the tables exist. */
  #stored = false;

  constructor(options: AlarmsOptions) {
    this.#options = options;
    const { clock, random, say, mask, fetch } = options;
    this.#lanes = options.channels.map(
      (channel) =>
        new Lane(channel, {
          clock,
          random,
          send: (alarm, to) => send(alarm, to, () => clock.now(), fetch),
          say: (text) => say(mask(text)),
          delivered: (alarm, { name }) => {
            if (alarm.occasion.kind === 'opened') void this.#note(alarm.trouble.incident.id, name, DELIVERED);
          },
        }),
    );
  }

  /** Checks the open incidents periodically until `close`, so that reminders are sent while they last. */
  start(): void {
    this.#loop ??= this.#watch();
  }

  /** Reports a problem, on every check that finds it. The newest one is sent. */
  broken(trouble: Trouble): void {
    const known = this.#known.get(trouble.incident.id);
    if (known === undefined) this.#keep(trouble, 1);
    else {
      known.trouble = trouble;
      known.looks++;
    }
    this.#handleSoon(trouble.incident.id);
  }

  /** Reports that an incident is over. It is closed now or right after this. */
  recovered(incident: Incident): void {
    const known = this.#known.get(incident.id) ?? this.#keep(this.#options.describe(incident), 0);
    known.trouble = { ...known.trouble, incident };
    known.over = true;
    this.#handleSoon(incident.id);
  }

  /** Numbers of delivered, refused, dropped and queued messages, by channel. */
  counts(): readonly { channel: string; delivered: number; refused: number; dropped: number; waiting: number }[] {
    return this.#lanes.map(({ channel, counts, waiting }) => ({ channel: channel.name, ...counts, waiting }));
  }

  /**
   * Stops. Queued messages are still delivered for a while.
   * @param ms milliseconds until the rest is given up; after a restart, unconfirmed messages are sent again
   */
  async close(ms: number): Promise<void> {
    this.#stop.abort();
    const late = new AbortController();
    // The current check may be waiting for a database that hangs.
    const all = Promise.resolve(this.#loop)
      .then(() => this.settled())
      .then(() => late.abort());
    await Promise.race([all, this.#options.clock.sleep(ms, late.signal)]);
    for (const lane of this.#lanes) lane.close();
  }

  /** Resolves when everything known has been handled, and no message is queued. */
  async settled(): Promise<void> {
    while (this.#work !== null) await this.#work;
    await Promise.all(this.#lanes.map((lane) => lane.idle()));
  }

  /** Checks all open incidents once: sends reminders that are due, and reports incidents not reported yet. */
  async tick(): Promise<void> {
    const { store, clock, describe } = this.#options;
    const before = [...this.#known];
    // The first host of a database may check before its scheduler has created the tables.
    this.#stored ||= (await this.#ask(() => store.exists())) ?? false;
    const open = this.#stored ? await this.#ask(() => store.openIncidents()) : null;
    if (open === null) return;
    const ids = new Set(open.map(({ id }) => id));
    // The process that closed an incident reports its end.
    for (const [id, known] of before) if (!ids.has(id) && !known.over) this.#known.delete(id);
    for (const incident of open) {
      if (this.#known.has(incident.id)) this.#handleSoon(incident.id);
      else if (clock.now() - incident.openedAt >= STRANGER_MS) {
        this.#keep(describe(incident), 1);
        this.#handleSoon(incident.id);
      }
    }
    while (this.#work !== null) await this.#work;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.tick();
      await this.#options.clock.sleep(TICK_MS, signal);
    }
  }

  #keep(trouble: Trouble, looks: number): Known {
    const own = this.#options.clock.now() - trouble.incident.openedAt < STRANGER_MS;
    const known: Known = { trouble, looks, own, over: false, told: null, refreshed: new Map() };
    this.#known.set(trouble.incident.id, known);
    return known;
  }

  #handleSoon(id: string): void {
    this.#dirty.add(id);
    this.#work ??= this.#handleAll();
  }

  async #handleAll(): Promise<void> {
    // Runs after the caller, which waits for nothing.
    await Promise.resolve();
    for (const id of this.#dirty) {
      this.#dirty.delete(id);
      const known = this.#known.get(id);
      if (known === undefined) continue;
      try {
        await this.#handle(known);
      } catch (error) {
        this.#options.say(this.#options.mask(`Alerts of ${id} could not be sent: ${wordsOf(error)}`));
      }
    }
    this.#work = null;
  }

  async #handle(known: Known): Promise<void> {
    const { id } = known.trouble.incident;
    known.told ??= await this.#toldOf(id);
    for (const lane of this.#lanes) {
      if (!takes(lane.channel, known.trouble, known.trouble.kind)) continue;
      if (known.over) await this.#tellOver(known, known.told, lane);
      else await this.#tellOpen(known, known.told, lane);
    }
    if (known.over) this.#known.delete(id);
  }

  async #tellOpen(known: Known, told: Map<string, Moment>, lane: Lane): Promise<void> {
    const { channel } = lane;
    const now = this.#options.clock.now();
    // Its end was reported, and it is about to be closed.
    if (now - (told.get(keyOf(channel, RECOVERED)) ?? 0) < UNCONFIRMED_MS) return;
    const openedAt = told.get(keyOf(channel, OPENED));
    if (openedAt === undefined) {
      if (known.looks < channel.after) return;
      if (await this.#noteOnce(known, told, channel, OPENED)) this.#offer(known, lane, { kind: 'opened' });
      known.refreshed.set(channel.name, now);
      return;
    }
    if (channel.kind === 'alertmanager') {
      // Repeating the same alert only extends its life in Alertmanager.
      if (now - (known.refreshed.get(channel.name) ?? 0) < REFRESH_MS || lane.waiting > 0) return;
      known.refreshed.set(channel.name, now);
      this.#offer(known, lane, { kind: 'opened' });
      return;
    }
    if (await this.#isUnconfirmed(known, told, lane, openedAt)) {
      if (await this.#noteOnce(known, told, channel, AGAIN)) this.#offer(known, lane, { kind: 'opened' });
      return;
    }
    if (channel.repeat === null) return;
    const number = Math.floor((now - openedAt) / channel.repeat);
    if (number < 1 || told.has(keyOf(channel, `repeated ${number}`))) return;
    if (await this.#noteOnce(known, told, channel, `repeated ${number}`))
      this.#offer(known, lane, { kind: 'repeated', number });
  }

  async #isUnconfirmed(known: Known, told: Map<string, Moment>, lane: Lane, openedAt: Moment): Promise<boolean> {
    const { channel } = lane;
    const { incident } = known.trouble;
    const answered = (): boolean => [DELIVERED, AGAIN].some((occasion) => told.has(keyOf(channel, occasion)));
    if (this.#options.clock.now() - openedAt < UNCONFIRMED_MS || answered()) return false;
    if (lane.has(idOf(incident, { kind: 'opened' }))) return false;
    // Another host may have confirmed it since it was read.
    for (const [key, at] of await this.#toldOf(incident.id)) told.set(key, at);
    return !this.#storeAway && !answered();
  }

  async #tellOver(known: Known, told: Map<string, Moment>, lane: Lane): Promise<void> {
    const { channel } = lane;
    if (!takes(channel, known.trouble, 'recovered')) return;
    if (!told.has(keyOf(channel, OPENED))) return;
    if (await this.#noteOnce(known, told, channel, RECOVERED)) this.#offer(known, lane, { kind: 'recovered' });
  }

  #offer(known: Known, lane: Lane, occasion: Occasion): void {
    const { clock, project, linkOf, mask } = this.#options;
    const trouble = masked(known.trouble, mask);
    lane.offer({
      trouble,
      occasion,
      id: idOf(trouble.incident, occasion),
      at: clock.now(),
      times: known.own ? known.looks : null,
      project,
      link: linkOf(trouble),
    });
  }

  /**
   * Records a message before it is sent. While the database is unavailable it is sent anyway: a duplicate is better
   * than a lost alert.
   * @returns whether this process sends it
   */
  async #noteOnce(known: Known, told: Map<string, Moment>, channel: Channel, occasion: string): Promise<boolean> {
    told.set(keyOf(channel, occasion), this.#options.clock.now());
    return (await this.#note(known.trouble.incident.id, channel.name, occasion)) ?? true;
  }

  async #note(incident: string, channel: string, occasion: string): Promise<boolean | null> {
    const { store, clock } = this.#options;
    const first = await this.#ask(() => store.noteAlarm({ incident, channel, occasion }));
    this.#known.get(incident)?.told?.set(`${channel} ${occasion}`, clock.now());
    return first;
  }

  /** Messages about an incident from all hosts; empty while the database is unavailable. */
  async #toldOf(incident: string): Promise<Map<string, Moment>> {
    const sent: readonly SentAlarm[] = (await this.#ask(() => this.#options.store.alarms(incident))) ?? [];
    return new Map(sent.map(({ channel, occasion, at }) => [`${channel} ${occasion}`, at]));
  }

  /** @returns null if the database is unavailable, which is logged once */
  async #ask<T>(question: () => Promise<T>): Promise<T | null> {
    try {
      const answer = await question();
      this.#storeAway = false;
      return answer;
    } catch (error) {
      if (!this.#storeAway)
        this.#options.say(this.#options.mask(`Could not read which alerts were sent: ${wordsOf(error)}`));
      this.#storeAway = true;
      return null;
    }
  }
}

function keyOf({ name }: Channel, occasion: string): string {
  return `${name} ${occasion}`;
}

function idOf(incident: Incident, occasion: Occasion): string {
  return `${incident.id}.${occasion.kind}${occasion.kind === 'repeated' ? `.${occasion.number}` : ''}`;
}

function wordsOf(error: unknown): string {
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return first;
}

/** Masks every text, because a database error or a failing row may contain a secret. */
function masked(trouble: Trouble, mask: (text: string) => string): Trouble {
  const incident = { ...trouble.incident, reason: mask(trouble.incident.reason) };
  const subject = (each: Trouble['subject']): Trouble['subject'] => ({
    ...each,
    message: each.message === null ? null : mask(each.message),
    rows: each.rows === null ? null : { ...each.rows, rows: each.rows.rows.map((row) => row.map(mask)) },
  });
  return { ...trouble, incident, subject: subject(trouble.subject), parts: trouble.parts.map(subject) };
}
