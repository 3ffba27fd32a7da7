// Computes names of generic tests and the hash in their ids from the arguments, as dbt does. Pure.
import { createHash } from 'node:crypto';
import type { Json } from '../../contracts/node.ts';
import { isDict } from '../../project/schema-check.ts';
import { pyRepr, pyStr } from '../../values/python-text.ts';

/** The MD5 of a text in hexadecimal digits. */
export function md5(text: string): string {
  return createHash('md5').update(text, 'utf8').digest('hex');
}

/**
 * Returns the two names of a test without an explicit name.
 * @returns `[short, full]`: the short one (at most 63 characters) for file and alias, the full one for id and fqn
 * @example
 * syntheticTestNames('unique', 'orders', { column_name: 'id' }) // ['unique_orders_id', 'unique_orders_id']
 */
export function syntheticTestNames(
  testType: string,
  target: string,
  args: { readonly [name: string]: Json },
): [short: string, full: string] {
  const flat: string[] = [];
  for (const name of Object.keys(args).sort()) {
    if (name === 'model') continue;
    const value = args[name];
    if (Array.isArray(value)) for (const item of value) flat.push(pyStr(item));
    else if (isDict(value)) for (const key of Object.keys(value)) flat.push(pyStr(value[key]));
    else flat.push(pyStr(value));
  }
  const unique = flat.map((part) => part.replace(/[^0-9a-zA-Z_]+/g, '_')).join('__');
  const identifier = `${testType}_${target}`;
  const full = `${identifier}_${unique}`;
  if (Array.from(full).length < 64) return [full, full];
  return [`${identifier.slice(0, 30)}_${md5(full)}`, full];
}

export interface HashedTestMetadata {
  readonly namespace: string | null;
  readonly name: string;
  readonly kwargs: { readonly [name: string]: Json };
}

/** The ten hexadecimal digits at the end of a test's id, which make it unique. */
export function testHash(name: string, { namespace, name: testName, kwargs }: HashedTestMetadata): string {
  const owner = pyRepr(pyStr(namespace));
  const metadata = `{'kwargs': ${hashable(kwargs)}, 'name': ${pyRepr(testName)}, 'namespace': ${owner}}`;
  return md5(name + metadata).slice(-10);
}

/** repr() of the value with sorted keys and all leaves as texts. */
function hashable(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(hashable).join(', ')}]`;
  if (isDict(value))
    return `{${Object.keys(value)
      .sort()
      .map((key) => `${pyRepr(key)}: ${hashable(value[key])}`)
      .join(', ')}}`;
  return pyRepr(pyStr(value));
}
