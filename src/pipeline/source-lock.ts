// sources.lock.json: the columns of the project's sources as the database had them, for git. `sources sync` writes it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TypedColumn } from '../adapters/empty-relations.ts';
import { writeFileAtomically } from '../artifacts.ts';
import { errorOf } from '../error-table.ts';
import { TsdbtError } from '../errors.ts';
import { dialectNames } from '../lineage/create-dialect.ts';
import { checkWithin, folderOfNamedFiles } from '../project/outside-paths.ts';
import { readFileText } from '../project/read-file.ts';
import { lookupNode } from '../runner/nodes.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import { type CatalogColumns, readCatalogColumns } from './catalog-columns.ts';

export const SOURCE_LOCK = 'sources.lock.json';
const VERSION = 1;
/** Maximum size in bytes. */
const MOST = 50 * 1024 * 1024;

/** The path of the file. @throws {TsdbtError} if it is a link out of the project */
function lockPath({ config }: ParsedProject): string {
  const path = join(config.project.project_root, SOURCE_LOCK);
  const folder = folderOfNamedFiles(path, config);
  if (folder !== null && existsSync(path)) checkWithin(path, folder, 'Link');
  return path;
}

/**
 * Columns by unique_id of the source.
 * @returns null if there is no file, or it was written for another type of database
 * @throws {TsdbtError} `project` if the file is invalid
 */
export function readSourceLock(parsed: ParsedProject): CatalogColumns | null {
  const path = lockPath(parsed);
  if (!existsSync(path)) return null;
  const invalid = (why: string): TsdbtError => errorOf('badSourceLock', { why }, { path });
  let data: unknown;
  try {
    data = JSON.parse(readFileText(path, MOST));
  } catch (error) {
    if (error instanceof TsdbtError || !(error instanceof Error)) throw error;
    throw invalid(error.message.split('\n')[0]?.slice(0, 200) ?? '');
  }
  const { version, database, sources } = isDictionary(data) ? data : {};
  if (version !== VERSION) throw invalid(`"version" must be ${VERSION}`);
  if (!isDictionary(sources)) throw invalid('"sources" must be an object');
  const columns = new Map<string, readonly TypedColumn[]>();
  for (const [id, listed] of Object.entries(sources)) {
    if (!Array.isArray(listed)) throw invalid(`the columns of ${id} must be a list`);
    columns.set(
      id,
      listed.map((column): TypedColumn => {
        const { name, type } = isDictionary(column) ? column : {};
        if (typeof name !== 'string' || typeof type !== 'string')
          throw invalid(`each column of ${id} must have a "name" and a "type"`);
        return { name, type };
      }),
    );
  }
  return database === parsed.adapter.type ? columns : null;
}

/** Writes the file with sources in the order of their names, and one column per line. */
export function writeSourceLock(parsed: ParsedProject, columns: CatalogColumns): string {
  const path = lockPath(parsed);
  const sources = [...columns]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([id, listed]) => {
      const lines = listed.map(
        ({ name, type }) => `      {"name": ${JSON.stringify(name)}, "type": ${JSON.stringify(type)}}`,
      );
      return `    ${JSON.stringify(id)}: [\n${lines.join(',\n')}\n    ]`;
    });
  const head = `{\n  "version": ${VERSION},\n  "database": ${JSON.stringify(parsed.adapter.type)},\n  "sources": {`;
  const text = parsed.secrets.maskJson(`${head}\n${sources.join(',\n')}\n  }\n}\n`);
  writeFileAtomically(path, text);
  return path;
}

/** What differs between the file and the database: one line per column. */
export function sourceDrift(locked: CatalogColumns, found: CatalogColumns): string[] {
  const ids = [...new Set([...locked.keys(), ...found.keys()])].sort();
  return ids.flatMap((id) => {
    const [before, now] = [locked.get(id), found.get(id)];
    if (before === undefined) return [`+ ${id}`];
    if (now === undefined) return [`- ${id}`];
    const [old, added] = [typesOf(before), typesOf(now)];
    const names = [...new Set([...old.keys(), ...added.keys()])];
    const lines = names.flatMap((name) => {
      const [was, is] = [old.get(name), added.get(name)];
      if (was === is) return [];
      if (was === undefined) return [`+ ${id}.${name}: ${is}`];
      return is === undefined ? [`- ${id}.${name}: ${was}`] : [`~ ${id}.${name}: ${was} → ${is}`];
    });
    const moved = lines.length === 0 && before.some(({ name }, at) => name !== now[at]?.name);
    return moved ? [`~ ${id}: the columns are in another order`] : lines;
  });
}

function typesOf(columns: readonly TypedColumn[]): Map<string, string> {
  return new Map(columns.map(({ name, type }) => [name, type]));
}

/**
 * All columns of relations that are known without the database: of sources from sources.lock.json, with the types that
 * YAML declares, and otherwise from catalog.json.
 */
export function knownColumns(parsed: ParsedProject): CatalogColumns {
  const catalog = readCatalogColumns(parsed.targetPath);
  const locked = readSourceLock(parsed);
  if (locked === null) return catalog;
  const known = new Map(catalog);
  const { foldsNames } = dialectNames(parsed.adapter.type);
  for (const [id, columns] of locked) {
    const source = lookupNode(parsed.manifest, id);
    if (source?.resource_type !== 'source' || columns.length === 0) continue;
    const declared = Object.values(source.columns).map(({ name, quote, data_type: type }) => ({
      name: foldsNames && quote !== true ? name.toLowerCase() : name,
      type,
    }));
    const types = new Map(declared.map(({ name, type }) => [name, type]));
    known.set(
      id,
      columns.map(({ name, type }) => ({ name, type: types.get(name) ?? type })),
    );
  }
  return known;
}
