// Renews the leases of what runs on this host, with one heartbeat for all, and notifies runs that lost their lease.
import type { Clock } from './clock.ts';
import type { Emit } from './serve-events.ts';
import type { Claim } from './store/serve-store.ts';
import type { StoreLink } from './store-link.ts';

export class Leases {
  readonly #link: StoreLink;
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #heartbeatMs: number;
  readonly #held = new Map<string, { readonly claim: Claim; readonly onLost: () => void }>();
  readonly #over = new AbortController();
  #beating: Promise<void> | null = null;

  constructor(link: StoreLink, clock: Clock, emit: Emit, heartbeatMs: number) {
    this.#link = link;
    this.#clock = clock;
    this.#emit = emit;
    this.#heartbeatMs = heartbeatMs;
  }

  hold(claim: Claim, onLost: () => void): void {
    this.#held.set(claim.runId, { claim, onLost });
    this.#beating ??= this.#beat();
  }

  release({ runId }: Claim): void {
    this.#held.delete(runId);
  }

  async close(): Promise<void> {
    this.#held.clear();
    this.#over.abort();
    await this.#beating;
  }

  async #beat(): Promise<void> {
    while (!this.#over.signal.aborted) {
      await this.#clock.sleep(this.#heartbeatMs, this.#over.signal);
      if (this.#held.size === 0) continue;
      const claims = [...this.#held.values()].map(({ claim }) => claim);
      const answer = await this.#link.ask((store) => store.heartbeat(claims));
      for (const { runId } of answer?.value ?? []) {
        const lost = this.#held.get(runId);
        this.#held.delete(runId);
        lost?.onLost();
      }
      if (answer !== null) {
        const renewed = claims.filter(({ runId }) => this.#held.has(runId));
        this.#emit({ kind: 'heartbeat', claims: renewed, at: this.#link.now() });
      }
    }
  }
}
