// Tests the precedence and the conflicts of flags. The expected values are dbt 1.12's.
import { describe, expect, it } from 'vitest';
import { resolveFlags, resolveFlagsWithNotices } from '../../../../src/project/flags.ts';
import { warningDisposition } from '../../../../src/project/warn-error-options.ts';

describe('resolveFlags', () => {
  it('prefers the command line, then the environment, the project and the default', () => {
    const project = { fail_fast: true, printer_width: 120, use_colors: false, full_refresh: true };
    expect(resolveFlags('run', {}, {}, null)).toMatchObject({
      fail_fast: false,
      printer_width: 80,
      use_colors: true,
      full_refresh: false,
      which: 'run',
    });
    expect(resolveFlags('run', {}, {}, project)).toMatchObject({
      fail_fast: true,
      printer_width: 120,
      use_colors: false,
      full_refresh: false,
    });
    expect(resolveFlags('run', {}, { DBT_FAIL_FAST: '0', DBT_PRINTER_WIDTH: '100' }, project)).toMatchObject({
      fail_fast: false,
      printer_width: 100,
    });
    expect(resolveFlags('run', { printer_width: 90 }, { DBT_PRINTER_WIDTH: '100' }, project).printer_width).toBe(90);
  });

  it("uses the user's settings for options of the command that nothing else sets", () => {
    const user = { fail_fast: true, threads: 3, log_level: 'warn', select: ['a', 'b'], macros: 1, target: null };
    const flags = resolveFlags('run', { log_level: 'debug' }, { DBT_TARGET: 'x' }, { fail_fast: false }, user);
    expect(flags).toMatchObject({ fail_fast: false, threads: 3, log_level: 'debug', target: 'x', select: ['a', 'b'] });
    expect(flags).not.toHaveProperty('macros');
    expect(resolveFlags('run', {}, {}, null, user)).toMatchObject({ log_level: 'warn', log_level_file: 'warn' });
    expect(
      resolveFlags('run', {}, {}, null, { warn_error_options: { error: 'all' } }).warn_error_options,
    ).toMatchObject({
      error: 'all',
    });
    expect(() => resolveFlags('run', {}, {}, null, { threads: 'many' })).toThrow(
      "Invalid value for '--threads': 'many' is not a valid integer.",
    );
  });

  it('reads DBT_ENGINE_ variables before DBT_ ones, and treats an empty one as unset', () => {
    expect(resolveFlags('run', {}, { DBT_ENGINE_TARGET: 'a', DBT_TARGET: 'b' }, null)['target']).toBe('a');
    expect(resolveFlags('run', {}, { DBT_ENGINE_TARGET: '', DBT_TARGET: 'b' }, null)['target']).toBe('b');
    expect(resolveFlags('build', {}, { DBT_RESOURCE_TYPES: 'model seed' }, null)['resource_types']).toEqual([
      'model',
      'seed',
    ]);
  });

  it('applies settings of the console to the log file', () => {
    expect(resolveFlags('run', { log_level: 'warn' }, {}, null)).toMatchObject({
      log_level: 'warn',
      log_level_file: 'warn',
    });
    expect(resolveFlags('run', { log_level: 'warn', log_level_file: 'debug' }, {}, null).log_level_file).toBe('debug');
    expect(resolveFlags('run', {}, {}, null)).toMatchObject({ log_format: 'default', log_format_file: 'debug' });
  });

  it('disables colours if NO_COLOR is set, unless colours are requested', () => {
    const colors = (env: Record<string, string>, options = {}, project: Record<string, boolean> | null = null) => {
      const { use_colors, use_colors_file } = resolveFlags('run', options, env, project);
      return [use_colors, use_colors_file];
    };
    expect(colors({ NO_COLOR: '1' })).toEqual([false, false]);
    expect(colors({ NO_COLOR: '' })).toEqual([true, true]);
    expect(colors({ NO_COLOR: '1' }, { use_colors: true })).toEqual([true, true]);
    expect(colors({ NO_COLOR: '1', DBT_USE_COLORS: 'true' })).toEqual([true, true]);
    expect(colors({ NO_COLOR: '1' }, {}, { use_colors_file: true })).toEqual([false, true]);
  });

  it('applies precedence and conflicts to project settings as to the command line', () => {
    expect(resolveFlags('run', {}, {}, { use_colors: false, log_level: 'error', log_format: 'json' })).toMatchObject({
      use_colors_file: false,
      log_level_file: 'error',
      log_format_file: 'json',
    });
    expect(() =>
      resolveFlags('run', { warn_error: true }, {}, { warn_error_options: { silence: ['NothingToDo'] } }),
    ).toThrow('warn_error_options: not allowed with argument warn_error');
  });

  it('knows the behaviour-change flags, which only the project can set', () => {
    const flags = resolveFlags('run', {}, {}, { require_corrected_analysis_fqns: true, validate_macro_args: false });
    expect(flags).toMatchObject({
      require_corrected_analysis_fqns: true,
      validate_macro_args: false,
      skip_nodes_if_on_run_start_fails: true,
    });
  });

  it('ignores a flags block with a value of the wrong type, as dbt does', () => {
    expect(resolveFlags('run', {}, {}, { fail_fast: 'soon', printer_width: 120 })).toMatchObject({
      fail_fast: false,
      printer_width: 80,
    });
  });

  it('rejects options that exclude each other', () => {
    expect(() => resolveFlags('run', { warn_error: true, warn_error_options: {} }, {}, null)).toThrow(
      'warn_error_options: not allowed with argument warn_error',
    );
    expect(() => resolveFlags('compile', { select: ['a'], inline: 'x' }, {}, null)).toThrow(
      'inline: not allowed with argument select',
    );
    expect(() => resolveFlags('run', { event_time_start: '2024-01-01T00:00:00' }, {}, null)).toThrow(
      'The flag `--event-time-start` was specified, but `--event-time-end` was not.',
    );
    expect(() =>
      resolveFlags('run', { event_time_start: '2024-01-02T00:00:00', event_time_end: '2024-01-01T00:00:00' }, {}, null),
    ).toThrow('must be less than');
  });

  it('rejects a variable of the wrong type in the words of click', () => {
    expect(() => resolveFlags('run', {}, { DBT_DEBUG: 'maybe' }, null)).toThrow(
      "Invalid value for '--debug' / '-d': 'maybe' is not a valid boolean. Recognized values: , 0, 1, f, false," +
        ' n, no, off, on, t, true, y, yes',
    );
  });

  it('still reads renamed variables, with a warning', () => {
    const { flags, notices } = resolveFlagsWithNotices(
      'run',
      {},
      { DBT_NO_PRINT: '1', DBT_DEFER_TO_STATE: 'true' },
      null,
    );
    expect(flags).toMatchObject({ print: false, defer: true });
    expect(notices.map((notice) => notice.facts['old_name'])).toEqual(['DBT_DEFER_TO_STATE', 'DBT_NO_PRINT']);
  });

  it('warns about variables in the reserved namespace', () => {
    expect(resolveFlagsWithNotices('run', {}, { DBT_ENGINE_MINE: '1', DBT_ENGINE_STATE: 'x' }, null).notices).toEqual([
      {
        name: 'EnvironmentVariableNamespaceDeprecation',
        facts: { env_var: 'DBT_ENGINE_MINE', reserved_prefix: 'DBT_ENGINE' },
      },
    ]);
  });
});

