// What an intake takes, asks for and goes on with (src/loader/intake.ts): by value, without a broker or a database.
import { SnapshotFloors } from '../../../../src/loader/formats/debezium/snapshot-floors.ts';
import { describe, expect, it } from 'vitest';
import type { Message, MessageBatch } from '../../../../src/loader/brokers/broker.ts';
import { DeadLimit } from '../../../../src/loader/dead-limit.ts';
import { type Decoder, type DecodedRecord, jsonDecoder } from '../../../../src/loader/formats/message-decoder.ts';
import { recordsOf } from '../../../../src/loader/brokers/message-records.ts';
import { type Answer, GO_ON, Intake, type Taken } from '../../../../src/loader/intake.ts';
import type { LoadTarget } from '../../../../src/loader/settings/load-target.ts';
import { PendingRows } from '../../../../src/loader/pending-rows.ts';
import { type RowMaker, rowMaker } from '../../../../src/loader/formats/rows/row-writer.ts';
import { loadTargetOf } from '../../support/load-target.ts';

const AT = Date.parse('2026-01-02T03:04:05.678Z');
const target = (more: Partial<LoadTarget> = {}): LoadTarget =>
  loadTargetOf('t', {
    flush: { rows: 100_000, bytes: 1e9, ageMs: 1000 },
    columns: [{ name: 'id', type: 'integer' }],
    rest: null,
    maxDead: null,
    ...more,
  });
const message = (offset: number, value: string | null, timestamp: number | null = 1000 + offset): Message => ({
  offset: BigInt(offset),
  timestamp,
  key: null,
  value: value === null ? null : Buffer.from(value),
  headers: [],
});
const numbered = (from: number, to: number): Message[] =>
  Array.from({ length: to - from }, (_, i) => message(from + i, `{"id":${from + i}}`));
/** Each list lies in bytes of its own, as one that was unpacked does. */
const batch = (from: number, next: number, ...parts: readonly (readonly Message[])[]): MessageBatch => ({
  topic: 't',
  partition: 3,
  records: parts.map(recordsOf),
  from: BigInt(from),
  next: BigInt(next),
  end: 1000n,
  epoch: 7,
});

class Bench {
  readonly target: LoadTarget;
  readonly limit: DeadLimit;
  readonly decoder: Decoder;
  readonly floors: SnapshotFloors;
  pending = new PendingRows();
  maker: RowMaker;

  constructor(more: Partial<LoadTarget> = {}, decoder: Decoder = jsonDecoder) {
    this.target = target(more);
    this.limit = new DeadLimit(this.target);
    this.decoder = decoder;
    this.floors = new SnapshotFloors(this.target);
    this.maker = this.makerOf(['id']);
  }

  makerOf(names: readonly string[]): RowMaker {
    const columns = names.map((name) => ({ name, type: 'integer' }));
    return rowMaker(this.target, this.decoder, columns, { hashKey: null, loadId: 'l', floors: this.floors });
  }

  intake(of: MessageBatch, position = of.from): Intake {
    const { target, limit, decoder } = this;
    return new Intake({ target, limit, decoder, now: () => AT, floors: this.floors }, of, position, this.maker);
  }

  take(intake: Intake, answer: Answer = GO_ON): Taken {
    return intake.take(this.pending, this.maker, answer);
  }

  /** As a flush does it: what is held goes, and something else fills. */
  swap(): PendingRows {
    const full = this.pending;
    this.pending = new PendingRows();
    return full;
  }
}

/** The offsets of rows and dead letters, and from where to where the position moves with them. */
const content = ({ rows, dead, held }: PendingRows): unknown => ({
  rows: rows.all().map((row) => [rows.topic(row), rows.partition(row), Number(rows.message(row).offset)].join(' ')),
  dead: dead.map(({ message: { offset }, error }) => [Number(offset), error]),
  held: [...held.values()].map(({ from, next, rows, dead }) => [Number(from), Number(next), rows, dead]),
});

