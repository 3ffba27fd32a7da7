// The producer's made-up shop: orders that are placed, paid, refunded or cancelled; some events late, some sent twice.
// The same stream for the same seed.
import { randomBelow } from '../random-below.ts';

export interface OrderEvent {
  readonly event_id: string;
  readonly order_id: string;
  readonly customer_id: string;
  readonly country: string;
  readonly event_type: 'placed' | 'paid' | 'refunded' | 'cancelled';
  readonly amount_cents: number;
  readonly event_ts: string;
}

const COUNTRIES = ['AT', 'BR', 'DE', 'FR', 'JP'];
const HOUR = 3_600_000;

type Order = Pick<OrderEvent, 'order_id' | 'customer_id' | 'country' | 'amount_cents'> & { paid: boolean };

export class Orders {
  readonly #below: (limit: number) => number;
  #events = 0;
  #orders = 0;
  readonly #open: Order[] = [];

  constructor(seed: number) {
    this.#below = randomBelow(seed);
  }

  /** Events over the milliseconds from `from` to `to`, in the order in which they are sent. */
  between(from: number, to: number, count: number): OrderEvent[] {
    const sent: OrderEvent[] = [];
    for (let i = 0; i < count; i++) {
      const at = from + Math.floor(((to - from) * i) / count);
      // One in thirty has waited in a till without a net, up to two days.
      const late = this.#below(30) === 0 ? this.#below(48 * HOUR) : 0;
      const event = this.#next(at - late);
      sent.push(event);
      // One in forty is sent again, since its answer was lost.
      if (this.#below(40) === 0) sent.push(event);
    }
    return sent;
  }

  #next(at: number): OrderEvent {
    if (this.#open.length < 5 || this.#below(3) === 0) {
      this.#orders += 1;
      const order = {
        order_id: `o${String(this.#orders).padStart(7, '0')}`,
        customer_id: `c${String(1 + this.#below(400)).padStart(5, '0')}`,
        country: COUNTRIES[this.#below(COUNTRIES.length)] ?? 'AT',
        amount_cents: 100 + this.#below(50_000),
        paid: false,
      };
      this.#open.push(order);
      return this.#event(order, 'placed', at);
    }
    const index = this.#below(this.#open.length);
    const order = this.#open[index];
    if (order === undefined) throw new RangeError(`${index} of ${this.#open.length} orders`);
    if (!order.paid && this.#below(8) > 0) {
      order.paid = true;
      // Most are content with what they have got.
      if (this.#below(6) > 0) this.#open.splice(index, 1);
      return this.#event(order, 'paid', at);
    }
    this.#open.splice(index, 1);
    return this.#event(order, order.paid ? 'refunded' : 'cancelled', at);
  }

  #event({ paid: _, ...order }: Order, type: OrderEvent['event_type'], at: number): OrderEvent {
    this.#events += 1;
    const id = `e${String(this.#events).padStart(8, '0')}`;
    return { event_id: id, ...order, event_type: type, event_ts: new Date(at).toISOString() };
  }
}
