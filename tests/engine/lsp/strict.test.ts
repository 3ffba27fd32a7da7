// Mistakes that the local engine finds in saved files, and outlines.
import type { Diagnostic, DocumentSymbol } from 'vscode-languageserver-protocol/node';
import { afterEach, describe, expect, it } from 'vitest';
import { EditorClient, SHOP } from './editor-client.ts';

let editor: EditorClient;
afterEach(() => editor.close());

const TYPED = {
  ...SHOP,
  'models/sources.yml':
    'sources:\n  - name: raw\n    tables:\n      - name: payments\n        columns:\n' +
    '          - {name: id, data_type: integer}\n          - {name: order_id, data_type: integer}\n' +
    '          - {name: amount, data_type: numeric}\n',
};
const some = (found: readonly Diagnostic[]): boolean => found.length > 0;
const none = (found: readonly Diagnostic[]): boolean => found.length === 0;

describe('strict checks in the editor', () => {
  it('mark unknown columns when a file is saved, also in models that read it, until they are corrected', async () => {
    editor = await EditorClient.open(TYPED);
    await editor.openFile('models/orders.sql');
    await editor.diagnostics('models/orders.sql', none);
    const wrong = (SHOP['models/orders.sql'] ?? '').replace('p.amount', 'p.amuont');
    await editor.change('models/orders.sql', wrong);
    await editor.save('models/orders.sql');
    const [found] = await editor.diagnostics('models/orders.sql', some);
    expect(found?.source).toBe('tsdbt --strict');
    expect(found === undefined ? '' : editor.textIn('models/orders.sql', found.range)).toContain('p.amuont');
    await editor.change('models/orders.sql', (SHOP['models/orders.sql'] ?? '').replace('p.amount', 'p.amount as paid'));
    await editor.save('models/orders.sql');
    const [broken] = await editor.diagnostics('models/totals.sql', some);
    expect(broken?.message).toContain('o.amount');
    await editor.change('models/orders.sql', SHOP['models/orders.sql'] ?? '');
    await editor.save('models/orders.sql');
    await editor.diagnostics('models/totals.sql', none);
  });

  it('mark columns with a tag in models that may not hold them', async () => {
    editor = await EditorClient.open({
      ...TYPED,
      'models/sources.yml': TYPED['models/sources.yml'].replace(
        'data_type: numeric',
        'data_type: numeric, tags: [pii]',
      ),
      'policies.yml': 'policies: [{tag: pii}]\n',
    });
    await editor.openFile('models/orders.sql');
    await editor.save('models/orders.sql');
    const [found] = await editor.diagnostics('models/orders.sql', some);
    expect(found?.message).toContain('carries the tag "pii", which model.shop.orders may not hold');
    expect(found === undefined ? '' : editor.textIn('models/orders.sql', found.range)).toContain('amount');
  });

  it('mark columns in saved YAML that a model does not have', async () => {
    editor = await EditorClient.open(TYPED);
    await editor.openFile('models/schema.yml');
    await editor.change(
      'models/schema.yml',
      (SHOP['models/schema.yml'] ?? '').replace('- name: amount', '- name: amuont'),
    );
    await editor.save('models/schema.yml');
    const found = await editor.diagnostics('models/schema.yml', some);
    expect(found.map(({ message }) => message)).toContainEqual(expect.stringContaining('column "amuont" is declared'));
  });
});

describe('the outline of a file', () => {
  it('lists entries with their columns, macros and doc blocks', async () => {
    editor = await EditorClient.open(SHOP);
    await editor.openFile('models/orders.sql');
    await editor.diagnostics('models/orders.sql', none);
    const outline = async (path: string): Promise<string[]> => {
      const params = { textDocument: { uri: editor.uri(path) } };
      const found = await editor.connection.sendRequest<DocumentSymbol[]>('textDocument/documentSymbol', params);
      return found.map(({ name, children = [] }) => [name, ...children.map((each) => each.name)].join(' '));
    };
    expect(await outline('models/schema.yml')).toEqual(['orders order_id amount', 'totals order_id']);
    expect(await outline('models/sources.yml')).toEqual(['raw.payments id order_id amount']);
    expect(await outline('macros/money.sql')).toEqual(['cents', 'positive']);
    expect(await outline('models/docs.md')).toEqual(['orders_text']);
  });
});
