// A result as on-run-end hooks see it: dbt's RunResult with its node, whose dataclasses have `to_dict()`. Reads only.
import type { RunResult } from '../contracts/results.ts';
import { callable, fromJson, type HostObject, PyDict, type Value } from '../values/index.ts';

/** A dict that can also be asked for itself, as dbt's dataclasses can. */
class RecordDict extends PyDict {
  override jinjaGet(name: string): Value | undefined {
    return name === 'to_dict'
      ? callable(name, '*args, **kwargs', () => new PyDict(this.entries()))
      : super.jinjaGet(name);
  }
}

const record = (value: Value): Value => (value instanceof PyDict ? new RecordDict(value.entries()) : value);

function nodeValue(node: Value): Value {
  if (!(node instanceof PyDict)) return node;
  const value = new RecordDict(node.entries());
  for (const field of ['config', 'depends_on', 'docs', 'contract'])
    if (value.has(field)) value.set(field, record(value.get(field) ?? null));
  const columns = value.get('columns');
  if (columns instanceof PyDict)
    value.set('columns', new PyDict([...columns.entries()].map(([name, column]) => [name, record(column)])));
  return value;
}

/** `results[i]` of a template. */
export function resultValue(result: RunResult): HostObject {
  const { node, timing, ...plain } = result;
  const fields = new Map<string, Value>();
  const make = (name: string): Value | undefined => {
    if (name === 'node') return nodeValue(fromJson(node ?? null));
    if (name === 'timing') return timing.map((item) => record(fromJson(item)));
    return Object.hasOwn(plain, name) ? fromJson(plain[name as keyof typeof plain]) : undefined;
  };
  const read = (name: string): Value | undefined => {
    const value = fields.get(name) ?? make(name);
    if (value !== undefined) fields.set(name, value);
    return value;
  };
  const names = [...Object.keys(plain), 'timing', 'node'];
  return {
    jinjaType: 'RunResult',
    jinjaGet(name) {
      if (name === 'to_dict')
        return callable('to_dict', '*args, **kwargs', () =>
          PyDict.from(names.map((n): [string, Value] => [n, read(n) ?? null])),
        );
      if (name === 'skipped') return result.status === 'skipped';
      return read(name);
    },
    jinjaItem: (key) => (typeof key === 'string' ? read(key) : undefined),
    jinjaText: () => `RunResult(status='${result.status}', unique_id='${result.unique_id}')`,
  };
}
