// jinja2's Undefined and its variants: the value of a missing name, attribute or item.
import { stringRepr, toRepr } from './text.ts';
import { JinjaError } from './python-error.ts';
import { objectTypeText } from './type-name.ts';
import type { Callable, HostObject, Value } from './value.ts';

/**
 * `default` prints as empty text, `strict` fails on every use, `chainable` returns itself for attributes, `capture`
 * also for calls.
 */
export type UndefinedKind = 'default' | 'strict' | 'chainable' | 'capture';

/** Creates the value of a missing name. `name`: the missing name, attribute or key. `obj`: the object that lacks it. */
export type UndefinedFactory = (name?: Value, hint?: string, obj?: Value) => Value;

/**
 * A missing value. dbt uses the variant `capture` during parsing: attributes, items and calls return it again, so that
 * a template can be parsed before everything it references exists.
 */
export class Undefined implements HostObject {
  readonly jinjaType: string;
  readonly kind: UndefinedKind;
  readonly hint: string | undefined;
  readonly obj: Value | undefined;
  readonly name: Value | undefined;
  /** The hint of an error: the name that was probably meant. */
  suggest: (() => string | undefined) | undefined;

  constructor(name?: Value, hint?: string, obj?: Value, kind: UndefinedKind = 'default') {
    this.name = name;
    this.hint = hint;
    this.obj = obj;
    this.kind = kind;
    const prefix = kind === 'strict' ? 'Strict' : kind === 'chainable' ? 'Chainable' : '';
    this.jinjaType = `jinja2.runtime.${prefix}Undefined`;
  }

  /** jinja2's description of what is missing. */
  get message(): string {
    if (this.hint) return this.hint;
    const name = this.name === undefined ? 'None' : toRepr(this.name);
    if (this.obj === undefined || this.kind === 'capture') return `${name} is undefined`;
    if (typeof this.name !== 'string') return `${objectTypeText(this.obj)} has no element ${name}`;
    return `${stringRepr(objectTypeText(this.obj))} has no attribute ${name}`;
  }

  /** The error of using the value. */
  error(): JinjaError {
    const { obj, name } = this;
    const suggestion =
      this.suggest?.() ??
      (typeof name === 'string' && typeof obj === 'object' && obj !== null && !Array.isArray(obj)
        ? obj.jinjaSuggest?.(name)
        : undefined);
    return new JinjaError('UndefinedError', this.message, suggestion === undefined ? {} : { hint: suggestion });
  }

  jinjaGet(name: string): Value | undefined {
    if (name.startsWith('__') && name.endsWith('__')) return undefined;
    if (this.kind === 'chainable') return this;
    if (this.kind === 'capture') return this.#captured(name);
    throw this.error();
  }

  #captured(attribute: string): Value {
    switch (attribute) {
      case 'name':
        return this.name ?? null;
      case 'hint':
        return this.hint ?? null;
      case 'unsafe_callable':
      case 'alters_data':
        return false;
      default:
        return new Undefined(attribute, this.hint, undefined, 'capture');
    }
  }

  jinjaItem(_key: Value): Value | undefined {
    if (this.kind === 'chainable' || this.kind === 'capture') return this;
    throw this.error();
  }

  get jinjaCall(): Callable {
    return () => {
      if (this.kind === 'capture') return this;
      throw this.error();
    };
  }

  jinjaText(): string {
    if (this.kind === 'strict') throw this.error();
    return '';
  }

  jinjaRepr(): string {
    return 'Undefined';
  }

  jinjaTruth(): boolean {
    if (this.kind === 'strict') throw this.error();
    return false;
  }

  jinjaLength(): number {
    if (this.kind === 'strict') throw this.error();
    return 0;
  }

  jinjaIter(): Iterable<Value> {
    if (this.kind === 'strict') throw this.error();
    return [];
  }

  jinjaContains(_item: Value): boolean {
    if (this.kind === 'strict') throw this.error();
    return false;
  }

  jinjaEquals(other: Value): boolean {
    if (this.kind === 'strict') throw this.error();
    return other instanceof Undefined && other.kind === this.kind;
  }

  jinjaHash(): string {
    if (this.kind === 'strict') throw this.error();
    return `undefined ${this.kind}`;
  }

  jinjaCompare(_other: Value): number | undefined {
    throw this.error();
  }

  jinjaBinary(): Value | undefined {
    throw this.error();
  }

  jinjaUnary(): Value | undefined {
    throw this.error();
  }

  toJsonValue(): unknown {
    throw new JinjaError(
      'TypeError',
      `Object of type ${this.jinjaType.slice(this.jinjaType.lastIndexOf('.') + 1)} is not JSON serializable`,
    );
  }
}

/** Returns the factory of one variant. */
export function undefinedFactory(kind: UndefinedKind): UndefinedFactory {
  return (name, hint, obj) => new Undefined(name, hint, obj, kind);
}
