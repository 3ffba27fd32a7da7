// What a server can, as far as macros ask, and how versions compare. Asking the server is left to the adapter.
import { TsdbtError } from '../../errors.ts';

export interface ServerFacts {
  /** `26.7.3.1` */
  readonly version: string;
  readonly timezone: string;
  /** The profile's database, and its engine. */
  readonly database: string;
  readonly engine: string;
  /**
   * Can the profile's database exchange tables, by its engine? True where the profile says not to look (check_exchange,
   * cluster_mode).
   */
  readonly atomicExchange: boolean;
  /** May a session allow mutations that read other tables (allow_nondeterministic_mutations)? */
  readonly lightweightDeletes: boolean;
}

/** Engines of a database whose tables can be exchanged. Overlay is chDB's `default`, made of Atomic and files. */
export function exchangesTables(engine: string): boolean {
  return ['Atomic', 'Replicated', 'Shared', 'Overlay'].includes(engine);
}

/**
 * Is the server's version lower? Only parts that both versions have are compared.
 * @throws when one is not made of numbers and dots
 */
export function isBefore(server: string, version: string): boolean {
  // A server's own version may end in a word: 24.3.5.47.altinitystable.
  const [own, other] = [partsOf(/^[\d.]*\d/.exec(server)?.[0] ?? server), partsOf(version)];
  const index = own.findIndex((part, i) => i < other.length && part !== other[i]);
  return (own[index] ?? 0) < (other[index] ?? 0);
}

function partsOf(version: string): number[] {
  return version.split('.').map((part) => {
    if (/^\d+$/.test(part)) return Number(part);
    throw new TsdbtError('runtime', `Version must consist of only numbers separated by '.', found ${version}`);
  });
}
