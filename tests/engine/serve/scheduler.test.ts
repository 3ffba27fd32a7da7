// Tests what happens at each due time: claims, overlaps, retries, timeouts, downtime, pauses, the end of serve. Uses a
// fake clock, a store in memory and simulated work.
import { describe, expect, it } from 'vitest';
import type { JobTry } from '../../../src/serve/job-runner.ts';
import { job } from './job.ts';
import { bad, clockTime, GOOD, type Host, HOUR, Lab, loadJob, MINUTE } from './scheduler-lab.ts';

const START = '2026-11-23T12:00:00Z';

function times(first: string, last: string, count: number): { first: number; last: number; count: number } {
  const [begin, end] = [first, last].map((at) => Date.parse(`2026-11-23T${at}:00Z`));
  return { first: begin ?? 0, last: end ?? 0, count };
}

describe('the scheduler', () => {
  it('runs each due time once, at its time', async () => {
    const lab = new Lab(START, [job('fast')]);
    const host = lab.host();
    await lab.pass(16 * MINUTE);
    host.drain();
    await lab.clock.finish(host.ended);
    expect(await lab.told()).toEqual(['12:00 1 success', '12:05 1 success', '12:10 1 success', '12:15 1 success']);
    expect((await lab.runs()).map((run) => clockTime(run.startedAt))).toEqual(['12:00', '12:05', '12:10', '12:15']);
    expect(lab.clock.sleeping).toBe(0);
  });

  it('shares due times between hosts', async () => {
    const lab = new Lab(START, [job('fast'), job('other', { timing: { kind: 'every', ms: 7 * MINUTE } })]);
    lab.play = async (attempt) => {
      await lab.work(1000, attempt);
      return GOOD;
    };
    const hosts = ['a', 'b', 'c'].map((name) => lab.host(name));
    await lab.pass(HOUR);
    for (const host of hosts) host.drain();
    await lab.clock.finish(Promise.all(hosts.map(({ ended }) => ended)));
    expect(await lab.told('fast')).toEqual(
      Array.from({ length: 13 }, (_, i) => `${clockTime(Date.parse(START) + i * 5 * MINUTE)} 1 success`),
    );
    expect(new Set(lab.begun).size).toBe(lab.begun.length);
  });

  it('uses new and changed jobs from the next check on', async () => {
    const lab = new Lab(START, [job('fast')]);
    lab.host();
    await lab.pass(MINUTE);
    lab.jobs = [job('fast', { timing: { kind: 'every', ms: 10 * MINUTE } }), job('new', { catchUp: 'none' })];
    await lab.pass(10 * MINUTE);
    expect(await lab.told()).toEqual(['12:00 1 success', '12:05 1 success', '12:10 1 success', '12:10 1 success']);
    expect((await lab.runs('new')).length).toBe(2);
  });

  it('catches up on missed due times as the job is configured', async () => {
    const names = ['none', 'latest', 'all'] as const;
    const lab = new Lab(
      START,
      names.map((catchUp) => job(catchUp, { catchUp, overlap: 'wait' })),
    );
    const first = lab.host();
    await lab.pass(MINUTE);
    first.drain();
    await lab.clock.finish(first.ended);
    await lab.pass(17 * MINUTE);
    lab.host();
    await lab.pass(MINUTE);
    expect(await lab.told('none')).toEqual([]);
    expect(await lab.told('latest')).toEqual(['12:00 1 success', '12:15 1 success']);
    expect(await lab.told('all')).toEqual(['12:00 1 success', '12:05 1 success', '12:10 1 success', '12:15 1 success']);
    // For a job without a history, the missed times are unknown.
    expect(await lab.leftOut()).toEqual(['latest 12:05 to 12:10, 2 missed']);
  });

  it('records what a job without catch-up has missed, and runs what is not late', async () => {
    const lab = new Lab(START, [job('none', { catchUp: 'none' })]);
    const serve = async (ms: number): Promise<void> => {
      const host = lab.host();
      await lab.pass(ms);
      host.drain();
      await lab.clock.finish(host.ended);
    };
    await serve(6 * MINUTE);
    await lab.pass(16 * MINUTE);
    await serve(MINUTE);
    await lab.pass(2.5 * MINUTE);
    // Half a minute after its due time.
    await serve(MINUTE);
    expect(await lab.told()).toEqual(['12:05 1 success', '12:25 1 success']);
    expect(await lab.leftOut()).toEqual(['none 12:10 to 12:20, 3 missed']);
  });
});

