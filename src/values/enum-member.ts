// A member of a Python enum whose members are strings: the text in every use, with `name` and `value`, and a `repr` of
// its own. Leaves which enums there are to its callers.
import { lookupItem } from './access.ts';
import { add, multiply } from './arithmetic.ts';
import { compareStrings } from './comparison.ts';
import { iterate, lengthOf } from './iterate.ts';
import { bindMethod } from './methods/method.ts';
import { getStringMethod } from './methods/string-methods.ts';
import { formatPercent } from './percent-format.ts';
import { typeError } from './python-error.ts';
import { stringRepr } from './text.ts';
import { typeName } from './type-name.ts';
import type { HostObject, Value } from './value.ts';

/** `NodeType.Test`, for example. Equal to its text, also as a key. */
export class EnumMember implements HostObject {
  readonly jinjaType: string;
  readonly text: string;
  readonly #name: string;

  /**
   * @param type the enum's name
   * @param name the member's name
   * @param text its value
   */
  constructor(type: string, name: string, text: string) {
    this.jinjaType = type;
    this.#name = name;
    this.text = text;
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

  jinjaText(): string {
    return this.text;
  }

  jinjaRepr(): string {
    return `<${this.jinjaType}.${this.#name}: ${stringRepr(this.text)}>`;
  }

  jinjaTruth(): boolean {
    return this.text !== '';
  }

  jinjaLength(): number {
    return lengthOf(this.text);
  }

  jinjaIter(): Iterable<Value> {
    return iterate(this.text);
  }

  jinjaContains(item: Value): boolean {
    const part = textOf(item);
    if (part === undefined) throw typeError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    return this.text.includes(part);
  }

  jinjaEquals(other: Value): boolean {
    return textOf(other) === this.text;
  }

  jinjaKey(): Value {
    return this.text;
  }

  jinjaCompare(other: Value): number | undefined {
    const text = textOf(other);
    return text === undefined ? undefined : compareStrings(this.text, text);
  }

  jinjaBinary(op: string, other: Value, reflected: boolean): Value | undefined {
    const text = textOf(other);
    if (op === '+' && text !== undefined) return reflected ? add(text, this.text) : add(this.text, text);
    if (op === '*') return multiply(this.text, other);
    return op === '%' && !reflected ? formatPercent(this.text, other) : undefined;
  }

  toJsonValue(): unknown {
    return this.text;
  }
}

function textOf(v: Value): string | undefined {
  if (typeof v === 'string') return v;
  return v instanceof EnumMember ? v.text : undefined;
}
