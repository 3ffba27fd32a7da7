// Tests what is written to the console and the log file, and in which format. The formats are those of dbt-core 1.12.6.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { consoleSink, FileSink, type SinkOptions } from '../../../../src/cli/log-sinks.ts';
import { withWarnError } from '../../../../src/cli/warn-error.ts';
import type { Flags } from '../../../../src/contracts/project.ts';
import { Secrets } from '../../../../src/secrets.ts';
import { debugLine, jsonLine, type LogEvent, progressLine, textLine } from '../../../../src/log.ts';

const event = (fields: Partial<LogEvent>): LogEvent => ({
  name: 'Note',
  code: 'Z050',
  level: 'info',
  msg: 'hello',
  ...fields,
});
const context = { invocationId: 'i-1', pid: 7, extra: {} };
const at = new Date(2026, 10, 21, 9, 5, 7);

describe('a log line', () => {
  it('of the text format starts with the UTC time and two spaces', () => {
    expect(textLine(event({}), new Date('2026-11-21T09:05:07Z'), false)).toBe('09:05:07  hello');
  });

  it('that is output has no time', () => {
    expect(textLine(event({ name: 'PrintEvent' }), at, false)).toBe('hello');
  });

  it('keeps colours only when they are wanted', () => {
    const colored = event({ msg: '[\u001b[32mPASS\u001b[0m]' });
    expect(textLine(colored, new Date('2026-11-21T09:05:07Z'), false)).toBe('09:05:07  [PASS]');
    expect(textLine(colored, new Date('2026-11-21T09:05:07Z'), true)).toBe(
      '\u001b[0m09:05:07  [\u001b[32mPASS\u001b[0m]',
    );
  });

  it('in the log file has microseconds, level and thread', () => {
    expect(debugLine(event({ level: 'warn', thread: 'Thread-1 (worker)' }), at, 42, false, context)).toBe(
      '09:05:07.000042 [warn ] [Thread-1 (]: hello',
    );
  });

  it('in the log file is preceded by a separator when a command begins', () => {
    expect(debugLine(event({ name: 'MainReportVersion' }), at, 0, false, context)).toBe(
      '\n\n============================== 09:05:07.000000 | i-1 ==============================\n' +
        '09:05:07.000000 [info ] [MainThread]: hello',
    );
  });

  it('of the JSON format contains the data and the metadata of the event', () => {
    expect(
      JSON.parse(jsonLine(event({ data: { msg: 'hello' } }), new Date('2026-11-21T09:05:07Z'), 42, false, context)),
    ).toEqual({
      data: { msg: 'hello' },
      info: {
        category: '',
        code: 'Z050',
        extra: {},
        invocation_id: 'i-1',
        level: 'info',
        msg: 'hello',
        name: 'Note',
        pid: 7,
        thread: 'MainThread',
        ts: '2026-11-21T09:05:07.000042Z',
      },
    });
  });

  it('of progress is filled with dots up to the width', () => {
    expect(progressLine({ width: 40, msg: 'START sql view model s.a', status: 'RUN', index: 1, total: 3 })).toBe(
      '1 of 3 START sql view model s.a ........ [RUN]',
    );
    expect(
      progressLine({
        width: 20,
        msg: 'OK created sql view model s.a',
        status: 'CREATE VIEW',
        index: 1,
        total: 3,
        executionTime: 0.126,
      }),
    ).toBe('1 of 3 OK created sql view model s.a  [CREATE VIEW in 0.13s]');
    expect(
      progressLine({ width: 20, msg: 'a long hook name', status: 'RUN', index: 1, total: 3, truncate: true }),
    ).toBe('1 of 3 a long hoo... [RUN]');
  });
});

