// jinja2's global functions: `range`, `dict`, `namespace`, `cycler`, `joiner`, `lipsum`.
import { getAttribute } from '../values/access.ts';
import { checkText } from '../values/budget.ts';
import { callable } from '../values/callable.ts';
import { PyDict } from '../values/dict.ts';
import { pairsOf } from '../values/methods/dict-methods.ts';
import { indexArgument } from '../values/methods/list-methods.ts';
import { JinjaError, typeError, valueError } from '../values/python-error.ts';
import { PyRange } from '../values/range.ts';
import { Undefined } from '../values/undefined.ts';
import type { Callable, Value } from '../values/value.ts';
import { Namespace } from './namespace.ts';

const MAX_RANGE = 100_000;

function createCycler(args: readonly Value[]): Value {
  if (args.length === 0) throw new JinjaError('RuntimeError', 'at least one item has to be provided');
  let position = 0;
  const advance: Callable = () => {
    const item = args[position] as Value;
    position = (position + 1) % args.length;
    return item;
  };
  const reset: Callable = () => {
    position = 0;
    return null;
  };
  return {
    jinjaType: 'jinja2.utils.Cycler',
    jinjaGet: (name: string) => {
      if (name === 'next') return advance;
      if (name === 'reset') return reset;
      return name === 'current' ? args[position] : undefined;
    },
  };
}

function createJoiner(separator: string): Callable {
  let used = false;
  return () => {
    const text = used ? separator : '';
    used = true;
    return text;
  };
}

const LOREM = (
  'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore ' +
  'magna aliqua'
).split(' ');

function tooBig(): JinjaError {
  return new JinjaError(
    'OverflowError',
    `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${MAX_RANGE}).`,
  );
}

/** A range whose bounds exceed the safe integers. It must be empty: any other would be too long. */
function longRange(args: readonly Value[]): PyRange {
  const numbers = args.map((a) => (typeof a === 'bigint' ? a : BigInt(indexArgument(a))));
  const [start, stop] =
    numbers.length === 1 ? [0n, numbers[0] as bigint] : [numbers[0] as bigint, numbers[1] as bigint];
  const step = numbers[2] ?? 1n;
  if (step === 0n) throw valueError('range() arg 3 must not be zero');
  const length = step > 0n ? (stop - start + step - 1n) / step : (start - stop - step - 1n) / -step;
  if (length <= 0n) return new PyRange(0, 0, 1);
  if (length <= MAX_RANGE || length > 9223372036854775807n)
    throw new JinjaError('OverflowError', 'Python int too large to convert to C ssize_t');
  throw tooBig();
}

/** Creates jinja2's globals. */
export function createGlobals(): ReadonlyMap<string, Value> {
  const range: Callable = (args, kwargs) => {
    for (const name of kwargs.keys()) throw typeError(`safe_range() got an unexpected keyword argument '${name}'`);
    if (args.length === 0) throw typeError('range expected at least 1 argument, got 0');
    if (args.length > 3) throw typeError(`range expected at most 3 arguments, got ${args.length}`);
    if (args.some((a) => typeof a === 'bigint')) return longRange(args);
    const [a = 0, b, c = 1] = args.map(indexArgument);
    if (c === 0) throw valueError('range() arg 3 must not be zero');
    const result = b === undefined ? new PyRange(0, a, 1) : new PyRange(a, b, c);
    if (result.length > MAX_RANGE) throw tooBig();
    return result;
  };
  const dict: Callable = (args, kwargs) => {
    if (args.length > 1) throw typeError(`dict expected at most 1 argument, got ${args.length}`);
    // Python checks for `keys` first.
    if (args[0] instanceof Undefined) getAttribute(args[0], 'keys');
    const result = new PyDict(args[0] === undefined ? [] : pairsOf(args[0]));
    for (const [key, value] of kwargs) result.set(key, value);
    return result;
  };
  const namespace: Callable = (args, kwargs) => new Namespace(dict(args, kwargs) as PyDict);
  const cycler: Callable = (args, kwargs) => {
    for (const name of kwargs.keys()) throw typeError(`Cycler.__init__() got an unexpected keyword argument '${name}'`);
    return createCycler(args);
  };
  const joiner = callable('Joiner.__init__', "sep=', '", (separator) => createJoiner(String(separator)));
  for (const [type, name] of [
    [dict, 'dict'],
    [namespace, 'jinja2.utils.Namespace'],
    [cycler, 'jinja2.utils.Cycler'],
    [joiner, 'jinja2.utils.Joiner'],
  ] as const) {
    type.face = { type: 'type', text: () => `<class '${name}'>` };
  }
  return new Map<string, Value>([
    ['range', range],
    ['dict', dict],
    ['namespace', namespace],
    ['cycler', cycler],
    ['joiner', joiner],
    [
      'lipsum',
      callable('generate_lorem_ipsum', 'n=5, html=True, min=20, max=100', (n, _html, min) => {
        checkText(Number(n) * Number(min) * 6);
        const words = Array.from({ length: Number(min) }, (_, i) => LOREM[i % LOREM.length]).join(' ');
        return Array.from({ length: Number(n) }, () => `${words[0]?.toUpperCase()}${words.slice(1)}.`).join('\n\n');
      }),
    ],
  ]);
}
