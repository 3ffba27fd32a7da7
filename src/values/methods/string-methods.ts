// Methods of str.
import { toArray } from '../iterate.ts';
import { typeError, valueError } from '../python-error.ts';
import { typeName } from '../type-name.ts';
import type { Value } from '../value.ts';
import { checkArity } from './arity.ts';
import type { Method } from './method.ts';

const METHODS: ReadonlyMap<string, Method<string>> = new Map<string, Method<string>>([
  ['lower', (self, args, kwargs) => {
    checkArity('str.lower', args, kwargs, 0, 0);
    return self.toLowerCase();
  }],
  ['upper', (self, args, kwargs) => {
    checkArity('str.upper', args, kwargs, 0, 0);
    return self.toUpperCase();
  }],
  ['join', (self, args, kwargs) => {
    checkArity('str.join', args, kwargs, 1, 1);
    const items = toArray(args[0] as Value);
    items.forEach((item, i) => {
      if (typeof item !== 'string') throw typeError(`sequence item ${i}: expected str instance, ${typeName(item)} found`);
    });
    return items.join(self);
  }],
  ['index', (self, args, kwargs) => {
    checkArity('str.index', args, kwargs, 1, 3);
    const at = self.indexOf(String(args[0]));
    if (at < 0) throw valueError('substring not found');
    return at;
  }],
]);

/** The method of this name, unbound. */
export function getStringMethod(name: string): Method<string> | undefined {
  return METHODS.get(name);
}
