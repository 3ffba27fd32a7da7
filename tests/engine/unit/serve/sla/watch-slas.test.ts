// Looks at promises on a clock of its own: flaps, incidents opened once, repeated hourly, closed; what is read and
// measured again and what is not.
import { beforeEach, describe, expect, it } from 'vitest';
import type { Measured } from '../../../../../src/serve/sla/evaluate-sla.ts';
import { LOOK_MS } from '../../../../../src/serve/sla/sla-facts.ts';
import type { Promised, PromiseTerms } from '../../../../../src/serve/sla/sla-types.ts';
import { type Look, type PromiseStore, Watch } from '../../../../../src/serve/sla/watch-slas.ts';
import type { Incident, JobRun, LeftOutTimes, NodeRun, RunState } from '../../../../../src/serve/store/serve-store.ts';

const MINUTE = 60_000;
const START = 1_800_000_000_000;

/** What hosts share. */
class Shelf implements PromiseStore {
  at = START;
  jobRuns: JobRun[] = [];
  nodeRuns: NodeRun[] = [];
  incidents: Incident[] = [];
  readonly due = new Map<string, number>();
  readonly asked: string[] = [];

  now = async () => this.at;
  async runs({ job, limit }: { job?: string; limit: number }) {
    this.asked.push(`runs of ${job ?? 'all'}`);
    return this.jobRuns.filter((run) => job === undefined || run.job === job).slice(0, limit);
  }
  async nodeHistory(id: string, limit: number) {
    this.asked.push(`history of ${id}`);
    return this.nodeRuns.filter(({ uniqueId }) => uniqueId === id).slice(0, limit);
  }
  lastDue = async () => new Map(this.jobRuns.map(({ job, dueAt }) => [job, dueAt]));
  leftOutTimes: LeftOutTimes[] = [];
  leftOut = async ({ job, since = 0 }: { job?: string; since?: number }) =>
    this.leftOutTimes.filter((times) => times.job === job && times.last >= since);
  paused = async () => new Set<string>();
  openIncidents = async () => this.incidents.filter(({ closedAt }) => closedAt === null);
  async openIncident(key: string, reason: string) {
    const known = (await this.openIncidents()).find((each) => each.key === key);
    if (known !== undefined) return { incident: known, opened: false };
    const incident = { id: `incident ${this.incidents.length + 1}`, key, reason, openedAt: this.at, closedAt: null };
    this.incidents.push(incident);
    return { incident, opened: true };
  }
  async closeIncident(id: string) {
    this.incidents = this.incidents.map((each) => (each.id === id ? { ...each, closedAt: this.at } : each));
    return true;
  }

  ended(state: RunState, seconds: number, reason: string | null = null): void {
    const runId = `run ${this.jobRuns.length}`;
    const [startedAt, finishedAt] = [this.at - seconds * 1000, state === 'running' ? null : this.at];
    const claim = { runId, job: 'fast', dueAt: startedAt, attempt: 1, host: 'h', token: 1n, project: null };
    this.jobRuns.unshift({ ...claim, state, startedAt, finishedAt, reason });
    this.nodeRuns.unshift({
      runId,
      uniqueId: 'model.p.a',
      status: state === 'success' ? 'success' : 'error',
      thread: 't',
      startedAt,
      seconds,
      rows: null,
      readRows: null,
      readBytes: null,
      failures: null,
      message: reason,
      checksum: null,
    });
  }
}

let shelf: Shelf;
let newest: number | 'away' | null;
let measured: number[];
const promised = (kind: 'node' | 'job', terms: PromiseTerms, looks = 2): Promised => {
  const id = kind === 'job' ? 'fast' : 'model.p.a';
  const subject = { kind, id, shown: kind === 'job' ? 'job fast' : 'model a', owner: null, path: 'a.yml', line: 1 };
  const key = terms.kind === 'failed' || terms.kind === 'late' ? `job:fast:${terms.kind}` : `sla:${id}:${terms.kind}`;
  return { key, subject, terms, looks };
};
const fresh = promised('node', { kind: 'freshness', maxMs: 15 * MINUTE, field: 'at', filter: null, by: 'rows' });
const failed = promised('job', { kind: 'failed', retries: { times: 0, backoffMs: 0 } }, 1);
const watchOf = (more: object = {}): Watch =>
  new Watch({
    store: shelf,
    async measure(promises) {
      measured.push(shelf.at - START);
      const found: Measured =
        newest === 'away' ? { kind: 'error', reason: 'away' } : { kind: 'newest', newest, at: shelf.at };
      return new Map(promises.map(({ key }) => [key, found]));
    },
    dueBefore: (job) => shelf.due.get(job) ?? null,
    ...more,
  });
