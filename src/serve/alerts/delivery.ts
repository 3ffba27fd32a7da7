// Delivers the messages of one channel, in order: a bounded queue, a timeout per attempt, retries with growing pauses.
// alert-routing.ts decides whether a message is sent at all. Nothing here throws.
import type { Moment } from '../store/serve-store.ts';
import type { Alarm } from './alert.ts';
import type { Channel } from './channel.ts';
import type { Sent } from './channel-requests.ts';

export interface AlarmClock {
  now(): Moment;
  /** Ends early, without an error, if the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface LaneOptions {
  readonly clock: AlarmClock;
  /** From 0 to 1, so that pauses differ between hosts. */
  readonly random: () => number;
  readonly send: (alarm: Alarm, channel: Channel) => Promise<Sent>;
  /** Writes to the log. */
  readonly say: (text: string) => void;
  readonly delivered: (alarm: Alarm, channel: Channel) => void;
}

/** Length of the queue of one channel. */
const MOST_WAITING = 100;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** A message that could not be delivered for this long is given up. */
export const GIVE_UP_MS = 5 * 60_000;

export class Lane {
  readonly channel: Channel;
  readonly #options: LaneOptions;
  readonly #waiting: Alarm[] = [];
  readonly #closed = new AbortController();
  #work: Promise<void> | null = null;
  #failing = false;
  readonly counts = { delivered: 0, refused: 0, dropped: 0 };

  constructor(channel: Channel, options: LaneOptions) {
    this.channel = channel;
    this.#options = options;
  }

  /** Number of undelivered messages, including the one in flight. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Queues a message. If the queue is full, drops a reminder, or else the oldest message. */
  offer(alarm: Alarm): void {
    if (this.#closed.signal.aborted) return;
    if (this.#waiting.length >= MOST_WAITING) {
      // The first message is in flight.
      const repeated = this.#waiting.findIndex(({ occasion }, i) => i > 0 && occasion.kind === 'repeated');
      this.#waiting.splice(repeated > 0 ? repeated : 1, 1);
      this.counts.dropped++;
      if (this.counts.dropped === 1)
        this.#options.say(`Alerts for '${this.channel.name}' are dropped: ${MOST_WAITING} are queued already`);
    }
    this.#waiting.push(alarm);
    this.#work ??= this.#deliverAll();
  }

  /** Whether a message with this id is queued or in flight. */
  has(id: string): boolean {
    return this.#waiting.some((alarm) => alarm.id === id);
  }

  /** Resolves when the queue is empty. */
  async idle(): Promise<void> {
    while (this.#work !== null) await this.#work;
  }

  /** Gives up the queued messages. */
  close(): void {
    this.#closed.abort();
    this.#waiting.length = 0;
  }

  async #deliverAll(): Promise<void> {
    for (let [alarm] = this.#waiting; alarm !== undefined; [alarm] = this.#waiting) {
      await this.#deliver(alarm);
      if (this.#waiting[0] === alarm) this.#waiting.shift();
    }
    // Without an await before it: messages queued later must start a new delivery.
    this.#work = null;
  }

  async #deliver(alarm: Alarm): Promise<void> {
    const { clock, random, send, say, delivered } = this.#options;
    const { name } = this.channel;
    const { signal } = this.#closed;
    const until = clock.now() + GIVE_UP_MS;
    for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const sent = await send(alarm, this.channel);
      if (sent.kind === 'delivered') {
        if (this.#failing) say(`Alerts for '${name}' are delivered again`);
        this.#failing = false;
        this.counts.delivered++;
        delivered(alarm, this.channel);
        return;
      }
      if (sent.kind === 'refused') {
        this.counts.refused++;
        say(`'${name}' rejected the alert ${alarm.id}: ${sent.why}`);
        return;
      }
      if (!this.#failing) say(`Alerts for '${name}' cannot be delivered and will be retried: ${sent.why}`);
      this.#failing = true;
      const wait = Math.min(Math.max(sent.waitMs ?? 0, pause * (0.5 + random() / 2)), LONGEST_PAUSE_MS);
      if (clock.now() + wait > until) {
        this.counts.refused++;
        say(`Gave up on the alert ${alarm.id} for '${name}': ${sent.why}`);
        return;
      }
      await clock.sleep(wait, signal);
    }
  }
}
