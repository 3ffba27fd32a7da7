// Sends events in order, by HTTP or to a file, during the run: a bounded queue, and a deadline at the end. Events that
// cannot be sent are reported once and dropped. Nothing here throws.
import { appendFile } from 'node:fs/promises';
import { requestReason } from '../http/request-reason.ts';
import { within } from '../within.ts';
import type { LineageEvent } from './events.ts';
import type { LineageTarget } from './settings.ts';

export interface SenderOptions {
  readonly fetch: typeof fetch;
  /** Masks secrets in the text of an event. */
  readonly mask: (json: string) => string;
  /** Receives a warning. */
  readonly warn: (text: string) => void;
}

const MOST_WAITING = 10_000;
const TIMEOUT_MS = 5000;
/** Consecutive failures after which the remaining events of the run are dropped. */
const MOST_FAILURES = 3;

export class LineageSender {
  readonly #target: LineageTarget;
  readonly #options: SenderOptions;
  #waiting: LineageEvent[] = [];
  #work: Promise<void> | null = null;
  #failures = 0;
  #lost = 0;
  readonly #over = new AbortController();

  constructor(target: LineageTarget, options: SenderOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** Never blocks. */
  send(event: LineageEvent): void {
    if (this.#waiting.length >= MOST_WAITING || this.#failures >= MOST_FAILURES) {
      this.#lost++;
      return;
    }
    this.#waiting.push(event);
    this.#work ??= this.#sendAll();
  }

  /** Waits until all events are sent, up to a limit. @param ms milliseconds */
  async close(ms: number): Promise<void> {
    const inTime = this.#work === null || (await within(this.#work, ms));
    // Includes the event that is being sent.
    this.#lost += inTime ? 0 : this.#waiting.length + 1;
    if (!inTime) {
      this.#failures = MOST_FAILURES;
      // A request in flight would keep the process alive.
      this.#over.abort();
    }
    if (this.#lost > 0) this.#options.warn(`${this.#lost} OpenLineage events were not sent`);
  }

  async #sendAll(): Promise<void> {
    // The first event of a run must not wait for a file or the network.
    await Promise.resolve();
    while (this.#waiting.length > 0 && this.#failures < MOST_FAILURES) {
      const batch = this.#target.kind === 'file' ? this.#waiting.splice(0) : this.#waiting.splice(0, 1);
      try {
        await this.#deliver(batch);
        this.#failures = 0;
      } catch (error) {
        if (this.#over.signal.aborted) break;
        this.#lost += batch.length;
        if (this.#failures++ === 0) this.#options.warn(`OpenLineage events cannot be sent: ${requestReason(error)}`);
      }
    }
    if (this.#failures >= MOST_FAILURES && !this.#over.signal.aborted) {
      this.#lost += this.#waiting.length;
      this.#waiting = [];
    }
    this.#work = null;
  }

  async #deliver(events: readonly LineageEvent[]): Promise<void> {
    const texts = events.map((event) => this.#options.mask(JSON.stringify(event)));
    if (this.#target.kind === 'file') {
      // A new file is readable only by its owner: events contain SQL and errors.
      await appendFile(this.#target.path, texts.map((text) => `${text}\n`).join(''), { mode: 0o600 });
      return;
    }
    const { url, apiKey } = this.#target;
    for (const body of texts) {
      const answer = await this.#options.fetch(url, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
        },
        redirect: 'manual',
        signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#over.signal]),
      });
      // Its end is not awaited: a receiver can delay it.
      answer.body?.cancel().catch(() => undefined);
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    }
  }
}
