// The batches of a microbatch model: sizes, boundaries, names, and which of them a run builds. Pure; times are UTC
// milliseconds since 1970. microbatch.ts runs them, interval-ledger.ts records which are done.
import type { ModelNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { ownSetting } from '../settings/meta-settings.ts';

/** From `start` (inclusive) to `end` (exclusive). */
export interface Interval {
  readonly start: number;
  readonly end: number;
}

/** A size in minutes within a day, or in whole months. `format`: precision of a batch's start in its name. */
export type BatchSize = (
  | { readonly minutes: number; readonly months?: undefined }
  | { readonly months: number; readonly minutes?: undefined }
) & { readonly format: 'year' | 'month' | 'day' | 'hour' | 'minute' };

const MINUTE = 60_000;
const MINUTES_A_DAY = 1440;

const NAMED: Readonly<Record<string, BatchSize>> = {
  hour: { minutes: 60, format: 'hour' },
  day: { minutes: MINUTES_A_DAY, format: 'day' },
  month: { months: 1, format: 'month' },
  year: { months: 12, format: 'year' },
};

/** dbt's sizes. */
export const DBT_BATCH_SIZES: readonly string[] = ['hour', 'day', 'month', 'year'];

/**
 * Parses a `batch_size`: one of dbt's, or a number of minutes or hours (`5m`, `2h`) that divides a day.
 * @returns null if it is neither; a text that describes the problem if it does not divide a day
 */
export function parseBatchSize(text: unknown): BatchSize | string | null {
  if (typeof text !== 'string') return null;
  const named = Object.hasOwn(NAMED, text) ? NAMED[text] : undefined;
  if (named !== undefined) return named;
  const match = /^(\d+)(m|h)$/.exec(text);
  if (match === null) return null;
  const minutes = Number(match[1]) * (match[2] === 'h' ? 60 : 1);
  if (minutes === 0 || minutes > MINUTES_A_DAY || MINUTES_A_DAY % minutes !== 0)
    return `'${text}' does not divide a day into equal parts`;
  return { minutes, format: minutes === MINUTES_A_DAY ? 'day' : minutes % 60 === 0 ? 'hour' : 'minute' };
}

/**
 * The batch size of a model: `meta: {tsdbt: {batch_size: 5m}}` overrides `batch_size`.
 * @throws if the model has neither
 */
export function batchSizeOf(model: ModelNode): BatchSize {
  const size = parseBatchSize(ownSetting(model, 'batch_size') ?? model.config['batch_size']);
  if (size !== null && typeof size !== 'string') return size;
  throw new TsdbtError(
    'runtime',
    `Microbatch model '${model.name}' does not have a 'batch_size' config (one of ` +
      `${JSON.stringify(DBT_BATCH_SIZES)}) specificed.`,
    { node: model },
  );
}

/** The start of the batch that contains a time. */
export function truncate(time: number, size: BatchSize): number {
  if (size.months === undefined) {
    const length = size.minutes * MINUTE;
    return Math.floor(time / length) * length;
  }
  const date = new Date(time);
  const months = date.getUTCFullYear() * 12 + date.getUTCMonth();
  return monthStart(months - (months % size.months));
}

/** The start of the batch `count` batches after the one that contains the time. */
export function offset(time: number, size: BatchSize, count: number): number {
  const start = truncate(time, size);
  if (size.months === undefined) return start + count * size.minutes * MINUTE;
  const date = new Date(start);
  return monthStart(date.getUTCFullYear() * 12 + date.getUTCMonth() + count * size.months);
}

/** The first boundary at or after the time. */
export function ceiling(time: number, size: BatchSize): number {
  const start = truncate(time, size);
  return start === time ? start : offset(start, size, 1);
}

function monthStart(months: number): number {
  const date = new Date(0);
  date.setUTCFullYear(Math.floor(months / 12), months % 12, 1);
  return date.getTime();
}

/** A batch's start with the precision of its size: `2026-11`, `2026-11-21T14`, `2026-11-21T1405`. */
export function batchName(start: number, { format }: BatchSize): string {
  const iso = new Date(start).toISOString();
  switch (format) {
    case 'year':
      return iso.slice(0, 4);
    case 'month':
      return iso.slice(0, 7);
    case 'day':
      return iso.slice(0, 10);
    case 'hour':
      return iso.slice(0, 13);
    case 'minute':
      return iso.slice(0, 16).replace(':', '');
    default:
      return format satisfies never;
  }
}

/** `model.batch.id`. */
export function batchId(start: number, size: BatchSize): string {
  return batchName(start, size).replaceAll('-', '');
}

/** The interval that a run covers. */
export interface Window {
  /** `--event-time-start` and `--event-time-end`, or those of the sample; null: up to now. */
  readonly given: Interval | null;
  /** When the command started. */
  readonly now: number;
  /** Whether the table exists and is added to. */
  readonly incremental: boolean;
  readonly begin: number;
  readonly lookback: number;
}

/**
 * The interval that dbt would build, in whole batches: the requested one, everything since `begin`, or the newest batch
 * and `lookback` batches before it.
 */
export function coveredInterval({ given, now, incremental, begin, lookback }: Window, size: BatchSize): Interval {
  const end = ceiling(given?.end ?? now, size);
  if (given !== null) return { start: truncate(given.start, size), end };
  // The end is a boundary, so the newest batch starts one size before it.
  return { start: incremental ? offset(end, size, -lookback - 1) : truncate(begin, size), end };
}

/** The batches of an interval, at least one; the last one ends with it. */
export function splitIntoBatches({ start, end }: Interval, size: BatchSize): Interval[] {
  const batches: Interval[] = [];
  let from = start;
  for (let to = offset(from, size, 1); to < end; to = offset(from, size, 1)) {
    batches.push({ start: from, end: to });
    from = to;
  }
  batches.push({ start: from, end });
  return batches;
}

/**
 * The batches between two times that are not completely done, oldest first.
 * @param done finished intervals, in any order
 */
export function missingBatches({ start, end }: Interval, done: readonly Interval[], size: BatchSize): Interval[] {
  const missing: Interval[] = [];
  let from = truncate(start, size);
  const add = (hole: Interval): void => {
    for (let at = Math.max(from, truncate(hole.start, size)); at < hole.end && at < end; at = from) {
      from = offset(at, size, 1);
      missing.push({ start: at, end: from });
    }
  };
  let known = from;
  for (const interval of [...done].sort((a, b) => a.start - b.start)) {
    if (interval.start > known) add({ start: known, end: interval.start });
    known = Math.max(known, interval.end);
  }
  if (known < end) add({ start: known, end });
  return missing;
}

/** Subtracts the intervals of batches from intervals. */
export function withoutBatches(done: readonly Interval[], batches: readonly Interval[]): Interval[] {
  let left = [...done];
  for (const { start, end } of batches)
    left = left
      .flatMap((interval) => [
        { start: interval.start, end: Math.min(interval.end, start) },
        { start: Math.max(interval.start, end), end: interval.end },
      ])
      .filter((interval) => interval.start < interval.end);
  return left;
}

/** Formats a time as in dbt's artifacts. */
export function isoUtc(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}+00:00`;
}

/**
 * Reads the wall-clock time of an ISO text as UTC, ignoring its zone, as dbt does for `begin` and the event time flags.
 */
export function wallTime(text: string): number {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d)(?::?(\d\d))?(?::?(\d\d))?)?/.exec(text);
  if (match === null) throw new TsdbtError('runtime', `'${text}' is not a date or a time`);
  const [, day, hour = '00', minute = '00', second = '00'] = match;
  return Date.parse(`${day}T${hour}:${minute}:${second}Z`);
}
