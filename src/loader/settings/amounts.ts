// Parses sizes and durations in load configs: 16MiB, 2s.
const BYTES = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };
const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A kind of amount: the factors of its units, and the unit of a plain number. */
export interface Amount {
  readonly units: Readonly<Record<string, number>>;
  readonly unit: string;
}
export const COUNT: Amount = { units: { '': 1 }, unit: '' };
export const SIZE: Amount = { units: BYTES, unit: 'b' };
export const DURATION: Amount = { units: MILLISECONDS, unit: 's' };

/** @returns a whole number of bytes or milliseconds; 0 if it is not a positive amount of this kind */
export function amountOf(written: unknown, { units, unit }: Amount): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(String(written).trim());
  const factor = match === null ? undefined : units[(match[2] || unit).toLowerCase()];
  return match === null || factor === undefined ? 0 : Math.round(Number(match[1]) * factor);
}