describe('an intake', () => {
  it('takes a whole batch at once, and offset gaps move the position, too', () => {
    const bench = new Bench();
    expect(bench.take(bench.intake(batch(5, 20, numbered(5, 7), numbered(10, 12))))).toEqual({
      kind: 'taken',
      next: 20n,
    });
    expect(content(bench.pending)).toEqual({
      rows: ['t 3 5', 't 3 6', 't 3 10', 't 3 11'],
      dead: [],
      held: [[5, 20, 4, 0]],
    });
    expect(bench.pending.ranges()).toEqual([
      {
        topic: 't',
        partition: 3,
        from: 5n,
        to: 20n,
        end: 1000n,
        rows: 4,
        dead: 0,
        lastTimestamp: 1011,
        epoch: 7,
      },
    ]);
    expect([bench.pending.since, bench.pending.loadedAt.toString()]).toEqual([AT, '2026-01-02T03:04:05.678Z']);
    expect(bench.pending.rows.line(3)).toBe('11\tt\t3\t11\t1970-01-01T00:00:01.011Z\tf\tl\n');
  });

  it('skips messages before the position, and moves the position for an empty batch', () => {
    const bench = new Bench();
    expect(bench.take(bench.intake(batch(5, 9, numbered(5, 9)), 7n))).toEqual({ kind: 'taken', next: 9n });
    expect(bench.take(bench.intake(batch(9, 12)))).toEqual({ kind: 'taken', next: 12n });
    expect(content(bench.pending)).toEqual({ rows: ['t 3 7', 't 3 8'], dead: [], held: [[7, 12, 2, 0]] });
  });

  it('asks for room when the pending rows are full, and then takes one message, whatever the flush size', () => {
    const bench = new Bench({ flush: { rows: 0, bytes: 1e9, ageMs: 1000 } });
    const intake = bench.intake(batch(0, 2, numbered(0, 2)));
    expect(bench.take(intake)).toEqual({ kind: 'room', offset: 0n });
    // No room was made.
    expect(bench.take(intake)).toEqual({ kind: 'taken', next: 2n });
    const two = new Bench({ flush: { rows: 2, bytes: 1e9, ageMs: 1000 } });
    const other = two.intake(batch(0, 3, [...numbered(0, 1), message(1, 'x'), ...numbered(2, 3)]));
    expect(two.take(other)).toEqual({ kind: 'room', offset: 2n });
    expect(content(two.swap())).toEqual({
      rows: ['t 3 0'],
      dead: [[1, 'not JSON']],
      held: [[0, 2, 1, 1]],
    });
    expect(two.take(other)).toEqual({ kind: 'taken', next: 3n });
    expect(content(two.pending)).toEqual({ rows: ['t 3 2'], dead: [], held: [[2, 3, 1, 0]] });
  });

  it('yields to other tasks after some hundred messages', () => {
    const bench = new Bench();
    const intake = bench.intake(batch(0, 2500, numbered(0, 2500)));
    const taken: Taken[] = [];
    while (taken.at(-1)?.kind !== 'taken') taken.push(bench.take(intake));
    expect(taken).toEqual([
      ...[400n, 800n, 1200n, 1600n, 2000n, 2400n].map((offset) => ({ kind: 'turn', offset })),
      { kind: 'taken', next: 2500n },
    ]);
    expect(bench.pending.rows.length).toBe(2500);
  });

  it('asks for a record that is not decoded yet, and decodes it again after a failure', async () => {
    const promised: string[] = [];
    const decoder: Decoder = {
      plain: false,
      decode: (value) => {
        promised.push(Buffer.from(value).toString());
        const record = JSON.parse(String(Buffer.from(value))) as DecodedRecord;
        return promised.length === 1 ? Promise.reject(new Error('away')) : Promise.resolve(record);
      },
      decodeKey: () => ({}),
    };
    const bench = new Bench({}, decoder);
    const intake = bench.intake(batch(0, 1, [message(0, '{"id":5}')]));
    const need = bench.take(intake);
    if (need.kind !== 'record') throw new Error(need.kind);
    expect(need.offset).toBe(0n);
    await expect(need.decode()).rejects.toThrow('away');
    const record = await need.decode();
    expect(promised).toEqual(['{"id":5}', '{"id":5}']);
    expect(content(bench.swap())).toEqual({ rows: [], dead: [], held: [[0, 0, 0, 0]] });
    expect(bench.take(intake, { kind: 'record', record })).toEqual({ kind: 'taken', next: 1n });
    expect(bench.pending.rows.line(0)).toMatch(/^5\t/);
  });

  it('asks for columns once, and then turns the message into a row or a dead letter', () => {
    const bench = new Bench({ schemaDrift: 'add_column' });
    const messages = [message(0, '{"id":1,"b":2,"c":null}'), message(1, '{"id":2,"d":true}')];
    const intake = bench.intake(batch(0, 2, messages));
    expect(bench.take(intake)).toEqual({ kind: 'columns', offset: 0n, drift: [{ field: 'b', type: 'numeric' }] });
    bench.maker = bench.makerOf(['id', 'b']);
    expect(bench.take(intake)).toEqual({ kind: 'columns', offset: 1n, drift: [{ field: 'd', type: 'boolean' }] });
    expect(bench.pending.rows.line(0)).toMatch(/^1\t2\t/);
    expect(content(bench.swap())).toEqual({ rows: ['t 3 0'], dead: [], held: [[0, 1, 1, 0]] });
    expect(bench.take(intake, { kind: 'dead', error: 'no column' })).toEqual({ kind: 'taken', next: 2n });
    expect(content(bench.pending)).toEqual({ rows: [], dead: [[1, 'no column']], held: [[1, 2, 0, 1]] });
  });

  it('stops at one dead letter too many', () => {
    const bench = new Bench({ maxDead: 1 });
    const messages = ['x', '{}', 'y', '{}'].map((value, i) => message(i, value));
    expect(bench.take(bench.intake(batch(0, 4, messages)))).toEqual({ kind: 'too_many_dead' });
    expect(content(bench.pending)).toMatchObject({
      dead: [
        [0, 'not JSON'],
        [2, 'not JSON'],
      ],
    });
    const asked = new Bench({ maxDead: 0, schemaDrift: 'dead_letter' });
    const intake = asked.intake(batch(0, 1, [message(0, '{"b":1}')]));
    expect(asked.take(intake).kind).toBe('columns');
    expect(asked.take(intake, { kind: 'dead', error: 'no column' })).toEqual({ kind: 'too_many_dead' });
  });

  it('ignores a message without a time for the newest time, and counts the bytes of rows and messages', () => {
    const bench = new Bench();
    bench.take(bench.intake(batch(0, 2, [message(0, '{"id":1}', null), message(1, '{"id":2}', null)])));
    expect(bench.pending.ranges()[0]?.lastTimestamp).toBe(null);
    expect(bench.pending.messageBytes).toBe(16);
    expect(bench.pending.bytes).toBe(16 + 2 * 64 + bench.pending.rows.end);
  });

  it('takes every message once and in order, whatever is flushed while it waits', async () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    for (let round = 0; round < 300; round++) {
      const slow = random(3) === 0;
      const decoder: Decoder = {
        ...jsonDecoder,
        plain: !slow,
        decode: (value) =>
          slow && random(2) === 0 ? Promise.resolve(jsonDecoder.decode(value)) : jsonDecoder.decode(value),
      };
      const bench = new Bench(
        {
          flush: { rows: 1 + random(6), bytes: 1e9, ageMs: 1000 },
          schemaDrift: (['ignore', 'add_column', 'dead_letter'] as const)[random(3)]!,
        },
        decoder,
      );
      const columns = ['id'];
      const flushed: PendingRows[] = [];
      const sent: number[] = [];
      let offset = random(5);
      const first = offset;
      let position = offset + random(3);
      const start = position;
      for (let b = 0; b < 3; b++) {
        const from = offset;
        const parts = Array.from({ length: random(3) }, () =>
          Array.from({ length: random(8) }, () => {
            offset += random(4) === 0 ? 2 : 1;
            const at = offset - 1;
            sent.push(at);
            const value = ['x', `{"id":${at}}`, `{"id":${at},"c${random(4)}":1}`, `{"id":"no"}`, `{"id":${at}}`][
              random(5)
            ]!;
            return message(at, value);
          }),
        );
        offset += random(2);
        if (offset <= position) continue;
        const intake = bench.intake(
          batch(b === 0 ? first : from, offset, ...parts.filter(({ length }) => length > 0)),
          BigInt(position),
        );
        let answer = GO_ON;
        for (;;) {
          const taken = bench.take(intake, answer);
          answer = GO_ON;
          if (taken.kind === 'taken' || taken.kind === 'too_many_dead') break;
          // Somebody flushes, or nobody does.
          if (random(2) === 0) flushed.push(bench.swap());
          if (taken.kind === 'record')
            answer = await taken.decode().then(
              (record): Answer => ({ kind: 'record', record }),
              (error: Error): Answer => ({ kind: 'dead', error: error.message }),
            );
          else if (taken.kind === 'columns' && (bench.target.schemaDrift === 'dead_letter' || random(3) === 0))
            answer = { kind: 'dead', error: 'no column' };
          else if (taken.kind === 'columns') {
            columns.push(...taken.drift.map(({ field }) => field));
            bench.maker = bench.makerOf(columns);
          }
        }
        position = offset;
      }
      flushed.push(bench.swap());
      let next = BigInt(start);
      const seen: number[] = [];
      for (const pending of flushed) {
        const [held] = pending.held.values();
        if (held === undefined) continue;
        expect(held.from).toBe(next);
        const offsets = [
          ...pending.rows.all().map((row) => pending.rows.message(row).offset),
          ...pending.dead.map(({ message: dead }) => dead.offset),
        ].sort((a, b) => Number(a - b));
        expect([held.rows, held.dead]).toEqual([pending.rows.length, pending.dead.length]);
        for (const each of offsets) {
          expect(each >= held.from && each < held.next).toBe(true);
          seen.push(Number(each));
        }
        for (const row of pending.rows.all())
          expect(pending.rows.line(row)).toContain(`\tt\t3\t${pending.rows.message(row).offset}\t`);
        next = held.next;
      }
      expect(next).toBe(BigInt(position));
      expect(seen).toEqual(sent.filter((each) => each >= start));
    }
  });
});
