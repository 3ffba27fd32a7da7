// The contract of every store, as cases that run against memory, Postgres and ClickHouse.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { madeBefore } from '../../../src/serve/completed-work.ts';
import type {
  Claim,
  FreshnessRun,
  LeftOut,
  LeftOutTimes,
  NodeRun,
  Store,
} from '../../../src/serve/store/serve-store.ts';

/** Where the cases run. Its stores share their data, like hosts. */
export interface Place {
  /** Opens a host's store. @param leaseMs how long it leaves silent hosts their runs; absent: long */
  host(leaseMs?: number): Promise<Store>;
  /** Advances the store's clock by at least so many milliseconds. */
  pass(ms: number): Promise<void>;
  /** Removes from its tables what an earlier version did not have; absent: there are no tables. */
  age?(): Promise<void>;
  /** Sets the server's clock back by an hour; absent: the store has no relevant times. */
  setBack?(): Promise<void>;
  end(): Promise<void>;
}

const LONG = 600_000;
const DUE = Date.UTC(2027, 2, 28, 1, 5);
const TIMEOUT = 240_000;

function node(runId: string, uniqueId: string, more: Partial<NodeRun> = {}): NodeRun {
  return {
    runId,
    uniqueId,
    status: 'success',
    thread: 'Thread-1',
    startedAt: DUE,
    seconds: 1.25,
    rows: 12,
    readRows: null,
    readBytes: null,
    failures: null,
    message: null,
    checksum: 'abc',
    ...more,
  };
}

function byWhy(one: LeftOutTimes, other: LeftOutTimes): number {
  return one.why < other.why ? -1 : 1;
}

function present<T>(value: T | null): T {
  if (value === null) throw new Error('null');
  return value;
}

