// Tests the serve page in a real browser during a run: jobs, the nodes of a run by thread, logs, failing rows, history,
// objectives, keyboard, phone size, dark mode, and axe-core findings. Needs Chromium.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContextOptions, chromium as playwright, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { serveHttp, type ServedHttp, type ServeHttpInput } from '../../../src/serve/http/serve-http.ts';
import type { LoaderState, PromiseState } from '../../../src/serve/live-state.ts';
import { MemoryStore } from './memory-store.ts';
import type { Claim, NodeRun, Store } from '../../../src/serve/store/serve-store.ts';
import { chromium } from '../support/browser.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { longHistory } from '../unit/serve/http/fill.ts';
import { job, lab, nodeRun, START } from '../unit/serve/http/lab.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TOKEN = 'a token of 32 letters and digits';
const program = chromium();

const LOADERS: LoaderState[] = [
  {
    table: 'raw.events',
    topic: 'events',
    ok: true,
    paused: false,
    reasons: [],
    lag_rows: '12000',
    lag_seconds: 4,
    slot_retained_bytes: null,
  },
  {
    table: 'raw.users',
    topic: 'users',
    ok: false,
    paused: false,
    reasons: ['waiting: the broker is away'],
    lag_rows: '9007199254740993',
    lag_seconds: null,
    slot_retained_bytes: 3 * 2 ** 20,
  },
];
const PROMISES: PromiseState[] = [
  {
    subject: 'model.shop.orders',
    promise: 'freshness',
    limit: 'at most 15 min',
    value: '22 min',
    state: 'broken',
    since: START - 420_000,
    owner: 'data',
    incident: null,
  },
  {
    subject: 'fast',
    promise: 'duration',
    limit: 'at most 4 min',
    value: null,
    state: 'unknown',
    since: null,
    owner: null,
    incident: null,
  },
];

