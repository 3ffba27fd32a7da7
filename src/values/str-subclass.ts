// A subclass of Python's str without additions: methods, items and operators return plain text. Subclasses define its
// name and `repr`.
import { lookupItem } from './access.ts';
import { add, multiply } from './arithmetic.ts';
import { bindMethod } from './methods/method.ts';
import { getStringMethod } from './methods/string-methods.ts';
import { formatPercent } from './percent-format.ts';
import { stringRepr } from './text.ts';
import { strOf, TextObject } from './text-object.ts';
import type { Value } from './value.ts';

export abstract class StrSubclass extends TextObject {
  jinjaGet(name: string): Value | undefined {
    const method = getStringMethod(name);
    return method && bindMethod(name, method, this.text);
  }

  jinjaItem(key: Value): Value | undefined {
    return lookupItem(this.text, key);
  }

  jinjaRepr(): string {
    return stringRepr(this.text);
  }

  jinjaBinary(op: string, other: Value, reflected: boolean): Value | undefined {
    const text = strOf(other);
    if (op === '+' && text !== undefined) return reflected ? add(text, this.text) : add(this.text, text);
    if (op === '*') return multiply(this.text, other);
    return op === '%' && !reflected ? formatPercent(this.text, other) : undefined;
  }
}