/** What the looks of so many milliseconds tell, each with its time. */
async function told(watch: Watch, ms: number, promises: readonly Promised[]): Promise<[number, string][]> {
  const found: [number, string][] = [];
  for (const end = shelf.at + ms; shelf.at < end; shelf.at += LOOK_MS) {
    const { open, recovered, at }: Look = await watch.look(promises);
    for (const { incident, occasion } of open)
      if (occasion !== null) found.push([at - START, `${incident.id} ${occasion}: ${incident.reason}`]);
    for (const { incident } of recovered) found.push([at - START, `${incident.id} recovered`]);
  }
  return found;
}

beforeEach(() => {
  shelf = new Shelf();
  newest = START;
  measured = [];
});

describe('a broken objective', () => {
  it('opens one incident after its looks, is repeated each hour, and recovers once', async () => {
    const watch = watchOf();
    expect(await told(watch, 140 * MINUTE, [fresh])).toEqual([
      [15 * MINUTE + 20_000, 'incident 1 opened: model a: 15m20s old, expected at most 15m'],
      [75 * MINUTE + 20_000, 'incident 1 repeated 1: model a: 15m20s old, expected at most 15m'],
      [135 * MINUTE + 20_000, 'incident 1 repeated 2: model a: 15m20s old, expected at most 15m'],
    ]);
    newest = shelf.at;
    expect(await told(watch, 10 * MINUTE, [fresh])).toEqual([[140 * MINUTE + LOOK_MS, 'incident 1 recovered']]);
  });

  it('for only one look is ignored, and so is one good look within an incident', async () => {
    const watch = watchOf();
    newest = START - 16 * MINUTE;
    expect(await told(watch, LOOK_MS, [fresh])).toEqual([]);
    newest = shelf.at;
    expect(await told(watch, LOOK_MS, [fresh])).toEqual([]);
    shelf.at += 5 * MINUTE;
    newest = START - 16 * MINUTE;
    expect((await told(watch, 2 * LOOK_MS, [fresh])).map(([, words]) => words.slice(0, 17))).toEqual([
      'incident 1 opened',
    ]);
    newest = shelf.at;
    expect(await told(watch, LOOK_MS, [fresh])).toEqual([]);
    newest = START - 16 * MINUTE;
    expect(await told(watch, LOOK_MS, [fresh])).toEqual([]);
    newest = shelf.at;
    expect((await told(watch, 2 * LOOK_MS, [fresh])).map(([, words]) => words)).toEqual(['incident 1 recovered']);
    expect(shelf.incidents.length).toBe(1);
  });

  it('stays an incident while it cannot be measured', async () => {
    const watch = watchOf();
    newest = null;
    await told(watch, MINUTE, [fresh]);
    newest = 'away';
    expect(await told(watch, 10 * MINUTE, [fresh])).toEqual([]);
    expect((await shelf.openIncidents()).length).toBe(1);
  });

  it('has one incident for any number of hosts, and a host that starts later continues it', async () => {
    newest = null;
    await told(watchOf(), MINUTE, [fresh]);
    shelf.at = START + 65 * MINUTE;
    expect((await told(watchOf(), MINUTE, [fresh])).map(([, words]) => words.slice(0, 21))).toEqual([
      'incident 1 repeated 1',
    ]);
    expect(shelf.incidents.length).toBe(1);
  });

  it('is closed when it is removed, and other incidents are unchanged', async () => {
    const watch = watchOf();
    newest = null;
    await told(watch, MINUTE, [fresh]);
    await shelf.openIncident('project:broken', 'syntax error');
    expect((await told(watch, LOOK_MS, [])).map(([, words]) => words)).toEqual(['incident 1 recovered']);
    expect((await shelf.openIncidents()).map(({ key }) => key)).toEqual(['project:broken']);
  });

  it('reports its end before the incident is closed', async () => {
    const order: string[] = [];
    const watch = watchOf({
      closing: async ({ incident }: { incident: Incident }) => {
        order.push(`${incident.id} open: ${(await shelf.openIncidents()).length}`);
      },
    });
    newest = null;
    await told(watch, MINUTE, [fresh]);
    newest = shelf.at;
    await told(watch, MINUTE, [fresh]);
    expect([order, await shelf.openIncidents()]).toEqual([['incident 1 open: 1'], []]);
  });
});