describe.skipIf(program === null)('the serve page in a browser', () => {
  let browser: Browser;
  const open: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    browser = await playwright.launch({
      timeout: FOR_EVENTS.timeout,
      executablePath: program ?? '',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
    });
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  /** A host with two jobs, and what was written to it so far. */
  async function host(more: Partial<ServeHttpInput> = {}, store: Store = new MemoryStore({ now: () => told.now })) {
    const served: ServedHttp = await serveHttp({
      live,
      store,
      host: '127.0.0.1',
      port: 0,
      names: [],
      token: TOKEN,
      readToken: null,
      docs: () => '<h1>docs</h1>',
      ...more,
    });
    open.push(() => served.close());
    return { served, store };
  }
  let { live, told } = lab();
  function fresh(): void {
    ({ live, told } = lab([job('fast', { description: 'Every five minutes.' }), job('slow', { owner: 'data' })]));
    const { loaders, promises } = { loaders: () => LOADERS, promises: async () => PROMISES };
    live = { ...live, loaders, promises };
  }

  /** Opens a page whose errors and external requests fail the test. */
  async function look(url: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(FOR_EVENTS.timeout);
    open.push(() => context.close());
    const page = await context.newPage();
    const wrong: string[] = [];
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
    page.on('request', (request) => {
      if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith('data:'))
        wrong.push(request.url());
    });
    await page.goto(url);
    await page.waitForSelector('h1');
    return { page, wrong };
  }

  /** Polls until it is true, because the page's policy prevents waiting within the page. */
  async function until(page: Page, expression: string): Promise<void> {
    while (!(await page.evaluate<boolean>(expression))) await page.waitForTimeout(50);
  }
  const ended = (page: Page, text: string) =>
    until(page, `document.querySelector('main').textContent.includes(${JSON.stringify(text)})`);

  /** A run of one job with two finished nodes and a running one. */
  async function someRun(store: Store): Promise<Claim> {
    const mine = await store.claim('fast', START, 1, 'h1');
    if (mine === null) throw new Error('nobody else claims here');
    live.runs.started(mine, START);
    live.runs.total(mine.runId, 4);
    const nodes: NodeRun[] = [
      nodeRun(mine.runId, 'model.shop.orders', { rows: 1200 }),
      nodeRun(mine.runId, 'test.shop.positive.abc', {
        status: 'fail',
        failures: 2,
        startedAt: START + 1500,
        message: 'Got 2 results, configured to fail if != 0',
      }),
    ];
    for (const node of nodes) {
      live.runs.nodeStarted(mine.runId, node.uniqueId, node.thread, node.startedAt);
      live.runs.line(mine.runId, node.uniqueId, `START ${node.uniqueId}`);
      live.runs.nodeFinished(node);
    }
    live.runs.failing(mine.runId, 'test.shop.positive.abc', {
      columns: ['id', 'price'],
      rows: [
        ['1', '-5'],
        ['2', null],
      ],
    });
    live.runs.nodeStarted(mine.runId, 'model.shop.customers', 'Thread-2 (worker)', START + 1000);
    await store.record(nodes, []);
    told.now = START + 5000;
    return mine;
  }

  it('shows a run in progress, with a bar per node and thread, until its end', async () => {
    fresh();
    const { served, store } = await host();
    const mine = await someRun(store);
    const { page, wrong } = await look(served.url);
    await ended(page, '2 of 4 done');
    await page.click('.card');
    await ended(page, 'Run of fast');
    const bars = () => page.$$eval('.node', (all) => all.map((bar) => bar.getAttribute('aria-label')));
    expect(await bars()).toEqual([
      'model.shop.orders: success, 1.5 s',
      'test.shop.positive.abc: fail, 1.5 s',
      'model.shop.customers: running',
    ]);
    expect(await page.$$eval('.lane b', (all) => all.map((lane) => lane.textContent))).toEqual([
      'Thread 1',
      'Thread 2',
    ]);

    const customers = nodeRun(mine.runId, 'model.shop.customers', {
      thread: 'Thread-2 (worker)',
      startedAt: START + 1000,
      seconds: 4,
    });
    live.runs.nodeFinished(customers);
    live.runs.nodeStarted(mine.runId, 'model.shop.late', 'Thread-3 (worker)', START + 5000);
    await page.waitForSelector('[aria-label="model.shop.customers: success, 4.0 s"]');
    await page.waitForSelector('[aria-label="model.shop.late: running"]');
    await ended(page, '3 of 4 done');
    const boxes = await page.$$eval('.node', (all) => all.map((bar) => bar.getBoundingClientRect().toJSON()));
    const [orders, , third] = boxes as { left: number; right: number; top: number }[];
    expect(third && orders && third.left > orders.left && third.right > orders.right && third.top > orders.top).toBe(
      true,
    );

    const late = nodeRun(mine.runId, 'model.shop.late', {
      startedAt: START + 5000,
      status: 'error',
      message: 'no such column',
    });
    live.runs.nodeFinished(late);
    await store.record([customers, late], []);
    await store.finish(mine, { state: 'failed', reason: '1 of 4 nodes failed' });
    live.runs.ended(mine, { state: 'failed', reason: '1 of 4 nodes failed' }, START + 7000);
    await ended(page, '1 of 4 nodes failed');
    expect(await page.textContent('#said')).toBe('fast: failed');
    expect(await page.$$eval('.node.busy', (all) => all.length)).toBe(0);
    // Failures come first.
    expect(await page.textContent('#nodes tbody tr')).toMatch(/positive|late/);
    expect(wrong).toEqual([]);
  });

  it('shows the log of a node while it is written, and failing rows', async () => {
    fresh();
    const { served, store } = await host();
    const mine = await someRun(store);
    const { page, wrong } = await look(`${served.url}/#/run/${mine.runId}/model.shop.customers`);
    await until(page, `document.getElementById('link')?.dataset['state'] === 'live'`);
    live.runs.line(mine.runId, 'model.shop.customers', '<b>one</b> of two');
    live.runs.line(mine.runId, 'model.shop.orders', 'of another node');
    live.runs.line(mine.runId, 'model.shop.customers', 'two of two');
    await until(page, `document.getElementById('log')?.textContent?.includes('two of two')`);
    expect(await page.textContent('#log')).toBe('<b>one</b> of two\ntwo of two');
    await page.goto(`${served.url}/#/run/${mine.runId}/test.shop.positive.abc`);
    await ended(page, 'Failing rows');
    expect(await page.$$eval('main table tr', (rows) => rows.map((row) => row.textContent))).toEqual([
      'idprice',
      '1-5',
      '2null',
    ]);
    expect(await page.textContent('#log')).toBe('START test.shop.positive.abc');
    expect(wrong).toEqual([]);
  });

  it('shows the history of a test, objectives with freshness, and the lag of loaders', async () => {
    fresh();
    const { served, store } = await host();
    const mine = await someRun(store);
    const { page, wrong } = await look(`${served.url}/#/node/test.shop.positive.abc`);
    await ended(page, 'Failing rows of its runs');
    expect(await page.$$eval('.bars a', (all) => all.map((bar) => bar.getAttribute('aria-label')))).toEqual([
      expect.stringMatching(/^fail, 2 failing rows, /),
    ]);
    const at = START - 60_000;
    const source = {
      runId: mine.runId,
      uniqueId: 'source.shop.raw.orders',
      status: 'warn',
      maxLoadedAt: at,
      seconds: 65,
      at: START,
    };
    await store.record([], [{ ...source, status: 'warn' }]);
    await store.openIncident('sla:model.shop.orders:freshness', '22 minutes old, at most 15 are promised');
    await page.goto(`${served.url}/#/promises`);
    await ended(page, 'raw.orders');
    const board = (await page.textContent('main')) ?? '';
    expect(board).toContain('22 minutes old, at most 15 are promised');
    expect(board).toContain('at most 15 min✗broken'.replace('✗', ''));
    await page.goto(`${served.url}/#/loaders`);
    await ended(page, 'raw.users');
    expect(await page.textContent('main')).toContain('9,007,199,254,740,993');
    expect(wrong).toEqual([]);
  });

  it('links from an incident to its subject, and shows jobs while the database is unavailable', async () => {
    fresh();
    const { served, store } = await host();
    await store.openIncident('sla:model.shop.orders:freshness', 'model orders: 22m old, expected at most 15m');
    await store.openIncident('job:fast:failed', 'job fast: it took longer than 10 s');
    await store.openIncident('jobs:broken', "jobs.yml line 2: unknown key of job 'a'");
    const { page } = await look(served.url);
    await ended(page, 'jobs.yml cannot be read jobs.yml line 2');
    const links = await page.$$eval('.notice a', (all) => all.map((a) => [a.textContent, a.getAttribute('href')]));
    expect(links).toEqual([
      ['model orders', '#/node/model.shop.orders'],
      ['job fast', '#/runs/fast'],
    ]);
    told.notReady = ['the database is away'];
    const away = (): Promise<never> => Promise.reject(new Error('connection refused'));
    Object.assign(store, { runs: away, openIncidents: away, freshness: away });
    await page.reload();
    await ended(page, 'Not ready the database is away');
    expect(await page.textContent('main')).toContain('Every five minutes.');
    await page.click('text=SLAs');
    await ended(page, '22 min');
  });

  it('shows runs in their list when they start and end', async () => {
    fresh();
    const { served, store } = await host();
    const { page, wrong } = await look(`${served.url}/#/runs`);
    await ended(page, 'None.');
    const mine = await someRun(store);
    const shows = (state: string) =>
      until(page, `document.querySelector('tbody .state')?.textContent === ${JSON.stringify(state)}`);
    await shows('running');
    await store.finish(mine, { state: 'success', reason: null });
    live.runs.ended(mine, { state: 'success', reason: null }, START + 3000);
    await shows('success');
    expect(wrong).toEqual([]);
  });

  it.each([
    ['runs', '#/runs', '**/api/runs?*'],
    ['a node', '#/node/model.shop.orders', '**/api/nodes/*'],
  ])('keeps the next page live when the answer for %s is late', async (_what, route, asked) => {
    fresh();
    const { served, store } = await host();
    const mine = await someRun(store);
    const { page, wrong } = await look(served.url);
    let answer = (): void => undefined;
    const late = new Promise<void>((done) => {
      answer = done;
    });
    let waits = false;
    await page.route(asked, async (request) => {
      waits = true;
      await late;
      await request.continue();
    });
    await page.evaluate(`void (location.hash = ${JSON.stringify(route)})`);
    while (!waits) await page.waitForTimeout(20);
    await page.evaluate(`void (location.hash = '#/run/${mine.runId}/model.shop.customers')`);
    await ended(page, 'Its run');
    await until(page, `document.getElementById('link')?.dataset['state'] === 'live'`);
    const came = page.waitForResponse(asked);
    answer();
    await (await came).finished();
    // What the late page would begin, it begins at once.
    await page.waitForTimeout(300);
    live.runs.line(mine.runId, 'model.shop.customers', 'still told');
    await until(page, `document.getElementById('log')?.textContent?.includes('still told')`);
    expect(wrong).toEqual([]);
  });

  it('lets only a user with the token pause a job', async () => {
    fresh();
    const { served, store } = await host();
    const { page } = await look(served.url);
    const give = async (token: string): Promise<void> => {
      await page.fill('#given', token);
      await page.click('dialog .main');
    };
    await page.click('[aria-label="Pause: fast"]');
    await give('a wrong token');
    await until(page, `document.getElementById('said')?.textContent === 'The token is wrong.'`);
    expect(await store.paused()).toEqual(new Set());
    await give(TOKEN);
    await until(page, `document.getElementById('said')?.textContent === 'fast: pause'`);
    expect(await store.paused()).toEqual(new Set(['fast']));
    await page.click('[aria-label="Run now: slow"]');
    await until(page, `document.getElementById('said')?.textContent === 'slow: run'`);
    expect((await store.requests()).map(({ job }) => job)).toEqual(['slow']);
  });

  it('has no buttons if serve was started without a token', async () => {
    fresh();
    const { served } = await host({ token: null });
    const { page } = await look(served.url);
    expect(await page.$$eval('main button', (all) => all.length)).toBe(0);
  });

  it('is navigated by keys from bar to bar, and into a node', async () => {
    fresh();
    const { served, store } = await host();
    const mine = await someRun(store);
    const { page } = await look(`${served.url}/#/run/${mine.runId}`);
    await page.waitForSelector('.node');
    await page.focus('.node[tabindex="0"]');
    const at = () => page.evaluate(`document.activeElement.getAttribute('aria-label')`);
    const seen: unknown[] = [await at()];
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowUp', 'ArrowLeft']) {
      await page.keyboard.press(key);
      seen.push(await at());
    }
    expect(seen.map((label) => String(label).split(':')[0])).toEqual([
      'model.shop.orders',
      'test.shop.positive.abc',
      'test.shop.positive.abc',
      'model.shop.customers',
      'test.shop.positive.abc',
      'model.shop.orders',
    ]);
    await page.keyboard.press('Enter');
    await ended(page, 'Its run');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
  });

  it('reconnects after serve was unavailable, and shows what happened meanwhile', async () => {
    fresh();
    const { served, store } = await host();
    const { page } = await look(served.url);
    await until(page, `document.getElementById('link')?.dataset['state'] === 'live'`);
    await served.close();
    await until(page, `document.getElementById('link')?.dataset['state'] === 'away'`);
    const mine = await store.claim('slow', START, 1, 'h1');
    if (mine !== null) await store.finish(mine, { state: 'timeout', reason: 'cancelled' });
    await host({ port: Number(new URL(served.url).port) }, store);
    await ended(page, 'timeout');
    expect(await page.textContent('#link')).toBe('live');
  });

  it('has no animation with reduced motion', async () => {
    fresh();
    const { served, store } = await host();
    const mine = await someRun(store);
    const moving = async (reducedMotion: 'reduce' | 'no-preference') => {
      const { page } = await look(`${served.url}/#/run/${mine.runId}`, { reducedMotion });
      await page.waitForSelector('.node.busy');
      return page.evaluate(`getComputedStyle(document.querySelector('.node.busy')).animationName`);
    };
    expect([await moving('no-preference'), await moving('reduce')]).toEqual(['breathe', 'none']);
  });

  const VIEWS = (runId: string): [string, string, string][] => [
    ['now', '#/', 'Jobs'],
    ['runs', '#/runs', 'Started'],
    ['a run', `#/run/${runId}`, 'Find a node'],
    ['a test that failed', `#/run/${runId}/test.shop.positive.abc`, 'Failing rows'],
    ['a history', '#/node/model.shop.orders', 'Time of its runs'],
    ['promises', '#/promises', 'broken'],
    ['loaders', '#/loaders', 'raw.users'],
    ['a run that is not there', '#/run/none', 'Not here'],
  ];
  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 360],
    ['dark', 360],
  ] as const)('has no axe-core finding, and fits: %s, %i px', async (colorScheme, width) => {
    fresh();
    const { served, store } = await host();
    const mine = await someRun(store);
    const found: string[] = [];
    const { page } = await look(served.url, { colorScheme, viewport: { width, height: 700 } });
    // A nonce blocks scripts, including those of a test, but not what the debugger evaluates.
    await page.evaluate(AXE);
    for (const [view, route, text] of VIEWS(mine.runId)) {
      await page.goto(`${served.url}/${route}`);
      await ended(page, text);
      found.push(
        ...(
          await page.evaluate(async () => {
            type Found = { violations: { id: string; impact: string; nodes: { html: string }[] }[] };
            const { violations } = await (globalThis as unknown as { axe: { run(): Promise<Found> } }).axe.run();
            return violations.flatMap(({ id, impact, nodes }) => nodes.map(({ html }) => `${impact}: ${id}: ${html}`));
          })
        ).map((what) => `${view}: ${what}`),
      );
      const wide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
      if (wide > 0) found.push(`${view}: ${wide} px too wide`);
    }
    expect(found).toEqual([]);
  });

  it('opens with 10,000 runs of 1,000 nodes, page by page', async () => {
    fresh();
    told.now = START + 60_000;
    const { store, asked } = longHistory(10_000, 1000);
    const { served } = await host({ token: null }, store);
    const { page, wrong } = await look(`${served.url}/#/runs`);
    const rows = () => page.$$eval('tbody tr', (all) => all.length);
    await page.waitForSelector('#older');
    expect(await rows()).toBe(50);
    await page.click('#older');
    await until(page, `document.querySelectorAll('tbody tr').length === 100`);
    expect(Math.max(...asked)).toBeLessThanOrEqual(101);
    await page.click('tbody a');
    await ended(page, '1000 of 1000 done');
    expect(await page.$$eval('.node', (all) => all.length)).toBe(1000);
    expect(await rows()).toBe(100);
    expect(wrong).toEqual([]);
    const bytes = (await (await fetch(served.url)).arrayBuffer()).byteLength;
    expect(bytes).toBeLessThan(200_000);
  });
});
