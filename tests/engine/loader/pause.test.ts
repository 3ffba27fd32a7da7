// Tests a paused table: a running loader stops and resumes it, `--once` skips it, a restart keeps it paused, and
// status, metrics and the command line report it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoadMetrics } from '../../../src/loader/metrics.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import type { LoadEvent, LoadSummary } from '../../../src/loader/loader.ts';
import { Pulse } from '../../../src/loader/pulse.ts';
import { superviseTable } from '../../../src/loader/supervise.ts';
import { FaultProject } from '../faults/project.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { LoadLab, upTo } from './load-lab.ts';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

describe('a paused table', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(async () => lab?.close());

  const supervise = (
    target: LoadTarget,
    { once = false, signal = new AbortController().signal } = {},
  ): { running: Promise<LoadSummary>; kinds: () => string[]; metrics: LoadMetrics } => {
    const events: LoadEvent[] = [];
    const metrics = new LoadMetrics([target], Date.now);
    const pulse = new Pulse(lab.sink, Date.now);
    const running = superviseTable({
      target,
      sink: lab.sink,
      once,
      signal,
      pause: (ms) =>
        new Promise((resolve) => {
          setTimeout(resolve, Math.min(ms, 20));
        }),
      notify: (event) => {
        metrics.observe(event);
        events.push(event);
      },
      make: async (notify, ended, paused) => lab.loader(target, { once, signal: ended, notify, paused, pulse }).loader,
    });
    return { running, kinds: () => events.map(({ kind }) => kind), metrics };
  };
  const produce = (ids: readonly number[]): void => {
    for (const id of ids) lab.broker.produce('t', 0, { id });
  };
  const health = (metrics: LoadMetrics): unknown => {
    const [table] = metrics.health().tables;
    return { ok: table?.ok, paused: table?.paused, reasons: table?.reasons };
  };

  it('stops in a running loader, keeps its position, and continues when it is resumed', async () => {
    const t = lab.target({ id: 'integer' });
    const stop = new AbortController();
    produce(upTo(30));
    const { running, kinds, metrics } = supervise(t, { signal: stop.signal });
    await expect.poll(() => lab.ids(t).catch(() => []), FOR_EVENTS).toEqual(upTo(30));
    expect(await lab.sink.setPaused(t, true)).toBe(true);
    expect(await lab.sink.setPaused(t, true)).toBe(false);
    await expect.poll(kinds, FOR_EVENTS).toContain('table_paused');
    expect(health(metrics)).toEqual({ ok: true, paused: true, reasons: [] });
    expect(metrics.text()).toContain(`tsdbt_load_paused{topic="t",table="${t.name}"} 1`);
    produce([30, 31]);
    await new Promise((resolve) => {
      setTimeout(resolve, 500);
    });
    expect(await lab.ids(t)).toEqual(upTo(30));
    expect((await lab.sink.kept(t)).positions.get('t/0')?.next).toBe(30n);
    expect(await lab.sink.setPaused(t, false)).toBe(true);
    await expect.poll(() => lab.ids(t), FOR_EVENTS).toEqual(upTo(32));
    expect(kinds()).toContain('table_resumed');
    await expect.poll(() => health(metrics), FOR_EVENTS).toEqual({ ok: true, paused: false, reasons: [] });
    stop.abort();
    await running;
  });

  it('is not started by a new loader, and is skipped by `--once`', async () => {
    const t = lab.target({ id: 'integer' });
    produce(upTo(5));
    await lab.sink.setPaused(t, true);
    expect(await supervise(t, { once: true }).running).toEqual({
      rows: 0,
      dead: 0,
      stopped: [],
      paused: expect.stringMatching(ISO),
    });
    const stop = new AbortController();
    const { running, kinds } = supervise(t, { signal: stop.signal });
    await expect.poll(kinds, FOR_EVENTS).toEqual(['table_paused']);
    await lab.sink.setPaused(t, false);
    await expect.poll(() => lab.ids(t).catch(() => []), FOR_EVENTS).toEqual(upTo(5));
    stop.abort();
    await running;
  });

  it('does not affect other tables', async () => {
    const t = lab.target({ id: 'integer' });
    await lab.sink.setPaused({ ...t, identifier: 'another' }, true);
    produce(upTo(3));
    expect(await supervise(t, { once: true }).running).toMatchObject({ rows: 3 });
    expect((await lab.sink.kept(t)).paused).toBeNull();
  });
});

describe('load pause, load resume and load status', () => {
  let project: FaultProject;
  beforeAll(async () => {
    project = await FaultProject.open({
      'connections.yml': 'connections: { default: { brokers: ["127.0.0.1:9"] } }\n',
      'models/sources.yml':
        'sources: [{name: raw, tables: [{name: events, config: {meta: {tsdbt: {load: {topic: events}}}}, ' +
        'columns: [{name: id, data_type: integer}]}, {name: others, config: {meta: {tsdbt: {load: {topic: ' +
        'others}}}}}]}]\n',
      'a.ndjson': '{"id": 1}\n{"id": 2}\n{"id": "x"}\n',
    });
  });
  afterAll(() => project.close());
  const said = async (code: number, ...args: string[]): Promise<string> => {
    const ended = await project.run(['load', ...args]);
    expect(ended.code, ended.out).toBe(code);
    return ended.out;
  };
  const events = ['--select', 'source:raw.events'];

  it('work before anything was loaded, and report each step', async () => {
    expect(await said(0, 'pause', ...events)).toContain('raw.events: paused');
    expect(await said(0, 'pause', ...events)).toContain('raw.events: was paused');
    const skipped = await said(0, '--from', 'a.ndjson', ...events);
    expect(skipped).toMatch(/raw\.events: paused since \S+Z, nothing is loaded until `load resume`/);
    expect(skipped).toContain('raw.events: 0 rows loaded');
    expect(await said(1, 'status', ...events)).toMatch(/raw\.events {2}paused since \d{4}-\S+Z\n/);
    expect(await said(0, 'resume', ...events)).toContain('raw.events: goes on');
    expect(await said(0, 'resume', ...events)).toContain('raw.events: was not paused');
    expect(await said(0, '--from', 'a.ndjson', ...events)).toContain('raw.events: 2 rows loaded, 1 dead letter');
  });

  it('print one JSON document on stdout, with the same exit code', async () => {
    const document = JSON.parse(await said(1, 'status', '--output', 'json'));
    const away = expect.stringMatching(/^no broker answers at 127\.0\.0\.1:9/);
    expect(document).toEqual({
      generated_at: expect.stringMatching(/^\d{4}-.*Z$/),
      ok: false,
      syncs: [],
      tables: [
        {
          table: 'raw.events',
          unique_id: 'source.faults.raw.events',
          schema: 'raw',
          identifier: 'events',
          topics: ['events'],
          ok: true,
          paused_since: null,
          problems: [],
          slot: null,
          compaction: null,
          partitions: [
            {
              topic: 'file:a.ndjson',
              partition: 0,
              next_offset: 3,
              end_offset: 3,
              lag_rows: 0,
              lag_seconds: 0,
              dead_letters: 1,
            },
          ],
        },
        expect.objectContaining({ table: 'raw.others', ok: false, partitions: [], problems: [away] }),
      ],
    });
  });
});
