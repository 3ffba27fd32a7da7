// Renames models, seeds, snapshots and macros in all files. A place that is not certain stays as it is and is reported.
import { basename, dirname, extname, join } from 'node:path';
import { pathOf } from './buffer-file.ts';
import type { EditorProject } from './editor-project.ts';
import type { FileUse, NameIndex } from './name-index.ts';
import type { Span } from './name-uses.ts';
import type { ProjectSymbol, SymbolTable } from './symbol-table.ts';
import { insideQuotes, templateTokens } from './template-names.ts';
import { escaped, TextPlaces } from './text-places.ts';

export interface FileEdit extends Span {
  /** Absolute path. */
  readonly path: string;
  readonly text: string;
}

/** The edits of a renaming. */
export interface Renaming {
  readonly edits: readonly FileEdit[];
  /** Files whose name changes. */
  readonly moved: readonly { readonly from: string; readonly to: string }[];
  /** What was not changed because it is not certain: a place and the reason. */
  readonly left: readonly string[];
}

/** Why something cannot be renamed. */
export class NotRenamed extends Error {}

const NAME = /^[A-Za-z_]\w*$/;

/** @throws {NotRenamed} if it cannot be renamed */
export function renameSymbol(
  project: EditorProject,
  index: NameIndex,
  table: SymbolTable,
  { id }: ProjectSymbol,
  name: string,
): Renaming {
  if (!NAME.test(name)) throw new NotRenamed(`'${name}' is not a name: use letters, digits and underscores.`);
  const [type = '', packageName] = id.split('.');
  const root = table.parsed.config.project.project_name;
  if (packageName !== root) throw new NotRenamed(`${id} belongs to another package.`);
  if (type === 'macro') return renameMacro(project, index, table, id, name);
  const node = table.node(id);
  if (node === undefined || !['model', 'seed', 'snapshot'].includes(type))
    throw new NotRenamed('Only models, seeds, snapshots, macros and columns can be renamed.');
  if (node.resource_type === 'model' && node.version !== null) throw new NotRenamed('The model has versions.');
  if (table.resolve({ kind: 'ref', name, package: null, version: null }, root) !== null)
    throw new NotRenamed(`'${name}' exists already.`);
  const uses = index.usesOf({ id, column: null });
  const path = join(table.parsed.config.project.project_root, node.original_file_path);
  const extension = extname(path);
  const byFile =
    basename(path, extension) === node.name &&
    !uses.some(({ use }) => use.defines && use.thing.kind === 'entry' && type === 'snapshot');
  const moved = byFile ? [{ from: path, to: join(dirname(path), `${name}${extension}`) }] : [];
  const left = [...otherStrings(project, index, node.name, uses), ...otherSettings(project, node.name)];
  return { edits: editsOf(uses, name), moved, left };
}

/** Files of the project that can name nodes in selections and configs. */
const SETTINGS = ['dbt_project.yml', 'selectors.yml', 'jobs.yml'];

function otherSettings(project: EditorProject, name: string): string[] {
  return SETTINGS.flatMap((file) => {
    const lines = project.textAt(join(project.root, file)).split('\n');
    return lines.flatMap((line, at) =>
      new RegExp(`(?<!\\w)${escaped(name)}(?!\\w)`).test(line) ? `${file}:${at + 1}: ${line.trim()}` : [],
    );
  });
}

function renameMacro(project: EditorProject, index: NameIndex, table: SymbolTable, id: string, name: string): Renaming {
  const macro = table.macro(id);
  if (macro === undefined) throw new NotRenamed(`${id} is not known.`);
  if (macro.name.startsWith('materialization_')) throw new NotRenamed('Materializations cannot be renamed.');
  const isTest = macro.name.startsWith('test_');
  const full = isTest ? `test_${name}` : name;
  if ((table.macros.get(full) ?? []).some((each) => each.split('.')[1] === macro.package_name))
    throw new NotRenamed(`'${name}' exists already.`);
  const called = isTest ? macro.name.slice(5) : macro.name;
  const implementations = [...table.macros.keys()].filter((each) => each.endsWith(`__${called}`));
  const uses = index.usesOf({ id, column: null });
  const left = implementations.map((each) => `macro ${each}: it is found by the name of the renamed macro`);
  return { edits: editsOf(uses, name), moved: [], left: [...left, ...otherStrings(project, index, called, uses)] };
}

function editsOf(uses: readonly FileUse[], text: string): FileEdit[] {
  return uses
    .filter(({ use: { thing, start, end } }) => end > start && (thing.kind !== 'column' || text !== ''))
    .map(({ path, use: { start, end } }) => ({ path, start, end, text }));
}

/** Strings in templates that are the old name, which a template may pass to `ref` or to a macro. */
function otherStrings(project: EditorProject, index: NameIndex, name: string, uses: readonly FileUse[]): string[] {
  const known = new Set(uses.map(({ path, use }) => `${use.start} ${path}`));
  const { table } = index;
  return project.files.flatMap((file) => {
    if (!/\.sql$/.test(file.original_file_path) || table?.isInternalFolder(file.project_root) !== false) return [];
    const path = pathOf(file);
    const text = project.textAt(path);
    if (!text.includes(name)) return [];
    return templateTokens(text).flatMap((token) => {
      if (token.type !== 'string' || token.value !== name) return [];
      const { start } = insideQuotes(text, token);
      if (known.has(`${start} ${path}`) || index.at(path, start) !== null) return [];
      const line = new TextPlaces(text).positionAt(start).line + 1;
      return `${file.original_file_path}:${line}: the text '${name}' in a template`;
    });
  });
}
