// The server of serve: metrics of jobs, nodes and loaders in one text, health, who is answered, what a token allows.
import { EventEmitter } from 'node:events';
import { get, request, type ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { EventStream } from '../../../../../src/serve/http/event-stream.ts';
import { serveHttp, type ServedHttp, type ServeHttpInput } from '../../../../../src/serve/http/serve-http.ts';
import type { PromiseState } from '../../../../../src/serve/live-state.ts';
import type { LeftOutTimes } from '../../../../../src/serve/store/serve-store.ts';
import { claim, fakeStore, job, jobRun, lab, nodeRun, START } from './lab.ts';

const TOKEN = 'a token of 32 letters and digits';
const open: ServedHttp[] = [];
afterEach(async () => {
  for (const served of open.splice(0)) await served.close();
});

async function serve(input: Partial<ServeHttpInput> & Pick<ServeHttpInput, 'live'>): Promise<string> {
  const served = await serveHttp({
    store: fakeStore(),
    host: '127.0.0.1',
    port: 0,
    names: [],
    token: null,
    readToken: null,
    docs: null,
    ...input,
  });
  open.push(served);
  return served.url;
}
const textOf = async (url: string): Promise<string> => (await fetch(url)).text();
/** Without ends that have not happened: each is there from the start. */
const samples = (text: string): string[] =>
  text.split('\n').filter((line) => line !== '' && !/^#|^tsdbt_job_runs_total.* 0$/.test(line));
const families = (text: string): string[] => [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '');

const LOADER = '# HELP tsdbt_load_paused Paused.\n# TYPE tsdbt_load_paused gauge\ntsdbt_load_paused{topic="t"} 0\n';

describe('/metrics', () => {
  it('counts the events of this host: runs, delays, nodes, failing rows, leases', async () => {
    const { live, told } = lab([job('fast'), job('slow')]);
    const url = await serve({ live });
    live.runs.started(claim('1', 'fast', START - 250), START);
    live.runs.started(claim('2', 'slow'), START);
    live.runs.heartbeat('2', START + 1000);
    live.runs.nodeFinished(nodeRun('1', 'model.p.a', { rows: 12 }));
    live.runs.nodeFinished(nodeRun('1', 'test.p.t', { status: 'fail', failures: 3 }));
    live.runs.nodeFinished(nodeRun('1', 'model.p.b', { status: 'error' }));
    live.runs.nodeFinished(nodeRun('1', 'model.p.c', { status: 'skipped' }));
    live.runs.ended(claim('1'), { state: 'failed', reason: null }, START + 4000);
    live.runs.leftOut('fast', 3);
    told.now = START + 5000;
    const text = await textOf(`${url}/metrics`);
    expect(samples(text).filter((line) => !/_bucket/.test(line))).toEqual([
      'tsdbt_job_duration_seconds_sum{job_name="fast"} 4',
      'tsdbt_job_duration_seconds_count{job_name="fast"} 1',
      'tsdbt_job_slip_seconds{job_name="fast"} 0.25',
      'tsdbt_job_slip_seconds{job_name="slow"} 0',
      'tsdbt_job_runs_total{job_name="fast",status="failed"} 1',
      'tsdbt_job_runs_total{job_name="fast",status="skipped"} 3',
      'tsdbt_node_duration_seconds{node="model.p.a"} 1.5',
      'tsdbt_node_duration_seconds{node="test.p.t"} 1.5',
      'tsdbt_node_duration_seconds{node="model.p.b"} 1.5',
      'tsdbt_node_rows{node="model.p.a"} 12',
      'tsdbt_model_staleness_seconds{node="model.p.a"} 3.5',
      'tsdbt_test_failures{node="test.p.t"} 3',
      'tsdbt_lease_age_seconds{job_name="slow"} 4',
    ]);
    expect(text).toContain('tsdbt_job_runs_total{job_name="slow",status="timeout"} 0\n');
    expect(
      samples(text)
        .filter((line) => /_bucket/.test(line))
        .at(2),
    ).toBe('tsdbt_job_duration_seconds_bucket{job_name="fast",le="5"} 1');
  });

  it('has no due time and no last success for a job that loads continuously', async () => {
    const resident = job('load', {
      timing: { kind: 'resident' },
      work: { kind: 'load', select: [], exclude: [] },
    });
    const { live } = lab([resident]);
    const store = fakeStore({ runs: async () => [jobRun('0', { job: 'load', dueAt: 0 })] });
    const url = await serve({ live, store });
    live.runs.started(claim('1', 'load', 0), START);
    const running = await textOf(`${url}/metrics`);
    live.runs.ended(claim('1', 'load', 0), { state: 'success', reason: null }, START + 1000);
    for (const text of [running, await textOf(`${url}/metrics`)])
      expect(text).not.toMatch(/^tsdbt_job_(slip|last_success_timestamp)_seconds\{/m);
  });

  it('includes what other hosts, and this host before its start, recorded in the history', async () => {
    const { live, told } = lab();
    const good = jobRun('1');
    const bad = jobRun('2', { state: 'failed', startedAt: START + 300_500, dueAt: START + 300_000 });
    const store = fakeStore({
      runs: async ({ states }) => (states?.includes('failed') ? [bad] : [good]),
      nodes: async (runId) => [
        nodeRun(runId, 'model.p.a', runId === '1' ? {} : { status: 'error', startedAt: START + 300_000 }),
        nodeRun(runId, 'test.p.t', { status: 'pass', failures: 0 }),
      ],
      freshness: async () => [
        { runId: '1', uniqueId: 'source.p.s.t', status: 'pass', maxLoadedAt: START, seconds: 0, at: START },
      ],
    });
    told.now = START + 301_500;
    const found = samples(await textOf(`${await serve({ live, store })}/metrics`));
    expect(found).toEqual([
      `tsdbt_job_last_success_timestamp_seconds{job_name="fast"} ${(START + 2000) / 1000}`,
      'tsdbt_job_slip_seconds{job_name="fast"} 0.5',
      'tsdbt_node_duration_seconds{node="model.p.a"} 1.5',
      'tsdbt_node_duration_seconds{node="test.p.t"} 1.5',
      'tsdbt_model_staleness_seconds{node="model.p.a"} 300',
      'tsdbt_model_staleness_seconds{node="source.p.s.t"} 301.5',
      'tsdbt_test_failures{node="test.p.t"} 0',
    ]);
  });

  it('omits jobs and nodes that the project no longer has', async () => {
    const { live, told } = lab([job('fast')]);
    const url = await serve({ live });
    live.runs.started(claim('1', 'gone'), START);
    live.runs.started(claim('2'), START);
    live.runs.nodeFinished(nodeRun('2', 'model.p.gone'));
    live.runs.ended(claim('1', 'gone'), { state: 'success', reason: null }, START);
    live.runs.ended(claim('2'), { state: 'success', reason: null }, START);
    told.nodes = new Set(['model.p.a']);
    expect(await textOf(`${url}/metrics`)).not.toContain('gone');
  });

  it("contains at most 20 families, including the loader's, each once", async () => {
    const { live, told } = lab();
    told.loaderMetrics = [LOADER, LOADER.replace('"t"} 0', '"u"} 1')];
    const text = await textOf(`${await serve({ live })}/metrics`);
    expect(families(text)).toHaveLength(10);
    expect(new Set(families(text)).size).toBe(10);
    expect(text).toContain('gauge\ntsdbt_load_paused{topic="t"} 0\ntsdbt_load_paused{topic="u"} 1\n');
  });

  it('answers while the database is unavailable', async () => {
    const { live } = lab();
    const store = fakeStore({ freshness: () => Promise.reject(new Error('away')) });
    const url = await serve({ live, store });
    live.runs.ended(claim('1'), { state: 'failed', reason: null }, START);
    expect(await textOf(`${url}/metrics`)).toContain('tsdbt_job_runs_total{job_name="fast",status="failed"} 1');
  });
});

describe('/livez and /readyz', () => {
  it('report why the process should be restarted, and why it cannot run anything now', async () => {
    const { live, told } = lab();
    const url = await serve({ live });
    const ask = async (path: string): Promise<unknown> => {
      const answer = await fetch(url + path);
      return [answer.status, await answer.json()];
    };
    expect([await ask('/livez'), await ask('/readyz')]).toEqual([
      [200, { status: 'ok', reasons: [] }],
      [200, { status: 'ok', reasons: [] }],
    ]);
    told.now += 90_000;
    told.notReady = ['the database is away'];
    expect([await ask('/livez'), await ask('/readyz')]).toEqual([
      [503, { status: 'failing', reasons: ['the scheduler has not looked for due times for 90 s'] }],
      [503, { status: 'failing', reasons: ['the database is away'] }],
    ]);
  });
});

describe('the data of the serve page', () => {
  it('is returned without the database as far as it is known', async () => {
    const { live, told } = lab();
    const away = (): Promise<never> => Promise.reject(new Error('connection refused'));
    const url = await serve({ live, store: fakeStore({ runs: away, freshness: away }) });
    expect((await fetch(`${url}/api/now`)).status).toBe(503);
    told.notReady = ['the database is away'];
    const ask = async (path: string): Promise<unknown> => (await fetch(`${url}/api/${path}`)).json();
    expect(await ask('now')).toMatchObject({
      notReady: ['the database is away'],
      isAway: true,
      jobs: [{ name: 'fast', nextAt: START + 300_000, last: null }],
    });
    expect(await ask('promises')).toMatchObject({ isAway: true, promises: [], freshness: [] });
  });

  it('shows the current reason of an incident if this host knows it, or else the first one', async () => {
    const { live } = lab();
    const incident = (id: string) => ({
      id,
      key: `job:${id}:failed`,
      openedAt: START,
      closedAt: null,
      reason: 'first',
    });
    const store = fakeStore({ openIncidents: async () => [incident('a'), incident('b')] });
    const state: PromiseState = {
      ...{ subject: 'a', promise: 'no failure', limit: 'succeeds', value: 'now', state: 'broken', since: START },
      ...{ owner: null, incident: { id: 'a', reason: 'job a: now' } },
    };
    const url = await serve({ live: { ...live, promises: async () => [state] }, store });
    for (const path of ['now', 'promises']) {
      const { incidents } = (await (await fetch(`${url}/api/${path}`)).json()) as { incidents: { reason: string }[] };
      expect(incidents.map(({ reason }) => reason)).toEqual(['job a: now', 'first']);
    }
  });

  it("contains the logs of a job's newest failures, however often other jobs ran since", async () => {
    const { live } = lab();
    const run = (id: string, name: string, state: 'success' | 'failed'): void => {
      live.runs.started(claim(id, name), START);
      live.runs.line(id, 'model.p.a', id);
      live.runs.ended(claim(id, name), { state, reason: null }, START);
    };
    for (const id of ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'])
      run(id, 'night', id === 'n4' || id === 'n6' ? 'success' : 'failed');
    run('n0', 'night', 'failed');
    for (let i = 0; i < 100; i++) run(`f${i}`, 'fast', 'success');
    const all = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n0', 'f79', 'f80', 'f99'];
    expect(all.filter((id) => live.runs.log(id, 'model.p.a') !== null)).toEqual(['n3', 'n5', 'n0', 'f80', 'f99']);
  });
});

describe('the HTTP server', () => {
  const asked = (url: string, path: string, host: string): Promise<number | undefined> =>
    new Promise((done, fail) => {
      get({ host: '127.0.0.1', port: new URL(url).port, path, headers: { host } }, (answer) => {
        answer.resume();
        done(answer.statusCode);
      }).on('error', fail);
    });

  it('rejects a request with another host name', async () => {
    const { live } = lab();
    const url = await serve({ live, names: ['etl.example'] });
    expect(
      await Promise.all(
        ['evil.example', 'localhost', '127.0.0.1:1', 'etl.example:443'].map((host) => asked(url, '/metrics', host)),
      ),
    ).toEqual([403, 200, 200, 200]);
  });

  it('on all interfaces rejects a request with a host name that is not configured', async () => {
    const { live } = lab();
    for (const host of ['0.0.0.0', '::']) {
      const url = await serve({ live, host, names: ['etl.example'] });
      const names = ['evil.example', 'evil.example:80', 'x.localhost.evil.example', 'etl.example', '192.0.2.7:8080'];
      const own = ['[2001:db8::7]:8080', 'localhost:1', hostname(), 'host.docker.internal:8080'];
      expect(await Promise.all([...names, ...own].map((name) => asked(url, '/metrics', name)))).toEqual([
        ...[403, 403, 403, 200, 200],
        ...[200, 200, 200, 200],
      ]);
    }
  });

  it('explains what to do when the port is in use or the token is too short', async () => {
    const { live } = lab();
    const { port } = new URL(await serve({ live }));
    await expect(serve({ live, port: Number(port) })).rejects.toThrow(`127.0.0.1:${port}: port ${port} is in use`);
    await expect(serve({ live, token: 'short' })).rejects.toThrow(
      'token of serve has 5 characters, expected 16 or more',
    );
    await expect(serve({ live, readToken: 'short' })).rejects.toThrow('read token of serve has 5 characters, expected');
  });
});

describe('the list of missed due times', () => {
  const times = (last: number, name = 'fast'): LeftOutTimes => {
    return { job: name, why: 'paused', first: START - 9000, last, count: 2 };
  };
  const row = (last: number): object => {
    return { job: 'fast', first: START - 9000, last, count: 2, reason: '2 due times: the job was paused' };
  };

  it('is shown next to its job, and among the runs of the same time', async () => {
    const { live } = lab();
    const asked: unknown[] = [];
    const store = fakeStore({
      runs: async ({ limit }) => [jobRun('2'), jobRun('1', { startedAt: START - 5000 })].slice(0, limit),
      leftOut: async (filter) => {
        asked.push(filter);
        return [times(START + 1), times(START - 1), times(START + 1, 'gone')].filter(
          (each) => filter.job === undefined || each.job === filter.job,
        );
      },
    });
    const url = await serve({ live, store });
    const ask = async (path: string): Promise<unknown> => (await fetch(`${url}/api/${path}`)).json();
    expect(await ask('now')).toMatchObject({ jobs: [{ name: 'fast', leftOut: row(START + 1) }] });
    asked.length = 0;
    expect(await ask(`runs?job=fast&limit=1&before=${START + 60_000}`)).toMatchObject({
      leftOut: [row(START + 1), row(START - 1)],
      next: START,
    });
    expect(asked).toEqual([{ job: 'fast', before: START + 60_000, since: START, limit: 201 }]);
    expect(await ask('runs?state=failed')).toMatchObject({ leftOut: [] });
    expect(await ask('runs?state=skipped&job=gone')).toMatchObject({ leftOut: [{ job: 'gone' }] });
  });

  it('is paged together with the runs, and keeps entries of one time together', async () => {
    // Three of each moment.
    const all = Array.from({ length: 500 }, (_, i) => times(START - Math.floor(i / 3) * 1000, `job ${i}`));
    const history = Array.from({ length: 20 }, (_, i) => jobRun(String(i), { startedAt: START - i * 10_000 }));
    const store = fakeStore({
      runs: async ({ limit, states, before = Number.POSITIVE_INFINITY }) =>
        history.filter(({ startedAt }) => states === undefined && startedAt < before).slice(0, limit),
      leftOut: async ({ limit, before = Number.POSITIVE_INFINITY, since = 0 }) =>
        all.filter(({ last }) => last < before && last >= since).slice(0, limit),
    });
    const url = await serve({ live: lab().live, store });
    const paged = async (filter: string): Promise<readonly [runs: number, leftOut: number][]> => {
      const pages: [number, number][] = [];
      for (let next: unknown = START + 1; next !== null && pages.length < 9; ) {
        const answer = await fetch(`${url}/api/runs?before=${String(next)}${filter}`);
        const page = (await answer.json()) as { runs: unknown[]; leftOut: unknown[]; next: unknown };
        pages.push([page.runs.length, page.leftOut.length]);
        next = page.next;
      }
      return pages;
    };
    expect(await paged('&state=skipped')).toEqual([
      [0, 201],
      [0, 201],
      [0, 98],
    ]);
    expect(await paged('')).toEqual([
      [7, 201],
      [7, 201],
      [6, 98],
    ]);
  });
});

describe('a POST request', () => {
  const post = async (url: string, path: string, token: string | null = TOKEN): Promise<unknown> => {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const answer = await fetch(url + path, { method: 'POST', headers });
    return [answer.status, await answer.json()];
  };

  it('pauses, resumes and runs a job if it has the token', async () => {
    const { live } = lab([job('a b')]);
    const done: unknown[] = [];
    const store = fakeStore({
      setPaused: async (...args) => void done.push(args),
      request: async (...args) => void done.push(args),
    });
    const url = await serve({ live, store, token: TOKEN });
    for (const action of ['pause', 'resume', 'run'])
      expect(await post(url, `/api/jobs/a%20b/${action}`)).toEqual([202, { job: 'a b', done: action }]);
    expect(done).toEqual([['a b', true], ['a b', false], ['a b']]);
  });

  it.each([
    ['without a token', null, '/api/jobs/fast/pause', 401],
    ['with another one', 'a token of 32 letters and digit.', '/api/jobs/fast/pause', 401],
    ['with the beginning of it', TOKEN.slice(0, -1), '/api/jobs/fast/pause', 401],
    ['about a job that is not there', TOKEN, '/api/jobs/none/run', 404],
    ['about a name that is none', TOKEN, '/api/jobs/%E0/run', 404],
    ['to another address', TOKEN, '/metrics', 404],
  ])('is rejected %s', async (_, token, path, status) => {
    const { live } = lab();
    const url = await serve({ live, token: TOKEN });
    expect(await post(url, path, token)).toEqual([status, { error: expect.any(String) }]);
  });

  it('is always rejected if serve has no token', async () => {
    const { live } = lab();
    expect(await post(await serve({ live }), '/api/jobs/fast/run', '')).toEqual([
      403,
      { error: 'serve was started without a token: nothing can be changed here' },
    ]);
  });

  it('reports in one line that the database rejects it', async () => {
    const { live } = lab();
    const store = fakeStore({ request: () => Promise.reject(new Error('away\nDETAIL: x')) });
    expect(await post(await serve({ live, store, token: TOKEN }), '/api/jobs/fast/run')).toEqual([
      503,
      { error: 'away' },
    ]);
  });

  it('cannot be replaced by one with another method', async () => {
    const { live } = lab();
    expect((await fetch(`${await serve({ live })}/metrics`, { method: 'PUT' })).status).toBe(405);
  });
});

describe('the read token', () => {
  const READ = 'a read token of some letters';
  const bearer = (token: string): RequestInit => ({ headers: { authorization: `Bearer ${token}` } });
  const statuses = async (url: string, init: RequestInit = {}): Promise<number[]> => {
    const paths = ['/', '/docs/', '/api/now', '/api/runs', '/api/runs/1/nodes/model.p.a', '/api/events'];
    return Promise.all(
      paths.map(async (path) => {
        const end = new AbortController();
        const { status } = await fetch(url + path, { ...init, signal: end.signal });
        end.abort();
        return status;
      }),
    );
  };

  it('is required for everything except metrics and health', async () => {
    const { live } = lab();
    const url = await serve({ live, docs: () => '<h1>docs</h1>', readToken: READ, token: TOKEN });
    expect(await statuses(url)).toEqual([401, 401, 401, 401, 401, 401]);
    for (const wrong of ['', READ.slice(0, -1), `${READ}x`])
      expect(await statuses(url, bearer(wrong))).toEqual([401, 401, 401, 401, 401, 401]);
    for (const right of [READ, TOKEN])
      expect(await statuses(url, bearer(right))).toEqual([200, 200, 200, 200, 404, 200]);
    for (const path of ['/metrics', '/livez', '/readyz']) expect((await fetch(url + path)).status).toBe(200);
  });

  it('is exchanged for a cookie by the URL that contains it, which scripts and other sites cannot use', async () => {
    const { live } = lab();
    const url = await serve({ live, docs: () => '<h1>docs</h1>', readToken: READ });
    const opened = await fetch(`${url}/?token=${encodeURIComponent(READ)}`, { redirect: 'manual' });
    const set = opened.headers.get('set-cookie') ?? '';
    expect([opened.status, opened.headers.get('location')]).toEqual([303, './']);
    expect(set).toMatch(new RegExp(`^tsdbt_read_${new URL(url).port}=[\\w-]{43}; HttpOnly; SameSite=Lax$`));
    expect(set).not.toContain(READ);
    const cookie = `other=1; ${set.split(';')[0]}`;
    expect(await statuses(url, { headers: { cookie } })).toEqual([200, 200, 200, 200, 404, 200]);
    expect(await statuses(url, { headers: { cookie: `${cookie}x` } })).toEqual([401, 401, 401, 401, 401, 401]);
    const wrong = await fetch(`${url}/?token=wrong`, { redirect: 'manual' });
    expect([wrong.status, wrong.headers.get('set-cookie')]).toEqual([401, null]);
  });

  it('allows no change', async () => {
    const { live } = lab();
    const url = await serve({ live, readToken: READ, token: TOKEN });
    const answer = await fetch(`${url}/api/jobs/fast/run`, { ...bearer(READ), method: 'POST' });
    expect(answer.status).toBe(401);
  });
});

describe('an unanswerable request', () => {
  it.each([
    '/api/runs/%00',
    '/api/runs/1/nodes/%00',
    '/api/nodes/a%00b',
    '/api/runs?job=%00',
    '/api/runs?before=1e308',
    '/api/runs?before=-1e308',
    '/api/runs?before=Infinity',
    '/api/runs?before=NaN',
    '/api/nodes/%E0%A4%A',
  ])('is rejected before the database is queried: %s', async (path) => {
    const refused = (): Promise<never> => Promise.reject(new Error('the database was asked'));
    const store = fakeStore({ runs: refused, nodes: refused, nodeHistory: refused, leftOut: refused });
    const answer = await fetch((await serve({ live: lab().live, store })) + path);
    expect([answer.status, await answer.json()]).toEqual([400, { error: 'bad path or query' }]);
  });

  it.each(['GET', 'POST'])('is rejected or aborted when %s has a body of many bytes', async (method) => {
    const { live } = lab();
    const url = await serve({ live, token: TOKEN });
    const send = (headers: Record<string, string>): Promise<number | null> =>
      new Promise((done) => {
        let status: number | null = null;
        const asking = request(`${url}/api/jobs/fast/run`, { method, headers }, (answer) => {
          status = answer.resume().statusCode ?? 0;
        });
        asking.on('error', () => undefined).on('close', () => done(status));
        const more = (): void => {
          if (!asking.destroyed) asking.write('x'.repeat(16_384), () => setImmediate(more));
        };
        more();
      });
    expect(await send({ 'content-length': String(1 << 30) })).toBe(413);
    // Node ends a connection only after the whole body: without a limit, it would be read for ever.
    expect([null, 401, 404]).toContain(await send({ 'transfer-encoding': 'chunked' }));
  });
});

describe('the event stream', () => {
  const opened: AbortController[] = [];
  afterEach(() => {
    for (const each of opened.splice(0)) each.abort();
  });
  const open = (url: string, localAddress: string): Promise<number> =>
    new Promise((done, fail) => {
      const end = new AbortController();
      opened.push(end);
      const asking = get(`${url}/api/events`, { localAddress, signal: end.signal, agent: false }, (answer) =>
        done(answer.resume().statusCode ?? 0),
      );
      asking.on('error', fail);
    });

  it('accepts a limited number of connections from one client, whatever its loopback addresses', async () => {
    const url = (await serve({ live: lab().live })).replace('localhost', '127.0.0.1');
    const found: number[] = [];
    for (let i = 0; i < 66; i++) found.push(await open(url, `127.0.0.${1 + (i % 9)}`));
    expect(found).toEqual([...Array.from({ length: 64 }, () => 200), 503, 503]);
  });

  it('makes room for a client that has fewer connections than another', () => {
    const streams = new EventStream(lab().live.runs);
    const ended: string[] = [];
    const add = (remoteAddress: string): boolean => {
      const response = Object.assign(new EventEmitter(), {
        socket: { remoteAddress },
        writableLength: 0,
        writeHead: () => undefined,
        write: () => true,
        end: () => ended.push(remoteAddress),
      });
      return streams.add(response as unknown as ServerResponse, { runId: null, uniqueId: null });
    };
    for (let i = 0; i < 64; i++) expect(add(`2001:db8:0:1::${i}`)).toBe(true);
    expect([add('2001:db8:0:1::ffff'), add('::ffff:127.0.0.1'), add('::1'), add('192.0.2.1')]).toEqual([
      false,
      true,
      true,
      true,
    ]);
    expect(ended).toEqual(['2001:db8:0:1::0', '2001:db8:0:1::1', '2001:db8:0:1::2']);
    streams.close();
  });
});
