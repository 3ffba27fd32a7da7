// Renames a column in its model and in all readers that keep its name. An edit of a query counts only if column lineage
// proves it: the edited query has the same lineage but for the name, and no other edit of the same words has.
import { join } from 'node:path';
import type { ModelNode, SnapshotNode, TestNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { OfflineCompiler, type ParsedProject } from '../index.ts';
import type { LineageDialect, ParentRelation, Parents, QueryLineage } from '../lineage/column-lineage.ts';
import type { EditorProject } from './editor-project.ts';
import type { NameIndex } from './name-index.ts';
import { NotRenamed, type FileEdit, type Renaming } from './project-rename.ts';
import type { RelationColumns } from './relation-columns.ts';
import type { ProjectSymbol } from './symbol-table.ts';
import { plainParts } from './template-names.ts';
import { escaped, TextPlaces } from './text-places.ts';

type Query = ModelNode | SnapshotNode | TestNode;

/** A word in the code of a node. */
interface Word {
  readonly start: number;
  readonly end: number;
}

/** Words of a query for which all combinations are tried. */
const MOST_TRIED = 7;

export class ColumnRename {
  readonly #project: EditorProject;
  readonly #parsed: ParsedProject;
  readonly #index: NameIndex;
  readonly #columns: RelationColumns;
  readonly #dialect: LineageDialect;
  readonly #compiler: OfflineCompiler;
  readonly #old: string;
  readonly #new: string;
  /** Nodes whose column is renamed. */
  readonly #renamed = new Set<string>();
  readonly #edits: FileEdit[] = [];
  readonly #left: string[] = [];

  private constructor(context: RenameContext, dialect: LineageDialect, old: string, name: string) {
    this.#project = context.project;
    this.#parsed = context.parsed;
    this.#index = context.index;
    this.#columns = context.columns;
    this.#dialect = dialect;
    this.#compiler = new OfflineCompiler(context.parsed, new Set(context.parsed.dag.nodes), false);
    this.#old = old;
    this.#new = name;
  }

  /** @throws {NotRenamed} if the column itself cannot be renamed */
  static async run(context: RenameContext, { id, column }: ProjectSymbol, name: string): Promise<Renaming> {
    const { parsed, columns } = context;
    const dialect = await columns.dialect(parsed);
    if (dialect === null)
      throw new NotRenamed('Renaming a column needs the parser of column lineage: see its documentation.');
    if (!(dialect.foldsNames ? /^[a-z_][a-z0-9_]*$/ : /^[A-Za-z_]\w*$/).test(name))
      throw new NotRenamed(
        `'${name}' needs quotes in SQL: use ${dialect.foldsNames ? 'lower-case ' : ''}letters, digits and underscores.`,
      );
    const known = (await columns.of(parsed, id)).map((each) => each.name.toLowerCase());
    if (known.includes(name.toLowerCase())) throw new NotRenamed(`${id} has a column '${name}' already.`);
    const renaming = new ColumnRename(context, dialect, column ?? '', name);
    await renaming.#origin(id);
    for (const reader of parsed.dag.topological()) if (reader !== id) await renaming.#reader(reader);
    renaming.#properties();
    return { edits: renaming.#edits, moved: [], left: renaming.#left };
  }

  #node(id: string): Query | null {
    const node = this.#parsed.manifest.nodes[id];
    if (node?.resource_type === 'model' || node?.resource_type === 'snapshot')
      return node.language === 'python' ? null : node;
    return node?.resource_type === 'test' && node.test_metadata === undefined ? node : null;
  }

  async #origin(id: string): Promise<void> {
    this.#renamed.add(id);
    const node = this.#node(id);
    if (node === null) {
      if (id.startsWith('seed.')) throw new NotRenamed('Columns of seeds cannot be renamed: change the CSV file.');
      return;
    }
    if (node.package_name !== this.#parsed.config.project.project_name)
      throw new NotRenamed(`${id} belongs to another package.`);
    const before = await this.#lineageOf(node, node.raw_code, false);
    if (typeof before === 'string') throw new NotRenamed(`${id}: ${before}`);
    const expected = before.map((each) => this.#expected(each, new Set([id]), true));
    const words = this.#words(node);
    const rename = (chosen: readonly Word[]) => replaced(node.raw_code, chosen, this.#new);
    for (const chosen of subsets(words).filter((each) => each.length > 0))
      if (await this.#gives(node, rename(chosen), expected)) return this.#accept(node, chosen, this.#new);
    for (const word of [...words].reverse()) {
      const text = `${node.raw_code.slice(word.start, word.end)} as ${this.#new}`;
      if (await this.#gives(node, replaced(node.raw_code, [word], text), expected))
        return this.#accept(node, [word], text);
    }
    throw new NotRenamed(`It is not certain where ${node.original_file_path} defines column '${this.#old}'.`);
  }

  async #reader(id: string): Promise<void> {
    const node = this.#node(id);
    if (node === null || !node.depends_on.nodes.some((parent) => this.#renamed.has(parent))) return;
    const before = await this.#lineageOf(node, node.raw_code, false);
    const words = this.#words(node);
    if (typeof before === 'string') return words.length === 0 ? undefined : this.#leave(node, words, before);
    const reads = before.some(({ columns, uses }) =>
      [...uses, ...columns.flatMap((each) => [...each.sources, ...each.uses])].some(
        (each) => this.#renamed.has(each.node) && this.#isOld(each.column),
      ),
    );
    if (!reads) return;
    if (node.package_name !== this.#parsed.config.project.project_name)
      return this.#leave(node, words, 'it belongs to another package');
    const through = before.every(({ columns }) => {
      const sources =
        columns.find((each) => this.#isOld(each.column))?.sources.filter((each) => each.node !== id) ?? [];
      return sources.length === 1 && sources[0]?.kind === 'identical' && this.#renamed.has(sources[0].node);
    });
    const nodes = new Set([...this.#renamed, ...(through ? [id] : [])]);
    const expected = before.map((each) => this.#expected(each, nodes, through));
    const fits: Word[][] = [];
    const tried =
      words.length > MOST_TRIED
        ? [words, ...words.map((word) => words.filter((each) => each !== word))]
        : subsets(words);
    for (const chosen of tried) {
      if (!(await this.#gives(node, replaced(node.raw_code, chosen, this.#new), expected, nodes))) continue;
      fits.push([...chosen]);
    }
    // A name that the query must keep gets an alias.
    const kept = (word: Word): string =>
      /^\s*(?:,|from\b)/i.test(node.raw_code.slice(word.end)) ? `${this.#new} as ${this.#old}` : this.#new;
    if (fits.length === 0 && !through)
      for (const chosen of tried) {
        const code = replaced(node.raw_code, chosen, kept);
        if (await this.#gives(node, code, expected, nodes)) return this.#accept(node, chosen, kept);
      }
    const [only] = fits;
    if (only === undefined || fits.length > 1)
      return this.#leave(
        node,
        words,
        only === undefined ? 'its SQL does not tell which words are the column' : 'several changes are possible',
      );
    if (through) this.#renamed.add(id);
    this.#accept(node, only, this.#new);
  }

  #isOld(name: string): boolean {
    return this.#dialect.foldsNames ? name.toLowerCase() === this.#old.toLowerCase() : name === this.#old;
  }

  /** The words outside of tags that can be the column. Strings and comments are left out. */
  #words({ raw_code: code }: Query): Word[] {
    const found: Word[] = [];
    const plain = /'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\/|[\p{L}_][\p{L}\p{N}_$]*/gu;
    for (const { start, end } of plainParts(code))
      for (const match of code.slice(start, end).matchAll(plain)) {
        const from = start + match.index;
        const to = from + match[0].length;
        if (this.#isOld(match[0]) && !/^\s*\(/.test(code.slice(to))) found.push({ start: from, end: to });
      }
    return found;
  }

  /** The lineage of a node's queries with some code. @returns why it is not known */
  async #lineageOf(
    node: Query,
    code: string,
    renamed: boolean,
    nodes = this.#renamed,
  ): Promise<QueryLineage[] | string> {
    await this.#columns.lineage(this.#parsed, node.unique_id);
    for (const parent of node.depends_on.nodes) await this.#columns.lineage(this.#parsed, parent);
    const queries = await this.#compiler.compiledAgain({ ...node, raw_code: code });
    if (queries instanceof TsdbtError) return firstLine(queries.message);
    const { first, later } = queries;
    if (later instanceof TsdbtError) return firstLine(later.message);
    const relations = this.#columns.relations();
    const parents: Parents = (key) => {
      const relation = relations?.(key);
      return relation === undefined || !renamed || !nodes.has(relation.node) ? relation : this.#withNew(relation);
    };
    const all: QueryLineage[] = [];
    for (const sql of first === later ? [first] : [first, later]) {
      const lineage = await this.#dialect.columns(sql, parents);
      const reason = lineage.columns.find((each) => each.reason !== null)?.reason;
      if (reason != null) return firstLine(reason);
      all.push(lineage);
    }
    return all;
  }

  #withNew(relation: ParentRelation): ParentRelation {
    return { ...relation, columns: relation.columns.map((each) => (this.#isOld(each) ? this.#new : each)) };
  }

  /** Whether edited code has the expected lineage. */
  async #gives(node: Query, code: string, expected: readonly string[], nodes = this.#renamed): Promise<boolean> {
    const found = await this.#lineageOf(node, code, true, nodes);
    if (typeof found === 'string' || found.length !== expected.length) return false;
    return found.every((lineage, at) => textOf(lineage) === expected[at]);
  }

  /** The lineage after the renaming, as text. @param output whether the output column is renamed */
  #expected({ columns, uses }: QueryLineage, nodes: ReadonlySet<string>, output: boolean): string {
    const column = <T extends { readonly node: string; readonly column: string }>(each: T): T =>
      nodes.has(each.node) && this.#isOld(each.column) ? { ...each, column: this.#new } : each;
    return textOf({
      columns: columns.map((each) => ({
        ...each,
        column: output && this.#isOld(each.column) ? this.#new : each.column,
        sources: each.sources.map(column),
        uses: each.uses.map(column),
      })),
      uses: uses.map(column),
    });
  }

  #accept(node: Query, words: readonly Word[], text: string | ((word: Word) => string)): void {
    const path = join(this.#parsed.config.project.project_root, node.original_file_path);
    const base = this.#project.textAt(path).indexOf(node.raw_code);
    if (base < 0) {
      this.#leave(node, words, 'its text is not the one that was parsed');
      return;
    }
    for (const word of words) {
      const { start, end } = word;
      const written = typeof text === 'string' ? text : text(word);
      this.#edits.push({ path, start: base + start, end: base + end, text: written });
    }
    // A text in a template may be the column's name, for example an argument of a macro.
    const quoted = new RegExp(`\\{[{%][^}]*['"]${escaped(this.#old)}['"]`, 'i').exec(node.raw_code);
    if (quoted !== null)
      this.#leave(node, [{ start: quoted.index, end: quoted.index }], `a template contains '${this.#old}'`);
  }

  #leave(node: Query, words: readonly Word[], reason: string): void {
    const path = join(this.#parsed.config.project.project_root, node.original_file_path);
    const text = this.#project.textAt(path);
    const base = Math.max(text.indexOf(node.raw_code), 0);
    const line = new TextPlaces(text).positionAt(base + (words[0]?.start ?? 0)).line + 1;
    this.#left.push(`${node.original_file_path}:${line}: ${reason}`);
  }

  /** Columns in YAML of all renamed nodes. Configs and other arguments of tests can be expressions: reported. */
  #properties(): void {
    const { nodes, child_map } = this.#parsed.manifest;
    const word = new RegExp(`(?<!\\w)${escaped(this.#old)}(?!\\w)`, 'i');
    for (const id of this.#renamed) {
      for (const { path, use } of this.#index.usesOf({ id, column: this.#old }))
        this.#edits.push({ path, start: use.start, end: use.end, text: this.#new });
      for (const [key, value] of Object.entries(nodes[id]?.config ?? {}))
        if (key !== 'meta' && word.test(JSON.stringify(value ?? ''))) this.#left.push(`${id}: config '${key}'`);
      for (const child of child_map[id] ?? []) {
        const test = nodes[child];
        if (test?.resource_type !== 'test') continue;
        for (const [key, value] of Object.entries(test.test_metadata?.kwargs ?? {}))
          if (!OWN_ARGUMENTS.has(key) && word.test(JSON.stringify(value)))
            this.#left.push(`${test.original_file_path}: argument '${key}' of test ${test.name}`);
      }
    }
  }
}

/** Arguments of tests that are renamed, or that name relations. */
const OWN_ARGUMENTS = new Set(['model', 'column_name', 'field', 'to']);

export interface RenameContext {
  readonly project: EditorProject;
  readonly parsed: ParsedProject;
  readonly index: NameIndex;
  readonly columns: RelationColumns;
}

/** All combinations of words, the smallest first; of many words only all of them, and each alone. */
function subsets(words: readonly Word[]): (readonly Word[])[] {
  if (words.length > MOST_TRIED) return [[], words, ...words.map((word) => [word])];
  const all: Word[][] = [[]];
  for (const word of words) all.push(...all.map((each) => [...each, word]));
  return all.sort((a, b) => a.length - b.length);
}

function replaced(code: string, words: readonly Word[], text: string | ((word: Word) => string)): string {
  let result = code;
  for (const word of [...words].sort((a, b) => b.start - a.start))
    result = result.slice(0, word.start) + (typeof text === 'string' ? text : text(word)) + result.slice(word.end);
  return result;
}

/** Comparable text of a lineage, without the order of sources and uses, and without whether a value is renamed. */
function textOf({ columns, uses }: QueryLineage): string {
  const sorted = (list: readonly object[]): string[] =>
    list.map((each) => JSON.stringify(each).replace('"kind":"renamed"', '"kind":"identical"')).sort();
  return JSON.stringify([
    columns.map((each) => [each.column, each.reason, sorted(each.sources), sorted(each.uses)]),
    sorted(uses),
  ]);
}

const firstLine = (text: string): string => text.split('\n')[0] ?? '';
