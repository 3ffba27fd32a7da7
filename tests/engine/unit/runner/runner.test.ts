// Tests which nodes run, which are skipped and when a run stops, in small graphs without a database. The rules are
// those of dbt-core 1.12.6 (task/runnable.py, task/build.py).
import { describe, expect, it } from 'vitest';
import type { Session } from '../../../../src/adapters/adapter.ts';
import type { GraphNode } from '../../../../src/contracts/node.ts';
import type { RunResult } from '../../../../src/contracts/results.ts';
import { TsdbtError } from '../../../../src/errors.ts';
import { Dag } from '../../../../src/graph/dag.ts';
import { createQueue } from '../../../../src/graph/queue.ts';
import { type LogEvent, stripColors } from '../../../../src/log.ts';
import type { RunContext } from '../../../../src/runner/context.ts';
import { RunLog } from '../../../../src/runner/log.ts';
import type { NodeKind, Outcome } from '../../../../src/runner/node.ts';
import { type ExecuteOptions, type Execution, executeNodes } from '../../../../src/runner/workers.ts';

type Work = (session: Session) => Promise<Outcome['status']> | Outcome['status'];

interface World {
  /** Edges as `a>b`: b needs a. Names that begin with `test_` are tests, with `unit_` unit tests. */
  edges: string[];
  work?: Record<string, Work>;
  config?: Record<string, object>;
  testEdges?: string[];
  options?: Partial<ExecuteOptions>;
}

function world({ edges, work = {}, config = {}, testEdges = [], options = {} }: World): {
  run: () => Promise<Execution>;
  events: LogEvent[];
  order: string[];
  cancelled: string[];
  most: () => number;
} {
  const pairs = (list: string[]): [string, string][] => list.map((e) => e.split('>') as [string, string]);
  const names = [...new Set([...edges, ...testEdges].flatMap((e) => e.split('>')))];
  const typeOf = (name: string): string =>
    name.startsWith('test_') ? 'test' : name.startsWith('unit_') ? 'unit_test' : 'model';
  const node = (name: string): GraphNode =>
    ({
      unique_id: name,
      name,
      resource_type: typeOf(name),
      package_name: 'p',
      original_file_path: `models/${name}.sql`,
      path: `${name}.sql`,
      schema: 's',
      alias: name,
      config: { materialized: typeOf(name) === 'test' ? 'test' : 'view', ...config[name] },
      depends_on: { nodes: [], macros: [] },
      raw_code: '',
    }) as unknown as GraphNode;
  const all = Object.fromEntries(names.map((n) => [n, node(n)]));
  const units = names.filter((n) => n.startsWith('unit_'));
  const events: LogEvent[] = [];
  const order: string[] = [];
  const cancelled: string[] = [];
  let running = 0;
  let most = 0;
  const logger = { fire: (e: LogEvent) => void events.push(e) };
  const nodes = Object.fromEntries(Object.entries(all).filter(([n]) => !units.includes(n)));
  const empty = { sources: {}, exposures: {}, saved_queries: {}, functions: {}, metrics: {}, semantic_models: {} };
  const ctx = {
    manifest: { nodes, unit_tests: Object.fromEntries(units.map((n) => [n, all[n]])), ...empty },
    logger,
    log: new RunLog(logger, 80, () => undefined),
    selected: new Set(names),
    now: () => 0,
    journal: null,
    reuse: null,
    sources: new Map(),
    finished: new Set(),
    freeConnections: [],
    scopes: { context: {} },
    queryComment: () => undefined,
    config: { flags: {} },
    adapter: {
      type: 'none',
      isTransient: () => false,
      session: ({ name }: { name: string }) => ({
        name,
        release: async () => undefined,
        cancel: async () => void cancelled.push(name),
      }),
    },
  } as unknown as RunContext;
  const kind: NodeKind = {
    start: () => undefined,
    finish: () => undefined,
    async compile(_c, n, session) {
      if (n.resource_type === 'model' && n.config.materialized === 'ephemeral') await work[n.unique_id]?.(session);
      return n;
    },
    async execute(_c, n, session) {
      order.push(n.unique_id);
      most = Math.max(most, ++running);
      try {
        const status = (await work[n.unique_id]?.(session)) ?? 'success';
        return {
          status,
          message: status === 'success' || status === 'pass' ? null : status,
          response: {},
          failures: null,
        };
      } finally {
        running--;
      }
    },
  };
  const dag = new Dag(names, pairs(edges), pairs(testEdges));
  const unitTests = new Map<string, string[]>();
  for (const [from, to] of pairs(edges))
    if (to.startsWith('unit_')) unitTests.set(from, [...(unitTests.get(from) ?? []), to]);
  const run = (): Promise<Execution> =>
    executeNodes(
      ctx,
      createQueue(
        dag,
        names.filter((n) => !units.includes(n)),
      ),
      {
        threads: 4,
        queries: true,
        changes: true,
        build: false,
        failFast: false,
        raiseFirst: false,
        kindOf: () => kind,
        unitTests,
        audits: new Map(),
        descendants: (id) => (dag.has(id) ? dag.dependants(id) : []),
        keepEphemeral: false,
        signal: null,
        ...options,
      },
    );
  return { run, events, order, cancelled, most: () => most };
}

