// Lists the files of a project and its packages: those in the `*-paths` that .dbtignore does not exclude, in a fixed
// order. Contents and checksums are read lazily.
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, statSync, type Stats } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { Project, RuntimeConfig, SourceFile } from '../contracts/project.ts';
import { errorOf } from '../error-table.ts';
import { systemReason } from '../errors.ts';
import { type IgnoreRules, parseIgnoreFile } from './ignore-file.ts';
import { checkWithin } from './outside-paths.ts';
import { sourcePaths } from './project.ts';
import { compactWhitespace, pythonStrip } from './python-strip.ts';
import { MOST_DATA, readFileBytes, readFileText } from './read-file.ts';

type Kind = SourceFile['kind'];

interface FoundFile {
  readonly relative: string;
  readonly name: string;
  /** Whether it is a link. */
  readonly linked: boolean;
}

interface FileType {
  readonly kind: Kind;
  readonly paths: readonly string[];
  readonly extensions: readonly string[];
}

/** How the files of one project are read. */
interface Reading {
  /** Maximum size in bytes of a seed whose contents are hashed. */
  readonly seedLimit: number;
  readonly jinjaExtensions: boolean;
  /** Whether links may leave the project's folder. */
  readonly allowOutside: boolean;
}

const NO_RULES: IgnoreRules = { file: () => false, folder: () => false };

/** All files that dbt would parse: the root project's first, then those of `config.packages` in order. */
export function readSourceFiles(config: Pick<RuntimeConfig, 'packages' | 'flags'>): SourceFile[] {
  const files: SourceFile[] = [];
  const seedLimit = Number(config.flags['maximum_seed_size_mib'] ?? 1) * 1024 * 1024;
  const jinjaExtensions = config.flags['allow_jinja_file_extensions'] === true;
  const allow = config.flags['allow_outside_paths'] === true;
  for (const [i, project] of config.packages.entries()) {
    // A package that is linked from a local folder belongs to the caller.
    const allowOutside = allow && (i === 0 || lstatSync(project.project_root).isSymbolicLink());
    readProjectFiles(project, { seedLimit, jinjaExtensions, allowOutside }, files);
  }
  return files;
}

function readProjectFiles(project: Project, reading: Reading, into: SourceFile[]): void {
  const { seedLimit, jinjaExtensions, allowOutside } = reading;
  const ignorePath = join(project.project_root, '.dbtignore');
  const rules = existsSync(ignorePath) ? parseIgnoreFile(readFileText(ignorePath)) : NO_RULES;
  const walked = new Map<string, readonly FoundFile[]>();
  const walk = (path: string): readonly FoundFile[] => {
    let found = walked.get(path);
    if (found === undefined) walked.set(path, (found = findFiles(project.project_root, path, rules)));
    return found;
  };
  for (const type of fileTypes(project, jinjaExtensions)) {
    for (const extension of type.extensions) {
      for (const path of type.paths) {
        for (const file of walk(path)) {
          if (
            !file.name.endsWith(extension) ||
            (type.kind === 'singular_test' && /^(generic|fixtures)\//.test(file.relative))
          )
            continue;
          if (file.linked && !allowOutside)
            checkWithin(
              isAbsolute(path) ? join(path, file.relative) : `${path}/${file.relative}`,
              project.project_root,
              'Link',
            );
          into.push(new LoadedFile(project, path, file.relative, type.kind, seedLimit));
        }
      }
    }
  }
}

/** Kinds of files in dbt's reading order. */
function fileTypes(project: Project, jinjaExtensions: boolean): FileType[] {
  const aliases = (extension: string): string[] =>
    jinjaExtensions ? ['', '.j2', '.jinja2', '.jinja'].map((suffix) => extension + suffix) : [extension];
  const sql = aliases('.sql');
  const properties = sourcePaths(project);
  return [
    { kind: 'macro', paths: project.macro_paths, extensions: sql },
    { kind: 'model', paths: project.model_paths, extensions: ['.py', ...sql] },
    { kind: 'snapshot', paths: project.snapshot_paths, extensions: sql },
    { kind: 'analysis', paths: project.analysis_paths, extensions: sql },
    { kind: 'singular_test', paths: project.test_paths, extensions: sql },
    {
      kind: 'generic_test',
      paths: project.test_paths.map((path) => `${path.replace(/(?<!\/)\/+$/, '')}/generic`),
      extensions: sql,
    },
    { kind: 'seed', paths: project.seed_paths, extensions: ['.csv'] },
    { kind: 'docs', paths: project.docs_paths, extensions: aliases('.md') },
    { kind: 'properties', paths: properties, extensions: ['.yml', '.yaml'] },
    {
      kind: 'fixture',
      paths: project.test_paths.map((path) => `${path.replace(/(?<!\/)\/+$/, '')}/fixtures`),
      extensions: ['.csv', ...sql],
    },
    { kind: 'function', paths: project.function_paths, extensions: ['.py', '.js', ...sql] },
  ];
}

/** Files below `path`, names sorted, a folder's own files before its subfolders. Links to folders are not followed. */
function findFiles(root: string, path: string, rules: IgnoreRules): FoundFile[] {
  const found: FoundFile[] = [];
  const visit = (relative: string): void => {
    const folder = join(isAbsolute(path) ? path : join(root, path), relative);
    const entries = readFolder(folder);
    const folders: string[] = [];
    for (const entry of entries) {
      const below = relative === '' ? entry.name : `${relative}/${entry.name}`;
      const fromRoot = `${path.replace(/^\.\//, '').replace(/(?<!\/)\/+$/, '')}/${below}`;
      if (entry.isDirectory()) {
        if (!rules.folder(fromRoot)) folders.push(below);
        continue;
      }
      if (!entry.isFile() && !isPlainFile(join(folder, entry.name))) continue;
      const first = entry.name[0];
      if (first === '.' || first === '#' || first === '~' || rules.file(fromRoot)) continue;
      // Extensions are case-insensitive.
      found.push({ relative: below, name: entry.name.toLowerCase(), linked: entry.isSymbolicLink() });
    }
    for (const below of folders) visit(below);
  };
  visit('');
  return found;
}

/** Follows links; false for pipes, devices, broken links and links to themselves. */
function isPlainFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw errorOf('fileVanished', { why: systemReason(error) }, { path, cause: error });
  }
}

