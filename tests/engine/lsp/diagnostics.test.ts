// Diagnostics of unsaved files, of broken projects, and their positions.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostic, Hover } from 'vscode-languageserver-protocol/node';
import { afterEach, describe, expect, it } from 'vitest';
import { EditorClient, SHOP } from './editor-client.ts';

let editor: EditorClient;
afterEach(() => editor.close());

/** The first line of each message with the marked text. */
function shown(path: string, found: readonly Diagnostic[]): string[] {
  return found.map(({ range, message }) => {
    const text = typeof message === 'string' ? message : message.value;
    return `${range.start.line + 1}: ${editor.textIn(path, range)} | ${text.split('\n')[0]}`;
  });
}
const some = (found: readonly Diagnostic[]): boolean => found.length > 0;
const none = (found: readonly Diagnostic[]): boolean => found.length === 0;

describe('diagnostics', () => {
  it('shows a syntax error of an unsaved template, and removes it when it is corrected', async () => {
    editor = await EditorClient.open(SHOP);
    await editor.openFile('models/orders.sql');
    await editor.diagnostics('models/orders.sql', none);
    await editor.change('models/orders.sql', "select 1\nfrom {{ ref('paid' }}\n");
    const found = await editor.diagnostics('models/orders.sql', some);
    expect(shown('models/orders.sql', found)[0]).toMatch(/^2: .* \| unexpected '}'/);
    await editor.change('models/orders.sql', "select 1\nfrom {{ ref('paid') }}\n");
    await editor.diagnostics('models/orders.sql', none);
  });

  it('shows an unknown model with what was probably meant', async () => {
    editor = await EditorClient.open(SHOP);
    await editor.openFile('models/orders.sql');
    await editor.diagnostics('models/orders.sql', none);
    await editor.change('models/orders.sql', "select 1\nfrom {{ ref('piad') }}\n");
    const [found] = await editor.diagnostics('models/orders.sql', some);
    expect(found?.message).toBe(
      "Model 'model.shop.orders' (models/orders.sql) depends on a node named 'piad' which was not found\n" +
        "did you mean 'paid'?",
    );
    expect(found?.range).toEqual({ start: { line: 1, character: 12 }, end: { line: 1, character: 18 } });
  });

  it('shows an error of parsing that a keystroke causes in another file', async () => {
    editor = await EditorClient.open(SHOP);
    await editor.openFile('models/docs.md');
    await editor.change('models/docs.md', '{% docs orders %}\nOrders.\n{% enddocs %}\n');
    const found = await editor.diagnostics('models/schema.yml', some);
    expect(shown('models/schema.yml', found)[0]).toContain("depends on doc 'orders_text'");
    await editor.closeFile('models/docs.md');
    await editor.diagnostics('models/schema.yml', none);
  });

  it('shows a mistake in YAML at its line', async () => {
    editor = await EditorClient.open(SHOP);
    await editor.openFile('models/schema.yml');
    await editor.change('models/schema.yml', 'models:\n  - name: orders\n    columns: [{name: a}\n');
    const found = await editor.diagnostics('models/schema.yml', some);
    expect(found[0]?.range.start.line).toBeGreaterThan(1);
  });

  it('checks open files while another file is broken, which has its own error', async () => {
    editor = await EditorClient.open({ ...SHOP, 'models/broken.sql': 'select {{ 1 + }}\n' });
    expect(shown('models/broken.sql', await editor.diagnostics('models/broken.sql', some))).toEqual([
      "1: } | unexpected 'end of print statement'",
    ]);
    await editor.openFile('models/totals.sql', "select 1 from {{ ref('ordrs') }}\n");
    expect(shown('models/totals.sql', await editor.diagnostics('models/totals.sql', some))[0]).toContain("'ordrs'");
    await editor.diagnostics('models/broken.sql', some);
    const hover = await editor.ask<Hover | null>('textDocument/hover', 'models/orders.sql', "ref('pa|id')");
    expect(hover).not.toBeNull();
  });

  it('keeps the last manifest when a file that others read is broken', async () => {
    editor = await EditorClient.open(SHOP);
    await editor.openFile('models/orders.sql');
    await editor.diagnostics('models/orders.sql', none);
    await editor.change('models/orders.sql', "select {{ 1 + }} from {{ ref('paid') }}\n");
    await editor.diagnostics('models/orders.sql', some);
    await editor.openFile('models/totals.sql');
    await editor.diagnostics('models/totals.sql', none);
    const hover = await editor.ask<Hover | null>('textDocument/hover', 'models/totals.sql', "ref('ord|ers')");
    expect(hover).not.toBeNull();
  });

  it('shows an error in dbt_project.yml there, and starts when it is corrected', async () => {
    const project = SHOP['dbt_project.yml'] ?? '';
    editor = await EditorClient.open({ ...SHOP, 'dbt_project.yml': `${project}model-paths: 5\n` });
    await editor.openFile('dbt_project.yml');
    await editor.diagnostics('dbt_project.yml', some);
    await editor.change('dbt_project.yml', project);
    await editor.save('dbt_project.yml');
    await editor.diagnostics('dbt_project.yml', none);
    expect(await editor.ask('textDocument/hover', 'models/orders.sql', "ref('pa|id')")).not.toBeNull();
  });

  it('reads files that changed on disk', async () => {
    editor = await EditorClient.open(SHOP);
    await editor.openFile('models/orders.sql', "select 1 from {{ ref('fresh') }}\n");
    await editor.diagnostics('models/orders.sql', some);
    writeFileSync(join(editor.root, 'models/fresh.sql'), 'select 1 as id\n');
    const changes = [{ uri: editor.uri('models/fresh.sql'), type: 1 }];
    await editor.connection.sendNotification('workspace/didChangeWatchedFiles', { changes });
    await editor.diagnostics('models/orders.sql', none);
  });

  it('counts positions in UTF-16 units, also after CRLF and characters outside of the BMP', async () => {
    editor = await EditorClient.open(SHOP);
    await editor.openFile('models/orders.sql', "select '😀' as x\r\nfrom /* 😀 */ {{ ref('piad') }}\r\n");
    const [found] = await editor.diagnostics('models/orders.sql', some);
    expect(found === undefined ? '' : editor.textIn('models/orders.sql', found.range)).toBe("'piad'");
    await editor.change('models/orders.sql', "select '😀' as x\r\nfrom /* 😀 */ {{ ref('paid') }}\r\n");
    await editor.diagnostics('models/orders.sql', none);
    const hover = await editor.ask<Hover>('textDocument/hover', 'models/orders.sql', "ref('pa|id')");
    expect(hover.range === undefined ? '' : editor.textIn('models/orders.sql', hover.range)).toBe('paid');
  });

  it('keeps secrets out of diagnostics', async () => {
    editor = await EditorClient.open({
      ...SHOP,
      'models/secret.sql': `{{ exceptions.raise_compiler_error('canary-lsp is wrong') }}`,
    });
    const [found] = await editor.diagnostics('models/secret.sql', some);
    expect(JSON.stringify(found)).toContain('***** is wrong');
  });

  it('writes nothing into the project', async () => {
    editor = await EditorClient.open(SHOP);
    await editor.openFile('models/orders.sql', 'select 2 as x\n');
    await editor.diagnostics('models/orders.sql', none);
    await editor.ask('textDocument/hover', 'models/totals.sql', "ref('ord|ers')");
    expect(readdirSync(editor.root).sort()).toEqual(['dbt_project.yml', 'macros', 'models', 'profiles.yml']);
  });
});

describe('a project in a subfolder of the editor', () => {
  it('is opened with its first file', async () => {
    const inside = Object.entries(SHOP).map(([path, text]) => [`shop/${path}`, text]);
    editor = await EditorClient.open({ ...Object.fromEntries(inside), 'profiles.yml': SHOP['profiles.yml'] ?? '' });
    await editor.openFile('shop/models/orders.sql', "select 1 from {{ ref('piad') }}\n");
    const [found] = await editor.diagnostics('shop/models/orders.sql', some);
    expect(found?.message).toContain("did you mean 'paid'?");
  });
});
