// Shapes of YAML values: the words of jsonschema, the place, which problem comes first, and which key was meant.
import { describe, expect, it } from 'vitest';
import { PyFloat } from '../../../../src/values/float.ts';
import {
  anyOf,
  bool,
  checkOf,
  checkShape,
  choice,
  closed,
  dict,
  inOrderOfFields,
  integer,
  leaf,
  matching,
  type MisspeltKey,
  number,
  open,
  optional,
  problemText,
  shapes,
  text,
  textList,
} from '../../../../src/project/schema-check.ts';

const COLUMN = open(['name'], { name: text, quote: bool, tags: textList });
const ENTRY = closed(['name'], { name: text, size: integer, columns: shapes(COLUMN), kind: choice('view', 'table') });

describe('checkShape', () => {
  it.each<[unknown, string]>([
    [3, "at path []: 3 is not of type 'object'"],
    [{}, "at path []: 'name' is a required property"],
    [{ name: new PyFloat(1) }, "at path ['name']: 1.0 is not of type 'string'"],
    [{ name: 'a', size: 1.5 }, "at path ['size']: 1.5 is not of type 'integer'"],
    [{ name: 'a', kind: 'vew' }, "at path ['kind']: 'vew' is not one of ['view', 'table']"],
    [{ name: 'a', columns: {} }, "at path ['columns']: {} is not of type 'array'"],
    [{ name: 'a', columns: [{ name: 'b' }, 'c'] }, "at path ['columns'][1]: 'c' is not of type 'object'"],
    [{ name: 'a', columns: [{ tags: [], quote: 0 }] }, "at path ['columns'][0]['quote']: 0 is not of type 'boolean'"],
    [{ x: 1, name: 'a', y: 2 }, "at path []: Additional properties are not allowed ('x', 'y' were unexpected)"],
  ])('explains what is wrong with %j', (value, message) => {
    const problem = checkShape(value, ENTRY);
    expect(problem && problemText(problem)).toBe(message);
  });

  it('accepts what the shape describes', () => {
    const entry = { name: 'a', size: new PyFloat(2), columns: [{ name: 'b', other: 1 }], kind: 'view' };
    expect(checkShape(entry, ENTRY)).toBeUndefined();
  });

  it('checks first the first key of the file, or the first field of the shape', () => {
    const wrong = { size: 'x', name: 1 };
    expect(checkShape(wrong, ENTRY)?.path).toEqual(['size']);
    expect(checkShape(wrong, inOrderOfFields(ENTRY))?.path).toEqual(['name']);
    expect(checkShape({ other: 1, size: 'x', name: 'a' }, inOrderOfFields(ENTRY))?.path).toEqual(['size']);
  });

  it('suggests the similar key, and names the missing one', () => {
    expect(checkShape({ nme: 'a' }, ENTRY)?.hint).toBe("did you mean 'name'?");
    expect(checkShape({ nme: 'a' }, COLUMN)).toEqual({
      path: [],
      message: "'name' is a required property",
      missing: 'name',
    });
    const either = anyOf(checkOf(ENTRY), leaf(text));
    expect(either({ nme: 'a' })).toEqual({
      path: [],
      message: "{'nme': 'a'} is not valid under any of the given schemas",
      hint: "did you mean 'name'?",
    });
  });

  it('reports accepted keys that look misspelt, with their path', () => {
    const misspelt: MisspeltKey[] = [];
    expect(checkShape({ name: 'a', columns: [{ name: 'b' }, { name: 'c', quot: true }] }, ENTRY, misspelt)).toBe(
      undefined,
    );
    expect(misspelt).toEqual([{ path: ['columns', 1], key: 'quot', meant: 'quote' }]);
  });
});

describe('the check of one value', () => {
  it.each<[unknown, string | undefined]>([
    [optional(dict)(null), undefined],
    [optional(dict)([]), '[] is not valid under any of the given schemas'],
    [number(12345678901234567890n), undefined],
    [number('1'), "'1' is not of type 'number'"],
    [matching(/^\w+$/)('a b'), "'a b' does not match '^\\\\w+$'"],
    [matching(/^\w+$/)(1), "1 is not of type 'string'"],
    [matching(/^\w+$/)('ab'), undefined],
  ])('returns %j', (found, expected) => {
    expect(found).toBe(expected);
  });
});
