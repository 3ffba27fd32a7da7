// A project as an editor has it: files with unsaved texts, the last manifest without errors, and the errors since then.
// A file with an error counts as it was before, so that the other files are checked against a current manifest.
import { join } from 'node:path';
import type { SourceFile } from '../contracts/project.ts';
import { TsdbtError } from '../errors.ts';
import { keptParses, type LoadOptions, load, type LoadedProject, type ParsedProject, parseFiles } from '../index.ts';
import type { LogEvent } from '../log.ts';
import type { ParseCache } from '../parser/parse-cache.ts';
import { readSourceFiles } from '../project/files.ts';
import { readFileText } from '../project/read-file.ts';
import type { ProjectFiles } from '../runner/parsed-project.ts';
import { pathOf, withText } from './buffer-file.ts';

/** A mistake in a file. */
export interface FileProblem {
  /** Absolute path. */
  readonly path: string;
  readonly error: TsdbtError;
  readonly severity: 'error' | 'warning';
}

/** Files with errors that are replaced in one parse. */
const MOST_BROKEN = 10;
/** What a new file with an error counts as. */
const EMPTY: Readonly<Partial<Record<SourceFile['kind'], string>>> = { model: 'select 1', analysis: 'select 1' };

export class EditorProject {
  /** Absolute path of the project's folder. */
  readonly root: string;
  /** The last project without errors; null before the first. */
  parsed: ParsedProject | null = null;
  /** Grows with each manifest. */
  version = 0;
  /** As on disk. */
  files: readonly SourceFile[] = [];
  readonly #options: LoadOptions;
  readonly #buffers = new Map<string, string>();
  readonly #texts = new Map<string, { readonly stamp: string; readonly text: string }>();
  #byPath = new Map<string, SourceFile>();
  #loaded: LoadedProject | null = null;
  #cache: ParseCache | null = null;
  /** Texts of the last parse without errors, by path. */
  #good = new Map<string, SourceFile>();
  #warnings: LogEvent[] = [];

