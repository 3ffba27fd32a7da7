// modules.itertools: the functions of Python's itertools that dbt exposes. Iterators are lists here, except for
// infinite ones.
import { errorOf } from '../../error-table.ts';
import { eventOf } from '../../events/index.ts';
import type { TsdbtError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import {
  add,
  callable,
  callSync,
  checkItems,
  collect,
  type HostObject,
  isTruthy,
  iterate,
  PyTuple,
  typeError,
  typeName,
  type Value,
  valueError,
} from '../../values/index.ts';
import { Namespace } from '../namespace.ts';

/** Creates the module. The first use of a function reports dbt's deprecation. */
export function createItertoolsModule(logger: Logger): Namespace {
  let told = false;
  const member = (name: string, signature: string, run: (...args: Value[]) => Value): [string, Value] => [
    name,
    callable(name, signature, (...args) => {
      if (!told) {
        told = true;
        logger.fire(
          eventOf(
            'ModulesItertoolsUsageDeprecation',
            '[WARNING][ModulesItertoolsUsageDeprecation]: Deprecated functionality\n\nUsage of itertools modules ' +
              'is deprecated. Please use the built-in functions instead.',
          ),
        );
      }
      return run(...args);
    }),
  ];
  return new Namespace(
    new Map<string, Value>([
      member(
        'count',
        'start=0, step=1',
        (start = 0, step = 1) => new Endless('itertools.count', counting(start, step)),
      ),
      member('cycle', 'iterable', (items = null) => new Endless('itertools.cycle', cycling(collect(iterate(items))))),
      member('repeat', 'object, times=None', (item = null, times = null) =>
        times === null
          ? new Endless('itertools.repeat', cycling([item]))
          : Array.from({ length: counted(int(times)) }, () => item),
      ),
      member('accumulate', 'iterable, func=None, *, initial=None', accumulate),
      member('chain', '*iterables', (lists = null) => collect(chained(iterate(lists)))),
      member('compress', 'data, selectors', (data = null, selectors = null) => {
        const keep = collect(iterate(selectors));
        return take(data, keep.length).filter((_, i) => isTruthy(keep[i] ?? null));
      }),
      member('islice', '*args', islice),
      member('starmap', 'function, iterable', (fn = null, lists = null) =>
        collect(iterate(lists)).map((args) => callSync(fn, [...iterate(args)])),
      ),
      member('tee', 'iterable, n=2', (items = null, n = 2) => {
        const list = collect(iterate(items));
        return new PyTuple(
          Array.from({ length: counted(int(n)) }, () => {
            counted(int(n) * list.length);
            return [...list];
          }),
        );
      }),
      member('zip_longest', '*iterables, fillvalue=None', (lists = null, fill = null) => {
        const rows = collect(iterate(lists)).map((list) => collect(iterate(list)));
        return Array.from(
          { length: Math.max(0, ...rows.map((row) => row.length)) },
          (_, i) => new PyTuple(rows.map((row) => row[i] ?? (i < row.length ? null : fill))),
        );
      }),
      member('product', '*iterables, repeat=1', (lists = null, repeat = 1) => {
        const pools = collect(iterate(lists)).map((list) => collect(iterate(list)));
        const length = int(repeat);
        if (length * pools.length > WIDTH) throw tooMany('product');
        return product(Array.from({ length: Math.max(0, length) }, () => pools).flat());
      }),
      member('permutations', 'iterable, r=None', (items = null, r = null) => {
        const list = collect(iterate(items));
        return choose(list, r === null ? list.length : int(r), 'permutations');
      }),
      member('combinations', 'iterable, r', (items = null, r = null) => {
        const list = collect(iterate(items));
        return choose(list, int(r), 'combinations');
      }),
      member('combinations_with_replacement', 'iterable, r', (items = null, r = null) => {
        const list = collect(iterate(items));
        return choose(list, int(r), 'repeated');
      }),
    ]),
  );
}

/** An infinite iterator. A `for` over it must break; converting it to a list is refused. */
class Endless implements HostObject {
  readonly jinjaType: string;
  readonly #values: Iterator<Value>;

  constructor(type: string, values: Iterator<Value>) {
    this.jinjaType = type;
    this.#values = values;
  }

  jinjaGet(name: string): Value | undefined {
    return name === '__next__' || name === 'next' ? callable(name, '', () => this.take()) : undefined;
  }

  take(): Value {
    const step = this.#values.next();
    return step.done === true ? null : step.value;
  }

  *jinjaIter(): Generator<Value, void, undefined> {
    for (let steps = 0; ; steps++) {
      if (steps > LIMIT) throw errorOf('endlessIterator', { iterator: this.jinjaType, most: LIMIT });
      yield this.take();
    }
  }
}

/** Maximum number of tuples of a product or combination, and of values of an infinite iterator. */
const LIMIT = 1_000_000;

function* counting(start: Value, step: Value): Generator<Value, void, undefined> {
  for (let at = start; ; at = add(at, step)) yield at;
}

function* cycling(items: readonly Value[]): Generator<Value, void, undefined> {
  while (items.length > 0) yield* items;
}

/** Converts an iterable argument to its values. */
const WIDTH = 1000;

function tooMany(how: string): TsdbtError {
  return errorOf('tooManyRows', {
    function: how === 'repeated' ? 'combinations_with_replacement' : how,
    rows: LIMIT,
    values: WIDTH,
  });
}

/** Validates a number of items; a negative number means none. */
function counted(count: number): number {
  checkItems(count);
  return Math.max(0, count);
}

function* chained(lists: Iterable<Value>): Generator<Value, void, undefined> {
  for (const list of lists) yield* iterate(list);
}

function int(value: Value): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw typeError(`'${typeName(value)}' object cannot be interpreted as an integer`);
}