describe('a job that is still running', () => {
  const slow = (overlap: 'skip' | 'wait') => {
    const lab = new Lab(START, [job('slow', { overlap })]);
    lab.play = async (attempt) => {
      await lab.work(12 * MINUTE, attempt);
      return GOOD;
    };
    return lab;
  };

  it('leaves out its due time with overlap: skip', async () => {
    const lab = slow('skip');
    lab.host();
    await lab.pass(16 * MINUTE);
    expect(lab.begun).toEqual(['slow 12:00 1', 'slow 12:15 1']);
    expect(lab.events.filter(({ kind }) => kind === 'left_out')).toEqual([
      { kind: 'left_out', job: 'slow', ...times('12:05', '12:05', 1), why: 'still_running' },
      { kind: 'left_out', job: 'slow', ...times('12:10', '12:10', 1), why: 'still_running' },
    ]);
    expect(await lab.leftOut()).toEqual(['slow 12:05 to 12:10, 2 still_running']);
  });

  it('starts the latest due time after its end with overlap: wait', async () => {
    const lab = slow('wait');
    lab.host();
    await lab.pass(26 * MINUTE);
    expect(lab.begun).toEqual(['slow 12:00 1', 'slow 12:10 1', 'slow 12:20 1']);
    expect((await lab.runs()).map((run) => clockTime(run.startedAt))).toEqual(['12:00', '12:12', '12:24']);
  });

  it('is also respected on another host', async () => {
    const lab = slow('skip');
    lab.host('a');
    await lab.pass(1);
    lab.host('b');
    await lab.pass(16 * MINUTE);
    expect(lab.begun).toEqual(['slow 12:00 1', 'slow 12:15 1']);
    // Both have left them out.
    expect(await lab.leftOut()).toEqual(['slow 12:05 to 12:10, 2 still_running']);
  });
});

describe('the retry of a job', () => {
  it('runs what failed after a delay that doubles, and no more', async () => {
    const lab = new Lab(START, [job('fast', { retries: { times: 2, backoffMs: 10_000 } })]);
    const parts: string[] = [];
    lab.play = () =>
      bad('deadlock', async () => {
        parts.push('a part');
        return bad('deadlock again', async () => {
          parts.push('its rest');
          return bad('and again', async () => GOOD);
        });
      });
    lab.host();
    await lab.pass(4 * MINUTE);
    expect(lab.begun).toEqual(['fast 12:00 1']);
    expect(parts).toEqual(['a part', 'its rest']);
    expect(await lab.told()).toEqual(['12:00 1 failed', '12:00 2 failed', '12:00 3 failed']);
    expect((await lab.runs()).map((run) => clockTime(run.startedAt))).toEqual(['12:00', '12:00:10', '12:00:30']);
  });

  it.each([
    ['latest', ['12:00 1 failed', '12:05 1 failed']],
    ['all', ['12:00 1 failed', '12:00 2 failed', '12:05 1 failed', '12:05 2 failed']],
  ] as const)('continues past the next due time only if each counts (%s)', async (catchUp, told) => {
    const lab = new Lab(START, [job('fast', { catchUp, overlap: 'wait', retries: { times: 1, backoffMs: 2000 } })]);
    const again = async (attempt: JobTry): Promise<ReturnType<typeof bad>> => {
      await lab.work(attempt.claim.attempt === 1 ? 299_000 : 1000, attempt);
      return bad('deadlock', again);
    };
    lab.play = again;
    lab.host();
    await lab.pass(14 * MINUTE);
    expect((await lab.told()).filter((each) => !each.endsWith('running')).slice(0, told.length)).toEqual(told);
  });

  it('does not repeat what would fail again', async () => {
    const lab = new Lab(START, [job('fast', { retries: { times: 2, backoffMs: 10_000 } })]);
    lab.play = () => bad('syntax error');
    lab.host();
    await lab.pass(4 * MINUTE);
    expect(await lab.told()).toEqual(['12:00 1 failed']);
  });

  it('ends before the next due time', async () => {
    const lab = new Lab(START, [job('fast', { retries: { times: 9, backoffMs: MINUTE } })]);
    const again = async (): Promise<ReturnType<typeof bad>> => bad('deadlock', again);
    lab.play = again;
    lab.host();
    await lab.pass(5 * MINUTE - 1);
    expect((await lab.runs()).map((run) => clockTime(run.startedAt))).toEqual(['12:00', '12:01', '12:03']);
  });

  it('follows a try that was cancelled at its timeout, once it has ended', async () => {
    const lab = new Lab(START, [job('fast', { timeoutMs: 30_000, retries: { times: 1, backoffMs: 5000 } })]);
    lab.play = async (attempt) => {
      expect(await lab.work(HOUR, attempt)).toBe(true);
      // The server takes some time to cancel.
      await lab.clock.sleep(7000, new AbortController().signal);
      return bad('cancelled', async () => GOOD);
    };
    lab.host();
    await lab.pass(4 * MINUTE);
    expect(await lab.told()).toEqual(['12:00 1 timeout', '12:00 2 success']);
    expect((await lab.runs()).map((run) => clockTime(run.startedAt))).toEqual(['12:00', '12:00:42']);
    expect((await lab.runs())[0]?.reason).toBe('it took longer than 30 s');
  });
});

