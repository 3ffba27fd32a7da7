// Tests the table of events: each code occurs once, under dbt's name, and the fired events.
import { describe, expect, it } from 'vitest';
import { EVENTS, eventOf, fire, note } from '../../../src/events/index.ts';
import { type LogEvent, stripColors } from '../../../src/log.ts';
import { EVENT_NAMES } from '../../../src/project/event-names.ts';

const rows = Object.entries(EVENTS);

function fired(send: (logger: { fire(event: LogEvent): void }) => void): LogEvent {
  const events: LogEvent[] = [];
  send({ fire: (event) => void events.push(event) });
  expect(events).toHaveLength(1);
  return events[0]!;
}

describe('the table of events', () => {
  it('contains each code once', () => {
    // dbt-core and dbt-common both use D041.
    const codes = rows.filter(([name]) => name !== 'GetMetaKeyWarning').map(([, { code }]) => code);
    expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([]);
    expect(codes.filter((code) => !/^[A-Z]\d{3}$/.test(code))).toEqual([]);
  });

  it('uses only names that dbt knows', () => {
    expect(rows.map(([name]) => name).filter((name) => !EVENT_NAMES.has(name))).toEqual([]);
  });

  it('returns an event with a given text as a value', () => {
    const data = { name: 'a' };
    expect(eventOf('SeedIncreased', 'it grew', data)).toEqual({
      name: 'SeedIncreased',
      code: 'I052',
      level: 'warn',
      msg: 'it grew',
      data,
    });
    expect(eventOf('SeedIncreased', 'it grew', undefined, 'debug').level).toBe('debug');
  });

  it('fills text and data from the facts, or takes separate data', () => {
    const started = fired((logger) =>
      fire(
        logger,
        'LogStartLine',
        { description: 'sql view model s.a', index: 1, total: 2 },
        { width: 50, thread: 't' },
      ),
    );
    expect(started).toMatchObject({ name: 'LogStartLine', code: 'Q011', level: 'info', thread: 't' });
    expect(started.msg).toBe('1 of 2 START sql view model s.a .................. [RUN]');
    expect(started.data).toEqual({ description: 'sql view model s.a', index: 1, total: 2 });
    const own = fired((logger) =>
      fire(logger, 'NodeStart', { unique_id: 'model.p.a' }, { data: () => ({ node_info: {} }) }),
    );
    expect([own.msg, own.data]).toEqual(['Began running node model.p.a', { node_info: {} }]);
  });

  it('takes the level from the facts if the row says so', () => {
    const end = { schema: 's', relation: 'a', result_message: 'INSERT 3', index: 1, total: 1, execution_time: 0.5 };
    const levels = (['success', 'error'] as const).map((status) =>
      fired((logger) => fire(logger, 'LogSeedResult', { ...end, status })),
    );
    expect(levels.map(({ level, msg }) => [level, stripColors(msg).replace(/\.{3,}/, '…')])).toEqual([
      ['info', '1 of 1 OK loaded seed file s.a … [INSERT 3 in 0.50s]'],
      ['error', '1 of 1 ERROR loading seed file s.a … [ERROR in 0.50s]'],
    ]);
  });

  it('allows a note of any level', () => {
    expect(fired((logger) => note(logger, 'late', { level: 'warn' }))).toMatchObject({
      name: 'Note',
      code: 'Z050',
      level: 'warn',
      msg: 'late',
      data: { msg: 'late' },
    });
  });
});
