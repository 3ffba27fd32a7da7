// Lineage as the text in which postgres-cases.ts expects it.
import type { Parents, QueryLineage, Source, Use } from '../../../src/lineage/column-lineage.ts';

/** @param tables columns by name; `u` has unknown columns, `d` has more than these */
export function parentsOf(tables: Readonly<Record<string, readonly string[]>>): Parents {
  return (key) => {
    const path: string[] = JSON.parse(key);
    const [node = ''] = path;
    const columns = path.length === 1 ? tables[node] : undefined;
    const completeness = node === 'u' ? 'unknown' : node === 'd' ? 'declared' : 'complete';
    return columns === undefined ? undefined : { node, columns, completeness };
  };
}

/** The cases of a table as pairs of SQL and lineage. Indented lines continue the one before. */
export function casesOf(table: string): [string, string][] {
  return table
    .trim()
    .replaceAll(/\n {2}/g, ' ')
    .split('\n')
    .map((line) => {
      const at = line.lastIndexOf(' => ');
      return [line.slice(0, at), line.slice(at + 4).trim()];
    });
}

export function written({ columns, uses }: QueryLineage): string {
  const each = columns.map(({ column, reason, sources, uses: own }) => {
    if (reason !== null) return `? ${column}`;
    return `${column} <- ${sourcesText(sources)}${own.length === 0 ? '' : ` [${usesText(own)}]`}`
      .replace('  ', ' ')
      .trim();
  });
  // What decides the rows of unknown columns may be incomplete.
  const rows = uses.length === 0 || columns.every(({ reason }) => reason !== null) ? '' : ` | ${usesText(uses)}`;
  return `${each.join('; ')}${rows}`;
}

function sourcesText(sources: readonly Source[]): string {
  return sources
    .map(({ node, column, kind }) => `${node}.${column}:${kind[0]}`)
    .sort()
    .join(', ');
}

function usesText(uses: readonly Use[]): string {
  return uses
    .map(({ node, column, role }) => `${role[0]} ${node}.${column}`)
    .sort()
    .join(', ');
}

/** For dialects that need no engine. */
export async function noEngine(): Promise<never> {
  throw new Error('the dialect needs no engine');
}
