// A made-up stream of page views: visits that begin, go on and end, some views late, some sent twice, some of nobody.
// The same stream for the same seed.
import { randomBelow } from '../random-below.ts';

export interface PageView {
  readonly event_id: string;
  readonly user_id: string | null;
  readonly page_url: string;
  readonly referrer_url: string | null;
  readonly user_agent: string;
  readonly ip_address: string;
  readonly event_time: string;
  readonly session_id: string;
}

export const USERS = 150;
const PAGES = ['/', '/sale', '/p/sku-001', '/p/sku-014', '/p/sku-023', '/cart'];
const REFERRERS = [null, 'https://search.example/', 'https://news.example/today'];
const COUNTRIES = ['DE', 'FR', 'NL', 'US', null];
const TIERS = ['free', 'free', 'pro', 'enterprise'];

interface Visit {
  readonly id: string;
  readonly user: string | null;
  readonly referrer: string | null;
  left: number;
}

export function userId(number: number): string {
  return `user-${String(number).padStart(5, '0')}`;
}

export class Views {
  readonly #below: (limit: number) => number;
  #views = 0;
  #visits = 0;
  readonly #open: Visit[] = [];

  constructor(seed: number) {
    this.#below = randomBelow(seed);
  }

  /** Columns of a user of the application but its id: tier and country by chance. */
  profile(): readonly [tier: string, country: string | null] {
    return [TIERS[this.#below(TIERS.length)] ?? 'free', COUNTRIES[this.#below(COUNTRIES.length)] ?? null];
  }

  /** Messages over the milliseconds from `from` to `to`, in the order in which they are sent. */
  between(from: number, to: number, count: number): PageView[] {
    const sent: PageView[] = [];
    for (let i = 0; i < count; i++) {
      const at = from + Math.floor(((to - from) * (i + 1)) / count);
      // One in fifty has waited in a phone without a net.
      const late = this.#below(50) === 0 ? this.#below(3_000_000) : 0;
      const view = this.#next(at - late);
      sent.push(view);
      if (this.#below(40) === 0) sent.push(sent[this.#below(sent.length)] ?? view);
    }
    return sent;
  }

  #next(at: number): PageView {
    if (this.#open.length < 5 || this.#below(8) === 0) {
      this.#visits += 1;
      this.#open.push({
        id: `s${String(this.#visits).padStart(6, '0')}`,
        // One visit in ten is nobody's.
        user: this.#below(10) === 0 ? null : userId(1 + this.#below(USERS)),
        referrer: REFERRERS[this.#below(REFERRERS.length)] ?? null,
        left: 1 + this.#below(14),
      });
    }
    const index = this.#below(this.#open.length);
    const [visit] = this.#open.slice(index);
    if (visit === undefined) throw new Error('no visit is open');
    visit.left -= 1;
    if (visit.left === 0) this.#open.splice(index, 1);
    this.#views += 1;
    return {
      event_id: `e${String(this.#views).padStart(8, '0')}`,
      user_id: visit.user,
      page_url: PAGES[this.#below(PAGES.length)] ?? '/',
      referrer_url: visit.referrer,
      user_agent: this.#below(3) === 0 ? 'phone' : 'desktop',
      ip_address: `192.0.2.${this.#below(256)}`,
      event_time: new Date(at).toISOString(),
      session_id: visit.id,
    };
  }
}
