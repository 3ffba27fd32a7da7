// selectors.yml as the manifest shows it: every criterion written out as a dict. Leaves selecting to src/graph.
import type { Json } from '../contracts/node.ts';
import { isDict } from './config-fields.ts';
import type { YamlDict } from './yaml-entries.ts';

const SPEC = /^(@)?((\d*)\+)?(?:([\w.]+):)?(.*?)(\+(\d*))?$/s;

/** name → selector. @param selectors the contents of selectors.yml */
export function manifestSelectors(selectors: Json): Record<string, unknown> {
  const list = isDict(selectors) ? selectors['selectors'] : selectors;
  const out: Record<string, unknown> = {};
  if (!Array.isArray(list)) return out;
  for (const selector of list) {
    if (isDict(selector)) out[selector['name'] as string] = { ...selector, definition: writtenOut(selector['definition'] ?? null) };
  }
  return out;
}

function writtenOut(definition: Json): Json {
  if (typeof definition === 'string') return specDict(definition);
  if (!isDict(definition)) return definition;
  for (const operator of ['union', 'intersection']) {
    const parts = definition[operator];
    if (Array.isArray(parts)) return { [operator]: parts.map((part) => (typeof part === 'string' || isDict(part) ? writtenOut(part) : part)) };
  }
  const [key] = Object.keys(definition);
  if (key === undefined) return definition;
  const first = definition[key] as Json;
  const value = Array.isArray(first) ? first.map(writtenOut) : first;
  if (key === 'exclude') return { exclude: value };
  return Object.keys(definition).length === 1 ? { method: key, value } : definition;
}

/** `@tag:x+2` as dbt writes it out. */
function specDict(text: string): YamlDict {
  const match = SPEC.exec(text);
  if (match === null) return { error: 'Invalid selector spec' };
  const [, at, parents, parentsDepth, method, value = '', children, childrenDepth] = match;
  const out: YamlDict = {};
  if (at !== undefined) out['childrens_parents'] = true;
  if (parents !== undefined) out['parents'] = true;
  if (parentsDepth) out['parents_depth'] = parentsDepth;
  out['method'] = method ?? defaultMethod(value);
  if (value !== '') out['value'] = value;
  if (children !== undefined) out['children'] = true;
  if (childrenDepth) out['children_depth'] = childrenDepth;
  return out;
}

function defaultMethod(value: string): string {
  if (value.includes('/')) return 'path';
  return /\.(?:sql|py|csv)$/i.test(value) ? 'file' : 'fqn';
}
