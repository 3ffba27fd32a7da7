// When jobs are due: periods, cron patterns on the days of clock changes, absences, clocks that jump.
import { describe, expect, it } from 'vitest';
import type { Job, JobTiming } from '../../../../../src/serve/jobs/job.ts';
import { dueBetween, duePlan, MOST_CAUGHT_UP, nextDue } from '../../../../../src/serve/jobs/schedule.ts';

const at = (text: string): number => {
  const moment = Date.parse(text.length === 16 ? `${text}:00Z` : text);
  if (Number.isNaN(moment)) throw new Error(`no time: ${text}`);
  return moment;
};
const shown = (moments: readonly number[]): string[] =>
  moments.map((moment) => new Date(moment).toISOString().replace(/(:00)?\.000Z$/, ''));
const every = (ms: number): JobTiming => ({ kind: 'every', ms });
const cron = (pattern: string, timeZone = 'UTC'): JobTiming => ({ kind: 'cron', pattern, timeZone });
const MINUTE = 60_000;

/** Due times found one after the other. */
function forward(timing: JobTiming, after: number, until: number): number[] {
  const found: number[] = [];
  for (let due = nextDue(timing, after); due !== null && due <= until; due = nextDue(timing, due)) found.push(due);
  return found;
}

describe('the every schedule', () => {
  it.each([
    [5 * MINUTE, '2026-11-23T10:02', '2026-11-23T10:05'],
    [5 * MINUTE, '2026-11-23T10:05', '2026-11-23T10:10'],
    [2000, '2026-11-23T10:00:01.999Z', '2026-11-23T10:00:02Z'],
    // Seven minutes do not divide an hour: the grid is that of 1970, which no hour begins anew.
    [7 * MINUTE, '2026-11-23T10:00', '2026-11-23T10:03'],
    [7 * MINUTE, '2026-11-23T10:58', '2026-11-23T10:59'],
    [24 * 60 * MINUTE, '2026-11-23T10:00', '2026-11-24T00:00'],
    // 1970 began on a Thursday.
    [7 * 24 * 60 * MINUTE, '2026-11-23T10:00', '2026-11-26T00:00'],
  ])('of %d ms after %s is due at %s', (ms, after, due) => {
    expect(nextDue(every(ms), at(after))).toBe(at(due));
  });

  it('ignores changes to and from daylight saving time', () => {
    const day = dueBetween(every(60 * MINUTE), at('2026-10-24T22:00'), at('2026-10-25T23:00'));
    expect(day.map((due, i) => due - at('2026-10-24T23:00') - i * 60 * MINUTE)).toEqual(day.map(() => 0));
    expect(day).toHaveLength(25);
  });

  it('returns only the newest of many due times', () => {
    const found = dueBetween(every(1000), 0, at('2026-01-01T00:00'));
    expect(found).toHaveLength(MOST_CAUGHT_UP);
    expect(found.at(-1)).toBe(at('2026-01-01T00:00'));
    expect(dueBetween(every(1000), 0, 3000, 2)).toEqual([2000, 3000]);
    expect(dueBetween(every(1000), 3000, 3999)).toEqual([]);
    expect(dueBetween(every(1000), 5000, 3000)).toEqual([]);
  });
});

