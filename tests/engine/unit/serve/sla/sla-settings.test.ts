// What an `sla:` may say, and what is answered to one that says something else.
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../../../src/contracts/node.ts';
import type { Keys } from '../../../../../src/settings/setting.ts';
import { readSla, type SlaSubject } from '../../../../../src/settings/sla-settings.ts';
import { durationText } from '../../../../../src/values/duration.ts';

const WEEK = 7 * 86_400_000;
const refuse = (keys: Keys, message: string, hint?: string): never => {
  throw new Error(`${keys.join('.')}: ${message}${hint === undefined ? '' : ` | ${hint}`}`);
};
const read = (value: Json, subject: SlaSubject = 'model') => readSla(value, subject, refuse);
const nothing = { freshness: null, lag: null, success: null, duration: null, late: null, looks: 2 };

describe('an sla', () => {
  it.each<[SlaSubject, Json, object]>([
    ['model', { freshness: '15m' }, { freshness: { maxMs: 900_000, field: null, filter: null } }],
    [
      'source',
      { freshness: { max: '1h 30m', field: 'at', filter: "kind = 'x'" }, looks: 1 },
      { freshness: { maxMs: 5_400_000, field: 'at', filter: "kind = 'x'" }, looks: 1 },
    ],
    ['loader', { lag: '0.5s' }, { lag: 500 }],
    ['model', { success: '99.5%' }, { success: { min: 0.995, overMs: WEEK } }],
    ['job', { success: { min: 0.9, over: '1d' } }, { success: { min: 0.9, overMs: 86_400_000 } }],
    [
      'job',
      { duration: '4m', late: '30s' },
      { duration: { maxMs: 240_000, percentile: null, overMs: WEEK }, late: 30_000 },
    ],
    [
      'model',
      { duration: { max: '1m', percentile: 95, over: '12h' } },
      { duration: { maxMs: 60_000, percentile: 95, overMs: 43_200_000 } },
    ],
    ['model', { success: '99%', freshness: null }, { success: { min: 0.99, overMs: WEEK } }],
  ])('of a %s reads %j', (subject, value, expected) => {
    expect(read(value, subject)).toEqual({ ...nothing, ...expected });
  });

  it.each<[SlaSubject, Json, string]>([
    ['model', '15m', ': must be a dictionary of freshness, success, duration, looks, found "15m"'],
    ['model', {}, ": needs 'freshness', 'success' or 'duration' | Example: sla: {freshness: 15m}."],
    ['job', { looks: 3 }, ": needs 'freshness', 'success', 'duration' or 'late'"],
    ['model', { fresness: '15m' }, "fresness: unknown key 'fresness' | did you mean 'freshness'? Keys: freshness,"],
    ['model', { lag: '1m' }, "lag: unknown key 'lag' | Keys: freshness, success, duration, looks. lag is for sources"],
    ['source', { success: '99%' }, "success: unknown key 'success' | Keys: freshness, looks."],
    ['loader', { late: '1m' }, "late: unknown key 'late'"],
    [
      'model',
      { freshness: 15 },
      "freshness: 'freshness' must be a duration such as 30s, 5m or 1h30m, found 15 | " +
        'A number needs its unit: 15s, 15m',
    ],
    ['model', { freshness: '15 apples' }, 'found "15 apples"'],
    ['model', { freshness: '0s' }, 'found "0s"'],
    ['model', { freshness: { field: 'at' } }, "freshness: 'freshness' needs 'max': a duration"],
    ['model', { freshness: { max: '1m', column: 'at' } }, "freshness.column: unknown key 'freshness.column'"],
    ['model', { freshness: { max: '1m', field: 3 } }, "freshness.field: 'freshness.field' must be a text"],
    ['job', { freshness: { max: '1m', field: 'at' } }, "freshness.field: unknown key 'freshness.field'"],
    ['model', { success: 99 }, "success: 'success' must be a share such as 99% or 0.99, found 99"],
    ['model', { success: { min: '101%' } }, "success.min: 'success.min' must be a share"],
    ['model', { duration: { max: '1m', over: '1d' } }, "duration.over: 'duration.over' needs 'percentile'"],
    [
      'model',
      { duration: { max: '1m', percentile: 0 } },
      "duration.percentile: 'duration.percentile' must be a whole number from 1 to 100, found 0",
    ],
    ['model', { success: '99%', looks: 0 }, "looks: 'looks' must be a whole number from 1 to 100, found 0"],
  ])('of a %s that contains %j is rejected', (subject, value, message) => {
    expect(() => read(value, subject)).toThrow(message);
  });

  it.each([
    [250, '250ms'],
    [900_000, '15m'],
    [5_400_400, '1h30m'],
    [90_061_000, '1d1h1m1s'],
  ])('states %i milliseconds as %s', (ms, words) => {
    expect(durationText(ms)).toBe(words);
  });
});
