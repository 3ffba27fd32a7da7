// Converts selectors.yml to the manifest's form: every criterion becomes a dict. src/graph evaluates selectors.
import type { Json } from '../../contracts/node.ts';
import { criterionDictionary } from '../../graph/selector-grammar.ts';
import { isDict } from '../../project/schema-check.ts';

/** name → selector. @param selectors the contents of selectors.yml */
export function manifestSelectors(selectors: Json): Record<string, unknown> {
  const list = isDict(selectors) ? selectors['selectors'] : selectors;
  const out: Record<string, unknown> = {};
  if (!Array.isArray(list)) return out;
  for (const selector of list) {
    if (isDict(selector))
      out[selector['name'] as string] = { ...selector, definition: writtenOut(selector['definition'] ?? null) };
  }
  return out;
}

function writtenOut(definition: Json): Json {
  if (typeof definition === 'string') return criterionDictionary(definition);
  if (!isDict(definition)) return definition;
  for (const operator of ['union', 'intersection']) {
    const parts = definition[operator];
    if (Array.isArray(parts))
      return { [operator]: parts.map((part) => (typeof part === 'string' || isDict(part) ? writtenOut(part) : part)) };
  }
  const [key] = Object.keys(definition);
  if (key === undefined) return definition;
  const first = definition[key] as Json;
  const value = Array.isArray(first) ? first.map(writtenOut) : first;
  if (key === 'exclude') return { exclude: value };
  return Object.keys(definition).length === 1 ? { method: key, value } : definition;
}
