// Methods of list and tuple.
import { callSync } from '../call.ts';
import { compare } from '../comparison.ts';
import { checkItems } from '../budget.ts';
import { equals } from '../equality.ts';
import { toArray } from '../iterate.ts';
import { JinjaError, typeError, valueError } from '../python-error.ts';
import { toRepr } from '../text.ts';
import type { PyTuple } from '../tuple.ts';
import { typeName } from '../type-name.ts';
import type { Kwargs, Value } from '../value.ts';
import { type AtLeast, checkArity } from './arity.ts';
import type { Method } from './method.ts';

const METHODS: ReadonlyMap<string, Method<Value[]>> = new Map<string, Method<Value[]>>([
  [
    'append',
    (self, args, kwargs) => {
      checkArity('list.append', args, kwargs, 1, 1);
      self.push(args[0]);
      return null;
    },
  ],
  [
    'extend',
    (self, args, kwargs) => {
      checkArity('list.extend', args, kwargs, 1, 1);
      const items = toArray(args[0]);
      const { length } = items;
      checkItems(self.length + length);
      for (let i = 0; i < length; i++) self.push(items[i] as Value);
      return null;
    },
  ],
  [
    'insert',
    (self, args, kwargs) => {
      checkArity('list.insert', args, kwargs, 2, 2);
      const index = indexArgument(args[0]);
      self.splice(index < 0 ? Math.max(0, index + self.length) : index, 0, args[1]);
      return null;
    },
  ],
  [
    'remove',
    (self, args, kwargs) => {
      checkArity('list.remove', args, kwargs, 1, 1);
      const index = self.findIndex((x) => equals(x, args[0]));
      if (index < 0) throw valueError('list.remove(x): x not in list');
      self.splice(index, 1);
      return null;
    },
  ],
  [
    'pop',
    (self, args, kwargs) => {
      checkArity('list.pop', args, kwargs, 0, 1);
      const index = args[0] === undefined ? -1 : indexArgument(args[0]);
      if (self.length === 0) throw new JinjaError('IndexError', 'pop from empty list');
      const at = index < 0 ? index + self.length : index;
      if (at < 0 || at >= self.length) throw new JinjaError('IndexError', 'pop index out of range');
      return self.splice(at, 1)[0] as Value;
    },
  ],
  [
    'clear',
    (self, args, kwargs) => {
      checkArity('list.clear', args, kwargs, 0, 0);
      self.length = 0;
      return null;
    },
  ],
  [
    'copy',
    (self, args, kwargs) => {
      checkArity('list.copy', args, kwargs, 0, 0);
      return [...self];
    },
  ],
  [
    'reverse',
    (self, args, kwargs) => {
      checkArity('list.reverse', args, kwargs, 0, 0);
      self.reverse();
      return null;
    },
  ],
  [
    'sort',
    (self, args, kwargs) => {
      if (args.length > 0) throw typeError('sort() takes no positional arguments');
      sortInPlace(self, kwargs);
      return null;
    },
  ],
  [
    'index',
    (self, args, kwargs) => {
      checkArity('list.index', args, kwargs, 1, 3);
      return indexOf(self, args, (item) => `${toRepr(item)} is not in list`);
    },
  ],
  [
    'count',
    (self, args, kwargs) => {
      checkArity('list.count', args, kwargs, 1, 1);
      return countOf(self, args[0]);
    },
  ],
]);

const TUPLE_METHODS: ReadonlyMap<string, Method<PyTuple>> = new Map<string, Method<PyTuple>>([
  [
    'index',
    (self, args, kwargs) => {
      checkArity('tuple.index', args, kwargs, 1, 3);
      return indexOf(self.items, args, () => 'tuple.index(x): x not in tuple');
    },
  ],
  [
    'count',
    (self, args, kwargs) => {
      checkArity('tuple.count', args, kwargs, 1, 1);
      return countOf(self.items, args[0]);
    },
  ],
]);

/** Returns the unbound method of that name. */
export function getListMethod(name: string): Method<Value[]> | undefined {
  return METHODS.get(name);
}

export function getTupleMethod(name: string): Method<PyTuple> | undefined {
  return TUPLE_METHODS.get(name);
}

/**
 * Converts an argument to an int.
 * @throws JinjaError `'str' object cannot be interpreted as an integer`
 */
export function indexArgument(v: Value): number {
  if (typeof v === 'number' && Number.isInteger(v)) return v;
  if (typeof v === 'boolean') return Number(v);
  if (typeof v === 'bigint') throw new JinjaError('OverflowError', 'Python int too large to convert to C ssize_t');
  throw typeError(`'${typeName(v)}' object cannot be interpreted as an integer`);
}

function indexOf(items: readonly Value[], args: AtLeast<1>, message: (item: Value) => string): number {
  const from = clampIndex(args[1], 0, items.length);
  const to = clampIndex(args[2], items.length, items.length);
  for (let i = from; i < to; i++) if (equals(items[i] as Value, args[0])) return i;
  throw valueError(message(args[0]));
}

function clampIndex(v: Value | undefined, fallback: number, length: number): number {
  if (v === undefined) return fallback;
  const n = indexArgument(v);
  return Math.min(length, n < 0 ? Math.max(0, n + length) : n);
}

function countOf(items: readonly Value[], item: Value): number {
  let count = 0;
  for (const x of items) if (equals(x, item)) count++;
  return count;
}

function sortInPlace(items: Value[], kwargs: Kwargs): void {
  const key = kwargs.get('key') ?? null;
  for (const name of kwargs.keys()) {
    if (name !== 'key' && name !== 'reverse') throw typeError(`'${name}' is an invalid keyword argument for sort()`);
  }
  const reverse = indexArgument(kwargs.get('reverse') ?? false) !== 0;
  const decorated = items.map((item) => ({ item, by: key === null ? item : callSync(key, [item]) }));
  if (reverse) decorated.reverse();
  decorated.sort((a, b) => compare(a.by, b.by));
  if (reverse) decorated.reverse();
  decorated.forEach((d, i) => {
    items[i] = d.item;
  });
}