describe('the window of a job', () => {
  it('leaves out a start that is too late', async () => {
    const lab = new Lab(START, [job('heavy', { overlap: 'wait', windowMs: MINUTE })]);
    lab.play = async (attempt) => {
      await lab.work(7 * MINUTE, attempt);
      return GOOD;
    };
    lab.host();
    await lab.pass(16 * MINUTE);
    expect(lab.begun).toEqual(['heavy 12:00 1', 'heavy 12:10 1']);
  });
});

describe('a paused or requested job', () => {
  it('is left out while it is paused, and continues later', async () => {
    const lab = new Lab(START, [job('fast')]);
    lab.host();
    await lab.pass(MINUTE);
    await lab.store.setPaused('fast', true);
    await lab.pass(11 * MINUTE);
    await lab.store.setPaused('fast', false);
    await lab.pass(9 * MINUTE);
    expect(lab.begun).toEqual(['fast 12:00 1', 'fast 12:15 1', 'fast 12:20 1']);
    expect(await lab.leftOut()).toEqual(['fast 12:05 to 12:10, 2 paused']);
  });

  it('is decided once per due time, even after a restart', async () => {
    const lab = new Lab(START, [job('fast')]);
    const first = lab.host();
    await lab.pass(MINUTE);
    await lab.store.setPaused('fast', true);
    await lab.pass(5 * MINUTE);
    first.drain();
    await lab.clock.finish(first.ended);
    await lab.store.setPaused('fast', false);
    lab.host();
    await lab.pass(5 * MINUTE);
    expect(lab.begun).toEqual(['fast 12:00 1', 'fast 12:10 1']);
  });

  it('runs on request, even if it is paused', async () => {
    const lab = new Lab(START, [job('by hand', { timing: { kind: 'manual' } })]);
    lab.host();
    await lab.pass(MINUTE);
    await lab.store.setPaused('by hand', true);
    await lab.store.request('by hand');
    await lab.pass(MINUTE);
    expect(lab.begun.length).toBe(1);
    expect((await lab.runs())[0]?.state).toBe('success');
  });

  it.each(['stops', 'dies'])('runs as requested if the host that read the request %s before', async (how) => {
    const byHand = job('by hand', { timing: { kind: 'manual' } });
    const lab = new Lab(START, [byHand]);
    lab.play = async (attempt) => {
      await lab.work(10 * MINUTE, attempt);
      return GOOD;
    };
    let dead = false;
    const first = lab.host('a', { gate: () => (dead ? new Promise(() => undefined) : Promise.resolve()) });
    await lab.store.request('by hand');
    await lab.pass(MINUTE);
    // The first run continues, so this one waits.
    await lab.store.request('by hand');
    await lab.pass(MINUTE);
    expect(lab.begun).toHaveLength(1);
    if (how === 'dies') dead = true;
    else first.drain();
    lab.host('b');
    await lab.pass(30 * MINUTE);
    expect((await lab.runs()).filter(({ attempt }) => attempt === 1)).toHaveLength(2);
    expect((await lab.runs()).map(({ host, state }) => [host, state]).at(-1)).toEqual(['b', 'success']);
    expect(await lab.store.requests()).toEqual([]);
  });

  it('runs once for a request that two hosts read', async () => {
    const lab = new Lab(START, [job('by hand', { timing: { kind: 'manual' } })]);
    lab.host('a');
    lab.host('b');
    await lab.pass(MINUTE);
    await lab.store.request('by hand');
    await lab.pass(5 * MINUTE);
    expect(lab.begun).toHaveLength(1);
    expect(await lab.store.requests()).toEqual([]);
  });

  it('runs as requested if the database was unavailable and the jobs changed meanwhile', async () => {
    const byHand = job('by hand', { timing: { kind: 'manual' } });
    const lab = new Lab(START, [byHand]);
    let goes = false;
    let isRead = false;
    // When the request has been read.
    const host: Host = lab.host('a', {
      away: () => goes && (isRead ||= host.live().some(({ startedAt }) => startedAt !== null)),
    });
    await lab.pass(MINUTE);
    await lab.store.request('by hand');
    goes = true;
    lab.jobs = [byHand, job('fast')];
    await lab.pass(MINUTE);
    expect(lab.kinds()).toContain('database_away');
    goes = false;
    await lab.pass(MINUTE);
    expect(lab.begun.filter((each) => each.startsWith('by hand'))).toHaveLength(1);
  });
});