export function storeCases(name: string, create: () => Promise<Place>): void {
  describe(`the store in ${name}`, { timeout: TIMEOUT }, () => {
    let place: Place;
    let a: Store;
    let b: Store;
    /** A host that treats every other host as silent. */
    let impatient: Store;
    beforeAll(async () => {
      place = await create();
      [a, b, impatient] = await Promise.all([place.host(LONG), place.host(LONG), place.host(1)]);
    }, TIMEOUT);
    afterAll(async () => {
      await Promise.all([a.close(), b.close(), impatient.close()]);
      await place.end();
    }, TIMEOUT);

    const claim = async (store: Store, job: string, dueAt = DUE): Promise<Claim> =>
      present(await store.claim(job, dueAt, 1, 'host a'));

    it('exists once it was opened, which may happen twice', async () => {
      const before = await a.exists();
      await Promise.all([a.open(), b.open()]);
      expect([before, await a.exists()]).toEqual([name === 'memory', true]);
      expect(await a.now()).toBeGreaterThan(0);
    });

    it('grants each due time once per attempt, however many hosts claim it at once', async () => {
      const times = [0, 1, 2, 3].map((i) => DUE + i * 300_000);
      const asks = times.flatMap((due) =>
        [1, 2].flatMap((attempt) => [a, b, a, b].map((store) => store.claim('many', due, attempt, 'x'))),
      );
      const given = (await Promise.all(asks)).filter((one) => one !== null);
      expect(given.map(({ dueAt, attempt }) => `${dueAt} ${attempt}`).sort()).toEqual(
        times.flatMap((due) => [`${due} 1`, `${due} 2`]).sort(),
      );
      expect(new Set(given.map(({ runId }) => runId)).size).toBe(8);
      expect(new Set(given.map(({ token }) => token)).size).toBe(8);
      expect(await b.claim('many', DUE, 1, 'y')).toBeNull();
      const later = await claim(b, 'many', DUE + 9_000_000);
      expect(given.every(({ token }) => token < later.token)).toBe(true);
      expect((await a.lastDue()).get('many')).toBe(DUE + 9_000_000);
    });

    it('grants no second run of a job while one is running', async () => {
      for (let times = 0; times < 3; times++) {
        const asks = [a, b, a, b].map((store, i) => store.claimAlone('alone', DUE + 10 * times + i, 1, 'x'));
        const answers = await Promise.all(asks);
        const [mine, ...others] = answers.filter((each) => each !== 'busy');
        expect([others, answers.filter((each) => each === 'busy').length]).toEqual([[], 3]);
        if (typeof mine !== 'object' || mine === null) throw new Error('nobody has it');
        expect(await b.claimAlone('alone', mine.dueAt, 2, 'y')).toBe('busy');
        await a.finish(mine, { state: 'failed', reason: 'x' });
        expect(await b.claimAlone('alone', mine.dueAt, 1, 'y')).toBeNull();
      }
    });

    it('keeps a claim as its host made it', async () => {
      const mine = present(await a.claim("it's \\ odd", DUE, 3, 'höst\n"1"'));
      const [run] = await b.runs({ job: "it's \\ odd", limit: 5 });
      expect(run).toMatchObject({ ...mine, state: 'running', finishedAt: null, reason: null, project: null });
      expect(Math.abs(present(run?.startedAt ?? null) - (await a.now()))).toBeLessThan(LONG);
    });

    it('renews a lease, and reports when it is lost', async () => {
      const mine = await claim(a, 'beat');
      expect(await a.heartbeat([])).toEqual([]);
      expect(await a.heartbeat([mine])).toEqual([]);
      await place.pass(30);
      // The run was not taken over, but its lease has expired.
      expect(await impatient.heartbeat([mine])).toEqual([mine]);
      expect(await a.heartbeat([mine])).toEqual([]);
      expect((await impatient.reap()).length).toBeLessThanOrEqual(99);
    });

    it('reaps each silent run once, and its host can no longer end it', async () => {
      const lost = await claim(a, 'silent');
      const over = await claim(a, 'silent', DUE + 1);
      expect(await a.finish(over, { state: 'success', reason: null })).toBe(true);
      expect((await a.reap()).filter(({ job }) => job === 'silent')).toEqual([]);
      await place.pass(30);
      const other = await place.host(1);
      const reaped = (await Promise.all([impatient.reap(), other.reap()])).flat();
      await other.close();
      expect(reaped.filter(({ job }) => job === 'silent').map(({ runId, state }) => [runId, state])).toEqual([
        [lost.runId, 'lost'],
      ]);
      expect(await a.heartbeat([lost, over])).toEqual([lost, over]);
      expect(await a.finish(lost, { state: 'success', reason: null })).toBe(false);
      const [run] = await b.runs({ job: 'silent', states: ['lost'], limit: 5 });
      expect(run).toMatchObject({ runId: lost.runId, state: 'lost' });
      expect(run?.finishedAt).not.toBeNull();
      const abandoned = async () => (await b.abandoned()).filter(({ job }) => job === 'silent');
      expect((await abandoned()).map(({ runId }) => runId)).toEqual([lost.runId]);
      // The retry is another attempt at the same due time.
      const again = present(await b.claim('silent', DUE, 2, 'host b'));
      expect(again.token > lost.token).toBe(true);
      expect(await abandoned()).toEqual([]);
    });

    it('records a run as lost that fails after its lease expired, even before it is reaped', async () => {
      const [bad, good] = [await claim(a, 'late'), await claim(a, 'late', DUE + 1)];
      await place.pass(30);
      const late = await place.host(1);
      expect(await late.finish(bad, { state: 'failed', reason: 'x' })).toBe(false);
      expect(await late.finish(good, { state: 'success', reason: null })).toBe(true);
      await late.close();
      expect((await a.runs({ job: 'late', limit: 5 })).map(({ state }) => state).sort()).toEqual(['lost', 'success']);
    });

    it('finds a due time whose announced retry did not come, until it is tried', async () => {
      const [promised, none, later] = [
        await claim(a, 'promised'),
        await claim(a, 'promised', DUE + 1),
        await claim(a, 'promised', DUE + 2),
      ];
      const now = await a.now();
      const failed = { state: 'failed', reason: 'deadlock' } as const;
      expect(await a.finish(promised, { ...failed, againAt: now + 0.25 })).toBe(true);
      expect(await a.finish(none, failed)).toBe(true);
      expect(await a.finish(later, { ...failed, againAt: now + LONG })).toBe(true);
      await place.pass(30);
      const late = async (store: Store) =>
        (await store.abandoned()).filter(({ job }) => job === 'promised').map(({ runId, state }) => [runId, state]);
      expect(await late(impatient)).toEqual([[promised.runId, 'failed']]);
      // Its host has the time of a lease for it.
      expect(await late(b)).toEqual([]);
      present(await b.claim('promised', DUE, 2, 'host b'));
      expect(await late(impatient)).toEqual([]);
    });

    it('migrates the tables of an earlier version, and keeps their rows', async () => {
      const [before, after] = [await claim(a, 'aged'), await claim(a, 'aged', DUE + 1)];
      await a.finish(before, { state: 'success', reason: null, project: 'c0ffee' });
      await place.age?.();
      expect([await a.exists(), await a.leftOut({ limit: 9 })]).toEqual([true, []]);
      await Promise.all([a.open(), b.open()]);
      expect(await a.finish(after, { state: 'failed', reason: 'x', againAt: await a.now() })).toBe(true);
      await place.pass(30);
      expect((await impatient.abandoned()).filter(({ job }) => job === 'aged').map(({ runId }) => runId)).toEqual([
        after.runId,
      ]);
      expect((await b.runs({ job: 'aged', limit: 5 })).map(({ state, project }) => [state, project]).sort()).toEqual([
        ['failed', null],
        ['success', 'c0ffee'],
      ]);
    });

    it('ends a run once', async () => {
      const mine = await claim(a, 'once');
      expect(await a.finish(mine, { state: 'failed', reason: 'model.x failed', project: 'c0ffee' })).toBe(true);
      expect(await a.finish(mine, { state: 'success', reason: 'no' })).toBe(true);
      expect(await b.runs({ job: 'once', limit: 5 })).toMatchObject([
        { state: 'failed', reason: 'model.x failed', project: 'c0ffee' },
      ]);
    });

    it('finds runs by job, state and time, newest first', async () => {
      const claims: Claim[] = [];
      for (let i = 0; i < 4; i++) {
        claims.push(await claim(a, 'found', DUE + i));
        await place.pass(3);
      }
      await a.finish(present(claims[1] ?? null), { state: 'timeout', reason: null });
      const all = await b.runs({ job: 'found', limit: 10 });
      expect(all.map(({ dueAt }) => dueAt - DUE)).toEqual([3, 2, 1, 0]);
      expect((await b.runs({ job: 'found', limit: 2 })).length).toBe(2);
      expect((await b.runs({ job: 'found', states: ['timeout', 'failed'], limit: 9 })).map((r) => r.dueAt)).toEqual([
        DUE + 1,
      ]);
      const before = present(all[1]?.startedAt ?? null);
      expect((await b.runs({ job: 'found', before, limit: 9 })).map(({ dueAt }) => dueAt - DUE)).toEqual([1, 0]);
      expect(await b.runs({ job: 'found', states: [], limit: 9 })).toEqual([]);
      const [one] = claims;
      const begin = one?.runId.slice(0, 18) ?? '';
      expect((await b.runs({ runId: begin, limit: 9 })).map(({ runId }) => runId)).toEqual([one?.runId]);
      expect(await b.runs({ runId: `${begin}%`, limit: 9 })).toEqual([]);
    });

    it('keeps left-out due times as one row between two runs, whichever host records them', async () => {
      const left = (from: number, to: number, why: LeftOut = 'still_running'): LeftOutTimes => {
        return { job: 'left', why, first: DUE + from, last: DUE + to, count: to - from + 1 };
      };
      await a.leaveOut([left(1, 1), left(2, 2)]);
      // Another host, later, of what is noted and of the next one.
      await b.leaveOut([left(2, 2), left(3, 3), left(3, 3, 'paused')]);
      const newest = { job: 'left', limit: 9 };
      expect([...(await b.leftOut(newest))].sort(byWhy)).toEqual([left(3, 3, 'paused'), left(1, 3)]);
      await claim(a, 'left', DUE + 4);
      // It was claimed after all.
      await a.leaveOut([left(4, 4)]);
      await a.leaveOut([left(5, 104, 'missed'), left(105, 105), { ...left(9, 9), job: "it's another" }]);
      await b.leaveOut([left(5, 104, 'missed')]);
      expect((await b.leftOut(newest)).map(({ last }) => last - DUE)).toEqual([105, 104, 3, 3]);
      expect(await b.leftOut({ job: 'left', since: DUE + 4, before: DUE + 105, limit: 9 })).toEqual([
        left(5, 104, 'missed'),
      ]);
      expect((await b.leftOut({ limit: 1 })).length).toBe(1);
      expect([(await b.lastLeftOut()).get('left'), (await b.lastLeftOut()).get('pruned')]).toEqual([
        DUE + 105,
        undefined,
      ]);
      await a.prune(DUE + 50);
      expect((await b.leftOut(newest)).map(({ last }) => last - DUE)).toEqual([105, 104]);
    });

    it('keeps 1,000 nodes of a run unchanged', async () => {
      const { runId } = await claim(a, 'history');
      const nodes = Array.from({ length: 1000 }, (_, i) =>
        node(runId, `model.p.m${String(i).padStart(4, '0')}`, {
          startedAt: DUE + i,
          seconds: i / 8,
          thread: `Thread-${i % 4}`,
          rows: i % 3 === 0 ? null : i,
          message: i % 5 === 0 ? `it's "broken" \\ {x}\n\tline ${i} ü` : null,
          checksum: i % 2 === 0 ? null : `sum${i}`,
          readRows: i === 7 ? 9_007_199_254_740_991 : null,
          readBytes: i,
        }),
      );
      const measured: FreshnessRun = {
        runId,
        uniqueId: 'source.p.raw.events',
        status: 'warn',
        maxLoadedAt: DUE - 61_000,
        seconds: 61,
        at: DUE,
      };
      await a.record(nodes, [measured]);
      expect(await b.nodes(runId)).toEqual(nodes);
      expect((await b.freshness()).filter(({ uniqueId }) => uniqueId === measured.uniqueId)).toEqual([measured]);
      expect(await b.nodes('nothing')).toEqual([]);
      await a.record([], []);
    });

    it('knows what a previous try has built, as long as its fingerprint is the same', async () => {
      const tries = [1, 2, 3].map(async (attempt) => present(await a.claim('taken', DUE, attempt, 'host a')));
      const [first, second, third] = (await Promise.all(tries)) as [Claim, Claim, Claim];
      const made = async (madeOf: string): Promise<string[]> =>
        [...(await madeBefore(b, third, madeOf))].map((id) => id.slice(8)).sort();
      expect(await made('x')).toEqual([]);
      await a.begun(first.runId, "it's x");
      const named = (name: string, status: NodeRun['status'] = 'success') =>
        node(first.runId, `model.p.${name}`, { status });
      await a.record([named('a'), named('b'), named('c', 'error'), named('d', 'skipped'), named('e', 'warn')], []);
      // The second one is unknown.
      expect(await made("it's x")).toEqual([]);
      await a.begun(second.runId, "it's x");
      await a.record([node(second.runId, 'model.p.c'), node(second.runId, 'model.p.b', { status: 'error' })], []);
      expect([await made("it's x"), await made('y')]).toEqual([['a', 'c', 'e'], []]);
      expect([...(await madeBefore(b, first, "it's x"))]).toEqual([]);
      expect(await b.madeOf([first.runId, 'none'])).toEqual(new Map([[first.runId, "it's x"]]));
      expect(await b.madeOf([])).toEqual(new Map());
    });

    it('replaces a node of a run that is recorded again', async () => {
      const { runId } = await claim(a, 'again');
      await a.record([node(runId, 'model.p.again', { status: 'error', message: 'no' })], []);
      await a.record([node(runId, 'model.p.again'), node(runId, 'test.p.t', { status: 'fail', failures: 3 })], []);
      expect(await b.nodes(runId)).toEqual([
        node(runId, 'model.p.again'),
        node(runId, 'test.p.t', { status: 'fail', failures: 3 }),
      ]);
    });

    it('returns the history and the usual duration of a node, and the newest freshness', async () => {
      const seconds = [100, 3, 1, 2];
      for (const [i, one] of seconds.entries()) {
        const { runId } = await claim(a, 'usual', DUE + i);
        const at = DUE + i * 1000;
        const failed = i === 0;
        await a.record(
          [node(runId, 'model.p.u', { seconds: one, startedAt: at, status: failed ? 'error' : 'success' })],
          [{ runId, uniqueId: 'source.p.s.t', status: 'pass', maxLoadedAt: null, seconds: null, at }],
        );
      }
      expect((await b.nodeHistory('model.p.u', 3)).map((run) => run.seconds)).toEqual([2, 1, 3]);
      expect((await b.durations()).get('model.p.u')).toBe(2);
      expect((await b.freshness()).find(({ uniqueId }) => uniqueId === 'source.p.s.t')).toMatchObject({
        at: DUE + 3000,
        maxLoadedAt: null,
      });
    });

    it('pauses and resumes jobs', async () => {
      await Promise.all([a.setPaused('p', true), b.setPaused('p', true), a.setPaused('q', true)]);
      expect([...(await b.paused())].sort()).toEqual(['p', 'q']);
      await a.setPaused('p', false);
      await a.setPaused('never', false);
      expect([...(await b.paused())]).toEqual(['q']);
      await b.setPaused('p', true);
      expect([...(await a.paused())].sort()).toEqual(['p', 'q']);
      await place.setBack?.();
      await a.setPaused('p', false);
      expect([...(await b.paused())]).toEqual(['q']);
      await a.setPaused('p', true);
      expect([...(await b.paused())].sort()).toEqual(['p', 'q']);
    });

    it('keeps one request per job until it is ended', async () => {
      expect(await a.requests()).toEqual([]);
      await Promise.all([a.request('r'), b.request('s')]);
      const open = [...(await b.requests())].sort((x, y) => x.job.localeCompare(y.job));
      const at = expect.closeTo(await a.now(), -5);
      expect(open).toEqual([
        { job: 'r', at },
        { job: 's', at },
      ]);
      await a.request('r');
      expect((await a.requests()).find(({ job }) => job === 'r')).toEqual(open[0]);
      await Promise.all(open.map((each) => b.endRequest(each)));
      await a.endRequest({ job: 'r', at: 1 });
      expect(await a.requests()).toEqual([]);
      await b.request('r');
      await a.endRequest({ job: 'r', at: 1 });
      expect((await a.requests()).map(({ job }) => job)).toEqual(['r']);
    });

    it('opens an incident once, closes it once, and opens the next one', async () => {
      const opened = await Promise.all([a, b, a, b].map((store) => store.openIncident('job:i:failed', "it's bad")));
      expect(opened.filter((one) => one.opened).length).toBe(1);
      expect(new Set(opened.map(({ incident }) => incident.id)).size).toBe(1);
      const incident = present(opened[0]?.incident ?? null);
      expect(incident).toMatchObject({ key: 'job:i:failed', closedAt: null, reason: "it's bad" });
      expect((await b.openIncidents()).filter(({ key }) => key === 'job:i:failed')).toEqual([incident]);
      const closed = await Promise.all([a.closeIncident(incident.id), b.closeIncident(incident.id)]);
      expect(closed.filter(Boolean).length).toBe(1);
      expect(await a.closeIncident('00000000-0000-0000-0000-000000000000')).toBe(false);
      expect((await b.openIncidents()).filter(({ key }) => key === 'job:i:failed')).toEqual([]);
      const next = await b.openIncident('job:i:failed', 'again');
      expect([next.opened, next.incident.id === incident.id, next.incident.reason]).toEqual([true, false, 'again']);
    });

    it('records an alert once', async () => {
      const { incident } = await a.openIncident('alarmed', 'x');
      const alarm = { incident: incident.id, channel: 'hook', occasion: 'opened' };
      const noted = await Promise.all([a, b, a, b].map((store) => store.noteAlarm(alarm)));
      expect(noted.filter(Boolean).length).toBe(1);
      expect(await a.noteAlarm({ ...alarm, occasion: 'repeated 1' })).toBe(true);
      expect(await a.noteAlarm({ ...alarm, channel: 'mail' })).toBe(true);
      const kept = await b.alarms(incident.id);
      expect(kept.map(({ channel, occasion }) => `${channel} ${occasion}`).sort()).toEqual([
        'hook opened',
        'hook repeated 1',
        'mail opened',
      ]);
      expect(await b.alarms('00000000-0000-0000-0000-000000000000')).toEqual([]);
    });

    it('prunes what has ended, and keeps what has not', async () => {
      const ended = await claim(a, 'pruned');
      const newest = await claim(a, 'pruned', DUE + 1);
      const runs = await claim(a, 'runs on');
      const after = await claim(a, 'runs on', DUE + 1);
      for (const over of [ended, newest, after]) await a.finish(over, { state: 'success', reason: null });
      const now = await a.now();
      await a.record(
        [ended, runs].map(({ runId }) => node(runId, 'model.p.pruned', { startedAt: now })),
        [{ runId: ended.runId, uniqueId: 'source.p.pruned', status: 'pass', maxLoadedAt: now, seconds: 0, at: now }],
      );
      const open = (await a.openIncident('stays', 'x')).incident;
      const closed = (await a.openIncident('goes', 'x')).incident;
      await a.closeIncident(closed.id);
      for (const { id } of [open, closed]) await a.noteAlarm({ incident: id, channel: 'c', occasion: 'opened' });
      await a.begun(ended.runId, 'x');
      await a.begun(runs.runId, 'x');
      await a.prune(now - LONG);
      expect((await b.nodes(ended.runId)).length).toBe(1);
      await place.pass(5);
      await a.prune((await a.now()) + 1);
      expect((await b.runs({ job: 'pruned', limit: 9 })).map(({ runId }) => runId)).toEqual([newest.runId]);
      expect((await a.lastDue()).get('pruned')).toBe(DUE + 1);
      expect((await b.runs({ job: 'runs on', limit: 9 })).map(({ runId }) => runId).sort()).toEqual(
        [after.runId, runs.runId].sort(),
      );
      expect(await b.nodes(ended.runId)).toEqual([]);
      expect([...(await b.madeOf([ended.runId, runs.runId])).keys()]).toEqual([runs.runId]);
      expect((await b.nodes(runs.runId)).length).toBe(1);
      expect((await b.freshness()).filter(({ uniqueId }) => uniqueId === 'source.p.pruned')).toEqual([]);
      expect((await b.openIncidents()).map(({ key }) => key)).toContain('stays');
      expect((await b.alarms(open.id)).length).toBe(1);
      expect(await b.alarms(closed.id)).toEqual([]);
      // A later claim still gets a higher token.
      expect((await claim(b, 'pruned', DUE + 2)).token > newest.token).toBe(true);
    });
  });
}
