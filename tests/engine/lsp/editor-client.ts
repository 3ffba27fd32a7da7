// An editor for tests: starts `tsdbt lsp` as a process and speaks the protocol over its stdin and stdout.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  type Diagnostic,
  type InitializeResult,
  type Position,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  type Range,
  TextEdit,
  type WorkspaceEdit,
} from 'vscode-languageserver-protocol/node';
import { BIN } from '../support/program.ts';

const ENV = {
  ...process.env,
  NO_COLOR: '1',
  DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
  DBT_ENV_SECRET_LSP: 'canary-lsp',
};

export class EditorClient {
  readonly root: string;
  readonly child: ChildProcess;
  readonly connection: ProtocolConnection;
  capabilities: InitializeResult['capabilities'] = {};
  readonly #published = new Map<string, Diagnostic[]>();
  readonly #waiting = new Set<() => void>();
  readonly #texts = new Map<string, string>();
  readonly #messages: string[] = [];
  readonly #temporary: boolean;
  #version = 1;

  private constructor(root: string, temporary: boolean) {
    this.root = root;
    this.#temporary = temporary;
    this.child = spawn(process.execPath, [BIN, 'lsp', '--profiles-dir', root], {
      cwd: root,
      env: ENV,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (this.child.stdout === null || this.child.stdin === null) throw new Error('the server has no streams');
    this.connection = createProtocolConnection(this.child.stdout, this.child.stdin);
    this.connection.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) => {
      this.#published.set(params.uri, params.diagnostics);
      for (const check of this.#waiting) check();
    });
    this.connection.onNotification('window/showMessage', ({ message }: { readonly message: string }) => {
      this.#messages.push(message);
      for (const check of this.#waiting) check();
    });
    this.connection.onRequest('client/registerCapability', () => null);
    this.connection.listen();
  }

  /** Starts the server for a project with these files. */
  static async open(files: Readonly<Record<string, string>>): Promise<EditorClient> {
    const root = mkdtempSync(join(tmpdir(), 'tsdbt-lsp-'));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return EditorClient.start(root, true);
  }

  /** Starts the server in a folder. */
  static async start(root: string, temporary = false): Promise<EditorClient> {
    const client = new EditorClient(root, temporary);
    const uri = pathToFileURL(root).href;
    const { capabilities } = await client.connection.sendRequest<InitializeResult>('initialize', {
      processId: process.pid,
      rootUri: uri,
      workspaceFolders: [{ uri, name: 'project' }],
      capabilities: { workspace: { workspaceEdit: { documentChanges: true, resourceOperations: ['rename'] } } },
    });
    client.capabilities = capabilities;
    await client.connection.sendNotification('initialized', {});
    return client;
  }

  uri(path: string): string {
    return pathToFileURL(join(this.root, path)).href;
  }

  /** Opens a file, with the text on disk by default. */
  async openFile(path: string, text = readFileSync(join(this.root, path), 'utf8')): Promise<void> {
    this.#texts.set(path, text);
    const textDocument = { uri: this.uri(path), languageId: 'sql', version: this.#version++, text };
    await this.connection.sendNotification('textDocument/didOpen', { textDocument });
  }

  /** Replaces the text of an open file without saving it. */
  async change(path: string, text: string): Promise<void> {
    this.#texts.set(path, text);
    const textDocument = { uri: this.uri(path), version: this.#version++ };
    await this.connection.sendNotification('textDocument/didChange', { textDocument, contentChanges: [{ text }] });
  }

  async save(path: string): Promise<void> {
    writeFileSync(join(this.root, path), this.text(path));
    await this.connection.sendNotification('textDocument/didSave', { textDocument: { uri: this.uri(path) } });
  }

  async closeFile(path: string): Promise<void> {
    this.#texts.delete(path);
    await this.connection.sendNotification('textDocument/didClose', { textDocument: { uri: this.uri(path) } });
  }

  /** The text of a file as the editor has it. */
  text(path: string): string {
    return this.#texts.get(path) ?? readFileSync(join(this.root, path), 'utf8');
  }

  /** The position of a part of a file. @param part `|` marks the place, which is its start by default */
  position(path: string, part: string): Position {
    const text = this.text(path);
    const plain = part.replace('|', '');
    const at = text.indexOf(plain);
    if (at < 0) throw new Error(`${path} does not contain ${plain}`);
    const before = text.slice(0, at + Math.max(part.indexOf('|'), 0)).split(/\r\n|\n/);
    return { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
  }

  /** Asks about a place. */
  ask<T>(method: string, path: string, part: string, more: object = {}): Promise<T> {
    const params = { textDocument: { uri: this.uri(path) }, position: this.position(path, part), ...more };
    return this.connection.sendRequest<T>(method, params);
  }

  /** The diagnostics of a file, when they fulfill the condition. */
  async diagnostics(path: string, when: (found: readonly Diagnostic[]) => boolean): Promise<readonly Diagnostic[]> {
    const uri = this.uri(path);
    for (;;) {
      const found = this.#published.get(uri);
      if (found !== undefined && when(found)) return found;
      await new Promise<void>((resolve) => {
        const check = (): void => {
          this.#waiting.delete(check);
          resolve();
        };
        this.#waiting.add(check);
      });
    }
  }

  /** The text in a range of a file. */
  textIn(path: string, { start, end }: Range): string {
    const lines = this.text(path).split(/\r\n|\n/);
    if (start.line !== end.line) return lines.slice(start.line, end.line + 1).join('\n');
    return (lines[start.line] ?? '').slice(start.character, end.character);
  }

  /** The files after an edit, by path. A file that is moved has its new path instead. */
  edited({ changes = {}, documentChanges = [] }: WorkspaceEdit): Record<string, string> {
    const path = (uri: string): string => decodeURIComponent(uri.slice(pathToFileURL(this.root).href.length + 1));
    const files: Record<string, string> = {};
    const apply = (uri: string, edits: readonly TextEdit[]): void => {
      files[path(uri)] = withEdits(this.text(path(uri)), edits);
    };
    for (const [uri, edits] of Object.entries(changes)) apply(uri, edits);
    for (const change of documentChanges) {
      if ('edits' in change) apply(change.textDocument.uri, change.edits.filter(TextEdit.is));
      else if (change.kind === 'rename') files[path(change.oldUri)] = path(change.newUri);
    }
    return files;
  }

  /** The next message that the server shows. */
  async message(): Promise<string> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => this.#waiting.add(resolve));
    return this.#messages.shift() ?? '';
  }

  async close(): Promise<void> {
    await this.connection.sendRequest('shutdown');
    const ended = new Promise((resolve) => this.child.once('close', resolve));
    await this.connection.sendNotification('exit');
    await ended;
    this.connection.dispose();
    if (this.#temporary) rmSync(this.root, { recursive: true });
  }
}

function withEdits(text: string, edits: readonly TextEdit[]): string {
  const lines = text.split('\n');
  const sorted = [...edits].sort(
    ({ range: a }, { range: b }) => b.start.line - a.start.line || b.start.character - a.start.character,
  );
  for (const { range, newText } of sorted) {
    const line = lines[range.start.line] ?? '';
    lines[range.start.line] = line.slice(0, range.start.character) + newText + line.slice(range.end.character);
  }
  return lines.join('\n');
}

/** A small shop with every kind of name. */
export const SHOP: Readonly<Record<string, string>> = {
  'dbt_project.yml':
    'name: shop\nversion: "1.0"\nprofile: shop\nmodels:\n  shop: {+materialized: view}\nvars:\n  least_amount: 10\n',
  'profiles.yml':
    'shop:\n  target: pg\n  outputs:\n' +
    '    pg: {type: postgres, host: 127.0.0.1, port: 1, user: u, password: p, dbname: d, schema: s, threads: 1}\n',
  'models/sources.yml':
    'sources:\n  - name: raw\n    tables:\n      - name: payments\n        description: Money that arrived.\n' +
    '        columns:\n          - name: id\n          - name: order_id\n          - name: amount\n' +
    '            data_type: numeric\n            description: In euros.\n',
  'models/paid.sql':
    "select order_id, {{ cents('amount') }} as amount\nfrom {{ source('raw', 'payments') }}\n" +
    "where amount > {{ var('least_amount') }}\n",
  'models/orders.sql': "select p.order_id, p.amount\nfrom {{ ref('paid') }} as p\n",
  'models/totals.sql': "select o.order_id, sum(o.amount) as total\nfrom {{ ref('orders') }} o\ngroup by o.order_id\n",
  'models/schema.yml':
    'models:\n  - name: orders\n    description: "{{ doc(\'orders_text\') }}"\n    columns:\n' +
    '      - name: order_id\n        data_tests:\n          - not_null\n          - positive\n' +
    '      - name: amount\n        description: What was paid.\n' +
    '  - name: totals\n    columns:\n      - name: order_id\n        data_tests:\n          - relationships:\n' +
    "              arguments:\n                to: ref('orders')\n                field: order_id\n",
  'models/docs.md': '{% docs orders_text %}\nOrders of the *shop*.\n{% enddocs %}\n',
  'macros/money.sql':
    '{% macro cents(column, digits=2) %}\n  round({{ column }} * 100, {{ digits }})\n{% endmacro %}\n\n' +
    '{% test positive(model, column_name) %}\nselect * from {{ model }} where {{ column_name }} <= 0\n{% endtest %}\n',
};