describe('warn_error_options', () => {
  const options = (value: { [key: string]: string | string[] }) =>
    resolveFlags('run', { warn_error_options: value }, {}, null).warn_error_options;

  it('accepts the old spellings', () => {
    expect(options({ include: 'all', exclude: ['NoNodesForSelectionCriteria'] })).toEqual({
      error: 'all',
      warn: ['NoNodesForSelectionCriteria'],
      silence: [],
    });
    expect(() => options({ include: 'all', error: 'all' })).toThrow(
      'Only `include` or `error` can be specified in `warn_error_options`, not both',
    );
  });

  it('rejects unknown event names, and warn without error', () => {
    expect(() => options({ error: ['Foo'] })).toThrow('Foo is not a valid dbt error name.');
    expect(() => options({ error: 'some' })).toThrow("error must be one of ('all', '*') or a list of strings");
    expect(() => options({ warn: ['NoNodesForSelectionCriteria'] })).toThrow('`warn` can only be specified if');
  });

  it('prefers names to groups, silence to warn, and warn to error', () => {
    const disposition = (value: { [key: string]: string | string[] }, name: string, code: string): string =>
      warningDisposition(options(value), name, code);
    expect(disposition({}, 'NoNodesForSelectionCriteria', 'M030')).toBe('warn');
    expect(disposition({ error: '*' }, 'NoNodesForSelectionCriteria', 'M030')).toBe('error');
    expect(
      disposition(
        { error: ['Deprecations'], silence: ['ConfigDataPathDeprecation'] },
        'ConfigDataPathDeprecation',
        'D004',
      ),
    ).toBe('silence');
    expect(disposition({ error: ['Deprecations'] }, 'ConfigDataPathDeprecation', 'D004')).toBe('error');
    expect(disposition({ error: 'all', warn: ['Deprecations'] }, 'ConfigDataPathDeprecation', 'D004')).toBe('warn');
  });
});
