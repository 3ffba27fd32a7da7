// Finds which relation's column a word in a model's SQL is. Only a column that one relation alone has counts.
import { join } from 'node:path';
import type { ParsedProject } from '../index.ts';
import type { NameIndex } from './name-index.ts';
import type { Span } from './name-uses.ts';
import type { RelationColumns } from './relation-columns.ts';
import type { ProjectSymbol } from './symbol-table.ts';
import { plainParts } from './template-names.ts';

const WORD = /[\p{L}_][\p{L}\p{N}_$]*/gu;

export interface ColumnWord extends Span {
  readonly symbol: ProjectSymbol;
}

/** The relations that a file reads, and their aliases. */
export function relationsIn(
  index: NameIndex,
  path: string,
  text: string,
): { ids: string[]; aliases: Map<string, string> } {
  const [ids, aliases] = [new Set<string>(), new Map<string, string>()];
  for (const { thing, end, start } of index.usesIn(path)) {
    if (thing.kind !== 'ref' && thing.kind !== 'source') continue;
    const id = index.table?.resolve(thing, index.packageOf(path))?.id;
    if (id === undefined) continue;
    ids.add(id);
    aliases.set(text.slice(start, end).toLowerCase(), id);
    const alias = /^['"][^{}]*\}\}\s+(?:as\s+)?([A-Za-z_]\w*)/i.exec(text.slice(end))?.[1]?.toLowerCase();
    if (alias !== undefined && !NOT_ALIASES.has(alias)) aliases.set(alias, id);
  }
  return { ids: [...ids], aliases };
}

const NOT_ALIASES = new Set(
  'where join left right inner full cross on using group order having limit union window natural lateral final'.split(
    ' ',
  ),
);

/** The models and snapshots that a file defines. */
export function nodesOf({ manifest, config }: ParsedProject, path: string): string[] {
  const roots = new Map(config.packages.map((each) => [each.project_name, each.project_root]));
  return Object.keys(manifest.nodes).filter((id) => {
    if (!/^(?:model|snapshot|analysis)\./.test(id)) return false;
    const [, packageName = '', name = ''] = id.split('.');
    if (!id.startsWith('snapshot.') && !path.endsWith(`/${name}.sql`) && !/\.v\w+$/.test(id)) return false;
    const node = manifest.nodes[id];
    return node !== undefined && join(roots.get(packageName) ?? '', node.original_file_path) === path;
  });
}

/** The column at an offset of a model's SQL; null if it is not certain. */
export async function columnAt(
  parsed: ParsedProject,
  index: NameIndex,
  columns: RelationColumns,
  path: string,
  text: string,
  offset: number,
): Promise<ColumnWord | null> {
  const part = plainParts(text).find(({ start, end }) => start <= offset && offset <= end);
  if (part === undefined) return null;
  for (const match of text.slice(part.start, part.end).matchAll(WORD)) {
    const start = part.start + match.index;
    const end = start + match[0].length;
    if (offset < start || offset > end) continue;
    const name = match[0];
    const own = nodesOf(parsed, path).find((id) => id.startsWith('model.')) ?? nodesOf(parsed, path)[0];
    const outputs = async (): Promise<boolean> =>
      own !== undefined &&
      (await columns.of(parsed, own)).some((column) => column.name.toLowerCase() === name.toLowerCase());
    if (own !== undefined && /\bas\s+["`]?$/i.test(text.slice(part.start, start)) && (await outputs()))
      return { start, end, symbol: { id: own, column: name } };
    const qualifier = /(?<!\w)([A-Za-z_]\w*)\s*\.\s*["`]?$/.exec(text.slice(part.start, start))?.[1]?.toLowerCase();
    const { ids, aliases } = relationsIn(index, path, text);
    const named = qualifier === undefined ? undefined : aliases.get(qualifier);
    const having: string[] = [];
    for (const id of named === undefined ? ids : [named])
      if ((await columns.of(parsed, id)).some((column) => column.name.toLowerCase() === name.toLowerCase()))
        having.push(id);
    const [id] = having;
    if (id === undefined && own !== undefined && qualifier === undefined && (await outputs()))
      return { start, end, symbol: { id: own, column: name } };
    if (id === undefined || having.length > 1) return null;
    return { start, end, symbol: { id, column: name } };
  }
  return null;
}
