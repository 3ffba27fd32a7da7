// The intervals that a microbatch model is built in: sizes, boundaries, names, which of them a run does. Pure; times
// are UTC milliseconds since 1970. Running them is microbatch.ts's, remembering which are done interval-ledger.ts's.
import type { ModelNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { isDictionary } from '../values/is-dictionary.ts';

/** From `start` up to, not including, `end`. */
export interface Interval {
  readonly start: number;
  readonly end: number;
}

/**
 * A size that counts in minutes within a day, or in whole months; `format` says how much of a batch's start its name
 * tells.
 */
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

/** The sizes that dbt knows. */
export const DBT_BATCH_SIZES: readonly string[] = ['hour', 'day', 'month', 'year'];

/**
 * Reads a `batch_size`: one of dbt's, or ours: a number of minutes or hours (`5m`, `2h`) of which whole ones make up a
 * day.
 * @returns null when it is none of them; a text when it is one that does not fit into a day: what is wrong with it
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

/** What the model says below `meta: {tsdbt: …}`, which dbt lets pass. */
export function ownSettings(model: { readonly config: { readonly meta?: unknown } }): {
  readonly [name: string]: unknown;
} {
  const settings = (model.config.meta as { tsdbt?: unknown } | null | undefined)?.tsdbt;
  return isDictionary(settings) ? settings : {};
}

/**
 * The size of a model's batches: `meta: {tsdbt: {batch_size: 5m}}` before `batch_size`.
 * @throws when the model has none
 */
export function batchSizeOf(model: ModelNode): BatchSize {
  const size = parseBatchSize(ownSettings(model)['batch_size'] ?? model.config['batch_size']);
  if (size !== null && typeof size !== 'string') return size;
  throw new TsdbtError(
    'runtime',
    `Microbatch model '${model.name}' does not have a 'batch_size' config (one of ` +
      `${JSON.stringify(DBT_BATCH_SIZES)}) specificed.`,
    { node: model },
  );
}

/** The start of the batch that holds a moment. */
export function truncate(time: number, size: BatchSize): number {
  if (size.months === undefined) {
    const length = size.minutes * MINUTE;
    return Math.floor(time / length) * length;
  }
  const date = new Date(time);
  const months = date.getUTCFullYear() * 12 + date.getUTCMonth();
  return monthStart(months - (months % size.months));
}

/** The start of the batch that is `count` batches after the one that holds the moment. */
export function offset(time: number, size: BatchSize, count: number): number {
  const start = truncate(time, size);
  if (size.months === undefined) return start + count * size.minutes * MINUTE;
  const date = new Date(start);
  return monthStart(date.getUTCFullYear() * 12 + date.getUTCMonth() + count * size.months);
}

/** The first boundary that is not before the moment. */
export function ceiling(time: number, size: BatchSize): number {
  const start = truncate(time, size);
  return start === time ? start : offset(start, size, 1);
}

function monthStart(months: number): number {
  const date = new Date(0);
  date.setUTCFullYear(Math.floor(months / 12), months % 12, 1);
  return date.getTime();
}

/** A batch's start as far as its size tells: `2026-11`, `2026-11-21T14`, `2026-11-21T1405`. */
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

/** What a run is to cover. */
export interface Window {
  /** `--event-time-start` and `--event-time-end`, or those of the sample; null: up to now. */
  readonly given: Interval | null;
  /** When the command began. */
  readonly now: number;
  /** The table is there and is added to. */
  readonly incremental: boolean;
  readonly begin: number;
  readonly lookback: number;
}

/**
 * The interval that dbt would build: what was asked for, all since `begin`, or the newest batch and `lookback` more.
 * Whole batches.
 */
export function coveredInterval({ given, now, incremental, begin, lookback }: Window, size: BatchSize): Interval {
  const end = ceiling(given?.end ?? now, size);
  if (given !== null) return { start: truncate(given.start, size), end };
  // The end is a boundary already, so the newest batch is one before it.
  return { start: incremental ? offset(end, size, -lookback - 1) : truncate(begin, size), end };
}

/** The batches of an interval, at least one; the last ends with it. */
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
 * The batches between two moments that are not wholly done, oldest first.
 * @param done intervals that are finished, in any order
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

/** What remains of intervals when those of batches are taken out. */
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

/** A moment as dbt's artifacts write it. */
export function isoUtc(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}+00:00`;
}

/**
 * The wall clock of an ISO text taken as UTC, whatever zone it names: dbt's reading of `begin` and of the event time
 * flags.
 */
export function wallTime(text: string): number {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d)(?::?(\d\d))?(?::?(\d\d))?)?/.exec(text);
  if (match === null) throw new TsdbtError('runtime', `'${text}' is not a date or a time`);
  const [, day, hour = '00', minute = '00', second = '00'] = match;
  return Date.parse(`${day}T${hour}:${minute}:${second}Z`);
}
