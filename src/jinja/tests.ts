// jinja2's 39 tests for `x is …`.
import { lookupAttribute } from '../values/access.ts';
import { modulo } from '../values/arithmetic.ts';
import { argumentBinder, type ArgumentBinder } from '../values/callable.ts';
import { compare, type OrderOperator } from '../values/comparison.ts';
import { PyDecimal } from '../values/decimal.ts';
import { PyDict } from '../values/dict.ts';
import { equals, numericOf } from '../values/equality.ts';
import { PyFloat } from '../values/float.ts';
import { mapKey } from '../values/hash.ts';
import { typeError } from '../values/python-error.ts';
import { strOf } from '../values/text-object.ts';
import { toText } from '../values/text.ts';
import { PyTuple } from '../values/tuple.ts';
import { PyRange } from '../values/range.ts';
import { Undefined } from '../values/undefined.ts';
import { getStringMethod } from '../values/methods/string-methods.ts';
import type { HostObject, Kwargs, Value } from '../values/value.ts';
import { contains } from './contains.ts';
import type { FilterContext, FilterFunction } from './filters/filter.ts';
import { Markup } from './markup.ts';

export type TestFunction = (context: FilterContext, value: Value, args: readonly Value[], kwargs: Kwargs) => boolean;

function test(name: string, signature: string, fn: (...parameters: Value[]) => boolean): TestFunction {
  let bind: ArgumentBinder | undefined;
  const alone = !signature.includes(',');
  return (_context, value, args, kwargs) => {
    if (alone && args.length === 0 && kwargs.size === 0) return fn(value);
    if (name === 'callable') throw typeError(`callable() takes exactly one argument (${args.length + 1} given)`);
    if (signature === 'a, b') {
      if (kwargs.size > 0) throw typeError(`_operator.${name}() takes no keyword arguments`);
      if (args.length !== 1) throw typeError(`${name} expected 2 arguments, got ${args.length + 1}`);
    }
    bind ??= argumentBinder(name, signature);
    return fn(...bind([value, ...args], kwargs));
  };
}

/** Whether the value names a filter or test of the environment. */
function named(name: string, table: ReadonlyMap<string, unknown>): TestFunction {
  const known = test(name, 'env, value', (_env, v) => table.has(mapKey(v) as string));
  return (context, value, args, kwargs) => known(context, null, [value, ...args], kwargs);
}

function order(name: string, operator: OrderOperator, holds: (n: number) => boolean): TestFunction {
  return test(name, 'a, b', (a, b) => holds(compare(a, b, operator)));
}

/** Whether the value is a str or an instance of a subclass. */
function isText(v: Value): boolean {
  return strOf(v) !== undefined;
}

function isSequence(v: Value): boolean {
  if (typeof v === 'string' || Array.isArray(v)) return true;
  if (typeof v !== 'object' || v === null) return false;
  if (v instanceof PyTuple || v instanceof PyDict || v instanceof PyRange || v instanceof Markup) return true;
  if (v instanceof Undefined) return v.kind !== 'strict';
  return v.jinjaLength !== undefined && v.jinjaItem !== undefined;
}

function isIterable(v: Value): boolean {
  if (typeof v === 'string' || Array.isArray(v)) return true;
  if (v instanceof Undefined && v.kind === 'strict') throw v.error();
  return typeof v === 'object' && v !== null && v.jinjaIter !== undefined;
}

function isCallable(v: Value): boolean {
  if (typeof v === 'function') return true;
  return typeof v === 'object' && v !== null && !Array.isArray(v) && v.jinjaCall !== undefined;
}

function sameAs(a: Value, b: Value): boolean {
  return a === b;
}

function isRemainder(value: Value, by: Value, rest: number): boolean {
  return equals(modulo(value, by), rest);
}

function caseTest(method: 'islower' | 'isupper'): (value: Value | undefined) => boolean {
  return (value) => getStringMethod(method)?.(toText(value as Value), [], new Map()) === true;
}

const equal = test('eq', 'a, b', (a, b) => equals(a, b));
const unequal = test('ne', 'a, b', (a, b) => !equals(a, b));
const less = order('lt', '<', (n) => n < 0);
const lessOrEqual = order('le', '<=', (n) => n <= 0);
const greater = order('gt', '>', (n) => n > 0);
const greaterOrEqual = order('ge', '>=', (n) => n >= 0);

/** Creates all tests by name. `is filter` looks names up in `filters`. */
export function createTests(filters: ReadonlyMap<string, FilterFunction | unknown>): ReadonlyMap<string, TestFunction> {
  const tests: Map<string, TestFunction> = new Map<string, TestFunction>([
    ['odd', test('test_odd', 'value', (v) => isRemainder(v, 2, 1))],
    ['even', test('test_even', 'value', (v) => isRemainder(v, 2, 0))],
    ['divisibleby', test('test_divisibleby', 'value, num', (v, by) => isRemainder(v, by, 0))],
    ['defined', test('test_defined', 'value', (v) => !(v instanceof Undefined))],
    ['undefined', test('test_undefined', 'value', (v) => v instanceof Undefined)],
    ['filter', named('test_filter', filters)],
    ['none', test('test_none', 'value', (v) => v === null)],
    ['boolean', test('test_boolean', 'value', (v) => typeof v === 'boolean')],
    ['false', test('test_false', 'value', (v) => v === false)],
    ['true', test('test_true', 'value', (v) => v === true)],
    [
      'integer',
      test('test_integer', 'value', (v) => typeof v === 'bigint' || (typeof v === 'number' && Number.isInteger(v))),
    ],
    [
      'float',
      test('test_float', 'value', (v) => v instanceof PyFloat || (typeof v === 'number' && !Number.isInteger(v))),
    ],
    ['lower', test('test_lower', 'value', caseTest('islower'))],
    ['upper', test('test_upper', 'value', caseTest('isupper'))],
    ['string', test('test_string', 'value', (v) => isText(v))],
    [
      'mapping',
      test(
        'test_mapping',
        'value',
        (v) =>
          v instanceof PyDict || (typeof v === 'object' && v !== null && (v as HostObject).jinjaIsMapping === true),
      ),
    ],
    ['number', test('test_number', 'value', (v) => numericOf(v) !== undefined || v instanceof PyDecimal)],
    ['sequence', test('test_sequence', 'value', (v) => isSequence(v))],
    ['iterable', test('test_iterable', 'value', (v) => isIterable(v))],
    ['callable', test('callable', 'obj', (v) => isCallable(v) || v instanceof Undefined)],
    ['sameas', test('test_sameas', 'value, other', (a, b) => sameAs(a, b))],
    [
      'escaped',
      test(
        'test_escaped',
        'value',
        (v) =>
          v instanceof Markup ||
          (v instanceof Undefined && v.kind === 'chainable') ||
          lookupAttribute(v, '__html__') !== undefined,
      ),
    ],
    ['in', test('test_in', 'value, seq', (v, seq) => contains(seq, v))],
    ['==', equal],
    ['eq', equal],
    ['equalto', equal],
    ['!=', unequal],
    ['ne', unequal],
    ['>', greater],
    ['gt', greater],
    ['greaterthan', greater],
    ['ge', greaterOrEqual],
    ['>=', greaterOrEqual],
    ['<', less],
    ['lt', less],
    ['lessthan', less],
    ['<=', lessOrEqual],
    ['le', lessOrEqual],
  ]);
  return tests.set('test', named('test_test', tests));
}