describe('an unavailable database', () => {
  it('is waited for at the start, and reported once', async () => {
    const lab = new Lab(START, [job('fast')]);
    lab.away = true;
    lab.host();
    await lab.pass(7 * MINUTE);
    lab.away = false;
    await lab.pass(4 * MINUTE);
    expect(lab.begun).toEqual(['fast 12:05 1', 'fast 12:10 1']);
    expect(lab.kinds().filter((kind) => kind.startsWith('database'))).toEqual(['database_away', 'database_back']);
    expect(lab.events[0]).toEqual({ kind: 'database_away', reason: 'connection refused' });
  });

  it('costs no due time of a job with catch_up: all', async () => {
    const lab = new Lab(START, [job('fast', { catchUp: 'all', overlap: 'wait' })]);
    lab.host();
    await lab.pass(MINUTE);
    lab.away = true;
    await lab.pass(13 * MINUTE);
    lab.away = false;
    await lab.pass(3 * MINUTE);
    expect(await lab.told()).toEqual(['12:00 1 success', '12:05 1 success', '12:10 1 success', '12:15 1 success']);
  });

  it('receives the end of a run when it is back', async () => {
    const lab = new Lab(START, [job('fast')]);
    lab.play = async (attempt) => {
      await lab.work(10_000, attempt);
      return GOOD;
    };
    lab.host();
    await lab.pass(5000);
    lab.away = true;
    await lab.pass(15_000);
    lab.away = false;
    await lab.pass(30_000);
    expect(await lab.told()).toEqual(['12:00 1 success']);
  });
});

const TWICE = { times: 2, backoffMs: 5000 };

describe('a silent host', () => {
  it('leaves its run to another host, which repeats the due time', async () => {
    const lab = new Lab(START, [job('fast')]);
    let hung = true;
    lab.play = async (attempt) => {
      if (hung) await lab.work(HOUR, attempt);
      return GOOD;
    };
    let gone = false;
    lab.host('a', { away: () => gone });
    await lab.pass(5000);
    gone = true;
    hung = false;
    lab.host('b');
    await lab.pass(2 * MINUTE);
    expect(await lab.told()).toEqual(['12:00 1 lost', '12:00 2 success']);
    expect((await lab.runs())[1]?.host).toBe('b');
    // The first host resumes, finds its lease lost, and ends its try.
    gone = false;
    await lab.pass(20_000);
    expect(lab.events.filter(({ kind }) => kind === 'stopping')).toMatchObject([{ why: 'lost' }]);
    expect(await lab.told()).toEqual(['12:00 1 lost', '12:00 2 success']);
  });

  it('leaves its announced retry to another host, once', async () => {
    const lab = new Lab(START, [job('fast', { retries: { times: 1, backoffMs: 20_000 } })]);
    const again = (): ReturnType<typeof bad> => bad('deadlock detected', async () => again());
    lab.play = again;
    let gone = false;
    lab.host('a', { away: () => gone });
    await lab.pass(5000);
    gone = true;
    for (const name of ['b', 'c']) lab.host(name);
    await lab.pass(45_000);
    expect(await lab.told()).toEqual(['12:00 1 failed']);
    await lab.pass(MINUTE);
    // It was the last one.
    expect(await lab.told()).toEqual(['12:00 1 failed', '12:00 2 failed']);
    gone = false;
    await lab.pass(2 * MINUTE);
    expect(await lab.told()).toEqual(['12:00 1 failed', '12:00 2 failed']);
  });

  it('leaves its announced retry to the next start', async () => {
    const lab = new Lab(START, [job('daily', { timing: { kind: 'every', ms: 24 * HOUR }, retries: TWICE })]);
    lab.play = ({ claim }) => (claim.attempt === 1 ? bad('deadlock detected', async () => GOOD) : GOOD);
    const host = lab.host();
    await lab.pass(1000);
    host.drain();
    await lab.clock.finish(host.ended);
    expect(await lab.told()).toEqual(['00:00 1 failed']);
    await lab.pass(HOUR);
    lab.host('next');
    await lab.pass(MINUTE);
    expect(await lab.told()).toEqual(['00:00 1 failed', '00:00 2 success']);
  });

  it('is detected by a host that starts later', async () => {
    const lab = new Lab(START, [job('daily', { timing: { kind: 'every', ms: 24 * HOUR } })]);
    const claim = await lab.store.claim('daily', Date.parse('2026-11-23T00:00:00Z'), 1, 'gone');
    expect(claim).not.toBeNull();
    await lab.pass(40_000);
    await lab.store.reap();
    lab.host('b');
    await lab.pass(MINUTE);
    expect(await lab.told()).toEqual(['00:00 1 lost', '00:00 2 success']);
  });
});

