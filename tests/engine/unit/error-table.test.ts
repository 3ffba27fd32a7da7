// Tests the table of errors: each code occurs once, within the class of its kind, and the texts can be printed on a
// page.
import { describe, expect, it } from 'vitest';
import { sourceArguments } from '../../../src/context/reference-arguments.ts';
import { documentedErrors, errorCodeOf, errorOf } from '../../../src/error-table.ts';
import { ERROR_KINDS, formatError, TsdbtError } from '../../../src/errors.ts';
import { parseSelection } from '../../../src/graph/selector-grammar.ts';
import { expectRefOrSource } from '../../../src/parser/shortcuts/static-expressions.ts';
import { parseEnvFile } from '../../../src/project/env-file.ts';
import { checkedPackages } from '../../../src/project/packages.ts';
import { loadYaml } from '../../../src/project/yaml.ts';

const documented = documentedErrors();

describe('the table of errors', () => {
  it('contains each code once, in the class of its kind', () => {
    const codes = [...documented, ...Object.values(ERROR_KINDS)].map(({ code }) => code);
    expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([]);
    expect(
      documented.filter(
        ({ code, kind }) => !/^T\d{4}$/.test(code) || !code.startsWith(ERROR_KINDS[kind].code.slice(0, 2)),
      ),
    ).toEqual([]);
  });

  it('has texts with named placeholders', () => {
    expect(documented.find(({ topic }) => topic === 'noPreviousRun')).toEqual({
      topic: 'noPreviousRun',
      code: 'T3011',
      kind: 'runtime',
      text: "Could not find previous run in '<folder>' target directory",
      hint: null,
    });
    expect(documented.filter(({ text, hint }) => /undefined(?! macro)|\[object/.test(`${text}${hint}`))).toEqual([]);
  });

  it('gives an error its text, its hint and a code that stays when details are added', () => {
    const error = errorOf('noDocs', { path: 'target/manifest.json' }).with({ path: 'dbt_project.yml' });
    expect([error.kind, error.errorCode, error.details.path]).toEqual(['runtime', 'T3024', 'dbt_project.yml']);
    expect(formatError(error)).toBe(
      'Runtime Error in dbt_project.yml\n  There are no docs to serve: target/manifest.json does not exist\n' +
        '  run `tsdbt docs generate` first',
    );
  });

  it('gives errors in templates and in selection criteria their own code', () => {
    const told = (work: () => unknown): unknown => {
      try {
        return work();
      } catch (error) {
        return error instanceof TsdbtError ? [error.errorCode, error.message] : error;
      }
    };
    expect(told(() => parseSelection(['@a+'], null, 'eager'))).toEqual([
      'T1422',
      'Invalid node spec @a+ - "@" prefix and "+" suffix are incompatible',
    ]);
    expect(told(() => sourceArguments({ args: ['a'], kwargs: new Map() }))).toEqual([
      'T2166',
      'source() takes exactly two arguments (1 given)',
    ]);
  });

  it('gives errors in project files their own code', () => {
    const codeOf = (work: () => unknown): unknown => {
      try {
        return work();
      } catch (error) {
        return error instanceof TsdbtError ? documented.find(({ code }) => code === error.errorCode)?.topic : error;
      }
    };
    const doubled = `A=${'x'.repeat(5_000_000)}\nB=\${A}\${A}\${A}`;
    expect(codeOf(() => parseEnvFile(doubled))).toBe('envFileTooLong');
    expect(codeOf(() => checkedPackages({ packages: [{ git: 1 }] }))).toBe('badPackagesFile');
    expect(codeOf(() => loadYaml('a: [', null))).toBe('badYamlText');
    expect(codeOf(() => loadYaml('a: [', 'a.yml'))).toBe('badYamlFile');
    expect(codeOf(() => expectRefOrSource('reff(1)'))).toBe('badReference');
  });

  it('has a code for every possible error', () => {
    expect(errorCodeOf(new TsdbtError('database', 'no'))).toBe('T4000');
    expect(errorCodeOf(new Error('a defect'))).toBe('T9000');
  });
});
