// Tests metrics and health of a running loader, and that a blocked table stops the reading, which limits memory.
import { get } from 'node:http';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoadMetrics, serveMetrics } from '../../../src/loader/metrics.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { LoadLab, sinkWith } from './load-lab.ts';

/** Every sample by name and labels; refuses lines that are not of the format. */
function samples(text: string): Map<string, number> {
  const found = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of text.trimEnd().split('\n')) {
    const type = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) types.set(type[1]!, type[2]!);
    if (line.startsWith('# ')) continue;
    const sample = /^(\w+)\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\} (\S+)$/.exec(line);
    expect(sample, line).not.toBeNull();
    const [, name = '', labels = '', value] = sample!;
    expect(types.has(name.replace(/_(bucket|sum|count)$/, '')) || types.has(name), line).toBe(true);
    expect(Number.isNaN(Number(value)), line).toBe(false);
    found.set(`${name}{${labels}}`, Number(value));
  }
  return found;
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

describe('the metrics of a loader', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(() => lab.close());

  it('count its work per topic and table', async () => {
    const t = lab.target({ id: 'integer' }, {}, 2);
    for (let i = 0; i < 120; i++) lab.broker.produce('t', i % 2, { id: i });
    lab.broker.produce('t', 0, 'poison');
    const metrics = new LoadMetrics([t], Date.now);
    expect(metrics.health()).toMatchObject({ ok: false, tables: [{ reasons: ['starting'] }] });
    await lab.load(t, { notify: (event) => metrics.observe(event) });
    const served = await serveMetrics(metrics, 0, '127.0.0.1');
    try {
      const labels = `topic="t",table="${t.name}"`;
      const found = samples(await (await fetch(`${served.url}/metrics`)).text());
      expect(found.get(`tsdbt_load_rows_total{${labels}}`)).toBe(120);
      expect(found.get(`tsdbt_load_dead_letters_total{${labels}}`)).toBe(1);
      expect(found.get(`tsdbt_load_bytes_total{${labels}}`)).toBe(
        Array.from({ length: 120 }, (_, i) => `{"id":${i}}`.length).reduce((a, b) => a + b) + '"poison"'.length,
      );
      expect(found.get(`tsdbt_load_flush_seconds_bucket{${labels},le="+Inf"}`)).toBe(
        found.get(`tsdbt_load_flush_seconds_count{${labels}}`),
      );
      expect(found.get(`tsdbt_load_flush_seconds_count{${labels}}`)).toBeGreaterThan(0);
      expect(found.get(`tsdbt_load_visible_seconds_count{${labels}}`)).toBeGreaterThan(0);
      const health = await fetch(`${served.url}/healthz`);
      expect([health.status, await health.json()]).toEqual([
        200,
        {
          status: 'ok',
          tables: [
            {
              table: t.name,
              topic: 't',
              ok: true,
              paused: false,
              reasons: [],
              lag_rows: '0',
              lag_seconds: 0,
              slot_retained_bytes: null,
            },
          ],
        },
      ]);
      expect([
        (await fetch(`${served.url}/`)).status,
        (await fetch(`${served.url}/metrics`, { method: 'POST' })).status,
      ]).toEqual([404, 405]);
      const as = (host: string, url = served.url): Promise<number | undefined> =>
        new Promise((done, fail) => {
          const { port } = new URL(url);
          get({ host: '127.0.0.1', port, path: '/metrics', headers: { host } }, (answer) => {
            answer.resume();
            done(answer.statusCode);
          }).on('error', fail);
        });
      // A page whose name resolves to this machine may read nothing.
      for (const name of ['rebound.example', '10.1.2.3:9464']) expect([name, await as(name)]).toEqual([name, 403]);
      for (const name of ['localhost:9464', '127.0.0.1', '[::1]:9464'])
        expect([name, await as(name)]).toEqual([name, 200]);
      const wide = await serveMetrics(metrics, 0, '0.0.0.0', ['scraped.example']);
      try {
        for (const name of ['scraped.example:9464', '10.1.2.3', hostname()])
          expect([name, await as(name, wide.url)]).toEqual([name, 200]);
        expect(await as('rebound.example', wide.url)).toBe(403);
      } finally {
        wide.close();
      }
      await expect(serveMetrics(metrics, Number(new URL(served.url).port), '127.0.0.1')).rejects.toThrow(
        /no metrics can be served at 127\.0\.0\.1:\d+: .*EADDRINUSE/,
      );
    } finally {
      served.close();
    }
  });

  it('report that there is no progress while the table is unavailable, stopped or silent', async () => {
    const t = lab.target({ id: 'integer' });
    for (let i = 0; i < 10; i++) lab.broker.produce('t', 0, { id: i });
    await lab.load(t);
    lab.broker.produce('t', 0, { id: 10 });
    await lab.rows(`alter table raw.${t.identifier} rename to gone`);
    let clock = 0;
    const metrics = new LoadMetrics([t], () => Date.now() + clock);
    const stop = new AbortController();
    const { loader } = lab.loader(
      { ...t },
      {
        once: false,
        signal: stop.signal,
        notify: (event) => metrics.observe({ ...event, target: t }),
        sink: sinkWith(lab.sink, { prepare: async () => t.columns }),
      },
    );
    const running = loader.run();
    const reasons = async (wanted: RegExp | null): Promise<void> => {
      const met = (): boolean =>
        wanted === null
          ? metrics.health().ok
          : metrics.health().tables.some(({ reasons: [reason] }) => reason !== undefined && wanted.test(reason));
      while (!met()) await pause(5);
    };
    await reasons(/^waiting: .*does not exist/);
    await lab.rows(`alter table raw.gone rename to ${t.identifier}`);
    await reasons(null);
    expect((await lab.rows(`select count(*) from raw.${t.identifier}`))[0]).toEqual(['11']);
    clock = 60_000;
    expect(metrics.health().tables[0]!.reasons).toEqual([expect.stringMatching(/^nothing has been read for \d+ s$/)]);
    clock = 0;
    stop.abort();
    await running;
    metrics.observe({ kind: 'stopped', target: t, partition: { topic: 't', partition: 0 }, message: 'gone' });
    expect(metrics.health().tables[0]!.reasons).toEqual(['stopped at t/0: gone']);
  });

  it('show at most two flushes while the table is locked', async () => {
    const BYTES = 200_000;
    const t: LoadTarget = lab.target(
      { id: 'integer', v: 'text' },
      { flush: { rows: 1e6, bytes: BYTES, ageMs: 10 } },
      2,
    );
    await lab.sink.prepare(t);
    await lab.sink.startAt(
      t,
      null,
      new Map([
        [0, 0n],
        [1, 0n],
      ]),
    );
    const v = 'x'.repeat(1000);
    for (let i = 0; i < 4000; i++) lab.broker.produce('t', i % 2, { id: i, v });
    const metrics = new LoadMetrics([t], Date.now);
    let read = 0;
    const { loader, client } = lab.loader(t, { notify: (event) => metrics.observe(event) });
    const poll = client.poll.bind(client);
    client.poll = async () => {
      const polled = await poll();
      for (const batch of polled.batches)
        for (const records of batch.records)
          for (let i = 0; i < records.length; i++) read += records.message(i).value?.length ?? 0;
      return polled;
    };
    const session = lab.adapter.session({ name: 'lock' });
    await session.begin();
    await session.execute(`lock table raw.${t.identifier}`);
    const running = loader.run();
    const pauses = (): number | undefined =>
      samples(metrics.text()).get(`tsdbt_load_pauses_total{topic="t",table="${t.name}"}`);
    await expect.poll(pauses, FOR_EVENTS).toBe(1);
    const stalled = read;
    await pause(300);
    expect(read).toBe(stalled);
    // Two flushes, and the poll that made the second one full: 2 partitions of 100 messages.
    expect(read).toBeLessThan(2 * BYTES + 2 * 200 * 1100);
    expect(pauses()).toBe(1);
    await session.commit();
    await session.release();
    expect(await running).toMatchObject({ rows: 4000, dead: 0 });
    expect(await lab.rows(`select count(*), count(distinct id) from raw.${t.identifier}`)).toEqual([['4000', '4000']]);
  });
});