describe('a log sink', () => {
  const options = (more: Partial<SinkOptions> = {}): SinkOptions => ({
    format: 'text',
    level: 'info',
    colors: false,
    context,
    secrets: new Secrets(),
    cacheEvents: false,
    ...more,
  });
  const shown = (more: Partial<SinkOptions>, ...events: LogEvent[]): string[] => {
    const lines: string[] = [];
    const sink = consoleSink(options(more), (text) => void lines.push(text.replace(/^\d\d:\d\d:\d\d {2}/, '')));
    for (const e of events) sink.fire(e);
    return lines;
  };

  it('shows its level and higher ones, and with --quiet only errors and output', () => {
    const events = [
      event({ level: 'debug', msg: 'd' }),
      event({ msg: 'i' }),
      event({ level: 'error', msg: 'e' }),
      event({ name: 'PrintEvent', msg: 'p' }),
    ];
    expect(shown({}, ...events)).toEqual(['i\n', 'e\n', 'p\n']);
    expect(shown({ level: 'error' }, ...events)).toEqual(['e\n', 'p\n']);
  });

  it('hides secrets', () => {
    const secrets = new Secrets();
    secrets.add('s3cret');
    expect(shown({ secrets }, event({ msg: 'password s3cret here' }))).toEqual(['password ***** here\n']);
    expect(shown({ secrets, format: 'json' }, event({ data: { a: 's3cret' } }))[0]).not.toContain('s3cret');
  });

  it('to a file writes when it is closed, and rotates the file by size', () => {
    const folder = mkdtempSync(join(tmpdir(), 'log-'));
    try {
      const path = join(folder, 'logs', 'dbt.log');
      for (let i = 0; i < 3; i++) {
        const sink = new FileSink(path, 100, options());
        sink.fire(event({ msg: `${i}`.repeat(60) }));
        sink.close();
      }
      expect(readdirSync(join(folder, 'logs')).sort()).toEqual(['dbt.log', 'dbt.log.1', 'dbt.log.2']);
      expect(readFileSync(path, 'utf8')).toContain('2'.repeat(60));
      expect(readFileSync(`${path}.2`, 'utf8')).toContain('0'.repeat(60));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('--warn-error', () => {
  const flags = (more: object): Flags =>
    ({ warn_error: false, warn_error_options: { error: [], warn: [], silence: [] }, ...more }) as unknown as Flags;
  const fire = (f: Flags, ...events: LogEvent[]): string[] => {
    const names: string[] = [];
    const logger = withWarnError({ fire: (e) => void names.push(e.name) }, f);
    for (const e of events) logger.fire(e);
    return names;
  };
  const summary = (f: Flags, ...events: LogEvent[]): LogEvent | undefined => {
    const fired: LogEvent[] = [];
    const logger = withWarnError({ fire: (e) => void fired.push(e) }, f);
    for (const e of events) logger.fire(e);
    fired.length = 0;
    logger.summarize();
    return fired[0];
  };
  const warning = event({
    name: 'NothingToDo',
    code: 'Q035',
    level: 'warn',
    msg: '[\u001b[33mWARNING\u001b[0m]: Nothing to do',
  });

  it('turns a warning into an error', () => {
    expect(() => fire(flags({ warn_error: true }), warning)).toThrow('[WARNING]: Nothing to do');
    expect(() =>
      fire(flags({ warn_error_options: { error: ['NothingToDo'], warn: [], silence: [] } }), warning),
    ).toThrow('Nothing to do');
    expect(fire(flags({ warn_error_options: { error: 'all', warn: ['NothingToDo'], silence: [] } }), warning)).toEqual([
      'NothingToDo',
    ]);
  });

  it('does not wrap the deprecation that is fired before the width is known', () => {
    const lines: string[] = [];
    const msg = `[WARNING][ProjectFlagsMovedDeprecation]: Deprecated functionality\n${'word '.repeat(30)}end`;
    const moved = event({ name: 'ProjectFlagsMovedDeprecation', code: 'D013', level: 'warn', msg });
    withWarnError({ fire: (fired) => void lines.push(...fired.msg.split('\n')) }, flags({})).fire(moved);
    expect(lines).toHaveLength(2);
  });

  it('ignores the few warnings that dbt passes to it only with a flag', () => {
    const few = event({ ...warning, name: 'MicrobatchModelNoEventTimeInputs', code: 'I074' });
    const old = { require_all_warnings_handled_by_warn_error: false, warn_error: true };
    expect(fire(flags(old), few)).toEqual(['MicrobatchModelNoEventTimeInputs']);
    expect(() => fire(flags(old), warning)).toThrow('Nothing to do');
    expect(() => fire(flags({ ...old, require_all_warnings_handled_by_warn_error: true }), few)).toThrow(
      'Nothing to do',
    );
  });

  it('leaves reports of results unchanged', () => {
    expect(fire(flags({ warn_error: true }), event({ name: 'LogTestResult', level: 'warn' }))).toEqual([
      'LogTestResult',
    ]);
  });

  it('wraps a deprecation into lines, and reports an old one only on request', () => {
    const said = (flagsOf: object, e: LogEvent): string[] => {
      const lines: string[] = [];
      withWarnError({ fire: (fired) => void lines.push(...fired.msg.split('\n')) }, flags(flagsOf)).fire(e);
      return lines;
    };
    const old = event({
      name: 'ConfigLogPathDeprecation',
      code: 'D010',
      level: 'warn',
      msg: `[WARNING][ConfigLogPathDeprecation]: Deprecated functionality\n${'word '.repeat(9)}${'x'.repeat(25)}`,
    });
    expect(said({ printer_width: 30 }, old)).toEqual([
      '[WARNING]: Deprecated',
      'functionality',
      'word word word word word word',
      'word word word',
      'x'.repeat(25),
    ]);
    expect(said({ require_event_names_in_deprecations: true }, old)[0]).toBe(
      '[WARNING][ConfigLogPathDeprecation]: Deprecated functionality',
    );
    expect(
      said(
        {},
        event({ name: 'DeprecatedModel', code: 'I065', level: 'warn', msg: '[WARNING]: Model a has passed its date' }),
      ),
    ).toEqual(['[WARNING]: Model a has passed its date']);
    expect(
      said({ use_colors: true }, event({ name: 'X', code: 'I051', level: 'warn', msg: '[WARNING]: one\ntwo' })),
    ).toEqual(['[\u001b[33mWARNING\u001b[0m]: one', 'two']);
  });

  it('silences warnings by name', () => {
    expect(fire(flags({ warn_error_options: { error: [], warn: [], silence: ['NothingToDo'] } }), warning)).toEqual([]);
  });

  it('reports each deprecation once', () => {
    const deprecated = event({ name: 'ConfigLogPathDeprecation', code: 'D010', level: 'warn' });
    expect(fire(flags({}), deprecated, deprecated)).toEqual(['ConfigLogPathDeprecation']);
    expect(fire(flags({ show_all_deprecations: true }), deprecated, deprecated)).toHaveLength(2);
  });

  it('summarizes deprecations at the end, including silenced ones', () => {
    const [log, target] = [
      event({ name: 'ConfigLogPathDeprecation', code: 'D010', level: 'warn' }),
      event({ name: 'ConfigTargetPathDeprecation', code: 'D011', level: 'warn' }),
    ];
    const said = summary(
      flags({ warn_error_options: { error: [], warn: [], silence: ['ConfigTargetPathDeprecation'] } }),
      log,
      target,
      log,
    );
    expect(said).toMatchObject({
      name: 'DeprecationsSummary',
      code: 'D028',
      level: 'warn',
      data: { show_all_hint: true },
    });
    expect(said?.msg).toMatch(
      new RegExp(
        String.raw`Summary of encountered deprecations:\n- ConfigLogPathDeprecation: 2 occurrences\n- ConfigTarge` +
          String.raw`tPathDeprecation: 1 occurrence\nTo see all`,
      ),
    );
    expect(summary(flags({ show_all_deprecations: true }), log)?.msg).toMatch(/1 occurrence$/);
    expect(
      summary(flags({ warn_error_options: { error: [], warn: [], silence: ['DeprecationsSummary'] } }), log),
    ).toBeUndefined();
    expect(summary(flags({}), warning)).toBeUndefined();
  });
});