function take(items: Value, most: number): Value[] {
  const out: Value[] = [];
  if (most > 0) {
    for (const item of iterate(items)) {
      out.push(item);
      if (out.length >= most) break;
    }
  }
  return out;
}

function accumulate(items: Value = null, fn: Value = null, initial: Value = null): Value {
  const list = collect(iterate(items));
  if (initial !== null) list.unshift(initial);
  const [first, ...rest] = list;
  if (first === undefined) return [];
  const out = [first];
  let total = first;
  for (const item of rest) out.push((total = fn === null ? add(total, item) : callSync(fn, [total, item])));
  return out;
}

function islice(args: Value = null): Value {
  const [items = null, ...bounds] = [...iterate(args)];
  const bound = (value: Value | undefined, fallback: number): number => {
    if (value === null || value === undefined) return fallback;
    const number = int(value);
    if (number < 0) throw valueError('Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.');
    return number;
  };
  const [start, stop, step] =
    bounds.length <= 1
      ? [0, bound(bounds[0], Infinity), 1]
      : [bound(bounds[0], 0), bound(bounds[1], Infinity), bound(bounds[2], 1)];
  return take(items, stop)
    .slice(start)
    .filter((_, i) => i % step === 0);
}

function product(pools: readonly (readonly Value[])[]): Value[] {
  let rows: Value[][] = [[]];
  for (const pool of pools) {
    if (rows.length * pool.length > LIMIT) throw tooMany('product');
    rows = rows.flatMap((row) => pool.map((item) => [...row, item]));
  }
  return rows.map((row) => new PyTuple(row));
}

/** Returns the r-combinations of a list in Python's order. */
function choose(list: readonly Value[], r: number, how: 'permutations' | 'combinations' | 'repeated'): PyTuple[] {
  if (r < 0) throw valueError('r must be non-negative');
  if (how !== 'repeated' && r > list.length) return [];
  if (r > WIDTH) throw tooMany(how);
  const out: PyTuple[] = [];
  const picked: number[] = [];
  const row: Value[] = [];
  const extend = (): void => {
    if (picked.length === r) {
      out.push(new PyTuple([...row]));
      if (out.length > LIMIT) throw tooMany(how);
      return;
    }
    const last = picked.at(-1);
    const from = how === 'permutations' || last === undefined ? 0 : how === 'combinations' ? last + 1 : last;
    for (let i = from; i < list.length; i++) {
      const item = list[i];
      if (item === undefined || (how === 'permutations' && picked.includes(i))) continue;
      picked.push(i);
      row.push(item);
      extend();
      picked.pop();
      row.pop();
    }
  };
  extend();
  return out;
}
