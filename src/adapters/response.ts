// A database's response to a statement, for templates: prints as its message, has `code`, `rows_affected` and similar
// attributes.
import type { AdapterResponse } from '../contracts/results.ts';
import { callable } from '../values/callable.ts';
import { PyDict } from '../values/dict.ts';
import { fromJson } from '../values/json.ts';
import { toRepr } from '../values/text.ts';
import type { HostObject, Value } from '../values/value.ts';

export class ResponseObject implements HostObject {
  readonly jinjaType = 'dbt.adapters.contracts.connection.AdapterResponse';
  readonly response: AdapterResponse;

  constructor(response: AdapterResponse) {
    this.response = response;
  }

  jinjaGet(name: string): Value | undefined {
    if (name === 'to_dict')
      return callable(name, 'omit_none=False', (omit) =>
        PyDict.from([...this.#entries()].filter(([, value]) => omit !== true || value !== null)),
      );
    if (name === 'code' || name === 'rows_affected' || name === 'query_id')
      return fromJson(this.response[name] ?? null);
    return Object.hasOwn(this.response, name) ? fromJson(this.response[name]) : undefined;
  }

  jinjaText(): string {
    return this.response._message;
  }

  jinjaRepr(): string {
    return `AdapterResponse(${[...this.#entries()].map(([key, value]) => `${key}=${toRepr(value)}`).join(', ')})`;
  }

  toJsonValue(): unknown {
    return this.response;
  }

  *#entries(): Iterable<[string, Value]> {
    const { _message, code = null, rows_affected = null, query_id = null, ...rest } = this.response;
    yield ['_message', _message];
    yield ['code', code];
    yield ['rows_affected', rows_affected];
    yield ['query_id', fromJson(query_id)];
    for (const key of Object.keys(rest)) yield [key, fromJson(rest[key])];
  }
}
