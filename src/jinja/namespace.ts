// `namespace()`: an object whose attributes a template can set.
import type { PyDict } from '../values/dict.ts';
import { typeError } from '../values/python-error.ts';
import { toRepr } from '../values/text.ts';
import type { HostObject, Value } from '../values/value.ts';

export class Namespace implements HostObject {
  readonly jinjaType = 'jinja2.utils.Namespace';
  readonly #attributes: PyDict;

  constructor(attributes: PyDict) {
    this.#attributes = attributes;
  }

  set(name: Value, value: Value): void {
    this.#attributes.set(name, value);
  }

  jinjaGet(name: string): Value | undefined {
    return this.#attributes.get(name);
  }

  jinjaText(): string {
    return `<Namespace ${toRepr(this.#attributes)}>`;
  }

  toJsonValue(): unknown {
    throw typeError('Object of type Namespace is not JSON serializable');
  }
}
