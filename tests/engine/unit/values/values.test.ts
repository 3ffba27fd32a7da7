// Python values outside of templates: dicts and their keys, conversion from and to JSON, calls with Python's binding of
// arguments.
import { describe, expect, it } from 'vitest';
import {
  callable,
  callSync,
  compare,
  dumpJson,
  equals,
  fromJson,
  getAttribute,
  getItem,
  hashKey,
  JinjaError,
  makeFloat,
  parseJson,
  PyDecimal,
  PyDict,
  PyFloat,
  PySet,
  PyTuple,
  toJson,
  toRepr,
  toText,
  Undefined,
  type Value,
  parseMarkedJson,
  stringifyJson,
} from '../../../../src/values/index.ts';

describe('a dict', () => {
  it('holds 1, 1.0 and true as one key and "1" as another', () => {
    const dict = new PyDict([
      [1, 'a'],
      ['1', 'b'],
      [makeFloat(1), 'c'],
      [true, 'd'],
    ]);
    expect(toText(dict)).toBe("{1: 'd', '1': 'b'}");
    expect(dict.get(true)).toBe('d');
    expect(dict.has(makeFloat(1))).toBe(true);
  });

  it('keeps the order of insertion, also for keys that look like integers', () => {
    expect(toText(PyDict.from({ b: 1, a: 2 }))).toBe("{'b': 1, 'a': 2}");
    expect(
      toText(
        new PyDict([
          ['10', 1],
          ['9', 2],
        ]),
      ),
    ).toBe("{'10': 1, '9': 2}");
  });

  it('accepts tuples and none as keys, and rejects lists', () => {
    const dict = new PyDict([
      [new PyTuple([1, 'a']), 'x'],
      [null, 'y'],
    ]);
    expect(dict.get(new PyTuple([makeFloat(1), 'a']))).toBe('x');
    expect(dict.get(null)).toBe('y');
    expect(() => dict.get([1])).toThrow("unhashable type: 'list'");
    expect(() => dict.get(new PyDict())).toThrow("unhashable type: 'dict'");
  });

  it('accepts any text as a key, including names of JavaScript properties', () => {
    const dict = PyDict.from(
      JSON.parse('{"__proto__": 1, "constructor": 2, "\\u0000h": 3}') as { [key: string]: Value },
    );
    expect([...dict.keys()]).toEqual(['__proto__', 'constructor', '\u0000h']);
    expect(dict.get('\u0000h')).toBe(3);
    expect(dict.get('toString')).toBeUndefined();
    dict.delete('__proto__');
    expect(dict.size).toBe(2);
  });

  it('returns attributes before items as an attribute, and items before attributes as an item', () => {
    const dict = PyDict.from({ items: 1, a: null });
    expect(typeof getAttribute(dict, 'items')).toBe('function');
    expect(getItem(dict, 'items')).toBe(1);
    expect(getAttribute(dict, 'a')).toBeNull();
    expect(getAttribute(dict, 'b')).toBeInstanceOf(Undefined);
  });
});

describe('JSON', () => {
  it('is read as ints, floats, lists and dicts, and written as it was', () => {
    const plain = { a: [1, 1.5, null, true, 'x'], b: { c: {} } };
    expect(toText(fromJson(plain))).toBe("{'a': [1, 1.5, None, True, 'x'], 'b': {'c': {}}}");
    expect(toJson(fromJson(plain))).toEqual(plain);
  });

  it('can be written from tuples, sets, floats and decimals', () => {
    expect(toJson(new PyTuple([makeFloat(1), new PySet([2]), PyDecimal.from('1.50')]))).toEqual([1, [2], 1.5]);
    expect(Object.keys(toJson(new PyDict([['__proto__', 1]])) as object)).toEqual(['__proto__']);
  });

  it('is written as Python writes it', () => {
    const value = new PyDict([
      ['é', makeFloat(1)],
      [1, [null, true]],
      ['t', new PyTuple([])],
    ]);
    expect(dumpJson(value)).toBe('{"\\u00e9": 1.0, "1": [null, true], "t": []}');
    expect(dumpJson(fromJson({ b: [1], a: {} }), { sortKeys: true, indent: 2 })).toBe(
      '{\n  "a": {},\n  "b": [\n    1\n  ]\n}',
    );
    expect(() => dumpJson(new PySet([1]))).toThrow('Object of type set is not JSON serializable');
    expect(dumpJson(new PySet([1]), { fallback: (v) => toText(v) })).toBe('"{1}"');
  });

  it('is read as Python reads it', () => {
    expect(toText(parseJson('{"a": [1.0, 12345678901234567890, -0.5e3, "\\u00e9\\n"], "b": null}'))).toBe(
      "{'a': [1.0, 12345678901234567890, -500.0, 'é\\n'], 'b': None}",
    );
    for (const [text, message] of [
      ['', 'Expecting value: line 1 column 1 (char 0)'],
      ['{"a" 1}', "Expecting ':' delimiter: line 1 column 6 (char 5)"],
      ['[1 2]', "Expecting ',' delimiter: line 1 column 4 (char 3)"],
      ['1 x', 'Extra data: line 1 column 3 (char 2)'],
      ["{'a': 1}", 'Expecting property name enclosed in double quotes: line 1 column 2 (char 1)'],
    ] as const) {
      expect(() => parseJson(text)).toThrow(message);
    }
  });
});

