// Small pure parts: Python's texts of values, selectors written out, macro types, expressions in YAML.
import { describe, expect, it } from 'vitest';
import { normalizeDate } from '../../../../src/parser/patch/dates.ts';
import { isMacroType } from '../../../../src/parser/patch/macro-patches.ts';
import { readRefOrSource } from '../../../../src/parser/shortcuts/static-expressions.ts';
import { manifestSelectors } from '../../../../src/parser/table/selectors.ts';
import { PyFloat } from '../../../../src/values/float.ts';
import { pyRepr, pyTypeText } from '../../../../src/values/python-text.ts';

describe('pyRepr', () => {
  it.each<[unknown, string]>([
    ["it's", '"it\'s"'],
    ['a"b\'c', "'a\"b\\'c'"],
    ['x\ny\\', "'x\\ny\\\\'"],
    ['é\u0000\u200b', "'é\\x00\\u200b'"],
    [null, 'None'],
    [true, 'True'],
    [1, '1'],
    [1.5, '1.5'],
    [new PyFloat(1), '1.0'],
    [new PyFloat(-0), '-0.0'],
    [1e-7, '1e-07'],
    [new PyFloat(1e16), '1e+16'],
    [[1, ['a']], "[1, ['a']]"],
    [{ a: { b: null } }, "{'a': {'b': None}}"],
  ])('writes %j as Python does', (value, text) => {
    expect(pyRepr(value)).toBe(text);
  });

  it('returns type names', () => {
    expect([[], {}, 'a', 1, 1.5, null, true].map(pyTypeText)).toEqual(
      ['list', 'dict', 'str', 'int', 'float', 'NoneType', 'bool'].map((name) => `<class '${name}'>`),
    );
  });
});

describe('manifestSelectors', () => {
  it('expands every criterion', () => {
    const definition = { union: ['@a+2', { method: 'path', value: 'models/x' }, { exclude: ['tag:y', { tag: 'z' }] }] };
    expect(
      manifestSelectors({
        selectors: [
          { name: 's', definition },
          { name: 't', definition: '2+models/b.sql' },
        ],
      } as never),
    ).toEqual({
      s: {
        name: 's',
        definition: {
          union: [
            { childrens_parents: true, method: 'fqn', value: 'a', children: true, children_depth: '2' },
            { method: 'path', value: 'models/x' },
            {
              exclude: [
                { method: 'tag', value: 'y' },
                { method: 'tag', value: 'z' },
              ],
            },
          ],
        },
      },
      t: { name: 't', definition: { parents: true, parents_depth: '2', method: 'path', value: 'models/b.sql' } },
    });
  });
});

describe('isMacroType', () => {
  it.each(['str', 'list[int]', 'dict[str, list[any]]', 'optional[relation]'])('accepts %s', (type) =>
    expect(isMacroType(type)).toBe(true),
  );
  it.each(['', 'text', 'list', 'list[int', 'dict[str]', 'int[]', 'str x', 'constructor'])('rejects %j', (type) =>
    expect(isMacroType(type)).toBe(false),
  );
});

describe('readRefOrSource', () => {
  it.each<[string, unknown]>([
    ["ref('a')", { ref: { name: 'a', package: null, version: null } }],
    [' ref( "p" , "a", v = 2 ) ', { ref: { name: 'a', package: 'p', version: 2 } }],
    ["ref('a', version='1')", { ref: { name: 'a', package: null, version: '1' } }],
    ["source('s', 't')", { source: ['s', 't'] }],
    ["source('s')", null],
    ["ref(var('x'))", null],
    ['this', null],
  ])('reads %s', (text, value) => expect(readRefOrSource(text)).toEqual(value));
});

describe('normalizeDate', () => {
  it('adds a time and keeps an offset', () => {
    expect(normalizeDate('2050-01-01')).toMatch(/^2050-01-01T00:00:00[+-]\d\d:\d\d$/);
    expect(normalizeDate('2050-01-01T10:00:00+02:00')).toBe('2050-01-01T10:00:00+02:00');
    expect(normalizeDate(null)).toBeNull();
  });
});
