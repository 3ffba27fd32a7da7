// Definitions and hovers of the language server.
import type { Hover, Location } from 'vscode-languageserver-protocol/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EditorClient, SHOP } from './editor-client.ts';

let editor: EditorClient;
beforeAll(async () => {
  editor = await EditorClient.open(SHOP);
});
afterAll(() => editor.close());

/** Where the definition is, as `path: text of its line`. */
async function definition(path: string, part: string): Promise<string[]> {
  const found = (await editor.ask<Location[] | null>('textDocument/definition', path, part)) ?? [];
  return found.map(({ uri, range }) => {
    const target = decodeURIComponent(uri.slice(editor.uri('.').length + 1));
    return `${target}:${range.start.line + 1}: ${editor.textIn(target, range)}`;
  });
}
async function hover(path: string, part: string): Promise<string> {
  const found = await editor.ask<Hover | null>('textDocument/hover', path, part);
  return found !== null && typeof found.contents === 'object' && 'value' in found.contents ? found.contents.value : '';
}

describe('go to definition', () => {
  it('finds models, sources, macros, variables and doc blocks', async () => {
    expect(await definition('models/orders.sql', "ref('pa|id')")).toEqual(['models/paid.sql:1: ']);
    expect(await definition('models/paid.sql', "'raw', 'pay|ments'")).toEqual(['models/sources.yml:4: payments']);
    expect(await definition('models/paid.sql', 'ce|nts(')).toEqual(['macros/money.sql:1: cents']);
    expect(await definition('models/paid.sql', 'least|_amount')).toEqual(['dbt_project.yml:7: least_amount']);
    expect(await definition('models/schema.yml', 'orders|_text')).toEqual(['models/docs.md:1: orders_text']);
  });

  it('finds what YAML names: models, generic tests, and columns of tests', async () => {
    expect(await definition('models/schema.yml', '- name: ord|ers')).toEqual(['models/orders.sql:1: ']);
    expect(await definition('models/schema.yml', '- posi|tive')).toEqual(['macros/money.sql:5: positive']);
    expect(await definition('models/schema.yml', "to: ref('ord|ers')")).toEqual(['models/orders.sql:1: ']);
    expect(await definition('models/schema.yml', 'field: order|_id')).toEqual(['models/schema.yml:5: order_id']);
  });

  it('finds the entry of a column in YAML, or else the output of the parent', async () => {
    expect(await definition('models/totals.sql', 'sum(o.am|ount)')).toEqual(['models/schema.yml:9: amount']);
    expect(await definition('models/orders.sql', 'p.am|ount')).toEqual(['models/paid.sql:1: amount']);
    expect(await definition('models/paid.sql', 'where am|ount')).toEqual(['models/sources.yml:9: amount']);
  });

  it('finds nothing for a name that does not exist', async () => {
    expect(await definition('models/totals.sql', 'group| by')).toEqual([]);
  });
});

describe('hover', () => {
  it('shows description, materialization, columns and compiled SQL of a model', async () => {
    const text = await hover('models/totals.sql', "ref('ord|ers')");
    expect(text).toContain('**orders** (view model)');
    expect(text).toContain('Orders of the *shop*.');
    expect(text).toContain('- `amount`: What was paid.');
    expect(text).toContain('```sql\nselect p.order_id, p.amount\nfrom "d"."s"."paid" as p\n```');
  });

  it('shows type, description and lineage of a column', async () => {
    expect(await hover('models/paid.sql', 'where am|ount')).toContain(
      '**amount** numeric of `source.shop.raw.payments`',
    );
    const text = await hover('models/totals.sql', 'sum(o.am|ount)');
    expect(text).toContain('What was paid.');
    expect(text).toContain('- identical: `model.shop.paid.amount`');
  });

  it('shows the arguments of a macro, the value of a variable and the text of a doc block', async () => {
    expect(await hover('models/paid.sql', 'ce|nts(')).toContain('cents(column, digits=2)');
    expect(await hover('models/paid.sql', 'least|_amount')).toContain('10');
    expect(await hover('models/schema.yml', 'orders|_text')).toContain('Orders of the *shop*.');
  });
});
