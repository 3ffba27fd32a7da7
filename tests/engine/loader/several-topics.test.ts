// Several topics, by name or by a pattern, into one table: each with positions, gaps and rewinds of its own; topics
// that come and go while it runs; which of two rows of a key is the newer one.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTarget } from '../../../src/loader/check.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { LoadMetrics } from '../../../src/loader/metrics.ts';
import { Pulse } from '../../../src/loader/pulse.ts';
import { replayLetters } from '../../../src/loader/replay.ts';
import { jsonDecoder } from '../../../src/loader/formats/message-decoder.ts';
import { rewindTo } from '../../../src/loader/rewind.ts';
import { loadStatus } from '../../../src/loader/status.ts';
import { sharedTopic, topicPattern } from '../../../src/loader/settings/target-topics.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { loadTargetOf } from '../support/load-target.ts';
import { LoadLab, upTo } from './load-lab.ts';

describe('a table of several topics', () => {
  let lab: LoadLab;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(async () => lab?.close());

  const COLUMNS = { id: 'integer', v: 'text' };
  const named = (names: readonly string[], more: Partial<LoadTarget> = {}): LoadTarget => {
    const target = lab.target(COLUMNS, { topic: names.join(', '), topics: names, ...more });
    for (const name of names) lab.broker.create(name, 2);
    return target;
  };
  const produce = (topic: string, ids: readonly unknown[]): void => {
    for (const [i, id] of ids.entries()) lab.broker.produce(topic, i % 2, { id, v: topic });
  };
  const held = async ({ identifier }: LoadTarget): Promise<(string | null)[][]> =>
    lab.rows(`select _topic, count(*), count(distinct id) from raw.${identifier} group by 1 order by 1`);
  const waitFor = (target: LoadTarget, rows: unknown): Promise<void> =>
    expect.poll(() => held(target).catch(() => []), FOR_EVENTS).toEqual(rows);

  it('is filled in common transactions, each topic from its own positions', async () => {
    const t = named(['a', 'b'], { flush: { rows: 1000, bytes: 1e6, ageMs: 10_000 } });
    produce('a', upTo(50));
    produce('b', upTo(20));
    expect(await lab.load(t)).toEqual({ rows: 70, dead: 0, stopped: [] });
    expect(await held(t)).toEqual([
      ['a', '50', '50'],
      ['b', '20', '20'],
    ]);
    expect(await lab.rows(`select count(distinct xmin::text) from raw.${t.identifier}`)).toEqual([['1']]);
    produce('b', [100]);
    expect(await lab.load(t)).toEqual({ rows: 1, dead: 0, stopped: [] });
    const { partitions, problems } = await loadStatus(lab.sink, async () => lab.broker.client(), t, Date.now());
    expect(problems).toEqual([]);
    expect(partitions.map(({ topic, partition, next, lagRows }) => [topic, partition, next, lagRows])).toEqual([
      ['a', 0, 25n, 0n],
      ['a', 1, 25n, 0n],
      ['b', 0, 11n, 0n],
      ['b', 1, 10n, 0n],
    ]);
  });

  it('names a missing topic, in load check, too', async () => {
    const t = named(['a', 'b']);
    lab.broker.remove('b');
    expect(await checkTarget(lab.sink, lab.broker.client(), { ...t, topics: ['a'] })).toEqual([]);
    await expect(checkTarget(lab.sink, lab.broker.client(), t)).rejects.toThrow('topic b does not exist');
    await expect(lab.load(t)).rejects.toThrow('topic b does not exist');
  });

  it('can be rewound for all topics, one, or some partitions', async () => {
    const t = named(['a', 'b']);
    produce('a', upTo(10));
    produce('b', upTo(10));
    await lab.load(t);
    const rewind = (to: string): ReturnType<typeof rewindTo> => rewindTo(lab.broker.client(), lab.sink, t, to);
    expect(await rewind('a/1:3')).toEqual({ next: new Map([['a/1', 3n]]), rows: 2, letters: 0 });
    expect(await lab.load(t)).toMatchObject({ rows: 2 });
    expect((await rewind('b:earliest')).rows).toBe(10);
    expect(await held(t)).toEqual([['a', '10', '10']]);
    expect(await lab.load(t)).toMatchObject({ rows: 10 });
    expect((await rewind('a/0:4,b/1:latest,b/0:2')).next).toEqual(
      new Map([
        ['a/0', 4n],
        ['b/1', 5n],
        ['b/0', 2n],
      ]),
    );
    expect(await lab.load(t)).toMatchObject({ rows: 4 });
    expect((await rewind('b:2020-01-01')).rows).toBe(10);
    expect((await rewind('earliest')).rows).toBe(10);
    expect((await rewind('2020-01-01T12:00')).next.size).toBe(4);
    await expect(rewind('c:earliest')).rejects.toThrow("names topic 'c', and the table has a, b");
    await expect(rewind('0:earliest')).rejects.toThrow("names topic '0', and the table has a, b");
    await expect(rewind('nonsense')).rejects.toThrow("Invalid value for '--to'");
    expect(await lab.load(t)).toMatchObject({ rows: 20 });
  });

  it('stops if one topic was created again, and names the solution', async () => {
    const t = named(['a', 'b']);
    produce('a', upTo(4));
    produce('b', upTo(4));
    await lab.load(t);
    lab.broker.create('b', 2);
    produce('b', upTo(6));
    await expect(lab.load(t)).rejects.toMatchObject({
      message: expect.stringContaining('topic b was deleted and made again'),
      details: { hint: expect.stringContaining('--to b:earliest`') },
    });
    expect((await loadStatus(lab.sink, async () => lab.broker.client(), t, Date.now())).problems).toEqual([
      expect.stringContaining('topic b was deleted and made again'),
    ]);
    expect(await lab.load({ ...t, onGap: 'earliest' })).toMatchObject({ rows: 6 });
    lab.broker.expire('a', 0, 2n);
    await rewindTo(lab.broker.client(), lab.sink, t, 'a/1:1');
    await lab.rows(`update tsdbt.load_offsets set next_offset = 0 where topic = 'a' and partition = 0`);
    const { stopped } = await lab.load(t);
    expect(stopped).toEqual([expect.stringContaining('--to a:earliest`')]);
  });

  it('loads the dead letters of each topic again', async () => {
    const t = named(['a', 'b']);
    produce('a', [1, 'x']);
    produce('b', ['y', 2]);
    expect(await lab.load(t)).toMatchObject({ rows: 2, dead: 2 });
    const texts = {
      ...t,
      columns: [
        { name: 'id', type: 'text' },
        { name: 'v', type: 'text' },
      ],
    };
    await lab.rows(`alter table raw.${t.identifier} alter id type text`);
    const options = { sink: lab.sink, decoder: jsonDecoder, hashKey: null, loadId: 'again', now: Date.now };
    expect(await replayLetters({ ...options, target: texts })).toEqual({ rows: 2, dead: 0 });
    expect(await lab.rows(`select _topic, id from raw.${t.identifier} order by 1, 2`)).toEqual([
      ['a', '1'],
      ['a', 'x'],
      ['b', '2'],
      ['b', 'y'],
    ]);
  });

  it.each([
    ['in one flush', 1000],
    ['in a flush each', 1],
  ])('keeps the newest message of a key, whichever topic is read first: %s', async (_, rows) => {
    const t = named(['a', 'b'], { mode: 'upsert', key: ['id'], flush: { rows, bytes: 1e6, ageMs: 10_000 } });
    const at = (topic: string, id: number, v: string, timestamp: number, raw?: null): void =>
      void lab.broker.produce(
        topic,
        0,
        { id, v },
        { timestamp, key: `{"id": ${id}}`, ...(raw === null ? { raw } : {}) },
      );
    at('a', 1, 'old', 1000);
    at('b', 1, 'new', 2000);
    at('b', 2, 'old', 1000);
    at('a', 2, 'new', 2000);
    // Within a partition its order counts, whatever the clocks of the writers said.
    at('a', 3, 'first', 3000);
    at('a', 3, 'second', 2500);
    at('b', 3, 'old', 1000);
    at('b', 4, 'deleted', 1000);
    at('a', 4, '', 2000, null);
    at('a', 5, '', 1000, null);
    at('b', 5, 'made again', 2000);
    await lab.load(t);
    expect(
      await lab.rows(`select id, case when not _deleted then v end, _deleted from raw.${t.identifier} order by 1`),
    ).toEqual([
      ['1', 'new', 'false'],
      ['2', 'new', 'false'],
      ['3', 'second', 'false'],
      ['4', null, 'true'],
      ['5', 'made again', 'false'],
    ]);
  });

  it('with a pattern starts with new topics and stops with deleted ones', async () => {
    const t = lab.target(COLUMNS, { topic: '^orders_.*', topics: topicPattern('^orders_.*') });
    lab.broker.create('orders_eu', 2);
    lab.broker.create('my_orders_eu');
    lab.broker.produce('my_orders_eu', 0, { id: 1 });
    produce('orders_eu', upTo(10));
    const metrics = new LoadMetrics([t], Date.now);
    const stop = new AbortController();
    const { loader } = lab.loader(t, {
      once: false,
      signal: stop.signal,
      topicsMs: 20,
      pulse: new Pulse(lab.sink, Date.now),
      notify: (event) => metrics.observe(event),
    });
    const running = loader.run();
    await waitFor(t, [['orders_eu', '10', '10']]);
    lab.broker.create('orders_us', 1);
    produce('orders_us', [1]);
    await waitFor(t, [
      ['orders_eu', '10', '10'],
      ['orders_us', '1', '1'],
    ]);
    lab.broker.remove('orders_eu');
    lab.broker.produce('orders_us', 0, { id: 2 });
    await waitFor(t, [
      ['orders_eu', '10', '10'],
      ['orders_us', '2', '2'],
    ]);
    // The pulse follows the positions of each topic.
    await rewindTo(lab.broker.client(), lab.sink, t, 'orders_us/0:0');
    await waitFor(t, [
      ['orders_eu', '10', '10'],
      ['orders_us', '2', '2'],
    ]);
    await expect
      .poll(() => metrics.text(), FOR_EVENTS)
      .toContain(`tsdbt_load_lag_rows{topic="orders_us",table="${t.name}",partition="0"} 0`);
    expect(metrics.text()).toContain(`tsdbt_load_rows_total{topic="^orders_.*",table="${t.name}"}`);
    stop.abort();
    await running;
    expect(await lab.load(t)).toMatchObject({ rows: 0 });
    lab.broker.remove('orders_us');
    await expect(lab.load(t)).rejects.toThrow(`No topic matches ^orders_.*, the topic_pattern of source ${t.name}.`);
  });

  it('reports the topic that it shares with another source', () => {
    const of = (topics: readonly string[] | RegExp | string): LoadTarget =>
      loadTargetOf('x', typeof topics === 'string' ? { topic: topics } : { topic: String(topics), topics });
    const pattern = topicPattern('orders_.*');
    expect(sharedTopic(of('a'), of('b'))).toBeNull();
    expect(sharedTopic(of('a'), of('a'))).toBe('a');
    expect(sharedTopic(of('a'), of(['b', 'a']))).toBe('a');
    expect(sharedTopic(of(['a', 'b']), of(['b', 'c']))).toBe('b');
    expect(sharedTopic(of(pattern), of('orders_eu'))).toBe('orders_eu');
    expect(sharedTopic(of(['x', 'orders_eu']), of(pattern))).toBe('orders_eu');
    expect(sharedTopic(of(pattern), of('my_orders_eu'))).toBeNull();
    expect(sharedTopic(of(pattern), of(topicPattern('orders_.*')))).toBe(String(pattern));
  });

  it('has an anchored pattern, and a pattern that could backtrack endlessly is rejected', () => {
    const matches = (pattern: string, name: string): boolean => topicPattern(pattern).test(name);
    expect(matches('orders_.*', 'orders_eu')).toBe(true);
    expect(matches('^orders_.*$', 'orders_eu')).toBe(true);
    expect(matches('orders|events', 'my.events')).toBe(false);
    expect(matches('(eu|us)\\.orders', 'us.orders')).toBe(true);
    expect(matches('orders_v[0-9]{1,3}', 'orders_v12')).toBe(true);
    expect(matches('[(]*x', '((x')).toBe(true);
    for (const [refused, why] of [
      ['(a+)+', 'may not be repeated'],
      ['(a|b)*', 'may not be repeated'],
      ['(a){2,}', 'may not be repeated'],
      ['(a)\\1', 'backreference'],
      ['(?=a)a', 'lookaround'],
      ['(?<!a)b', 'lookaround'],
      ['(', 'Invalid regular expression'],
    ] as const)
      expect(() => topicPattern(refused), refused).toThrow(why);
  });
});
