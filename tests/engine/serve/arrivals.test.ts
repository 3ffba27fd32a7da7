// Tests when jobs that follow a source start: when rows arrive, once for those that arrive together, and alone if their
// sources cannot be read. Uses a fake clock, a store in memory and simulated change marks.
import { describe, expect, it } from 'vitest';
import { job } from './job.ts';
import { bad, GOOD, HOUR, Lab, MINUTE } from './scheduler-lab.ts';

const START = '2026-11-23T12:00:00Z';

describe('a job after a source', () => {
  const follower = job('sessions', { timing: { kind: 'after', sources: ['source:raw.events'], debounceMs: 10_000 } });

  it('starts when rows have arrived, once for those that arrive together', async () => {
    const lab = new Lab(START, [job('sessions', { ...follower, catchUp: 'none' })]);
    lab.marks.set('sessions', '0');
    lab.host();
    await lab.pass(MINUTE);
    expect(lab.begun).toEqual([]);
    for (const mark of ['1', '2', '3']) {
      lab.marks.set('sessions', mark);
      await lab.pass(4000);
    }
    await lab.pass(MINUTE);
    expect(lab.begun).toEqual(['sessions 12:01:20 1']);
  });

  it('starts for the rows of a new table, and not while the table cannot be read', async () => {
    const lab = new Lab(START, [job('sessions', { ...follower, catchUp: 'none' })]);
    lab.host();
    await lab.pass(MINUTE);
    expect(lab.begun).toEqual([]);
    lab.marks.set('sessions', '100');
    await lab.pass(MINUTE);
    expect(lab.begun).toEqual(['sessions 12:01:12 1']);
    lab.marks.delete('sessions');
    await lab.pass(MINUTE);
    lab.marks.set('sessions', '100');
    await lab.pass(MINUTE);
    expect(lab.begun.length).toBe(1);
  });

  it('waits alone for an unreadable source, reports it once, and misses none of its rows', async () => {
    const { timing } = follower;
    const lab = new Lab(START, [job('closed', { timing }), job('open', { timing })]);
    lab.marks = new Map([
      ['closed', 'some'],
      ['open', 'some'],
    ]);
    const host = lab.host();
    await lab.pass(MINUTE);
    lab.unread.set('closed', 'permission denied for table events');
    await lab.pass(2000);
    // The connection may have been the cause.
    expect(lab.kinds()).not.toContain('rows_unread');
    await lab.pass(MINUTE);
    for (const name of lab.marks.keys()) lab.marks.set(name, 'more');
    await lab.pass(MINUTE);
    expect(lab.begun).toEqual(['closed 12:00 1', 'open 12:00 1', expect.stringMatching(/^open 12:02/)]);
    expect(host.live().map(({ unread }) => unread)).toEqual(['permission denied for table events', null]);
    lab.unread.clear();
    await lab.pass(MINUTE);
    expect(lab.begun.at(-1)).toMatch(/^closed 12:03/);
    expect(host.live().map(({ unread }) => unread)).toEqual([null, null]);
    expect(lab.events.filter(({ kind }) => kind.startsWith('rows'))).toEqual([
      { kind: 'rows_unread', job: 'closed', reason: 'permission denied for table events' },
      { kind: 'rows_read', job: 'closed' },
    ]);
  });

  it('starts no other run for rows whose run failed for good, and the next rows include them', async () => {
    const lab = new Lab(START, [job('sessions', { ...follower, catchUp: 'none' })]);
    lab.marks.set('sessions', '0');
    lab.play = () => bad('column x does not exist');
    lab.host();
    await lab.pass(MINUTE);
    lab.marks.set('sessions', '1');
    await lab.pass(HOUR);
    expect(lab.begun.length).toBe(1);
    lab.marks.set('sessions', '2');
    await lab.pass(MINUTE);
    expect(lab.begun.length).toBe(2);
  });

  it('does not wait forever for a source that never pauses', async () => {
    const lab = new Lab(START, [job('sessions', { ...follower, catchUp: 'none' })]);
    lab.marks.set('sessions', '0');
    lab.host();
    for (let i = 1; i <= 120; i++) {
      await lab.pass(1000);
      lab.marks.set('sessions', String(i));
    }
    expect(lab.begun.length).toBe(2);
  });

  it('starts once for several hosts, and again for rows that came during the run', async () => {
    const lab = new Lab(START, [follower]);
    lab.marks.set('sessions', '0');
    lab.play = async (attempt) => {
      await lab.work(20_000, attempt);
      return GOOD;
    };
    lab.host('a');
    await lab.pass(777);
    lab.host('b');
    await lab.pass(MINUTE);
    // Each host assumes that rows arrived before its start.
    expect(lab.begun).toEqual(['sessions 12:00 1', 'sessions 12:00:01 1']);
    lab.marks.set('sessions', '1');
    await lab.pass(15_000);
    lab.marks.set('sessions', '2');
    await lab.pass(3 * MINUTE);
    expect(lab.begun.length).toBe(4);
    expect(await lab.told()).toEqual(lab.begun.map((text) => `${text.replace('sessions ', '')} success`));
  });
});