describe('the cron schedule', () => {
  it.each([
    // Put back at 03:00 CEST: 02:30 exists twice and is due the first time.
    ['30 2 * * *', 'Europe/Berlin', '2026-10-24T22:00', '2026-10-26T22:00', ['2026-10-25T00:30', '2026-10-26T01:30']],
    // Put forward at 02:00 CET: 02:30 does not exist and is due when the gap ends.
    ['30 2 * * *', 'Europe/Berlin', '2027-03-27T12:00', '2027-03-29T12:00', ['2027-03-28T01:00', '2027-03-29T00:30']],
    ['0,30 2 * * *', 'Europe/Berlin', '2027-03-27T12:00', '2027-03-28T12:00', ['2027-03-28T01:00']],
    [
      '15 1-3 * * *',
      'Europe/Berlin',
      '2027-03-27T22:00',
      '2027-03-28T12:00',
      ['2027-03-28T00:15', '2027-03-28T01:00', '2027-03-28T01:15'],
    ],
    ['0 3 * * *', 'Europe/Berlin', '2026-10-24T12:00', '2026-10-25T12:00', ['2026-10-25T02:00']],
    ['0 3 * * *', 'Europe/Berlin', '2027-03-27T12:00', '2027-03-28T12:00', ['2027-03-28T01:00']],
    ['0 2,14 * * *', 'Europe/Berlin', '2026-10-24T22:00', '2026-10-25T22:00', ['2026-10-25T00:00', '2026-10-25T13:00']],
    // With a star the clock is asked: both passes of the hour, and no pass of the one that is left out.
    [
      '*/30 2 * * *',
      'Europe/Berlin',
      '2026-10-24T22:00',
      '2026-10-25T22:00',
      ['2026-10-25T00:00', '2026-10-25T00:30', '2026-10-25T01:00', '2026-10-25T01:30'],
    ],
    ['*/30 2 * * *', 'Europe/Berlin', '2027-03-27T12:00', '2027-03-28T12:00', []],
    ['@daily', 'Europe/Berlin', '2027-03-27T12:00', '2027-03-29T12:00', ['2027-03-27T23:00', '2027-03-28T22:00']],
    [
      '30 1 * * *',
      'America/New_York',
      '2026-10-31T12:00',
      '2026-11-02T12:00',
      ['2026-11-01T05:30', '2026-11-02T06:30'],
    ],
    [
      '30 2 * * *',
      'America/New_York',
      '2027-03-13T12:00',
      '2027-03-15T12:00',
      ['2027-03-14T07:00', '2027-03-15T06:30'],
    ],
    // 05:45 ahead of UTC, without daylight saving.
    ['0 0 * * *', 'Asia/Kathmandu', '2026-11-22T00:00', '2026-11-23T20:00', ['2026-11-22T18:15', '2026-11-23T18:15']],
    [
      '*/20 * * * *',
      'Asia/Kathmandu',
      '2026-11-22T00:00',
      '2026-11-22T00:40',
      ['2026-11-22T00:15', '2026-11-22T00:35'],
    ],
    // Half an hour of daylight saving.
    [
      '0 * * * *',
      'Australia/Lord_Howe',
      '2026-04-04T12:50',
      '2026-04-04T16:40',
      ['2026-04-04T13:00', '2026-04-04T14:00', '2026-04-04T15:30', '2026-04-04T16:30'],
    ],
    ['0 0 29 2 *', 'UTC', '2026-01-01T00:00', '2033-01-01T00:00', ['2028-02-29T00:00', '2032-02-29T00:00']],
    // 2100 is no leap year.
    ['0 0 29 2 *', 'UTC', '2096-03-01T00:00', '2105-01-01T00:00', ['2104-02-29T00:00']],
    ['0 9 L * *', 'UTC', '2028-02-01T00:00', '2028-04-01T00:00', ['2028-02-29T09:00', '2028-03-31T09:00']],
    // Day of the month or day of the week, as in cron.
    ['0 0 1 * MON', 'UTC', '2026-11-30T12:00', '2026-12-08T00:00', ['2026-12-01T00:00', '2026-12-07T00:00']],
    [
      '*/20 * * * * *',
      'UTC',
      '2026-11-23T10:00',
      '2026-11-23T10:01',
      ['2026-11-23T10:00:20', '2026-11-23T10:00:40', '2026-11-23T10:01'],
    ],
  ])('%s in %s is due as expected from %s to %s', (pattern, zone, after, until, expected) => {
    const timing = cron(pattern, zone);
    expect(shown(forward(timing, at(after), at(until)))).toEqual(expected);
    expect(shown(dueBetween(timing, at(after), at(until)))).toEqual(expected);
  });

  it.each([
    ['Europe/Berlin', '2026-10-24T12:00'],
    ['Europe/Berlin', '2027-03-27T12:00'],
    ['America/New_York', '2026-10-31T12:00'],
    ['America/New_York', '2027-03-13T12:00'],
    ['Australia/Lord_Howe', '2026-04-04T02:00'],
    ['Australia/Lord_Howe', '2026-10-03T02:00'],
    ['Asia/Kathmandu', '2026-10-25T00:00'],
  ])('with stars is due every five minutes of the day in %s, from %s', (zone, from) => {
    const found = dueBetween(cron('*/5 * * * *', zone), at(from), at(from) + 288 * 5 * MINUTE);
    expect(found.map((due) => (due - at(from)) / MINUTE)).toEqual(found.map((_due, i) => 5 * (i + 1)));
    expect(found).toHaveLength(288);
  });

  it.each([
    ['30 2 * * *', 'Europe/Berlin'],
    ['0 0-6 * * *', 'Europe/Berlin'],
    ['15 1-3 * * *', 'America/New_York'],
    ['7,37 1,2,3 * * 0', 'America/New_York'],
    ['0 0 29 2 *', 'Asia/Kathmandu'],
    ['59 23 L * *', 'Europe/Berlin'],
  ])('%s in %s finds the same times backward and forward', (pattern, zone) => {
    const timing = cron(pattern, zone);
    const [from, to] =
      pattern.includes('L') || pattern.includes('29')
        ? [at('2026-03-01T00:00'), at('2028-04-01T00:00')]
        : [at('2026-10-11T00:00'), at('2027-04-04T00:00')];
    const found = forward(timing, from, to);
    expect(found.length).toBeGreaterThan(0);
    expect(dueBetween(timing, from, to, 100_000)).toEqual(found);
    expect(new Set(found).size).toBe(found.length);
    expect(dueBetween(timing, from, to, 3)).toEqual(found.slice(-3));
    const [first = 0] = found;
    // A due time ends a span, and does not begin one.
    expect(dueBetween(timing, first - 1, first)).toEqual([first]);
    expect(dueBetween(timing, first, first + 500)).toEqual([]);
    expect(dueBetween(timing, first - 500, first - 1)).toEqual([]);
  });
});