describe('a lost due time of a job that has run since', () => {
  /** The host that recorded 11:50 as lost has died, too. 11:55 was run. */
  async function abandoned(catchUp: 'all' | 'latest'): Promise<string[]> {
    const lab = new Lab(START, [job('fast', { catchUp, overlap: 'wait' })]);
    await lab.store.claim('fast', Date.parse(START) - 10 * MINUTE, 1, 'gone');
    await lab.pass(MINUTE);
    await lab.store.reap();
    const other = await lab.store.claim('fast', Date.parse(START) - 5 * MINUTE, 1, 'b');
    if (other !== null) await lab.store.finish(other, { state: 'success', reason: null });
    await lab.pass(1000);
    lab.host('c');
    await lab.pass(MINUTE);
    return lab.told();
  }

  it('is run again if each due time counts', async () => {
    expect(await abandoned('all')).toEqual(['11:50 1 lost', '11:55 1 success', '11:50 2 success', '12:00 1 success']);
  });

  it('waits while its job is paused', async () => {
    const lab = new Lab(START, [job('daily', { timing: { kind: 'every', ms: 24 * HOUR } })]);
    await lab.store.claim('daily', Date.parse('2026-11-23T00:00:00Z'), 1, 'gone');
    await lab.store.setPaused('daily', true);
    await lab.pass(MINUTE);
    lab.host('b');
    await lab.pass(MINUTE);
    expect(await lab.told()).toEqual(['00:00 1 lost']);
    await lab.store.setPaused('daily', false);
    await lab.pass(MINUTE);
    expect(await lab.told()).toEqual(['00:00 1 lost', '00:00 2 success']);
  });

  it('is dropped silently when its window is over', async () => {
    const lab = new Lab(START, [job('daily', { timing: { kind: 'every', ms: 24 * HOUR }, windowMs: HOUR })]);
    await lab.store.claim('daily', Date.parse('2026-11-23T00:00:00Z'), 1, 'gone');
    await lab.pass(MINUTE);
    lab.host('b');
    await lab.pass(5 * MINUTE);
    expect(await lab.told()).toEqual(['00:00 1 lost']);
    expect(lab.events.filter(({ kind }) => kind === 'left_out')).toEqual([]);
  });

  it('is dropped if the latest run covers it', async () => {
    expect(await abandoned('latest')).toEqual(['11:50 1 lost', '11:55 1 success', '12:00 1 success']);
  });
});

describe('a clock that jumps', () => {
  it('forward causes the same runs as a downtime', async () => {
    const lab = new Lab(START, [job('fast')]);
    lab.host();
    await lab.pass(MINUTE);
    lab.skew = HOUR;
    await lab.pass(3 * MINUTE);
    expect(lab.begun).toEqual(['fast 12:00 1', 'fast 13:00 1']);
    expect(lab.events.filter(({ kind }) => kind === 'clock_moved')).toEqual([{ kind: 'clock_moved', byMs: HOUR }]);
  });

  it('back repeats no due time, and runs continue', async () => {
    const lab = new Lab(START, [job('fast')]);
    lab.host();
    await lab.pass(11 * MINUTE);
    lab.skew = -8 * MINUTE;
    await lab.pass(21 * MINUTE);
    expect(await lab.told()).toEqual(['12:00', '12:05', '12:10', '12:15', '12:20'].map((due) => `${due} 1 success`));
  });
});

