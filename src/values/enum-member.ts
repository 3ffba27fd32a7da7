// A member of a Python enum of strings: a text with `name`, `value` and an enum's `repr`.
import { StrSubclass } from './str-subclass.ts';
import { stringRepr } from './text.ts';
import type { Value } from './value.ts';

/** For example `NodeType.Test`. Equal to its text, also as a dict key. */
export class EnumMember extends StrSubclass {
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

  override jinjaGet(name: string): Value | undefined {
    if (name === 'value') return this.text;
    if (name === 'name') return this.#name;
    return super.jinjaGet(name);
  }

  override jinjaRepr(): string {
    return `<${this.jinjaType}.${this.#name}: ${stringRepr(this.text)}>`;
  }
}
