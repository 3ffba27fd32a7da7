// Tests a day of due times under faults, on a fake clock: each runs once, and the result of the runs equals a full
// recompute. `npm run faults -- days` plays 50 days of each kind.
import { describe, expect, it } from 'vitest';
import type { Job } from '../../../src/serve/jobs/job.ts';
import { Day, type Faults, NONE } from './day-lab.ts';
import { job } from './job.ts';
import { MINUTE } from './scheduler-lab.ts';

const START = '2026-11-23T00:00:00Z';
const DAYS = Number(process.env['TSDBT_DAYS'] ?? 1);
const seeds = Array.from({ length: DAYS }, (_, i) => 1601 + i);
const LONG = 300_000 * DAYS;

/** Successful runs by due time. */
async function successes(day: Day, name: string): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  for (const { dueAt, state } of await day.lab.runs(name))
    if (state === 'success') found.set(dueAt, (found.get(dueAt) ?? 0) + 1);
  return found;
}

/** Checks what no fault may break. */
async function expectSound(day: Day, until = day.lab.clock.now()): Promise<void> {
  expect(day.overlaps).toEqual([]);
  expect((await day.lab.runs()).filter(({ state }) => state === 'running')).toEqual([]);
  for (const { name } of day.lab.jobs) {
    const twice = [...(await successes(day, name))].filter(([, count]) => count > 1);
    expect([name, twice]).toEqual([name, []]);
    const mart = day.marts.get(name);
    expect(mart?.ids.findIndex((id, i) => id !== i + 1)).toBe(-1);
    // The newest rows are those of the last quarter of an hour.
    expect(mart?.ids.length).toBeGreaterThan(day.rowsAt(until - 30 * MINUTE));
  }
}

/** Due times of `every: 5m` from the start on. */
function fiveMinutes(count: number): number[] {
  return Array.from({ length: count }, (_, i) => Date.parse(START) + i * 5 * MINUTE);
}

const ALL: Partial<Job> = { catchUp: 'all', overlap: 'wait', retries: { times: 6, backoffMs: 1000 } };
const MILD: Faults = { ...NONE, transient: 0.15, kill: 0.02, stop: 0.02, away: 0.02 };
const HARSH: Faults = {
  ...MILD,
  mild: false,
  sql: 0.1,
  long: 0.06,
  hang: 0.05,
};

describe.each(seeds)('a day of 288 due times (seed %i)', (seed) => {
  it('runs each of them once with catch_up: all', { timeout: LONG }, async () => {
    const day = new Day(START, [job('fast', ALL)], MILD, seed);
    await day.run(24, 2);
    await expectSound(day);
    const found = await successes(day, 'fast');
    expect([...found.keys()].sort((a, b) => a - b).slice(0, 288)).toEqual(fiveMinutes(288));
    for (const what of ['transient', 'kill', 'stop', 'away']) expect(day.happened.get(what)).toBeGreaterThan(0);
  });

  it('runs none twice, and records why each missed one was left out', { timeout: LONG }, async () => {
    const more = { timeoutMs: 4 * MINUTE, retries: { times: 2, backoffMs: 5000 } };
    const jobs = (['skip', 'wait'] as const).flatMap((overlap) =>
      (['none', 'latest', 'all'] as const).map((catchUp) =>
        job(`${overlap} ${catchUp}`, { ...more, overlap, catchUp }),
      ),
    );
    const day = new Day(START, jobs, HARSH, seed);
    await day.run(24, 2);
    await expectSound(day);
    const told = new Set(
      day.lab.events.flatMap((event) =>
        event.kind === 'left_out'
          ? Array.from({ length: event.count }, (_, i) => `${event.job} ${event.first + i * 5 * MINUTE}`)
          : [],
      ),
    );
    const claimed = new Set((await day.lab.runs()).map((run) => `${run.job} ${run.dueAt}`));
    const silent = jobs.flatMap(({ name }) =>
      fiveMinutes(288)
        .slice(1)
        .filter((due) => !claimed.has(`${name} ${due}`) && !told.has(`${name} ${due}`))
        .map((due) => `${name} ${new Date(due).toISOString()}`),
    );
    expect(silent).toEqual([]);
    for (const what of ['sql', 'long', 'hang']) expect(day.happened.get(what)).toBeGreaterThan(0);
  });

  it('is complete while the clock of the database jumps forward and back', { timeout: LONG }, async () => {
    const day = new Day(
      START,
      [job('all', ALL), job('latest', { ...ALL, catchUp: 'latest' })],
      { ...MILD, jump: 0.02 },
      seed,
    );
    await day.run(24, 2);
    await expectSound(day);
    const found = await successes(day, 'all');
    expect(fiveMinutes(250).filter((due) => !found.has(due))).toEqual([]);
    expect(day.happened.get('jump')).toBeGreaterThan(0);
  });
});

describe('jobs during the daylight saving changes in Berlin', () => {
  const cron = (pattern: string): Partial<Job> => ({
    ...ALL,
    timing: { kind: 'cron', pattern, timeZone: 'Europe/Berlin' },
  });
  it.each([
    ['2027-03-28', '2027-03-27T23:00:00Z', 23, '2027-03-28T01:00:00Z'],
    ['2026-10-25', '2026-10-24T22:00:00Z', 25, '2026-10-25T00:30:00Z'],
  ])('run as expected on %s', { timeout: LONG }, async (_date, midnight, hours, night) => {
    for (const seed of seeds.slice(0, Math.ceil(DAYS / 2))) {
      const day = new Day(midnight, [job('often', cron('*/5 * * * *')), job('night', cron('30 2 * * *'))], MILD, seed);
      await day.run(hours, 2);
      expect((await day.lab.runs()).filter(({ state }) => state === 'running')).toEqual([]);
      const found = await successes(day, 'often');
      const expected = Array.from({ length: hours * 12 }, (_, i) => Date.parse(midnight) + i * 5 * MINUTE);
      // A new cron job begins at its next time.
      expect(expected.slice(1).filter((due) => found.get(due) !== 1)).toEqual([]);
      expect([...(await successes(day, 'night'))]).toEqual([[Date.parse(night), 1]]);
    }
  });
});
