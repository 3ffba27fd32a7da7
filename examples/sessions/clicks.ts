// A made-up click stream of a shop: sessions that begin, go on and end, some events late, some sent twice. The same
// stream for the same seed.
import { randomBelow } from '../random-below.ts';

export interface Click {
  readonly event_id: string;
  readonly session_id: string;
  readonly user_id: string | null;
  readonly event_type: 'session_start' | 'page_view' | 'add_to_cart' | 'purchase' | 'session_end';
  readonly event_ts: string;
  readonly page: string | null;
  readonly payload: Readonly<Record<string, string>>;
  /** What only the second version of the schema has. */
  readonly campaign: string;
}

const PAGES = ['/', '/sale', '/p/sku-001', '/p/sku-014', '/p/sku-023', '/cart'];
const CAMPAIGNS = ['none', 'none', 'spring', 'newsletter'];

interface Session {
  readonly id: string;
  readonly user: string;
  readonly campaign: string;
  loggedIn: boolean;
  left: number;
}

export class Clicks {
  readonly #below: (limit: number) => number;
  #events = 0;
  #sessions = 0;
  readonly #open: Session[] = [];

  constructor(seed: number) {
    this.#below = randomBelow(seed);
  }

  /** Messages over the milliseconds from `from` to `to`, in the order in which they are sent. */
  between(from: number, to: number, count: number): Click[] {
    const sent: Click[] = [];
    for (let i = 0; i < count; i++) {
      const at = from + Math.floor(((to - from) * i) / count);
      // One in fifty has waited in a phone without a net.
      const late = this.#below(50) === 0 ? this.#below(600_000) : 0;
      sent.push(this.#next(at - late));
      if (this.#below(40) === 0) sent.push(sent[this.#below(sent.length)] ?? sent[0]!);
    }
    return sent;
  }

  #next(at: number): Click {
    if (this.#open.length < 5 || this.#below(6) === 0) {
      this.#sessions += 1;
      this.#open.push({
        id: `s${String(this.#sessions).padStart(6, '0')}`,
        user: `u${String(1 + this.#below(300)).padStart(4, '0')}`,
        campaign: CAMPAIGNS[this.#below(CAMPAIGNS.length)]!,
        loggedIn: false,
        left: 1 + this.#below(12),
      });
      return this.#click(this.#open.at(-1)!, 'session_start', at);
    }
    const index = this.#below(this.#open.length);
    const session = this.#open[index]!;
    if (session.left-- <= 0) {
      this.#open.splice(index, 1);
      return this.#click(session, 'session_end', at);
    }
    session.loggedIn ||= this.#below(2) === 0;
    const kind = this.#below(20);
    return this.#click(session, kind === 0 ? 'purchase' : kind < 4 ? 'add_to_cart' : 'page_view', at);
  }

  #click(session: Session, type: Click['event_type'], at: number): Click {
    this.#events += 1;
    return {
      event_id: `e${String(this.#events).padStart(8, '0')}`,
      session_id: session.id,
      user_id: session.loggedIn ? session.user : null,
      event_type: type,
      event_ts: new Date(at).toISOString(),
      page: type === 'session_end' ? null : PAGES[this.#below(PAGES.length)]!,
      payload: { device: this.#below(3) === 0 ? 'mobile' : 'desktop' },
      campaign: session.campaign,
    };
  }
}