describe('a loader in serve', () => {
  it('is restarted with growing delays', async () => {
    const lab = new Lab(START, [loadJob('load')]);
    const starts: string[] = [];
    lab.load = async () => {
      starts.push(clockTime(lab.clock.now()));
      await lab.clock.sleep(500, new AbortController().signal);
      throw new Error('broker away\nat line 1');
    };
    lab.host();
    await lab.pass(20_000);
    expect(starts).toEqual(['12:00', '12:00:01.500', '12:00:04', '12:00:08.500', '12:00:17']);
    expect(lab.events.find(({ kind }) => kind === 'loader_ended')).toEqual({
      kind: 'loader_ended',
      job: 'load',
      reason: 'broker away',
      againMs: 1000,
    });
  });

  it('runs on one host, and on another when that is gone', async () => {
    const lab = new Lab(START, [loadJob('load')]);
    const at: string[] = [];
    lab.load = async ({ signal }) => {
      at.push('load');
      await lab.clock.sleep(HOUR * 24, signal);
    };
    let gone = false;
    lab.host('a', { away: () => gone });
    lab.host('b');
    await lab.pass(10 * MINUTE);
    expect(at.length).toBe(1);
    gone = true;
    await lab.pass(2 * MINUTE);
    expect(at.length).toBe(2);
    const runs = await lab.runs();
    expect(runs.map(({ state }) => state)).toEqual(['lost', 'running']);
    expect(new Set(runs.map(({ host }) => host))).toEqual(new Set(['a', 'b']));
  });

  it("is restarted by one host if the database's clock was set back", async () => {
    const lab = new Lab(START, [loadJob('load')]);
    let end = new AbortController();
    let [started, running, most] = [0, 0, 0];
    lab.load = async () => {
      started++;
      most = Math.max(most, ++running);
      await lab.clock.sleep(HOUR * 24, end.signal);
      running--;
    };
    lab.host('a');
    lab.host('b');
    await lab.pass(30 * MINUTE);
    lab.skew = -2 * HOUR;
    for (let times = 0; times < 4; times++) {
      await lab.pass(5 * MINUTE);
      end.abort();
      end = new AbortController();
    }
    await lab.pass(5 * MINUTE);
    expect([started, most]).toEqual([5, 1]);
  });

  it('rests while its job is paused, and ends with serve', async () => {
    const lab = new Lab(START, [loadJob('load')]);
    const host = lab.host();
    await lab.pass(MINUTE);
    await lab.store.setPaused('load', true);
    await lab.pass(MINUTE);
    expect((await lab.runs()).map(({ state }) => state)).toEqual(['success']);
    await lab.store.setPaused('load', false);
    await lab.pass(MINUTE);
    host.drain();
    await lab.clock.finish(host.ended);
    expect((await lab.runs()).map(({ state }) => state)).toEqual(['success', 'success']);
  });
});

describe('the end of serve', () => {
  const long = () => {
    const lab = new Lab(START, [job('slow', { overlap: 'wait' })]);
    lab.play = async (attempt) => ((await lab.work(12 * MINUTE, attempt)) ? bad('cancelled', async () => GOOD) : GOOD);
    return lab;
  };

  it('lets running jobs finish and starts nothing', async () => {
    const lab = long();
    const host = lab.host();
    await lab.pass(6 * MINUTE);
    host.drain();
    await lab.clock.finish(host.ended);
    expect(await lab.told()).toEqual(['12:00 1 success']);
    expect(clockTime(lab.clock.now())).toBe('12:12');
    expect(lab.clock.sleeping).toBe(0);
  });

  it('cancels running jobs at the second signal', async () => {
    const lab = long();
    const host = lab.host();
    await lab.pass(6 * MINUTE);
    host.drain();
    await lab.pass(1000);
    host.cancel();
    await lab.clock.finish(host.ended);
    expect(await lab.told()).toEqual(['12:00 1 cancelled']);
    expect(clockTime(lab.clock.now())).toBe('12:06:01');
    expect(lab.clock.sleeping).toBe(0);
  });
});
