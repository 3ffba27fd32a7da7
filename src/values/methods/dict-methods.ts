// Methods of dict.
import { PyDict } from '../dict.ts';
import { PyDictView } from '../dict-view.ts';
import { iterate, toArray } from '../iterate.ts';
import { JinjaError, typeError, valueError } from '../python-error.ts';
import { toRepr } from '../text.ts';
import { PyTuple } from '../tuple.ts';
import type { Value } from '../value.ts';
import { checkArity } from './arity.ts';
import type { Method } from './method.ts';

const METHODS: ReadonlyMap<string, Method<PyDict>> = new Map<string, Method<PyDict>>([
  [
    'get',
    (self, args, kwargs) => {
      checkArity('dict.get', args, kwargs, 1, 2);
      const value = self.get(args[0]);
      return value === undefined ? (args[1] ?? null) : value;
    },
  ],
  [
    'keys',
    (self, args, kwargs) => {
      checkArity('dict.keys', args, kwargs, 0, 0);
      return new PyDictView(self, 'keys');
    },
  ],
  [
    'values',
    (self, args, kwargs) => {
      checkArity('dict.values', args, kwargs, 0, 0);
      return new PyDictView(self, 'values');
    },
  ],
  [
    'items',
    (self, args, kwargs) => {
      checkArity('dict.items', args, kwargs, 0, 0);
      return new PyDictView(self, 'items');
    },
  ],
  [
    'copy',
    (self, args, kwargs) => {
      checkArity('dict.copy', args, kwargs, 0, 0);
      return self.copy();
    },
  ],
  [
    'clear',
    (self, args, kwargs) => {
      checkArity('dict.clear', args, kwargs, 0, 0);
      self.clear();
      return null;
    },
  ],
  [
    'pop',
    (self, args, kwargs) => {
      checkArity('dict.pop', args, kwargs, 1, 2);
      const key = args[0];
      const value = self.get(key);
      if (value !== undefined) {
        self.delete(key);
        return value;
      }
      if (args[1] !== undefined) return args[1];
      throw new JinjaError('KeyError', toRepr(key));
    },
  ],
  [
    'popitem',
    (self, args, kwargs) => {
      checkArity('dict.popitem', args, kwargs, 0, 0);
      const last = [...self.entries()].pop();
      if (last === undefined) throw new JinjaError('KeyError', "'popitem(): dictionary is empty'");
      self.delete(last[0]);
      return new PyTuple(last);
    },
  ],
  [
    'setdefault',
    (self, args, kwargs) => {
      checkArity('dict.setdefault', args, kwargs, 1, 2);
      const key = args[0];
      const known = self.get(key);
      if (known !== undefined) return known;
      const value = args[1] ?? null;
      self.set(key, value);
      return value;
    },
  ],
  [
    'update',
    (self, args, kwargs) => {
      if (args.length > 1) throw typeError(`update expected at most 1 argument, got ${args.length}`);
      if (args[0] !== undefined) for (const [key, value] of pairsOf(args[0])) self.set(key, value);
      for (const [key, value] of kwargs) self.set(key, value);
      return null;
    },
  ],
  [
    'fromkeys',
    (_self, args, kwargs) => {
      checkArity('dict.fromkeys', args, kwargs, 1, 2);
      return new PyDict(toArray(args[0]).map((key) => [key, args[1] ?? null] as const));
    },
  ],
]);

/** Returns the unbound method of that name. */
export function getDictMethod(name: string): Method<PyDict> | undefined {
  return METHODS.get(name);
}

/**
 * Returns the pairs that `dict(source)` reads: a dict's entries, or the items of a sequence of pairs.
 * @throws JinjaError with CPython's message
 */
export function pairsOf(source: Value): (readonly [Value, Value])[] {
  if (source instanceof PyDict) return [...source.entries()];
  const pairs: (readonly [Value, Value])[] = [];
  let index = 0;
  for (const item of iterate(source)) {
    let pair: readonly Value[];
    try {
      pair = toArray(item);
    } catch {
      throw typeError(`cannot convert dictionary update sequence element #${index} to a sequence`);
    }
    if (pair.length !== 2) {
      throw valueError(`dictionary update sequence element #${index} has length ${pair.length}; 2 is required`);
    }
    pairs.push([pair[0] as Value, pair[1] as Value]);
    index++;
  }
  return pairs;
}
