// The table of events: each code once, under the names that dbt has for it, and what is fired from it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EVENTS, fire, note } from '../../../src/events/index.ts';
import { type LogEvent, stripColors } from '../../../src/log.ts';
import { EVENT_NAMES } from '../../../src/project/event-names.ts';

const rows = Object.entries(EVENTS);
const src = join(import.meta.dirname, '../../../src');

function fired(send: (logger: { fire(event: LogEvent): void }) => void): LogEvent {
  const events: LogEvent[] = [];
  send({ fire: (event) => void events.push(event) });
  expect(events).toHaveLength(1);
  return events[0]!;
}

describe('the table of events', () => {
  it('has each code once', () => {
    const codes = rows.map(([, { code }]) => code);
    expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([]);
    expect(codes.filter((code) => !/^[A-Z]\d{3}$/.test(code))).toEqual([]);
  });

  it('knows the names that dbt knows', () => {
    expect(rows.map(([name]) => name).filter((name) => !EVENT_NAMES.has(name))).toEqual([]);
  });

  it('agrees with every name and code that stands elsewhere', () => {
    const known = new Map<string, string>(rows.map(([name, { code }]) => [name, code]));
    const wrong: string[] = [];
    for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts') || file.startsWith('events/')) continue;
      const text = readFileSync(join(src, file), 'utf8');
      for (const [, name, code] of text.matchAll(/'([A-Z]\w+)',\s*(?:code: )?'([ADEIMPQWZ]\d{3})'/g))
        if (/[a-z]/.test(name!) && known.get(name!) !== code) wrong.push(`${file}: ${name} ${code}`);
    }
    expect(wrong).toEqual([]);
  });

  it('makes text and data of the facts, or data of its own', () => {
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

  it('takes the level from the facts where the row says so', () => {
    const end = { schema: 's', relation: 'a', result_message: 'INSERT 3', index: 1, total: 1, execution_time: 0.5 };
    const levels = (['success', 'error'] as const).map((status) =>
      fired((logger) => fire(logger, 'LogSeedResult', { ...end, status })),
    );
    expect(levels.map(({ level, msg }) => [level, stripColors(msg).replace(/\.{3,}/, '…')])).toEqual([
      ['info', '1 of 1 OK loaded seed file s.a … [INSERT 3 in 0.50s]'],
      ['error', '1 of 1 ERROR loading seed file s.a … [ERROR in 0.50s]'],
    ]);
  });

  it('lets a note be of any level', () => {
    expect(fired((logger) => note(logger, 'late', { level: 'warn' }))).toMatchObject({
      name: 'Note',
      code: 'Z050',
      level: 'warn',
      msg: 'late',
      data: { msg: 'late' },
    });
  });
});