const statuses = (results: readonly RunResult[]): Record<string, string> =>
  Object.fromEntries(results.map((r) => [r.unique_id, r.status]));
const fail = (): never => {
  throw new TsdbtError('database', 'boom');
};

describe('a failed node', () => {
  it('skips its descendants and nothing else', async () => {
    const { run } = world({ edges: ['a>b', 'b>c', 'x>y'], work: { a: fail } });
    expect(statuses((await run()).results)).toEqual({
      a: 'error',
      b: 'skipped',
      c: 'skipped',
      x: 'success',
      y: 'success',
    });
  });

  it('with on_error: continue lets its children run', async () => {
    const { run } = world({ edges: ['a>b'], work: { a: fail }, config: { a: { on_error: 'continue' } } });
    expect(statuses((await run()).results)).toEqual({ a: 'error', b: 'success' });
  });

  it('that is ephemeral has no result, and its children report why they are skipped', async () => {
    const { run, events } = world({ edges: ['a>b'], config: { a: { materialized: 'ephemeral' } }, work: { a: fail } });
    const { results } = await run();
    expect(results.map((r) => [r.unique_id, r.status, r.message])).toEqual([
      ['b', 'skipped', 'Compilation Error in b, caused by compilation error in referenced ephemeral model a'],
    ]);
    expect(events.map((e) => e.name)).toContain('LogSkipBecauseError');
  });
});

describe('a failed test', () => {
  it('stops nothing in the commands test and run', async () => {
    const { run } = world({ edges: ['a>test_a', 'a>b'], work: { test_a: () => 'fail' } });
    expect(statuses((await run()).results)).toEqual({ a: 'success', test_a: 'fail', b: 'success' });
  });

  it('skips the descendants of the tested model in build', async () => {
    const { run } = world({
      edges: ['a>test_a', 'a>b', 'b>c'],
      testEdges: ['test_a>b'],
      work: { test_a: () => 'fail' },
      options: { build: true },
    });
    expect(statuses((await run()).results)).toEqual({ a: 'success', test_a: 'fail', b: 'skipped', c: 'skipped' });
  });

  it('that only warns stops nothing', async () => {
    const { run } = world({
      edges: ['a>test_a', 'a>b'],
      testEdges: ['test_a>b'],
      work: { test_a: () => 'warn' },
      options: { build: true },
    });
    expect(statuses((await run()).results)).toEqual({ a: 'success', test_a: 'warn', b: 'success' });
  });
});

