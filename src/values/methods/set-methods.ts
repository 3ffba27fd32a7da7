// Methods of set.
import { toArray } from '../iterate.ts';
import { JinjaError } from '../python-error.ts';
import { PySet } from '../set.ts';
import { toRepr } from '../text.ts';
import type { Value } from '../value.ts';
import { checkArity } from './arity.ts';
import type { Method } from './method.ts';

const METHODS: ReadonlyMap<string, Method<PySet>> = new Map<string, Method<PySet>>([
  [
    'add',
    (self, args, kwargs) => {
      checkArity('set.add', args, kwargs, 1, 1);
      self.add(args[0]);
      return null;
    },
  ],
  [
    'remove',
    (self, args, kwargs) => {
      checkArity('set.remove', args, kwargs, 1, 1);
      if (!self.delete(args[0])) throw new JinjaError('KeyError', toRepr(args[0]));
      return null;
    },
  ],
  [
    'discard',
    (self, args, kwargs) => {
      checkArity('set.discard', args, kwargs, 1, 1);
      self.delete(args[0]);
      return null;
    },
  ],
  [
    'pop',
    (self, args, kwargs) => {
      checkArity('set.pop', args, kwargs, 0, 0);
      for (const item of self.values()) {
        self.delete(item);
        return item;
      }
      throw new JinjaError('KeyError', "'pop from an empty set'");
    },
  ],
  [
    'clear',
    (self, args, kwargs) => {
      checkArity('set.clear', args, kwargs, 0, 0);
      self.clear();
      return null;
    },
  ],
  ['copy', (self) => new PySet(self.values())],
  [
    'update',
    (self, args) => {
      for (const other of args) for (const item of toArray(other)) self.add(item);
      return null;
    },
  ],
  ['union', (self, args) => new PySet([...self.values(), ...args.flatMap((other) => [...toArray(other)])])],
  [
    'intersection',
    (self, args) => {
      const others = args.map((other) => new PySet(toArray(other)));
      return new PySet([...self.values()].filter((x) => others.every((o) => o.has(x))));
    },
  ],
  ['difference', (self, args) => without(self, args)],
  [
    'difference_update',
    (self, args) => {
      for (const other of args) for (const item of [...toArray(other)]) self.delete(item);
      return null;
    },
  ],
  [
    'intersection_update',
    (self, args) => {
      const others = args.map((other) => new PySet(toArray(other)));
      for (const item of [...self.values()]) if (!others.every((o) => o.has(item))) self.delete(item);
      return null;
    },
  ],
  [
    'symmetric_difference',
    (self, args, kwargs) => {
      checkArity('set.symmetric_difference', args, kwargs, 1, 1);
      const other = new PySet(toArray(args[0]));
      return new PySet([...without(self, [other]).values(), ...without(other, [self]).values()]);
    },
  ],
  [
    'issubset',
    (self, args, kwargs) => {
      checkArity('set.issubset', args, kwargs, 1, 1);
      return self.isSubset(new PySet(toArray(args[0])));
    },
  ],
  [
    'issuperset',
    (self, args, kwargs) => {
      checkArity('set.issuperset', args, kwargs, 1, 1);
      return new PySet(toArray(args[0])).isSubset(self);
    },
  ],
  [
    'isdisjoint',
    (self, args, kwargs) => {
      checkArity('set.isdisjoint', args, kwargs, 1, 1);
      return !toArray(args[0]).some((x) => self.has(x));
    },
  ],
]);

function without(set: PySet, others: readonly Value[]): PySet {
  const sets = others.map((other) => new PySet(toArray(other)));
  return new PySet([...set.values()].filter((x) => !sets.some((o) => o.has(x))));
}

/** Returns the unbound method of that name. */
export function getSetMethod(name: string): Method<PySet> | undefined {
  return METHODS.get(name);
}
