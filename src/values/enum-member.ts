// A member of a Python enum whose members are strings: a text with `name`, `value` and a `repr` of its own. Leaves
// which enums there are to its callers.
import { lookupItem } from './access.ts';
import { add, multiply } from './arithmetic.ts';
import { bindMethod } from './methods/method.ts';
import { getStringMethod } from './methods/string-methods.ts';
import { formatPercent } from './percent-format.ts';
import { stringRepr } from './text.ts';
import { strOf, TextObject } from './text-object.ts';
import type { Value } from './value.ts';

/** `NodeType.Test`, for example. Equal to its text, also as a key. */
export class EnumMember extends TextObject {
  readonly jinjaType: string;
  readonly #name: string;

  /**
   * @param type the enum's name
   * @param name the member's name
   * @param text its value
   */
  constructor(type: string, name: string, text: string) {
    super(text);
    this.jinjaType = type;
    this.#name = name;
  }

  jinjaGet(name: string): Value | undefined {
    if (name === 'value') return this.text;
    if (name === 'name') return this.#name;
    const method = getStringMethod(name);
    return method && bindMethod(name, method, this.text);
  }

  jinjaItem(key: Value): Value | undefined {
    return lookupItem(this.text, key);
  }

  jinjaRepr(): string {
    return `<${this.jinjaType}.${this.#name}: ${stringRepr(this.text)}>`;
  }

  jinjaBinary(op: string, other: Value, reflected: boolean): Value | undefined {
    const text = strOf(other);
    if (op === '+' && text !== undefined) return reflected ? add(text, this.text) : add(this.text, text);
    if (op === '*') return multiply(this.text, other);
    return op === '%' && !reflected ? formatPercent(this.text, other) : undefined;
  }
}