describe('unit tests in build', () => {
  it('run before their model', async () => {
    const { run, order } = world({
      edges: ['a>unit_a', 'a>b'],
      work: { unit_a: () => 'pass' },
      options: { build: true },
    });
    await run();
    expect(order).toEqual(['unit_a', 'a', 'b']);
  });

  it('that fail skip their model and its descendants', async () => {
    const { run } = world({
      edges: ['a>unit_a', 'a>b', 'b>c'],
      work: { unit_a: () => 'fail' },
      options: { build: true },
    });
    expect(statuses((await run()).results)).toEqual({ unit_a: 'fail', a: 'skipped', b: 'skipped', c: 'skipped' });
  });

  it('of a skipped model are skipped, too', async () => {
    const { run } = world({ edges: ['x>a', 'a>unit_a'], work: { x: fail }, options: { build: true } });
    expect(statuses((await run()).results)).toEqual({ x: 'error', unit_a: 'skipped', a: 'skipped' });
  });
});

describe('the runner', () => {
  it('with --fail-fast cancels running nodes and skips the rest with the reason', async () => {
    let release: () => void = () => undefined;
    const { run, cancelled } = world({
      edges: ['a>b', 'slow>c', 'late>d'],
      options: { failFast: true },
      work: {
        a: async () => {
          setTimeout(() => release(), 5);
          return fail();
        },
        slow: () =>
          new Promise((_resolve, reject) => {
            release = () => reject(new TsdbtError('database', 'canceling statement due to user request'));
          }),
        late: () => new Promise((resolve) => setTimeout(() => resolve('success'), 1)),
      },
    });
    const { results } = await run();
    expect(statuses(results)).toEqual({
      a: 'error',
      b: 'skipped',
      slow: 'skipped',
      c: 'skipped',
      // It ended before the cancellation reached it.
      late: 'success',
      d: 'skipped',
    });
    expect(new Set(results.filter((r) => r.status === 'skipped').map((r) => r.message))).toEqual(
      new Set(['Skipping due to fail_fast']),
    );
    expect([...cancelled].sort()).toEqual(['late', 'slow']);
  });

  it('logs whether a connection is new or was used by another node', async () => {
    const { run, events } = world({ edges: ['a>b', 'a>c'], options: { threads: 1 } });
    await run();
    const said = events.filter((e) => e.name === 'NewConnection' || e.name === 'ConnectionReused').map((e) => e.msg);
    expect(said).toEqual([
      "Acquiring new none connection 'a'",
      'Re-using an available connection from the pool (formerly a, now b)',
      'Re-using an available connection from the pool (formerly b, now c)',
    ]);
  });

  it('cancels running nodes when interrupted, and keeps the results so far', async () => {
    const abort = new AbortController();
    let release: () => void = () => undefined;
    const { run, cancelled, events } = world({
      edges: ['a>slow', 'slow>c'],
      options: { signal: abort.signal },
      work: {
        slow: () =>
          new Promise((resolve) => {
            release = () => resolve('success');
            setTimeout(() => {
              abort.abort();
              setTimeout(() => release(), 1);
            }, 1);
          }),
      },
    });
    const { results, interrupted } = await run();
    expect(interrupted).toBe(true);
    expect(statuses(results)).toEqual({ a: 'success', slow: 'skipped', c: 'skipped' });
    expect(cancelled).toEqual(['slow']);
    expect(events.filter((e) => e.name === 'LogCancelLine').map((e) => stripColors(e.msg))).toEqual([
      `CANCEL query slow ${'.'.repeat(62)} [CANCEL]`,
    ]);
  });

  it('ends compile and show with the first error', async () => {
    const { run } = world({ edges: ['a>b'], work: { a: fail }, options: { raiseFirst: true } });
    await expect(run()).rejects.toThrow(/Database Error in model a \(models\/a\.sql\)\n {2}boom/);
  });
});

describe('the number of workers', () => {
  it('never exceeds the number of threads', async () => {
    const later = (): Promise<'success'> => new Promise((resolve) => setTimeout(() => resolve('success'), 2));
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const { run, most } = world({
      edges: names.map((n) => `${n}>${n}2`),
      work: Object.fromEntries(names.map((n) => [n, later])),
      options: { threads: 3 },
    });
    await run();
    expect(most()).toBe(3);
  });

  it('is one here, and nodes run level by level and by name within a level', async () => {
    const { run, order } = world({ edges: ['b>d', 'a>c', 'c>e'], options: { threads: 1 } });
    await run();
    expect(order).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});
