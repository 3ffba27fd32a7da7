// Python's values as templates see them: each public attribute exists or is refused, and Decimal computes as in Python.
// The golden is written by tests/engine/support/python_values.py.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createModules } from '../../../../src/context/modules/modules.ts';
import { render } from '../../../../src/jinja/index.ts';
import { PyDecimal } from '../../../../src/values/decimal.ts';
import { makeFloat } from '../../../../src/values/float.ts';
import { toRepr } from '../../../../src/values/text.ts';
import type { Value } from '../../../../src/values/value.ts';

interface Golden {
  readonly expressions: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly numbers: readonly string[];
  readonly few: readonly string[];
  readonly calls: {
    readonly unary: Readonly<Record<string, readonly string[]>>;
    readonly binary: Readonly<Record<string, readonly string[]>>;
    readonly quantize: Readonly<Record<string, readonly string[]>>;
    readonly to_integral: Readonly<Record<string, readonly string[]>>;
    readonly fma: readonly string[];
    readonly from_float: readonly string[];
  };
}

const golden = JSON.parse(readFileSync(new URL('./python-values.json', import.meta.url), 'utf8')) as Golden;
const { numbers, few, calls } = golden;

/** What templates cannot use, because Python gives objects that only its interpreter understands. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  'modules.datetime.datetime': ['year', 'month', 'day', 'hour', 'minute', 'second', 'microsecond', 'tzinfo', 'fold'],
  'modules.datetime.date': ['year', 'month', 'day'],
  'modules.datetime.time': ['hour', 'minute', 'second', 'microsecond', 'tzinfo', 'fold'],
  'modules.datetime.timedelta': ['days', 'seconds', 'microseconds'],
  "modules.re.compile('a')": ['scanner'],
  'modules.re': ['Match', 'Pattern', 'RegexFlag', 'error', 'template'],
};

const modules = createModules(() => 0, { fire: () => undefined });

describe('the attributes of a Python value', () => {
  const context = { modules, decimal: PyDecimal.from('1.5') };
  for (const [value, names] of Object.entries(golden.attributes)) {
    it(`are all there for ${value}, or refused`, () => {
      const missing = names.filter((name) => render(`{{ (${value}).${name} is defined }}`, context) !== 'True');
      expect(missing).toEqual(REFUSED[value] === undefined ? [] : names.filter((n) => REFUSED[value]?.includes(n)));
    });
  }
});

/** Operands, our result and Python's, where these differ. */
function different(found: readonly (readonly [string, string])[], expected: readonly string[] = []): unknown[] {
  expect(found.length).toBe(expected.length);
  return found.flatMap(([of, result], i) => (result === expected[i] ? [] : [[of, result, expected[i]]]));
}

describe('a method of a Python value', () => {
  it.each(Object.entries(golden.expressions))('returns what Python returns for %s', (expression, expected) => {
    const found = ((): string => {
      try {
        return toRepr(render(`{{ ${expression} }}`, { modules }));
      } catch (error) {
        return `error: ${error instanceof Error ? error.message : String(error)}`;
      }
    })();
    expect(found).toBe(expected);
  });
});

describe('a Decimal', () => {
  const call = (text: string, name: string, args: readonly Value[]): string => {
    try {
      const method = PyDecimal.from(text).jinjaGet(name);
      if (typeof method !== 'function') return 'no method';
      return toRepr(method([...args], new Map()) as Value);
    } catch (error) {
      return `error: ${error instanceof Error ? error.message : String(error)}`;
    }
  };
  const decimal = (text: string): PyDecimal => PyDecimal.from(text);

  for (const [name, expected] of Object.entries(calls.unary)) {
    it(`returns what Python returns for ${name}()`, () => {
      expect(
        different(
          numbers.map((text) => [text, call(text, name, [])] as const),
          expected,
        ),
      ).toEqual([]);
    });
  }
  for (const [name, expected] of Object.entries(calls.binary)) {
    it(`returns what Python returns for ${name}(other)`, () => {
      const pairs = few.flatMap((a) => few.map((b) => [a, b] as const));
      expect(
        different(
          pairs.map(([a, b]) => [`${a} ${b}`, call(a, name, [decimal(b)])] as const),
          expected,
        ),
      ).toEqual([]);
    });
  }
  for (const [mode, expected] of Object.entries(calls.quantize)) {
    it(`rounds as Python does with ${mode}`, () => {
      const pairs = numbers.flatMap((a) => ['1', '0.01', '1E+2'].map((b) => [a, b] as const));
      const found = pairs.map(([a, b]) => [`${a} ${b}`, call(a, 'quantize', [decimal(b), mode])] as const);
      expect(different(found, expected)).toEqual([]);
      const whole = numbers.map((a) => [a, call(a, 'to_integral_value', [mode])] as const);
      expect(different(whole, calls.to_integral[mode])).toEqual([]);
    });
  }
  it('returns what Python returns for fma and from_float', () => {
    const thirds = ['0', '-0', '1.05', 'NaN'];
    const found = few.flatMap((a) =>
      few
        .slice(0, 9)
        .flatMap((b) => thirds.map((c) => [`${a} ${b} ${c}`, call(a, 'fma', [decimal(b), decimal(c)])] as const)),
    );
    expect(different(found, calls.fma)).toEqual([]);
    expect([0.1, 1.5, -2.25, 1e22, 5e-324, 3].map((f) => call('1', 'from_float', [makeFloat(f)]))).toEqual(
      calls.from_float,
    );
  });
});
