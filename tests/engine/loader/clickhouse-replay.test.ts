// Tests the replay of dead letters in ClickHouse after an interrupted flush or replay. Each message is a row or a dead
// letter once.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { jsonDecoder } from '../../../src/loader/formats/message-decoder.ts';
import { LeasedSession } from '../../../src/loader/clickhouse/leased-session.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { replayLetters } from '../../../src/loader/replay.ts';
import type { FaultPoint, Sink } from '../../../src/loader/sink.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickHouseLab } from './clickhouse-lab.ts';

describe.skipIf(clickhouseMissing !== null)('a replay of dead letters in ClickHouse', () => {
  let lab: ClickHouseLab;
  beforeAll(() => {
    lab = new ClickHouseLab('replays');
  });
  afterAll(() => lab.close());

  const send = (...ids: readonly number[]): void => {
    for (const id of ids) lab.broker.produce('t', 0, { id });
  };
  const narrow = (): LoadTarget => ({ ...lab.target({ id: 'Int8' }), onGap: 'earliest' });
  /** The same target, whose table takes every number by now. */
  const widened = async (target: LoadTarget): Promise<LoadTarget> => {
    await lab.run(`alter table ${target.schema}.${target.identifier} modify column id Int64`);
    return { ...target, columns: [{ name: 'id', type: 'Int64' }] };
  };
  let replays = 0;
  const replay = (target: LoadTarget, sink: Sink = lab.anotherSink()): ReturnType<typeof replayLetters> =>
    replayLetters({
      ...{ sink, decoder: jsonDecoder, target, hashKey: null, now: Date.now },
      loadId: `replay-${replays++}`,
    });
  const killedAt = (point: FaultPoint): Sink =>
    lab.anotherSink((reached) => {
      if (reached === point) throw new Error('killed');
    });

  it('of an interrupted flush does not replace a row that the flush lacks', async () => {
    const made = narrow();
    send(1, 1000, 2, 3);
    await expect(lab.load(made, { sink: killedAt('before_commit') })).rejects.toThrow('killed');
    await lab.run(`alter table ${made.schema}.${made.identifier} delete where id = 2`);
    const target = await widened(made);
    expect(await replay(target)).toEqual({ rows: 1, dead: 0 });
    await lab.load(target, { sink: lab.anotherSink() });
    expect(await lab.ids(target)).toEqual([1, 2, 3, 1000]);
  });

  it('that was interrupted before its rows ignores those of a topic that was created again', async () => {
    const made = narrow();
    send(1, 1000, 2);
    await lab.load(made, { sink: lab.anotherSink() });
    lab.broker.create('t');
    send(50, 51, 52);
    await lab.load(made, { sink: lab.anotherSink() });
    const target = await widened(made);
    await expect(replay(target, killedAt('before_copy'))).rejects.toThrow('killed');
    expect(await replay(target)).toEqual({ rows: 1, dead: 0 });
    expect(await lab.ids(target)).toEqual([1, 2, 50, 51, 52, 1000]);
  });

  it('is not repeated if the profile lets mutations run later', async () => {
    const made = narrow();
    send(1, 1000);
    await lab.load(made, { sink: lab.anotherSink() });
    const target = await widened(made);
    const run = LeasedSession.prototype.run;
    const spy = vi.spyOn(LeasedSession.prototype, 'run').mockImplementation(async function (this: LeasedSession, sql) {
      // As the server does with mutations_sync = 0 in the statement's address.
      if (/^ALTER .* UPDATE /s.test(sql) && !/ SETTINGS mutations_sync = [123]/.test(sql)) return;
      await run.call(this, sql);
    });
    try {
      expect(await replay(target)).toEqual({ rows: 1, dead: 0 });
      expect(await replay(target)).toEqual({ rows: 0, dead: 0 });
    } finally {
      spy.mockRestore();
    }
    expect(await lab.ids(target)).toEqual([1, 1000]);
  });
});