function readFolder(folder: string): import('node:fs').Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : a.name > b.name ? 1 : 0,
    );
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw errorOf(
      'folderNotRead',
      { folder, why: systemReason(error, folder) },
      {
        path: folder,
        cause: error,
      },
    );
  }
}

/** A file that is read when its text or checksum is first used. */
class LoadedFile implements SourceFile {
  readonly package_name: string;
  readonly project_root: string;
  readonly search_path: string;
  readonly relative_path: string;
  readonly original_file_path: string;
  readonly kind: Kind;
  readonly mtime_ms: number;
  readonly size: number;
  readonly #absolute: string;
  readonly #seedLimit: number;
  /** Set when the text is read. */
  first_line = 1;
  #text: string | undefined;
  #hash: SourceFile['checksum'] | undefined;

  constructor(project: Project, searchPath: string, relativePath: string, kind: Kind, seedLimit: number) {
    this.package_name = project.project_name;
    this.project_root = project.project_root;
    this.search_path = searchPath;
    this.relative_path = relativePath;
    this.original_file_path = `${searchPath.replace(/(?<!\/)\/+$/, '')}/${relativePath}`;
    this.kind = kind;
    this.#absolute = isAbsolute(searchPath)
      ? join(searchPath, relativePath)
      : join(project.project_root, searchPath, relativePath);
    const stat = statOf(this.#absolute);
    this.mtime_ms = stat.mtimeMs;
    this.size = stat.size;
    this.#seedLimit = seedLimit;
  }

  get contents(): string {
    if (this.#text !== undefined) return this.#text;
    const text = this.kind === 'seed' ? '' : readText(this.#absolute);
    this.#text = pythonStrip(text);
    if (text.charCodeAt(0) <= 32) this.first_line = text.slice(0, text.indexOf(this.#text)).split('\n').length;
    return this.#text;
  }

  get seedText(): string {
    return this.kind === 'seed' ? readText(this.#absolute) : '';
  }

  get checksum(): SourceFile['checksum'] {
    this.#hash ??= this.#computeChecksum();
    return this.#hash;
  }

  #computeChecksum(): SourceFile['checksum'] {
    if (this.kind !== 'seed') return sha256(compactWhitespace(this.contents));
    if (this.#seedLimit !== 0 && this.size > this.#seedLimit)
      return { name: 'path', checksum: this.original_file_path };
    // dbt reads seeds with universal newlines and keeps a BOM.
    return sha256(
      pythonStrip(decode(readFileBytes(this.#absolute, MOST_DATA), this.#absolute).replace(/\r\n?/g, '\n')),
    );
  }
}

function sha256(text: string): SourceFile['checksum'] {
  return { name: 'sha256', checksum: createHash('sha256').update(text, 'utf8').digest('hex') };
}

function readText(path: string): string {
  const text = decode(readFileBytes(path, /\.csv$/i.test(path) ? MOST_DATA : undefined), path);
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

function decode(bytes: Buffer, path: string): string {
  const text = bytes.toString('utf8');
  // A replacement character may be genuine or mark invalid UTF-8: only then are the bytes checked.
  if (text.includes('\ufffd')) {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (error) {
      throw errorOf('fileNotUtf8', { path }, { path, cause: error });
    }
  }
  return text;
}
