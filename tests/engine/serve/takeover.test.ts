// Tests what remains when a host dies during a run: the rows that its run has not seen, and the due times that waited
// for it. Uses a fake clock, a store in memory and simulated work.
import { describe, expect, it } from 'vitest';
import { madeBefore } from '../../../src/serve/completed-work.ts';
import { job } from './job.ts';
import { clockTime, GOOD, HOUR, Lab, MINUTE } from './scheduler-lab.ts';

const START = '2026-11-23T12:00:00Z';
const NODE = {
  status: 'success',
  thread: 'Thread-1',
  rows: null,
  readRows: null,
  readBytes: null,
  failures: null,
  message: null,
  checksum: null,
} as const;

describe('rows that arrive while the run of a dead host waits for another', () => {
  const timing = { kind: 'after', sources: ['source:raw.events'], debounceMs: 10_000 } as const;

  it.each([
    ['starts later', 'latest', [61_000]],
    ['is there', 'none', [45_000]],
    ['is there, and a third one', 'none', [45_000, 46_000]],
  ] as const)(
    'are in a separate run, because the takeover may skip the model that reads them: it %s',
    async (...row) => {
      const [, catchUp, others] = row;
      const lab = new Lab(START, [job('sessions', { timing, catchUp })]);
      lab.marks.set('sessions', '0');
      lab.play = async (attempt) => {
        await lab.work(2 * MINUTE, attempt);
        return GOOD;
      };
      let gone = false;
      lab.host('a', { away: () => gone });
      const steps: [number, () => void][] = [
        [20_000, () => lab.marks.set('sessions', '1')],
        ...others.map((at, i): [number, () => void] => [at, () => lab.host(`b${i}`)]),
        [60_000, () => (gone = true)],
        // Just before the lease expires.
        [88_000, () => lab.marks.set('sessions', '2')],
      ];
      let now = 0;
      for (const [at, step] of steps.sort(([one], [other]) => one - other)) {
        await lab.pass(at - now);
        now = at;
        step();
      }
      await lab.pass(15 * MINUTE);
      expect(lab.begun.map((each) => each.split(' ')[2])).toEqual(['1', '2', '1']);
    },
  );
});

describe('the work of a dead host', () => {
  it.each([
    [50 * MINUTE, 50 * MINUTE, ['first', 'second']],
    [50 * MINUTE, 2 * HOUR, []],
    [2 * HOUR, 50 * MINUTE, ['second']],
  ])('counts unless it is old: tries %i and %i ms apart', async (pause, otherPause, made) => {
    const lab = new Lab(START, []);
    for (const [attempt, uniqueId, wait] of [
      [1, 'first', pause],
      [2, 'second', otherPause],
    ] as const) {
      const claim = await lab.store.claim('daily', Date.parse(START), attempt, 'gone');
      const runId = claim?.runId ?? '';
      await lab.store.begun(runId, 'x');
      await lab.store.record([{ ...NODE, runId, uniqueId, startedAt: lab.clock.now() + MINUTE, seconds: 240 }], []);
      await lab.pass(5 * MINUTE + wait);
    }
    const third = await lab.store.claim('daily', Date.parse(START), 3, 'here');
    expect(third === null ? null : [...(await madeBefore(lab.store, third, 'x'))].sort()).toEqual(made);
  });
});

describe('a job of which each due time counts', () => {
  /** The run of 12:00 continues while 12:05 and 12:10 wait. The job is paused at 12:15 and 12:20. */
  async function waiting(): Promise<{ readonly lab: Lab; die(): void }> {
    const lab = new Lab(START, [job('each', { catchUp: 'all', overlap: 'wait' })]);
    lab.play = async (attempt) => {
      await lab.work(
        attempt.claim.attempt === 1 && clockTime(attempt.claim.dueAt) === '12:00' ? 22 * MINUTE : 1,
        attempt,
      );
      return GOOD;
    };
    let gone = false;
    const host = lab.host('a', { away: () => gone });
    await lab.pass(11 * MINUTE);
    await lab.store.setPaused('each', true);
    await lab.pass(10 * MINUTE);
    expect(host.live().map((each) => each.waiting.map(clockTime))).toEqual([['12:05', '12:10']]);
    const die = (): void => {
      gone = true;
    };
    return { lab, die };
  }

  it('runs those that waited before the pause, and leaves out those during it', async () => {
    const { lab } = await waiting();
    await lab.pass(3 * MINUTE);
    expect(await lab.told()).toEqual(['12:00 1 success', '12:05 1 success', '12:10 1 success']);
    expect(await lab.leftOut()).toEqual(['each 12:15 to 12:20, 2 paused']);
  });

  it('loses none of those that waited when its host dies', async () => {
    const { lab, die } = await waiting();
    die();
    await lab.store.setPaused('each', false);
    await lab.pass(MINUTE / 2);
    lab.host('b');
    await lab.pass(2 * MINUTE);
    const ran = (await lab.told()).filter((each) => each.endsWith('success')).map((each) => each.slice(0, 5));
    expect([...new Set(ran)].sort()).toEqual(['12:00', '12:05', '12:10', '12:15', '12:20']);
    expect(await lab.leftOut()).toEqual([]);
  });

  it('records those that waited in the history when its host dies during the pause', async () => {
    const { lab, die } = await waiting();
    die();
    await lab.pass(MINUTE / 2);
    lab.host('b');
    await lab.pass(2 * MINUTE);
    expect(await lab.leftOut()).toEqual(['each 12:05 to 12:20, 4 paused']);
  });
});

describe('a disconnected host', () => {
  it.each(['latest', 'none'] as const)(
    'does not report as missed what another host has run meanwhile (%s)',
    async (catchUp) => {
      const lab = new Lab(START, [job('fast', { catchUp })]);
      let cut = false;
      lab.host('a', { away: () => cut });
      await lab.pass(777);
      await lab.pass(777);
      lab.host('b');
      await lab.pass(6 * MINUTE);
      cut = true;
      await lab.pass(50 * MINUTE);
      await lab.store.setPaused('fast', true);
      await lab.pass(6 * MINUTE);
      cut = false;
      await lab.pass(MINUTE);
      await lab.store.setPaused('fast', false);
      await lab.pass(MINUTE);
      expect(await lab.leftOut()).toEqual(['fast 13:00 to 13:00, 1 paused']);
      expect(lab.events.filter(({ kind }) => kind === 'left_out')).toMatchObject([{ why: 'paused' }]);
    },
  );
});
