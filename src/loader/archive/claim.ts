// The right of one process to join and cut files of an archive, renewed while it works: a claim that is not renewed
// belongs to a killed process and expires. The ledger defines what the claim allows.
import { InOrder } from '../../in-order.ts';
import type { LoadTarget } from '../settings/load-target.ts';
import { type ArchiveLedger, CLAIM_MS } from './ledger.ts';

/** The renewal interval. Some renewals may fail or come late before the claim expires. */
export const BEAT_MS = CLAIM_MS / 6;

/** Another process now has the claim. */
export class Overtaken extends Error {}
/** The signal was aborted. */
export class Stopped extends Error {}

export class HeldClaim {
  readonly #ledger: ArchiveLedger;
  readonly #target: LoadTarget;
  readonly #owner: string;
  readonly #timer: NodeJS.Timeout;
  /** One request at a time: two concurrent ones would find each other's claim. */
  readonly #questions = new InOrder();
  #lost = false;

  private constructor(ledger: ArchiveLedger, target: LoadTarget, owner: string, beatMs: number) {
    this.#ledger = ledger;
    this.#target = target;
    this.#owner = owner;
    let asked = true;
    this.#timer = setInterval(() => {
      if (!asked) return;
      asked = false;
      // An unreachable database is reported by the code that works with it.
      void this.keep()
        .catch(() => undefined)
        .then(() => {
          asked = true;
        });
    }, beatMs).unref();
  }

  /**
   * @param owner unique to this process
   * @returns null: another process has it
   * @throws `connection` and `database` errors
   */
  static async take(
    ledger: ArchiveLedger,
    target: LoadTarget,
    owner: string,
    beatMs = BEAT_MS,
  ): Promise<HeldClaim | null> {
    return (await ledger.claim(target, owner)) ? new HeldClaim(ledger, target, owner, beatMs) : null;
  }

  /** Renews it. @returns false: another process has taken it over permanently @throws like `take` */
  async keep(): Promise<boolean> {
    return this.#questions.run(async () => {
      if (!this.#lost && !(await this.#ledger.keepClaim(this.#target, this.#owner))) this.#lost = true;
      return !this.#lost;
    });
  }

  /** Releases it. @throws like `take` */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#questions.ended;
    await this.#ledger.release(this.#target, this.#owner);
  }
}
