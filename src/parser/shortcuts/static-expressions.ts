// Parses literal `ref('x')` and `source('a', 'b')` in YAML without a template engine. Computed expressions are
// rendered.
import type { RefArgs } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';

export type RefOrSource = { readonly ref: RefArgs } | { readonly source: [string, string] };

const TEXT = String.raw`\s*(?:'([^'\\{}]*)'|"([^"\\{}]*)")\s*`;
const VERSION = String.raw`,\s*(?:v|version)\s*=\s*(?:'([^'\\]*)'|"([^"\\]*)"|(\d+))\s*`;
const REF = new RegExp(String.raw`^\s*ref\s*\(${TEXT}(?:,${TEXT})?(?:${VERSION})?,?\s*\)\s*$`);
const SOURCE = new RegExp(String.raw`^\s*source\s*\(${TEXT},${TEXT},?\s*\)\s*$`);

/** The expression as a ref or a source, or null when it is anything else. */
export function readRefOrSource(expression: string): RefOrSource | null {
  const ref = REF.exec(expression);
  if (ref !== null) {
    const [, a1, a2, b1, b2, v1, v2, v3] = ref;
    const first = (a1 ?? a2) as string;
    const second = b1 ?? b2;
    const version = v3 === undefined ? (v1 ?? v2 ?? null) : Number(v3);
    return {
      ref: second === undefined ? { name: first, package: null, version } : { name: second, package: first, version },
    };
  }
  const source = SOURCE.exec(expression);
  if (source === null) return null;
  const [, a1, a2, b1, b2] = source;
  return { source: [(a1 ?? a2) as string, (b1 ?? b2) as string] };
}

/**
 * Like the function above, for places where nothing else is allowed.
 * @throws TsdbtError `parsing` for any other expression
 */
export function expectRefOrSource(expression: unknown): RefOrSource {
  if (typeof expression !== 'string') throw errorOf('referenceNoText', { found: JSON.stringify(expression) });
  const found = readRefOrSource(expression);
  if (found === null) throw errorOf('badReference', { expression });
  return found;
}
