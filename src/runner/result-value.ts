// A result as on-run-end hooks see it: dbt's RunResult with its node. Reads only.
import type { RunResult } from '../contracts/results.ts';
import { callable, fromJson, type HostObject, PyDict, type Value } from '../values/index.ts';

/** `results[i]` of a template. */
export function resultValue(result: RunResult): HostObject {
  const { node, ...plain } = result;
  const fields = new Map<string, Value>();
  const read = (name: string): Value | undefined => {
    const known = fields.get(name);
    if (known !== undefined) return known;
    if (name !== 'node' && !Object.hasOwn(plain, name)) return undefined;
    const value = fromJson(name === 'node' ? node ?? null : plain[name as keyof typeof plain]);
    fields.set(name, value);
    return value;
  };
  const names = [...Object.keys(plain), 'node'];
  return {
    jinjaType: 'RunResult',
    jinjaGet(name) {
      if (name === 'to_dict') return callable('to_dict', 'omit_none=False', () => PyDict.from(names.map((n): [string, Value] => [n, read(n) ?? null])));
      if (name === 'skipped') return result.status === 'skipped';
      return read(name);
    },
    jinjaItem: (key) => (typeof key === 'string' ? read(key) : undefined),
    jinjaText: () => `RunResult(status='${result.status}', unique_id='${result.unique_id}')`,
  };
}
