// Determines whether a relation is built by built-in macros only, and by which version: the macros that a
// materialization can reach. Used by unchanged-view.ts and plain-table.ts.
import { createHash } from 'node:crypto';
import type { MacroResolver } from '../context/macro-resolver.ts';

/**
 * Returns a value that changes with the materialization and every macro reachable from it; null if a project or package
 * overrides one of them.
 * @param name of the materialization
 */
export function makers(resolver: MacroResolver, name: string, packagesOverride: boolean): string | null {
  const materialization = resolver.materialization(name, packagesOverride ? () => {} : undefined);
  if (materialization === undefined || !resolver.isInternal(materialization)) return null;
  const foreign = new Set(
    resolver
      .namespaces()
      .filter((name) => name !== 'dbt')
      .flatMap((name) => [...(resolver.namespace(name)?.keys() ?? [])]),
  );
  const internal = resolver.internalMacros;
  const prefixes = ['', 'default__', ...resolver.options.adapterTypes.map((type) => `${type}__`)];
  const found = new Map([[materialization.name, materialization.macro_sql]]);
  const meant = namesByWord(internal.keys(), prefixes);
  const seen = new Set<string>();
  // An iteration over a Map includes entries added during it.
  for (const [, text] of found) {
    for (const word of text.match(/[A-Za-z_]\w*/g) ?? []) {
      if (seen.has(word)) continue;
      seen.add(word);
      for (const name of meant.get(word) ?? []) {
        if (found.has(name)) continue;
        if (prefixes.some((prefix) => foreign.has(prefix + name))) return null;
        found.set(name, internal.get(name)?.macro_sql ?? '');
      }
    }
  }
  return createHash('sha256')
    .update([...found.values()].join('\n'))
    .digest('hex');
}

/** Macros that a word in a text may refer to, in the order of the prefixes. */
function namesByWord(names: Iterable<string>, prefixes: readonly string[]): Map<string, string[]> {
  const all = [...names];
  const found = new Map<string, string[]>();
  for (const prefix of prefixes)
    for (const name of all) {
      if (!name.startsWith(prefix)) continue;
      const word = name.slice(prefix.length);
      const known = found.get(word);
      if (known === undefined) found.set(word, [name]);
      else known.push(name);
    }
  return found;
}
