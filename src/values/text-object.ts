// An object that is a Python str of another type: it equals its text, compares and iterates like it, and is the same
// dict key. Subclasses define attributes, `repr`, operators and the type of items.
import { compareStrings } from './comparison.ts';
import { iterate, lengthOf } from './iterate.ts';
import { typeError } from './python-error.ts';
import { typeName } from './type-name.ts';
import type { HostObject, Value } from './value.ts';

export abstract class TextObject implements HostObject {
  abstract readonly jinjaType: string;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  abstract jinjaGet(name: string): Value | undefined;

  abstract jinjaItem(key: Value): Value | undefined;

  abstract jinjaRepr(): string;

  jinjaText(): string {
    return this.text;
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
    const part = strOf(item);
    if (part === undefined) throw typeError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    return this.text.includes(part);
  }

  jinjaEquals(other: Value): boolean {
    return strOf(other) === this.text;
  }

  jinjaKey(): Value {
    return this.text;
  }

  jinjaCompare(other: Value): number | undefined {
    const text = strOf(other);
    return text === undefined ? undefined : compareStrings(this.text, text);
  }

  toJsonValue(): unknown {
    return this.text;
  }
}

/** Returns the text of a value that Python treats as a str; undefined for other values. */
export function strOf(v: Value): string | undefined {
  if (typeof v === 'string') return v;
  return v instanceof TextObject ? v.text : undefined;
}