  /** @param root the folder with dbt_project.yml */
  constructor(root: string, options: LoadOptions) {
    this.root = root;
    const logger = { fire: (event: LogEvent): void => void (event.level === 'warn' && this.#warnings.push(event)) };
    this.#options = { ...options, projectDir: root, logger };
  }

  /** Replaces the text of a file. @param text null: as on disk */
  setBuffer(path: string, text: string | null): void {
    if (text === null) this.#buffers.delete(path);
    else this.#buffers.set(path, text.replace(/\r\n?/g, '\n'));
  }

  /** The file of a path; undefined if it is not part of the project. */
  fileAt(path: string): SourceFile | undefined {
    return this.#byPath.get(path);
  }

  /** The text of a file as the editor has it, with normalized line breaks; empty if it cannot be read. */
  textAt(path: string): string {
    return this.#read(path) ?? '';
  }

  #read(path: string): string | null {
    const buffer = this.#buffers.get(path);
    if (buffer !== undefined) return buffer;
    const file = this.#byPath.get(path);
    const stamp = `${file?.mtime_ms} ${file?.size}`;
    const known = this.#texts.get(path);
    if (file !== undefined && known?.stamp === stamp) return known.text;
    try {
      const text = readFileText(path)
        .replace(/^\ufeff/, '')
        .replace(/\r\n?/g, '\n');
      if (file !== undefined) this.#texts.set(path, { stamp, text });
      return text;
    } catch (error) {
      if (error instanceof TsdbtError) return null;
      throw error;
    }
  }

  /** Whether its settings were read. */
  get isLoaded(): boolean {
    return this.#loaded !== null;
  }

  /** Hides secrets in a text. */
  mask(text: string): string {
    return this.#loaded?.secrets.mask(text) ?? text;
  }

  /** Reads dbt_project.yml, profiles.yml and the packages again. */
  async reload(): Promise<FileProblem[]> {
    const before = this.#loaded;
    try {
      this.#loaded = await load(this.#options);
    } catch (error) {
      return [this.#problem(error, [])];
    }
    await before?.adapter.close();
    await before?.receivers.close();
    return this.refresh();
  }

  /**
   * Parses the project with the texts of the editor.
   * @param broken files that are known to have an error: they are not parsed, because that would only find it again
   * @returns all problems that were found
   */
  refresh(broken: ReadonlySet<string> = new Set()): FileProblem[] {
    const loaded = this.#loaded;
    if (loaded === null) return [];
    const problems: FileProblem[] = [];
    let files: SourceFile[] = [];
    try {
      this.files = readSourceFiles(loaded.config);
      this.#byPath = new Map(this.files.map((file) => [pathOf(file), file]));
      files = this.files.map((file) => {
        const text = this.#buffers.get(pathOf(file));
        const good = broken.has(pathOf(file)) ? this.#good.get(pathOf(file)) : undefined;
        return good ?? (text === undefined || file.kind === 'seed' ? file : withText(file, text));
      });
    } catch (error) {
      return [this.#problem(error, [])];
    }
    const replaced = new Set<string>();
    while (replaced.size <= MOST_BROKEN) {
      this.#warnings = [];
      try {
        const previous = this.#cache === null ? keptParses(loaded) : [this.#cache];
        const { parsed, cache } = parseFiles({ ...loaded, files: this.#filesOf(loaded) }, files, previous);
        this.parsed = parsed;
        this.#cache = cache;
        this.version++;
        for (const file of files) if (!replaced.has(pathOf(file))) this.#good.set(pathOf(file), file);
        return [...problems, ...this.#warned(files)];
      } catch (error) {
        const problem = this.#problem(error, files);
        const { path } = problem;
        const file = files.find((each) => pathOf(each) === path);
        problems.push(problem);
        if (file === undefined || replaced.has(path)) return problems;
        replaced.add(path);
        const good = this.#good.get(path);
        if (good !== undefined && good.contents === file.contents) return problems;
        const instead = good ?? (EMPTY[file.kind] === undefined ? null : withText(file, EMPTY[file.kind] ?? ''));
        files = files.flatMap((each) => (each !== file ? each : (instead ?? [])));
      }
    }
    return problems;
  }

  /** The texts of the editor, for the compiler and for places of errors. Nothing is written. */
  #filesOf({ config }: LoadedProject): ProjectFiles {
    return {
      read: (path, packageName) => {
        const packages = config.packages.filter(
          (each) => packageName === undefined || each.project_name === packageName,
        );
        for (const { project_root } of packages) {
          const text = this.#read(join(project_root, path));
          if (text !== null) return text;
        }
        return null;
      },
      write: () => undefined,
      mark: () => null,
    };
  }

  /** An error with the file that has it. */
  problemOf(error: TsdbtError): FileProblem {
    return this.#problem(error, this.files);
  }

  #problem(error: unknown, files: readonly SourceFile[]): FileProblem {
    const known = error instanceof TsdbtError ? error : new TsdbtError('internal', String(error));
    return { path: this.#pathOf(known, files), error: known, severity: 'error' };
  }

  #pathOf({ details: { path, node }, message }: TsdbtError, files: readonly SourceFile[]): string {
    const [, own] = node?.unique_id?.split('.') ?? [];
    for (const name of [path, node?.original_file_path]) {
      if (name === undefined) continue;
      const all = files.filter((file) => file.original_file_path === name || pathOf(file) === name);
      const file = all.find(({ package_name }) => package_name === own) ?? all[0];
      if (file !== undefined) return pathOf(file);
    }
    const quoted = files.find((file) => message.includes(file.original_file_path));
    return quoted === undefined ? join(this.root, 'dbt_project.yml') : pathOf(quoted);
  }

  /** Warnings about a file. */
  #warned(files: readonly SourceFile[]): FileProblem[] {
    return this.#warnings.flatMap(({ msg, data = {} }) => {
      const name = data['original_file_path'] ?? data['file_path'] ?? data['file'];
      const file = files.find(({ original_file_path: own }) => own === name);
      if (file === undefined) return [];
      return { path: pathOf(file), error: new TsdbtError('parsing', msg), severity: 'warning' as const };
    });
  }
}
