// Distributes a limited resource over network clients: which connection ends when there are too many.

/** Something that a client holds, in the order of age in its set. */
export interface Held {
  /** The client, from `originOf`. */
  readonly origin: string;
}

/** All loopback addresses count as one client, and so do the addresses of an IPv6 network. */
export function originOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (plain === '::1' || plain.startsWith('127.')) return 'local';
  return plain.includes(':') ? plain.split(':').slice(0, 4).join(':') : plain;
}

/** The sum of a weight over what each client holds. */
export function shares<T extends Held>(all: Iterable<T>, weightOf: (held: T) => number): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const held of all) sums.set(held.origin, (sums.get(held.origin) ?? 0) + weightOf(held));
  return sums;
}

/** The oldest of what the client with the greatest share holds; undefined: nothing has a weight. */
export function oldestOfGreatest<T extends Held>(all: ReadonlySet<T>, weightOf: (held: T) => number): T | undefined {
  const [greatest = ''] = [...shares(all, weightOf)].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0]);
  return [...all].find((held) => held.origin === greatest && weightOf(held) > 0);
}
