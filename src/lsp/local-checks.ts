// Checks of one file against the last manifest, for the time between a keystroke and the next parse.
import type { SourceFile } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import { TsdbtError } from '../errors.ts';
import { extractBlocks, JinjaError, parseTemplate, syntaxColumn } from '../jinja/index.ts';
import { loadYaml } from '../project/yaml.ts';
import { didYouMean } from '../values/close-matches.ts';
import type { SymbolTable } from './symbol-table.ts';
import { templateNames } from './template-names.ts';
import { TextPlaces } from './text-places.ts';

export interface LocalErrors {
  readonly errors: readonly TsdbtError[];
  /** Whether the file cannot be parsed, whatever other files contain. */
  readonly alone: boolean;
}

/** @param table null if the project has not been parsed yet */
export function localErrors(file: SourceFile, text: string, table: SymbolTable | null): LocalErrors {
  try {
    if (file.kind === 'properties') loadYaml(text, file.original_file_path);
    else if (WHOLE.has(file.kind) && file.original_file_path.endsWith('.sql')) checkTemplate(text, 1);
    else if (BLOCKS[file.kind] !== undefined)
      for (const block of extractBlocks(text, { allowed: BLOCKS[file.kind] ?? [] }))
        checkTemplate(block.fullBlock, block.line);
  } catch (error) {
    return { errors: error instanceof TsdbtError ? [error] : [], alone: true };
  }
  return { errors: table === null ? [] : missingReferences(file, text, table), alone: false };
}

/** Files that are one template. */
const WHOLE: ReadonlySet<SourceFile['kind']> = new Set(['model', 'analysis', 'singular_test']);
/** Files in which only blocks are templates. */
const BLOCKS: Readonly<Partial<Record<SourceFile['kind'], readonly string[]>>> = {
  macro: ['macro', 'materialization', 'test', 'data_test'],
  generic_test: ['test', 'data_test'],
  snapshot: ['snapshot'],
};

/** @param line of the file where the template begins. @throws {TsdbtError} with its place in the file */
function checkTemplate(template: string, line: number): void {
  try {
    parseTemplate(template);
  } catch (error) {
    if (!(error instanceof JinjaError)) throw error;
    const column = syntaxColumn(error, template);
    if (error.details.line !== undefined) error.details.line += line - 1;
    throw column === undefined ? error : error.with({ column });
  }
}

function missingReferences(file: SourceFile, text: string, table: SymbolTable): TsdbtError[] {
  const properties = file.kind === 'properties';
  // A call in a macro may never be executed, and only parsing says whether that of a test is an error.
  if (!properties && !['model', 'analysis', 'snapshot'].includes(file.kind)) return [];
  const places = new TextPlaces(text);
  const uses = properties ? [] : templateNames(text);
  return uses.flatMap(({ thing, start }, at) => {
    // A source has two names; its table is marked.
    if (thing.kind !== 'ref' && (thing.kind !== 'source' || uses[at + 1]?.thing === thing)) return [];
    if (table.resolve(thing, file.package_name) !== null || table.isDisabled(thing, file.package_name)) return [];
    const { line, character } = places.positionAt(start - 1);
    const name = thing.kind === 'ref' ? thing.name : `${thing.source}.${thing.table}`;
    const known = thing.kind === 'ref' ? table.refNames() : table.sourceNames();
    const version = thing.kind === 'ref' && thing.version !== null ? `with version '${thing.version}' ` : '';
    const inPackage = thing.kind === 'ref' && thing.package !== null ? `in package or project '${thing.package}' ` : '';
    const kind = thing.kind === 'ref' ? 'node' : 'source';
    const type = file.kind === 'model' ? 'Model' : file.kind === 'snapshot' ? 'Snapshot' : 'Analysis';
    const node = `${type.toLowerCase()}.${file.package_name}.${file.relative_path.replace(/^.*\/|\.sql$/g, '')}`;
    const facts = { type, node, path: file.original_file_path, kind, name, where: `${version}${inPackage}` };
    const column = [...places.line(line).slice(0, character)].length + 1;
    return errorOf(
      'referenceMissing',
      { ...facts, why: 'was not found' },
      { line: line + 1, column, hint: didYouMean(name, known) },
    );
  });
}