describe('a callable', () => {
  const call = (signature: string, args: Value[], kwargs: [string, Value][] = []) =>
    callSync(
      callable('f', signature, (...p) => p as Value[]),
      args,
      new Map(kwargs),
    );

  it('binds arguments as Python does', () => {
    expect(call('a, b=2, c=None', [1])).toEqual([1, 2, null]);
    expect(call('a, b=2, c=None', [1], [['c', 3]])).toEqual([1, 2, 3]);
    expect(toText(call('a, *args, **kwargs', [1, 2, 3], [['x', 4]]))).toBe("[1, (2, 3), {'x': 4}]");
    expect(call('a, *, b=1', [1], [['b', 5]])).toEqual([1, 5]);
    expect(toText(call("a='x, y', b=[], c={}, d=1.0, e=-1", []))).toBe("['x, y', [], {}, 1.0, -1]");
  });

  it.each([
    ['a, b', [1], [], "f() missing 1 required positional argument: 'b'"],
    ['a, b, c', [], [], "f() missing 3 required positional arguments: 'a', 'b', and 'c'"],
    ['a', [1, 2], [], 'f() takes 1 positional argument but 2 were given'],
    ['a, b=1', [1, 2, 3], [], 'f() takes from 1 to 2 positional arguments but 3 were given'],
    ['', [1], [], 'f() takes 0 positional arguments but 1 was given'],
    ['a', [1], [['b', 1]], "f() got an unexpected keyword argument 'b'"],
    ['a', [1], [['a', 1]], "f() got multiple values for argument 'a'"],
    ['*, k', [], [], "f() missing 1 required keyword-only argument: 'k'"],
  ] as [string, Value[], [string, Value][], string][])(
    'f(%s) fails with the message of Python',
    (signature, args, kwargs, message) => {
      expect(() => call(signature, args, kwargs)).toThrow(message);
    },
  );

  it('receives everything unbound if it accepts any arguments', () => {
    const f = callable('ref', '*args, **kwargs', ({ args, kwargs }) => [args.length, kwargs.size]);
    expect(callSync(f, ['a', 'b'], new Map([['v', 1]]))).toEqual([2, 1]);
  });
});

describe('a decimal', () => {
  it.each([
    ['12.50', '12.50'],
    ['1E+3', '1E+3'],
    ['0.0000001', '1E-7'],
    ['-0.00', '-0.00'],
    ['1e-3', '0.001'],
    ['NaN', 'NaN'],
    ['123456789012345678901234567890.5', '123456789012345678901234567890.5'],
  ])('%s prints as %s', (text, printed) => {
    expect(toText(PyDecimal.from(text))).toBe(printed);
  });

  it('computes exactly and compares with every number', () => {
    expect(toText(new PyTuple([PyDecimal.from('0.1').jinjaBinary('+', PyDecimal.from('0.2'), false) as Value]))).toBe(
      "(Decimal('0.3'),)",
    );
    expect(equals(PyDecimal.from('1.0'), 1)).toBe(true);
    expect(equals(PyDecimal.from('1.5'), 1.5)).toBe(true);
    expect(compare(PyDecimal.from('2'), 1n)).toBeGreaterThan(0);
    expect(hashKey(PyDecimal.from('1.50'))).toBe(hashKey(PyDecimal.from('1.5')));
  });
});

describe('the text of a value', () => {
  it('is quoted and escaped as by repr', () => {
    expect(toRepr(["it's", 'a"b', `'"`, '\n\t\\', '\u200b', 'é🎉', '\x7f'])).toBe(
      `["it's", 'a"b', '\\'"', '\\n\\t\\\\', '\\u200b', 'é🎉', '\\x7f']`,
    );
  });

  it('of a float is the same as by repr', () => {
    expect([1e16, 1e15, 1.5e-5, 0.0001, 1e22, 5e-324, 123456789.125, 1e21].map((x) => toText(makeFloat(x)))).toEqual([
      '1e+16',
      '1000000000000000.0',
      '1.5e-05',
      '0.0001',
      '1e+22',
      '5e-324',
      '123456789.125',
      '1e+21',
    ]);
    expect(new PyFloat(-0).jinjaText()).toBe('-0.0');
  });

  it('keeps the point of integral floats in JSON, both ways', () => {
    const tree = { a: new PyFloat(1), b: [new PyFloat(-2e20), 1.5, 3], c: { text: '1.0', none: null } };
    expect(stringifyJson(tree)).toBe('{"a":1.0,"b":[-2e+20,1.5,3],"c":{"text":"1.0","none":null}}');
    expect(parseMarkedJson(JSON.stringify(tree))).toEqual(tree);
    expect(parseMarkedJson('{"a":1}')).toEqual({ a: 1 });
  });

  it('is a typed error, not a stack overflow, if it cannot be made', () => {
    const missing = new Undefined('x', undefined, undefined, 'strict');
    expect(() => toText(missing)).toThrow(JinjaError);
    expect(() => toText(missing)).toThrow("'x' is undefined");
  });
});
