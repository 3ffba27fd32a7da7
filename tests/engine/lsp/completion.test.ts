// Completion and quick fixes of the language server.
import type { CodeAction, CompletionItem, Diagnostic } from 'vscode-languageserver-protocol/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EditorClient, SHOP } from './editor-client.ts';

let editor: EditorClient;
beforeAll(async () => {
  editor = await EditorClient.open(SHOP);
  for (const path of ['models/totals.sql', 'models/schema.yml', 'dbt_project.yml']) await editor.openFile(path);
});
afterAll(() => editor.close());

/** The items at the end of a text, or at `|`. */
async function items(path: string, text: string): Promise<CompletionItem[]> {
  await editor.change(path, text.replace('|', ''));
  const at = text.includes('|') ? text.indexOf('|') : text.length;
  const before = text.slice(0, at).split('\n');
  const position = { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
  const params = { textDocument: { uri: editor.uri(path) }, position };
  return editor.connection.sendRequest<CompletionItem[]>('textDocument/completion', params);
}
async function labels(path: string, text: string): Promise<string[]> {
  return (await items(path, text)).map(({ label }) => label);
}
const SQL = 'models/totals.sql';
const YAML = 'models/schema.yml';

describe('completion in templates', () => {
  it('offers models, sources, tables, variables and doc blocks as arguments', async () => {
    expect(await labels(SQL, "select 1 from {{ ref('")).toEqual(['orders', 'paid', 'totals']);
    expect(await labels(SQL, "select 1 from {{ source('")).toEqual(['raw']);
    expect(await labels(SQL, "select 1 from {{ source('raw', '")).toEqual(['payments']);
    expect(await labels(SQL, "select {{ var('le")).toEqual(['least_amount']);
    expect(await labels(YAML, 'models:\n  - name: orders\n    description: "{{ doc(\'')).toContain('orders_text');
  });

  it('offers macros with their arguments, packages and names of the context', async () => {
    const found = await items(SQL, 'select {{ ce');
    expect(found.find(({ label }) => label === 'cents')?.detail).toBe('cents(column, digits=2)');
    const all = found.map(({ label }) => label);
    expect(all).toEqual(expect.arrayContaining(['ref', 'target', 'env_var', 'this', 'shop', 'dbt']));
    expect(all.filter((label) => /__|^test_/.test(label))).toEqual([]);
    expect(await labels(SQL, 'select {{ dbt.dat')).toContain('dateadd');
    expect(await labels(SQL, 'select {{ shop.')).toEqual(['cents']);
  });

  it('offers config keys and materializations', async () => {
    expect(await labels(SQL, '{{ config(mat')).toEqual(expect.arrayContaining(['materialized', 'unique_key', 'tags']));
    expect(await labels(SQL, "{{ config(tags=['a'], materialized='")).toContain('incremental');
  });

  it('offers nothing in a string', async () => {
    expect(await labels(SQL, "{{ log('ce")).toEqual([]);
  });
});

describe('completion of columns', () => {
  it('offers the columns of the relations that a query reads', async () => {
    expect(await labels(SQL, "select | from {{ ref('orders') }} o")).toEqual(['order_id', 'amount']);
    expect(
      await labels(SQL, "select p.| from {{ ref('orders') }} o join {{ source('raw', 'payments') }} as p on true"),
    ).toEqual(['id', 'order_id', 'amount']);
  });
});

describe('completion in YAML', () => {
  it('offers keys by their place', async () => {
    expect(await labels(YAML, 'mod')).toContain('models');
    expect(await labels(YAML, 'models:\n  - name: orders\n    ')).toEqual(
      expect.arrayContaining(['columns', 'config']),
    );
    expect(await labels(YAML, 'models:\n  - name: orders\n    config:\n      ')).toContain('materialized');
    expect(await labels(YAML, 'sources:\n  - name: raw\n    tables:\n      - name: payments\n        ')).toContain(
      'identifier',
    );
    expect(await labels('dbt_project.yml', `${SHOP['dbt_project.yml']}seeds:\n  shop:\n    `)).toContain(
      '+quote_columns',
    );
  });

  it('offers the settings of tsdbt with their meaning', async () => {
    const meta = 'models:\n  - name: orders\n    config:\n      meta:\n        ';
    expect(await labels(YAML, meta)).toEqual(['tsdbt']);
    const found = await items(YAML, `${meta}tsdbt:\n          `);
    expect(found.find(({ label }) => label === 'retries')?.documentation).toMatchObject({ kind: 'markdown' });
    expect(await labels(YAML, `${meta}tsdbt:\n          sla:\n            `)).toContain('freshness');
  });

  it('offers models, columns and generic tests as values', async () => {
    expect(await labels(YAML, 'models:\n  - name: ')).toEqual(['orders', 'paid', 'totals']);
    expect(await labels(YAML, 'models:\n  - name: orders\n    columns:\n      - name: ')).toEqual([
      'order_id',
      'amount',
    ]);
    const tests = await labels(
      YAML,
      'models:\n  - name: orders\n    columns:\n      - name: x\n        data_tests:\n          - ',
    );
    expect(tests).toEqual(expect.arrayContaining(['not_null', 'positive', 'relationships']));
  });
});

describe('quick fixes', () => {
  async function fixes(path: string, text: string): Promise<Record<string, string>[]> {
    await editor.change(path, text);
    const diagnostics = (await editor.diagnostics(path, (found) => found.length > 0)) as Diagnostic[];
    const [range] = diagnostics.map((each) => each.range);
    const params = { textDocument: { uri: editor.uri(path) }, range, context: { diagnostics } };
    const found = await editor.connection.sendRequest<CodeAction[]>('textDocument/codeAction', params);
    return found.flatMap(({ edit }) => (edit === undefined ? [] : [editor.edited(edit)]));
  }

  it('replace a misspelled model or source by what was meant', async () => {
    await editor.change(YAML, SHOP[YAML] ?? '');
    expect(await fixes(SQL, "select 1 from {{ ref('ordrs') }}\n")).toEqual([
      { [SQL]: "select 1 from {{ ref('orders') }}\n" },
    ]);
    await editor.change(SQL, 'select 1\n');
    await editor.diagnostics(SQL, (found) => found.length === 0);
    const wrong = "select 1 from {{ source('raw', 'paymnts') }}\n";
    expect(await fixes(SQL, wrong)).toEqual([{ [SQL]: wrong.replace('paymnts', 'payments') }]);
  });
});
