// Tests the error for an option that is not a YAML dictionary: dbt 1.12.6's event, then its usage error.
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { run } from '../support/program.ts';

const command = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  run(args, { cwd: tmpdir(), env: { ...process.env, ...env } });
const usage = (which: string, option: string, text: string): string =>
  `Usage: tsdbt ${which}\nTry 'tsdbt ${which.split(' ')[0]} --help' for help.\n\n` +
  `Error: Invalid value for '--${option}': String '${text}' is not valid YAML\n`;

describe('an option that is not a YAML dictionary', () => {
  it.each([
    [['parse', '--vars', '{a'], 'vars', usage('parse [OPTIONS]', 'vars', '{a')],
    [['parse', '--vars', '[1]'], 'vars', usage('parse [OPTIONS]', 'vars', '[1]')],
    [['run-operation', 'x', '--args', 'abc'], 'args', usage('run-operation [OPTIONS] [MACRO]', 'args', 'abc')],
    [
      ['parse', '--warn-error-options', '[a]'],
      'warn-error-options',
      usage('parse [OPTIONS]', 'warn-error-options', '[a]'),
    ],
  ])('is reported on stdout with exit code 2: %j', async (args, option, text) => {
    const { code, out, stdout } = await command(args);
    expect(stdout.slice(8)).toBe(`  [ERROR]: The YAML provided in the --${option} argument is not valid.\n`);
    expect([code, out.replace(stdout, '')]).toEqual([2, text]);
  });

  it('is also reported if an environment variable sets it', async () => {
    const { code, out } = await command(['parse'], { DBT_WARN_ERROR_OPTIONS: '[1' });
    expect(code).toBe(2);
    expect(out).toContain('[ERROR]: The YAML provided in the --warn-error-options argument is not valid.\n');
  });

  it.each([
    [['--log-format', 'json', 'parse', '--vars', '{a'], {}],
    [['parse', '--vars', '{a', '--log-format=json'], {}],
    [['parse', '--vars', '{a'], { DBT_LOG_FORMAT: 'json' }],
  ])('is reported as an event of JSON logs: %j %j', async (args, env) => {
    const { code, stdout } = await command(args, env);
    const { data, info } = JSON.parse(stdout) as { data: unknown; info: Record<string, unknown> };
    const { name, code: number, level, msg } = info;
    expect([code, data, name, number, level, msg]).toEqual([
      2,
      { option_name: 'vars' },
      'InvalidOptionYAML',
      'A008',
      'error',
      '[ERROR]: The YAML provided in the --vars argument is not valid.',
    ]);
  });
});
