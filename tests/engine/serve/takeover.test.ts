// What is owed when a host dies within a run: the rows that its run has not seen, the due times that waited behind it.
// On a fake clock and a store in memory; the jobs' work is played.
import { describe, expect, it } from 'vitest';
import { job } from './job.ts';
import { GOOD, Lab, MINUTE } from './scheduler-lab.ts';

const START = '2026-11-23T12:00:00Z';

describe('rows that arrive while the run of a dead host waits for another one', () => {
  const timing = { kind: 'after', sources: ['source:raw.events'], debounceMs: 10_000 } as const;

  it.each([
    ['starts later', 'latest', [61_000]],
    ['is there', 'none', [45_000]],
    ['is there, and a third one', 'none', [45_000, 46_000]],
  ] as const)('are in a run of their own, as the takeover may leave out who reads them: it %s', async (...row) => {
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
      // A moment before the lease is over.
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
  });
});
