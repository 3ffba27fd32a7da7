// The names in all files of a project. The names of a file are searched again when its text changes.
import { join } from 'node:path';
import type { EditorProject } from './editor-project.ts';
import { pathOf } from './buffer-file.ts';
import type { NameUse } from './name-uses.ts';
import { propertyNames } from './property-names.ts';
import { type ProjectSymbol, SymbolTable } from './symbol-table.ts';
import { templateNames } from './template-names.ts';

/** A use of a name in a file. */
export interface FileUse {
  /** Absolute path. */
  readonly path: string;
  readonly use: NameUse;
}

export class NameIndex {
  readonly #project: EditorProject;
  readonly #known = new Map<string, { readonly text: string; readonly uses: readonly NameUse[] }>();
  #table: { readonly version: number; readonly table: SymbolTable } | null = null;

  constructor(project: EditorProject) {
    this.#project = project;
  }

  /** The names of the last manifest; null before the first. */
  get table(): SymbolTable | null {
    const { parsed, version } = this.#project;
    if (parsed === null) return null;
    if (this.#table?.version !== version) this.#table = { version, table: new SymbolTable(parsed) };
    return this.#table.table;
  }

  /** The project's settings, whose variables are names. */
  get settingsPath(): string {
    return join(this.#project.root, 'dbt_project.yml');
  }

  /** All names in a file. */
  usesIn(path: string): readonly NameUse[] {
    const file = this.#project.fileAt(path);
    if ((file === undefined && path !== this.settingsPath) || file?.kind === 'seed') return [];
    const text = this.#project.textAt(path);
    const known = this.#known.get(path);
    if (known?.text === text) return known.uses;
    const uses = /\.ya?ml$/.test(path) ? propertyNames(text) : /\.(?:sql|md)$/.test(path) ? templateNames(text) : [];
    this.#known.set(path, { text, uses });
    return uses;
  }

  packageOf(path: string): string {
    const { parsed } = this.#project;
    return this.#project.fileAt(path)?.package_name ?? parsed?.config.project.project_name ?? '';
  }

  /** The name at an offset, and its symbol. */
  at(path: string, offset: number): { readonly use: NameUse; readonly symbol: ProjectSymbol | null } | null {
    const use = this.usesIn(path).find(({ start, end }) => start <= offset && offset <= end);
    if (use === undefined) return null;
    return { use, symbol: this.table?.resolve(use.thing, this.packageOf(path)) ?? null };
  }

  /** All uses of a symbol in files of the project and its packages. */
  usesOf({ id, column }: ProjectSymbol): FileUse[] {
    const { table } = this;
    if (table === null) return [];
    const paths = this.#project.files.filter(({ project_root }) => !table.isInternalFolder(project_root)).map(pathOf);
    return [...paths, this.settingsPath].flatMap((path) => {
      const packageName = this.packageOf(path);
      return this.usesIn(path).flatMap((use) => {
        const found = table.resolve(use.thing, packageName);
        return found?.id === id && sameColumn(found.column, column) ? { path, use } : [];
      });
    });
  }
}

function sameColumn(one: string | null, other: string | null): boolean {
  return one === other || (one !== null && other !== null && one.toLowerCase() === other.toLowerCase());
}
