// The `in` operator.
import { equals } from '../values/equality.ts';
import { typeError } from '../values/python-error.ts';
import { strOf } from '../values/text-object.ts';
import { typeName } from '../values/type-name.ts';
import type { Value } from '../values/value.ts';

/**
 * Evaluates `item in container`.
 * @throws JinjaError with CPython's message if the right side is not a container
 */
export function contains(container: Value, item: Value): boolean {
  if (typeof container === 'string') {
    const part = strOf(item);
    if (part !== undefined) return container.includes(part);
    throw typeError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
  }
  if (typeof container === 'object' && container !== null) {
    if (Array.isArray(container)) {
      for (const x of container) if (x === item || equals(x, item)) return true;
      return false;
    }
    if (container.jinjaContains !== undefined) return container.jinjaContains(item);
    if (container.jinjaIter !== undefined) {
      for (const x of container.jinjaIter()) if (equals(x, item)) return true;
      return false;
    }
  }
  throw typeError(`argument of type '${typeName(container)}' is not iterable`);
}
