// The language server: connects the protocol's requests to the project that the editor has open.
import { dirname, join } from 'node:path';
import {
  CodeActionKind,
  type CompletionItem,
  type Connection,
  type Definition,
  type Diagnostic,
  DidChangeWatchedFilesNotification,
  DiagnosticSeverity,
  type DocumentSymbol,
  type Hover,
  type InitializeParams,
  type InitializeResult,
  type Location,
  LSPErrorCodes,
  MessageType,
  type RenameParams,
  ShowMessageNotification,
  ResponseError,
  type WorkspaceEdit,
  InsertTextFormat,
  type Range,
  type TextDocumentPositionParams,
  TextDocumentSyncKind,
  TextDocuments,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import type { LoadOptions } from '../index.ts';
import { findProjectDir } from '../project/runtime-config.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import { columnAt, relationsIn } from './column-at.ts';
import { ColumnRename } from './column-rename.ts';
import { describe } from './describe-symbol.ts';
import { EditorProject, type FileProblem } from './editor-project.ts';
import { URI } from './file-uri.ts';
import { definitionOf } from './find-definition.ts';
import { type LocalErrors, localErrors } from './local-checks.ts';
import { referencesOf } from './find-references.ts';
import { outlineOf } from './file-outline.ts';
import { affectedNodes, StrictChecks } from './strict-checks.ts';
import { NameIndex } from './name-index.ts';
import { NotRenamed, renameSymbol } from './project-rename.ts';
import { workspaceEdit } from './workspace-edit.ts';
import { diagnosticOf, quickFixes } from './problem-diagnostics.ts';
import { RelationColumns } from './relation-columns.ts';
import { suggestColumns, suggestInTemplate, type Suggestion } from './suggest.ts';
import { suggestInProperties } from './suggest-properties.ts';
import type { ProjectSymbol } from './symbol-table.ts';
import { TextPlaces } from './text-places.ts';

/** How long the editor is idle before the project is parsed, in milliseconds. */
const IDLE = 250;
/** Files whose changes the editor reports, if it asks. */
const WATCHED = [{ globPattern: '**/*.{sql,yml,yaml,md,csv}' }];
/** Files whose change on disk affects the whole configuration. */
const SETTINGS =
  /(?:^|\/)(?:dbt_project|profiles|packages|dependencies|selectors|vars|connections)\.yml$|(?:^|\/)\.env$/;

export class LanguageServer {
  readonly #connection: Connection;
  readonly #options: LoadOptions;
  readonly #documents = new TextDocuments(TextDocument);
  #project: Opened | null = null;
  /** Whether the editor supports snippets in completion. */
  #snippets = false;
  /** Whether the server tells the editor which files to watch. */
  #watches = false;
  /** Whether the editor renames files as part of an edit. */
  #movesFiles = false;
  #reloading: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  /** The last saved file, until it is checked. */
  #unchecked: string | null = null;
  /** Problems of the last parse, by path. */
  #problems = new Map<string, Diagnostic[]>();
  /** Problems of files that changed since then. */
  readonly #local = new Map<string, Diagnostic[]>();
  /** Files that cannot be parsed, whatever other files contain. */
  readonly #broken = new Set<string>();
  /** Mistakes that the local engine found, by path. */
  readonly #strict = new Map<string, Diagnostic[]>();
  #checks: StrictChecks | null = null;
  readonly #published = new Set<string>();

  /** @param options of the command; the folder of the project is that of the editor if none is named */
  constructor(connection: Connection, options: LoadOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Handles requests until the client disconnects. */
  listen(): void {
    const connection = this.#connection;
    connection.onInitialize((params) => this.#initialize(params));
    connection.onInitialized(() => {
      if (this.#watches) void connection.client.register(DidChangeWatchedFilesNotification.type, { watchers: WATCHED });
      this.#reload();
    });
    connection.onShutdown(() => this.#project?.columns.close());
    this.#documents.onDidChangeContent(({ document }) => this.#changed(document));
    this.#documents.onDidSave(({ document }) => this.#saved(URI.path(document.uri)));
    this.#documents.onDidClose(({ document }) => this.#closed(URI.path(document.uri)));
    connection.onDidChangeWatchedFiles(({ changes }) => {
      if (changes.some(({ uri }) => SETTINGS.test(uri))) this.#reload();
      else this.#parseWhenIdle();
    });
    connection.onDefinition((params) => this.#definition(params));
    connection.onHover((params) => this.#hover(params));
    connection.onReferences((params) => this.#references(params));
    connection.onDocumentSymbol(({ textDocument }) => this.#outline(URI.path(textDocument.uri)));
    connection.onPrepareRename((params) => this.#prepareRename(params));
    connection.onRenameRequest((params) => this.#rename(params));
    connection.onCompletion((params) => this.#completion(params));
    connection.onCodeAction(({ textDocument, context }) => quickFixes(textDocument.uri, context.diagnostics));
    this.#documents.listen(connection);
    connection.listen();
  }

  #initialize({
    workspaceFolders,
    rootUri,
    capabilities,
    initializationOptions: own,
  }: InitializeParams): InitializeResult {
    if (!(isDictionary(own) && own['strict'] === false))
      this.#checks = new StrictChecks((text) => this.#connection.console.info(text));
    this.#snippets = capabilities.textDocument?.completion?.completionItem?.snippetSupport === true;
    this.#watches = capabilities.workspace?.didChangeWatchedFiles?.dynamicRegistration === true;
    const edits = capabilities.workspace?.workspaceEdit;
    this.#movesFiles = edits?.documentChanges === true && (edits.resourceOperations ?? []).includes('rename');
    const folders = [...(workspaceFolders ?? []).map(({ uri }) => uri), rootUri ?? ''];
    const folder = folders.flatMap((uri) => URI.path(uri) ?? [])[0] ?? this.#options.cwd;
    const asked = this.#options.options?.['project_dir'];
    const root = findProjectDir(folder, this.#options.env, typeof asked === 'string' ? asked : null);
    this.#project = openedProject(root, this.#options);
    return {
      serverInfo: { name: 'tsdbt' },
      capabilities: {
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental, save: true },
        definitionProvider: true,
        hoverProvider: true,
        referencesProvider: true,
        documentSymbolProvider: true,
        renameProvider: { prepareProvider: true },
        completionProvider: { triggerCharacters: ["'", '"', '.', '(', '{', ' ', '+'] },
        codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
      },
    };
  }

  #reload(): void {
    const opened = this.#project;
    if (opened === null) return;
    this.#reloading = this.#reloading.then(async () => {
      try {
        this.#show(await opened.project.reload());
        void this.#readColumns(opened);
      } catch (error) {
        this.#connection.console.error(String(error));
      }
    });
  }

  /** Analyzes what the open files read, so that the first completion of columns is not slow. */
  async #readColumns({ project, index, columns }: Opened): Promise<void> {
    try {
      for (const path of this.#documents.keys().flatMap((uri) => URI.path(uri) ?? [])) {
        const { parsed } = project;
        if (parsed === null || !path.endsWith('.sql')) continue;
        for (const id of relationsIn(index, path, project.textAt(path)).ids) await columns.of(parsed, id);
      }
    } catch (error) {
      this.#connection.console.error(String(error));
    }
  }

  #changed(document: TextDocument): void {
    const path = URI.path(document.uri);
    if (path !== null) this.#moveTo(path);
    const opened = this.#project;
    if (path === null || opened === null) return;
    opened.project.setBuffer(path, document.getText());
    const file = opened.project.fileAt(path);
    if (file !== undefined)
      this.#showLocal(opened, path, localErrors(file, opened.project.textAt(path), opened.index.table));
    this.#parseWhenIdle();
  }

  /** If the editor's folder is not part of a project, the first file of one decides which project is open. */
  #moveTo(path: string): void {
    const opened = this.#project;
    if (opened === null || opened.project.isLoaded || path.startsWith(join(opened.project.root, 'dbt_project.yml')))
      return;
    const root = findProjectDir(dirname(path), {}, null);
    if (root === opened.project.root || root === dirname(path)) return;
    this.#project = openedProject(root, this.#options);
    for (const document of this.#documents.all()) {
      const other = URI.path(document.uri);
      if (other !== null) this.#project.project.setBuffer(other, document.getText());
    }
    this.#reload();
  }

  #saved(path: string | null): void {
    if (path !== null && SETTINGS.test(path)) this.#reload();
    else this.#parseWhenIdle(path);
  }

  /** Checks what a saved file can break. */
  #check(path: string): void {
    const opened = this.#project;
    const parsed = opened?.project.parsed;
    if (opened === null || parsed == null || this.#problems.has(path) || this.#local.has(path)) return;
    const ids = affectedNodes(parsed, path);
    this.#checks?.check(parsed, ids, (errors) => {
      const changed = new Set(this.#strict.keys());
      this.#strict.clear();
      for (const error of errors) {
        const problem = opened.project.problemOf(error);
        const text = opened.project.textAt(problem.path);
        const found = { ...diagnosticOf(error, text, (each) => opened.project.mask(each)), source: 'tsdbt --strict' };
        this.#strict.set(problem.path, [...(this.#strict.get(problem.path) ?? []), found]);
        changed.add(problem.path);
      }
      for (const each of changed) this.#publish(each);
    });
  }

  #closed(path: string | null): void {
    if (path === null) return;
    this.#project?.project.setBuffer(path, null);
    this.#local.delete(path);
    this.#broken.delete(path);
    this.#parseWhenIdle();
  }

  /** @param saved a file that is checked afterwards */
  #parseWhenIdle(saved: string | null = null): void {
    if (saved !== null) this.#unchecked = saved;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.#reloading.then(() => {
        if (this.#project === null) return;
        this.#show(this.#project.project.refresh(this.#broken));
        if (this.#unchecked !== null) this.#check(this.#unchecked);
        this.#unchecked = null;
      });
    }, IDLE);
  }

  /** Shows what one file has, until the project is parsed. */
  #showLocal({ project }: Opened, path: string, { errors, alone }: LocalErrors): void {
    if (alone) this.#broken.add(path);
    else this.#broken.delete(path);
    const text = project.textAt(path);
    const found = errors.map((error) => diagnosticOf(error, text, (each) => project.mask(each)));
    if (found.length > 0) this.#local.set(path, found);
    else this.#local.delete(path);
    this.#problems.delete(path);
    this.#strict.delete(path);
    this.#publish(path);
  }

  #publish(path: string): void {
    const found = this.#local.get(path) ?? this.#problems.get(path) ?? [];
    const diagnostics = [...found, ...(this.#strict.get(path) ?? [])];
    void this.#connection.sendDiagnostics({ uri: URI.of(path), diagnostics });
    if (diagnostics.length > 0) this.#published.add(path);
    else this.#published.delete(path);
  }

  #show(problems: readonly FileProblem[]): void {
    const project = this.#project?.project;
    if (project === undefined) return;
    this.#problems = new Map();
    for (const path of this.#local.keys()) if (!this.#broken.has(path)) this.#local.delete(path);
    for (const { path, error, severity } of problems) {
      const level = severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning;
      const found = diagnosticOf(error, project.textAt(path), (each) => project.mask(each), level);
      this.#problems.set(path, [...(this.#problems.get(path) ?? []), found]);
    }
    const open = this.#documents.keys().flatMap((uri) => URI.path(uri) ?? []);
    for (const path of new Set([...this.#published, ...this.#problems.keys(), ...open])) this.#publish(path);
  }

  #outline(path: string | null): DocumentSymbol[] {
    if (path === null || this.#project === null) return [];
    const { index, project } = this.#project;
    return outlineOf(index.usesIn(path), new TextPlaces(project.textAt(path)));
  }

  /** The symbol at a place, with its range. */
  async #symbolAt({ textDocument, position }: TextDocumentPositionParams): Promise<Pointed | null> {
    await this.#reloading;
    const path = URI.path(textDocument.uri);
    const opened = this.#project;
    const parsed = opened?.project.parsed;
    if (path === null || opened === null || parsed == null) return null;
    const text = opened.project.textAt(path);
    const places = new TextPlaces(text);
    const offset = places.offsetAt(position);
    const named = opened.index.at(path, offset);
    if (named !== null)
      return named.symbol === null
        ? null
        : { opened, parsed, symbol: named.symbol, range: places.range(named.use.start, named.use.end) };
    if (!path.endsWith('.sql')) return null;
    const word = await columnAt(parsed, opened.index, opened.columns, path, text, offset);
    return word === null ? null : { opened, parsed, symbol: word.symbol, range: places.range(word.start, word.end) };
  }

  async #definition(params: TextDocumentPositionParams): Promise<Definition | null> {
    const pointed = await this.#symbolAt(params);
    return pointed === null ? null : definitionOf(pointed.opened.project, pointed.opened.index, pointed.symbol);
  }

  async #references(params: TextDocumentPositionParams): Promise<Location[]> {
    const pointed = await this.#symbolAt(params);
    if (pointed === null) return [];
    const { project, index, columns } = pointed.opened;
    return referencesOf({ project, parsed: pointed.parsed, index, columns }, pointed.symbol);
  }

  async #prepareRename(params: TextDocumentPositionParams): Promise<Range | null> {
    const pointed = await this.#symbolAt(params);
    return pointed === null || pointed.symbol.id.startsWith('var.') ? null : pointed.range;
  }

  /** Reports places that were not changed in a message. */
  async #rename({ newName, ...params }: RenameParams): Promise<WorkspaceEdit | null> {
    const pointed = await this.#symbolAt(params);
    const table = pointed?.opened.index.table;
    if (pointed === null || table == null) return null;
    const { opened, parsed, symbol } = pointed;
    const { project, index, columns } = opened;
    try {
      const renaming =
        symbol.column === null
          ? renameSymbol(project, index, table, symbol, newName)
          : await ColumnRename.run({ project, parsed, index, columns }, symbol, newName);
      if (renaming.moved.length > 0 && !this.#movesFiles) throw new NotRenamed('The editor cannot rename files.');
      const { left } = renaming;
      if (left.length > 0)
        void this.#connection.sendNotification(ShowMessageNotification.type, {
          type: MessageType.Warning,
          message: project.mask(`Not renamed, because it is not certain:\n${left.join('\n')}`),
        });
      return workspaceEdit(project, renaming, this.#movesFiles);
    } catch (error) {
      if (error instanceof NotRenamed)
        throw new ResponseError(LSPErrorCodes.RequestFailed, project.mask(error.message));
      throw error;
    }
  }

  async #completion({ textDocument, position }: TextDocumentPositionParams): Promise<CompletionItem[]> {
    await this.#reloading;
    const path = URI.path(textDocument.uri);
    const opened = this.#project;
    const parsed = opened?.project.parsed;
    const table = opened?.index.table;
    if (path === null || opened === null || parsed == null || table == null) return [];
    const text = opened.project.textAt(path);
    const places = new TextPlaces(text);
    const offset = places.offsetAt(position);
    const context = { parsed, table, index: opened.index, columns: opened.columns, path, text };
    const { typed, items } = /\.ya?ml$/.test(path)
      ? await suggestInProperties(context, offset)
      : (suggestInTemplate(context, offset) ??
        (path.endsWith('.sql') ? await suggestColumns(context, offset) : NOTHING));
    const range = places.range(offset - typed, offset);
    return items.map((item) => completionItem(item, range, this.#snippets));
  }

  async #hover(params: TextDocumentPositionParams): Promise<Hover | null> {
    const pointed = await this.#symbolAt(params);
    const table = pointed?.opened.index.table;
    if (pointed === null || table == null) return null;
    const { opened, parsed, symbol, range } = pointed;
    const text = await describe(parsed, table, opened.columns, symbol);
    return text === null ? null : { contents: { kind: 'markdown', value: opened.project.mask(text) }, range };
  }
}

const NOTHING = { typed: 0, items: [] };

/** @param snippets whether the editor fills in placeholders */
function completionItem(item: Suggestion, range: Range, snippets: boolean): CompletionItem {
  const { label, kind, detail, documentation = '', snippet } = item;
  const newText = snippet === undefined ? label : snippets ? snippet : snippet.replace('$1', '');
  return {
    label,
    kind,
    textEdit: { range, newText },
    ...(snippet !== undefined && snippets ? { insertTextFormat: InsertTextFormat.Snippet } : {}),
    ...(detail === undefined ? {} : { detail }),
    ...(documentation === '' ? {} : { documentation: { kind: 'markdown', value: documentation } }),
  };
}

/** A project and what is known about its names. */
interface Opened {
  readonly project: EditorProject;
  readonly index: NameIndex;
  readonly columns: RelationColumns;
}

function openedProject(root: string, options: LoadOptions): Opened {
  const project = new EditorProject(root, options);
  return { project, index: new NameIndex(project), columns: new RelationColumns(project) };
}

interface Pointed {
  readonly opened: Opened;
  readonly parsed: NonNullable<EditorProject['parsed']>;
  readonly symbol: ProjectSymbol;
  readonly range: NonNullable<Hover['range']>;
}
