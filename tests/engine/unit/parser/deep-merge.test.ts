// Tests how the config of a version is merged with that of its model. The expected values are dbt's.
import { describe, expect, it } from 'vitest';
import { TsdbtError } from '../../../../src/errors.ts';
import { deepMerge } from '../../../../src/parser/config/deep-merge.ts';
import { parseFiles } from '../../support/parse.ts';

describe('deepMerge', () => {
  it('joins dicts, puts new items before old ones, and replaces other values', () => {
    expect(
      deepMerge({ meta: { a: 1, b: 1 }, tags: ['old'], alias: 'x' }, { meta: { b: 2 }, tags: ['new'], alias: null }),
    ).toEqual({ meta: { a: 1, b: 2 }, tags: ['new', 'old'], alias: null });
  });

  it('splits a text under a list into characters, and a dict into its keys', () => {
    expect(deepMerge({ tags: 'a😀b' }, { tags: ['x'] })).toEqual({ tags: ['x', 'a', '😀', 'b'] });
    expect(deepMerge({ tags: { x: 1, y: 2 } }, { tags: ['a'] })).toEqual({ tags: ['a', 'x', 'y'] });
  });

  it('keeps the values under an empty dict', () => {
    expect(deepMerge({ a: [1], b: null, c: 'x' }, { a: {}, b: {}, c: {}, d: {} })).toEqual({
      a: [1],
      b: null,
      c: 'x',
      d: {},
    });
  });
});

describe('a version config of another type than that of its model', () => {
  const refused = async (config: string, ofVersion: string): Promise<unknown> => {
    try {
      await parseFiles({
        'models/m_v1.sql': 'select 1 as id',
        'models/s.yml': `models:\n- name: m\n  config: ${config}\n  versions:\n  - v: 1\n    config: ${ofVersion}\n`,
      });
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      const { message, kind, exitCode } = error;
      return { message, kind, exitCode, path: error.details.path, line: error.details.line };
    }
    return 'parsed';
  };
  const told = (key: string, second: string, first: string): object => ({
    message: `The config '${key}' of this version is ${second}, which cannot be merged with the model's, ${first}`,
    kind: 'parsing',
    exitCode: 2,
    path: 'models/s.yml',
    line: 6,
  });

  it('is rejected where dbt ends with a Python error', async () => {
    expect(await refused('{meta: {a: null}}', '{meta: {a: {b: 1}}}')).toEqual(told('meta.a', 'a dictionary', 'null'));
    expect(await refused('{meta: {a: 1.5}}', '{meta: {a: [1]}}')).toEqual(told('meta.a', 'a list', 'a number'));
    expect(await refused('{tags: null}', '{tags: [a]}')).toEqual(told('tags', 'a list', 'null'));
    expect(await refused('{post_hook: [select 1]}', '{post_hook: {sql: select 2}}')).toEqual(
      told('post_hook', 'a dictionary', 'a list'),
    );
  });

  it('is accepted where dbt accepts it', async () => {
    expect(await refused('{tags: ab}', '{tags: [a]}')).toBe('parsed');
    expect(await refused('{meta: {a: [1]}}', '{meta: {a: {}}}')).toBe('parsed');
  });
});
