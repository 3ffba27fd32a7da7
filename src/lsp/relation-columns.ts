// The columns of models, seeds, snapshots and sources: as declared, from catalog.json and
// sources.lock.json, and from column lineage if its parser is installed.
import { createHash } from 'node:crypto';
import { TsdbtError } from '../errors.ts';
import {
  type CompiledQueries,
  LineageAnalysis,
  OfflineCompiler,
  openDialect,
  type ParsedProject,
  readSourceLock,
} from '../index.ts';
import type { LineageDialect, OutputColumn, Parents, QueryLineage } from '../lineage/column-lineage.ts';
import type { EditorProject } from './editor-project.ts';

export interface KnownColumn {
  readonly name: string;
  readonly type: string | null;
  readonly description: string;
}

type Compilable = Parameters<OfflineCompiler['compiled']>[0];

export class RelationColumns {
  readonly #project: EditorProject;
  #dialect: Promise<LineageDialect | null> | null = null;
  #of: {
    readonly version: number;
    readonly compiler: OfflineCompiler;
    readonly analysis: LineageAnalysis | null;
  } | null = null;
  #macros: { readonly origin: object | null; readonly text: string } = { origin: null, text: '' };
  /** Columns by node as last analyzed, with the code that they belong to. */
  readonly #names = new Map<string, { readonly code: string; readonly names: readonly string[] }>();

  constructor(project: EditorProject) {
    this.#project = project;
  }

  /** The dialect of the target; null if its parser is not installed. */
  dialect(parsed: ParsedProject): Promise<LineageDialect | null> {
    this.#dialect ??= openDialect(parsed).catch((error: unknown) => {
      if (error instanceof TsdbtError) return null;
      throw error;
    });
    return this.#dialect;
  }

  async close(): Promise<void> {
    await (await this.#dialect)?.close();
  }

  async #current(parsed: ParsedProject) {
    const { version } = this.#project;
    if (this.#of?.version === version) return this.#of;
    const all = new Set(parsed.dag.nodes);
    const dialect = await this.dialect(parsed);
    const analysis = dialect === null ? null : analysisOf(parsed, all, dialect);
    return (this.#of = { version, compiler: new OfflineCompiler(parsed, all, true), analysis });
  }

  /** Compiles a node without a database. @returns its SQL, or the error of its template */
  async compiled(parsed: ParsedProject, node: Compilable): Promise<CompiledQueries | TsdbtError> {
    return (await this.#current(parsed)).compiler.compiled(node);
  }

  /** The lineage of a node's columns; null without a parser. */
  async lineage(parsed: ParsedProject, id: string): Promise<QueryLineage | null> {
    const { analysis } = await this.#current(parsed);
    if (analysis === null) return null;
    const needed = new Set([id, ...parsed.dag.ancestors(id)]);
    for (const each of parsed.dag.topological())
      if (needed.has(each) && !analysis.found.has(each)) await analysis.add(each);
    return analysis.found.get(id) ?? null;
  }

  /** The relations of all nodes that were analyzed. */
  relations(): Parents | null {
    return this.#of?.analysis?.parents ?? null;
  }

  /** The columns of a relation. */
  async of(parsed: ParsedProject, id: string): Promise<KnownColumn[]> {
    const { manifest } = parsed;
    const node = manifest.nodes[id] ?? manifest.sources[id];
    if (node === undefined) return [];
    const columns = new Map<string, KnownColumn>();
    for (const { name, data_type: type, description } of Object.values(node.columns))
      columns.set(name.toLowerCase(), { name, type, description });
    for (const { name, type } of this.#ofDatabase(parsed, id)) {
      const key = name.toLowerCase();
      const declared = columns.get(key);
      columns.set(key, { name, type: declared?.type ?? type, description: declared?.description ?? '' });
    }
    for (const name of await this.#analyzed(parsed, id))
      if (!columns.has(name.toLowerCase())) columns.set(name.toLowerCase(), { name, type: null, description: '' });
    return [...columns.values()];
  }

  /** The columns of a source in sources.lock.json; an invalid file is reported by the checks. */
  #ofDatabase(parsed: ParsedProject, id: string): readonly { readonly name: string; readonly type: string }[] {
    if (parsed.manifest.sources[id] === undefined) return [];
    try {
      return readSourceLock(parsed)?.get(id) ?? [];
    } catch (error) {
      if (error instanceof TsdbtError) return [];
      throw error;
    }
  }

  async #analyzed(parsed: ParsedProject, id: string): Promise<readonly string[]> {
    const code = this.#codeOf(parsed, id);
    const known = this.#names.get(id);
    if (known?.code === code) return known.names;
    const names = ((await this.lineage(parsed, id))?.columns ?? []).flatMap(({ column }) =>
      column === '*' ? [] : column,
    );
    this.#names.set(id, { code, names });
    return names;
  }

  /** What decides the columns of a node: its code and that of its ancestors, and all macros. */
  #codeOf({ manifest, dag, origin }: ParsedProject, id: string): string {
    if (this.#macros.origin !== origin) {
      const files = Object.entries(origin.files).filter(([file]) => file.startsWith('macro '));
      this.#macros = { origin, text: JSON.stringify(files.map(([, [, hash]]) => hash)) };
    }
    const nodes = [id, ...dag.ancestors(id)].map((each) => {
      const node = manifest.nodes[each];
      return node === undefined ? Object.keys(manifest.sources[each]?.columns ?? {}).join() : node.raw_code;
    });
    return createHash('sha256')
      .update(JSON.stringify([this.#macros.text, nodes]))
      .digest('base64');
  }

  /** The lineage of one column. */
  async column(parsed: ParsedProject, id: string, name: string): Promise<OutputColumn | null> {
    const lineage = await this.lineage(parsed, id);
    return lineage?.columns.find(({ column }) => column.toLowerCase() === name.toLowerCase()) ?? null;
  }
}

/** @returns null if a file of the project that it reads is invalid, which the checks report */
function analysisOf(parsed: ParsedProject, all: ReadonlySet<string>, parser: LineageDialect): LineageAnalysis | null {
  try {
    return new LineageAnalysis(parsed, all, { parser, known: null, inject: false });
  } catch (error) {
    if (error instanceof TsdbtError) return null;
    throw error;
  }
}
