// Positions in the log of a replicated server, and other numbers that it sends. It may send anything. Pure.
import { TsdbtError } from '../../../errors.ts';
import { storableTime } from '../../brokers/message-records.ts';

/** The highest position that is accepted: positions, and offsets after them, are stored as signed numbers. */
const LAST_LSN = 2n ** 63n - 2n ** 32n;
/** Microseconds from 1970 to 2000, from which Postgres counts. */
export const EPOCH_MICROS = 946_684_800_000_000n;
const MICROS_PER_MS = 1000n;
const LSN = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/;
const COUNT = /^-?\d{1,19}$/;

/** @throws `runtime` error for a position that no log has */
export function knownLsn(lsn: bigint): bigint {
  if (lsn > LAST_LSN) throw invalid('its position is too large');
  return lsn;
}

/** A log position as a number. @throws `runtime` error if it is not one */
export function lsnOf(written: unknown): bigint {
  const [, high, low] = LSN.exec(String(written)) ?? [];
  if (high === undefined || low === undefined) throw noNumber('a log position', written);
  return knownLsn((BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`));
}

/** The way Postgres writes it. */
export function lsnText(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16)}`.toUpperCase();
}

/** A number of bytes. @throws `runtime` error if it is not one */
export function byteCount(written: unknown): bigint {
  if (!COUNT.test(String(written))) throw noNumber('a number of bytes', written);
  return BigInt(String(written));
}

/** Milliseconds since 1970 of microseconds since 2000; null: a table cannot store the time. */
export function momentOf(micros: bigint): number | null {
  return storableTime(Number((micros + EPOCH_MICROS) / MICROS_PER_MS));
}

export function invalid(what: string): TsdbtError {
  return new TsdbtError('runtime', `the source sent an invalid message of pgoutput: ${what}`, { hint: HINT });
}

function noNumber(what: string, written: unknown): TsdbtError {
  return new TsdbtError('runtime', `the source sent '${String(written).slice(0, 50)}' instead of ${what}`, {
    hint: HINT,
  });
}

const HINT = 'Check that host and port of the source are those of a Postgres server.';