describe('a job', () => {
  it('that fails is reported at once, and so is its recovery', async () => {
    const watch = watchOf();
    shelf.ended('success', 5);
    expect(await told(watch, MINUTE, [failed])).toEqual([]);
    shelf.ended('failed', 5, 'relation "x" does not exist');
    expect(await told(watch, MINUTE, [failed])).toEqual([
      [MINUTE, 'incident 1 opened: job fast: relation "x" does not exist'],
    ]);
    shelf.ended('success', 5);
    expect(await told(watch, MINUTE, [failed])).toEqual([[2 * MINUTE, 'incident 1 recovered']]);
  });

  it('that is not started is late', async () => {
    const late = promised('job', { kind: 'late', maxMs: 2 * MINUTE }, 1);
    const watch = watchOf();
    shelf.ended('success', 5);
    shelf.due.set('fast', START + MINUTE);
    expect(await told(watch, 5 * MINUTE, [late])).toEqual([
      [3 * MINUTE + LOOK_MS, 'incident 1 opened: job fast: was due 2m10s ago and has not started, expected at most 2m'],
    ]);
  });

  it.each([
    ['paused', 0],
    ['window_over', 1],
  ] as const)('that was left out as %s opens %i incidents', async (why, opened) => {
    const late = promised('job', { kind: 'late', maxMs: 2 * MINUTE }, 1);
    const watch = watchOf();
    shelf.ended('success', 5);
    const [due, next] = [START + MINUTE, START + 2 * MINUTE];
    shelf.due.set('fast', due);
    shelf.leftOutTimes = [{ job: 'fast', why, first: due, last: due, count: 1 }];
    expect((await told(watch, 5 * MINUTE, [late])).length).toBe(opened);
    // The pause is over, and the next one does not start.
    shelf.due.set('fast', next);
    if (opened === 0) expect((await told(watch, 5 * MINUTE, [late])).length).toBe(1);
  });
});

describe('the watch of objectives', () => {
  it('measures when an objective can be broken, at least every five minutes', async () => {
    await told(watchOf(), 15 * MINUTE, [fresh]);
    expect(measured).toEqual([0, 5 * MINUTE, 10 * MINUTE]);
  });

  it("reads a node's runs again only after a run has ended", async () => {
    const success = promised('node', { kind: 'success', min: 0.5, overMs: 60 * MINUTE });
    const watch = watchOf();
    shelf.ended('success', 5);
    await told(watch, 10 * MINUTE, [success, failed]);
    shelf.asked.length = 0;
    await told(watch, MINUTE, [success, failed]);
    expect(new Set(shelf.asked)).toEqual(new Set(['runs of all']));
    shelf.ended('failed', 5);
    shelf.ended('failed', 5, 'boom');
    expect((await told(watch, MINUTE, [success])).map(([, words]) => words)).toEqual([
      'incident 1 opened: model a: 33.33% of 3 runs within 1h succeeded, expected 50%; last failure: boom',
    ]);
    expect(shelf.asked).toContain('history of model.p.a');
  });

  it('does not take a run that ends among many others for a running one', async () => {
    const duration = promised('job', { kind: 'duration', maxMs: MINUTE, percentile: null, overMs: 0 }, 1);
    const watch = watchOf();
    shelf.ended('running', 0);
    await told(watch, LOOK_MS, [duration]);
    const [run] = shelf.jobRuns;
    shelf.jobRuns = [
      ...Array.from({ length: 300 }, (_, i) => ({
        ...run!,
        job: 'other',
        runId: `other ${i}`,
        state: 'success' as const,
      })),
      { ...run!, state: 'success', finishedAt: START + 1000 },
    ];
    shelf.at = START + 10 * MINUTE;
    const { verdicts } = await watch.look([duration]);
    expect(verdicts.map(({ state, reason }) => [state, reason])).toEqual([['kept', 'took 1s']]);
  });
});