it('a loader, a job after a source and a manual job are never due by the clock', () => {
  for (const timing of [
    { kind: 'resident' },
    { kind: 'manual' },
    { kind: 'after', sources: ['source:raw.events'], debounceMs: 0 },
  ] as const) {
    expect(nextDue(timing, 0)).toBeNull();
    expect(dueBetween(timing, 0, 1e12)).toEqual([]);
    expect(duePlan({ timing, catchUp: 'all', windowMs: null }, 0, 1e12)).toEqual({
      start: [],
      missed: null,
      late: null,
      next: null,
    });
  }
});

describe('the plan of due times', () => {
  const five = every(5 * MINUTE);
  const night = cron('0 2 * * *', 'Europe/Berlin');
  const plan = (
    timing: JobTiming,
    catchUp: Job['catchUp'],
    last: string | null,
    now: string,
    windowMs: number | null = null,
  ): [string[], number, number, string] => {
    const { start, missed, late, next } = duePlan(
      { timing, catchUp, windowMs },
      last === null ? null : at(last),
      at(now),
    );
    return [shown(start), missed?.count ?? 0, late?.count ?? 0, next === null ? '' : (shown([next])[0] ?? '')];
  };

  it.each([
    ['latest', '2026-11-23T10:00', '2026-11-23T10:04', [], 0],
    ['latest', '2026-11-23T10:00', '2026-11-23T10:05', ['2026-11-23T10:05'], 0],
    ['none', '2026-11-23T10:00', '2026-11-23T10:05', ['2026-11-23T10:05'], 0],
    // On time for a minute.
    ['none', '2026-11-23T10:00', '2026-11-23T10:06', ['2026-11-23T10:05'], 0],
    ['none', '2026-11-23T10:00', '2026-11-23T10:07', [], 1],
    ['latest', '2026-11-23T10:00', '2026-11-23T10:07', ['2026-11-23T10:05'], 0],
    // Away for a quarter of an hour.
    ['none', '2026-11-23T10:00', '2026-11-23T10:17', [], 3],
    ['latest', '2026-11-23T10:00', '2026-11-23T10:17', ['2026-11-23T10:15'], 2],
    ['all', '2026-11-23T10:00', '2026-11-23T10:17', ['2026-11-23T10:05', '2026-11-23T10:10', '2026-11-23T10:15'], 0],
  ] as const)('with catch_up %s after %s is computed at %s', (catchUp, last, now, start, missed) => {
    expect(plan(five, catchUp, last, now).slice(0, 3)).toEqual([start, missed, 0]);
  });

  it.each([
    // Nothing is known: a period promises an age, a pattern a time.
    [five, 'latest', '2026-11-23T10:04', ['2026-11-23T10:00'], '2026-11-23T10:05'],
    [five, 'all', '2026-11-23T10:04', ['2026-11-23T10:00'], '2026-11-23T10:05'],
    [five, 'none', '2026-11-23T10:04', [], '2026-11-23T10:05'],
    [five, 'none', '2026-11-23T10:05', ['2026-11-23T10:05'], '2026-11-23T10:10'],
    [night, 'latest', '2026-11-23T10:04', [], '2026-11-24T01:00'],
    [night, 'all', '2026-11-23T01:00', ['2026-11-23T01:00'], '2026-11-24T01:00'],
  ] as const)('of a job without a history is computed: %o %s at %s', (timing, catchUp, now, start, next) => {
    expect(plan(timing, catchUp, null, now)).toEqual([start, 0, 0, next]);
  });

  it('leaves out due times beyond the window', () => {
    const window = 3 * 60 * MINUTE;
    expect(plan(night, 'latest', '2026-11-22T01:00', '2026-11-23T03:59', window)[0]).toEqual(['2026-11-23T01:00']);
    expect(plan(night, 'latest', '2026-11-22T01:00', '2026-11-23T04:01', window)).toEqual([
      [],
      0,
      1,
      '2026-11-24T01:00',
    ]);
    expect(plan(night, 'all', '2026-11-19T01:00', '2026-11-23T02:00', window)).toEqual([
      ['2026-11-23T01:00'],
      0,
      3,
      '2026-11-24T01:00',
    ]);
  });

  it('catches up on the newest of very many, and counts the others', () => {
    const now = at('2026-11-23T10:00');
    const { start, missed } = duePlan({ timing: every(2000), catchUp: 'all', windowMs: null }, 0, now);
    expect([start.length, start.at(-1)]).toEqual([MOST_CAUGHT_UP, now]);
    expect(missed).toEqual({
      first: 2000,
      last: now - MOST_CAUGHT_UP * 2000,
      count: now / 2000 - MOST_CAUGHT_UP,
    });
    const latest = duePlan({ timing: every(2000), catchUp: 'latest', windowMs: null }, 0, now);
    expect(latest.missed).toEqual({ first: 2000, last: now - 2000, count: now / 2000 - 1 });
  });

  it('reports the first and the last due time that it leaves out', () => {
    const window = 3 * 60 * MINUTE;
    const { missed, late } = duePlan(
      { timing: night, catchUp: 'latest', windowMs: window },
      at('2026-11-19T01:00'),
      at('2026-11-23T04:01'),
    );
    expect(missed).toEqual({ first: at('2026-11-20T01:00'), last: at('2026-11-22T01:00'), count: 3 });
    expect(late).toEqual({ first: at('2026-11-23T01:00'), last: at('2026-11-23T01:00'), count: 1 });
  });

  it('continues when the clock was set back, and offers claimed times that can be claimed only once', () => {
    // Half an hour back; the claims of that half hour are known to the store.
    expect(plan(five, 'latest', '2026-11-23T10:30', '2026-11-23T10:02')).toEqual([
      ['2026-11-23T10:00'],
      0,
      0,
      '2026-11-23T10:05',
    ]);
    // A clock that was a year ahead for a moment keeps no job from running.
    expect(plan(five, 'all', '2027-11-23T10:30', '2026-11-23T10:02')[0]).toEqual(['2026-11-23T10:00']);
    expect(plan(night, 'latest', '2027-11-23T01:00', '2026-11-23T10:02')).toEqual([[], 0, 0, '2026-11-24T01:00']);
  });

  it('runs each time of a day once, even if the clock jumps both ways', () => {
    const job = { timing: five, catchUp: 'all' as const, windowMs: null };
    const claimed = new Set<number>();
    const order: number[] = [];
    let last: number | null = at('2026-10-25T00:00');
    // Forward by an hour at six, back by two hours at twelve.
    for (let tick = 0; tick < 24 * 60; tick++) {
      const hours = tick / 60;
      const jump = (hours >= 6 ? 60 : 0) - (hours >= 12 ? 120 : 0);
      const now = at('2026-10-25T00:00') + (tick + jump) * MINUTE;
      for (const due of duePlan(job, last, now).start) {
        if (claimed.has(due)) continue;
        claimed.add(due);
        order.push(due);
      }
      last = claimed.size === 0 ? last : Math.max(...claimed);
    }
    const end = at('2026-10-25T00:00') + (24 * 60 - 1 - 60) * MINUTE;
    expect(order).toEqual(dueBetween(five, at('2026-10-25T00:00'), end));
  });
});
