// Server capabilities that macros need, and the comparison of versions.
import { TsdbtError } from '../../errors.ts';

export interface ServerFacts {
  /** `26.7.3.1` */
  readonly version: string;
  readonly timezone: string;
  /** The profile's database, and its engine. */
  readonly database: string;
  readonly engine: string;
  /**
   * Whether tables in the profile's database can be exchanged, according to its engine. True if the profile disables
   * the check (check_exchange, cluster_mode).
   */
  readonly atomicExchange: boolean;
  /** Whether a session may allow mutations that read other tables (allow_nondeterministic_mutations). */
  readonly lightweightDeletes: boolean;
}

/** Database engines whose tables can be exchanged. Overlay is chDB's `default`, which combines Atomic and files. */
export function exchangesTables(engine: string): boolean {
  return ['Atomic', 'Replicated', 'Shared', 'Overlay'].includes(engine);
}

/**
 * Whether the server's version is lower. Only parts that both versions have are compared.
 * @throws if a version does not consist of numbers and dots
 */
export function isBefore(server: string, version: string): boolean {
  // A server's version may end in a word: 24.3.5.47.altinitystable.
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
