// References and renaming of models, macros and columns over a whole project.
import type { Location, WorkspaceEdit } from 'vscode-languageserver-protocol/node';
import { afterEach, describe, expect, it } from 'vitest';
import { EditorClient, SHOP } from './editor-client.ts';

let editor: EditorClient;
afterEach(() => editor.close());

/** The files after a renaming, and files that are moved as `from -> to`. */
async function renamed(path: string, part: string, newName: string): Promise<Record<string, string>> {
  const edit = await editor.ask<WorkspaceEdit>('textDocument/rename', path, part, { newName });
  return editor.edited(edit);
}
async function references(path: string, part: string): Promise<string[]> {
  const more = { context: { includeDeclaration: true } };
  const found = await editor.ask<Location[]>('textDocument/references', path, part, more);
  return found
    .map(({ uri, range }) => {
      const file = decodeURIComponent(uri.slice(editor.uri('.').length + 1));
      return `${file}:${range.start.line + 1}:${range.start.character + 1} ${editor.textIn(file, range)}`;
    })
    .sort();
}
const changed = (path: string, from: string | RegExp, to: string): Record<string, string> => ({
  [path]: (SHOP[path] ?? '').replaceAll(from, to),
});

describe('references', () => {
  it('finds all uses of a model, a macro, a source and a column', async () => {
    editor = await EditorClient.open(SHOP);
    expect(await references('models/totals.sql', "ref('ord|ers')")).toEqual([
      'models/schema.yml:17:26 orders',
      'models/schema.yml:2:11 orders',
      'models/totals.sql:2:14 orders',
    ]);
    expect(await references('models/paid.sql', 'ce|nts(')).toEqual([
      'macros/money.sql:1:10 cents',
      'models/paid.sql:1:21 cents',
    ]);
    expect(await references('models/totals.sql', 'sum(o.am|ount)')).toEqual([
      'models/schema.yml:9:15 amount',
      'models/totals.sql:1:26 amount',
    ]);
  });
});

describe('renaming a model', () => {
  it('renames its file, all refs and its YAML, and reports texts that may be its name', async () => {
    const dynamic = "{% for name in ['orders'] %}select 1 from {{ ref(name) }}{% endfor %}\n";
    editor = await EditorClient.open({ ...SHOP, 'models/dynamic.sql': dynamic });
    const edit = await editor.ask<WorkspaceEdit>('textDocument/rename', 'models/totals.sql', "ref('ord|ers')", {
      newName: 'sales',
    });
    expect(editor.edited(edit)).toEqual({
      ...changed('models/totals.sql', "ref('orders')", "ref('sales')"),
      ...changed('models/schema.yml', /(?<=name: |ref\(')orders/g, 'sales'),
      'models/orders.sql': 'models/sales.sql',
    });
    expect(await editor.message()).toBe(
      "Not renamed, because it is not certain:\nmodels/dynamic.sql:1: the text 'orders' in a template",
    );
  });

  it('is refused if the name is taken or is not valid', async () => {
    editor = await EditorClient.open(SHOP);
    await expect(renamed('models/totals.sql', "ref('ord|ers')", 'paid')).rejects.toThrow("'paid' exists already");
    await expect(renamed('models/totals.sql', "ref('ord|ers')", 'a b')).rejects.toThrow("'a b' is not a name");
  });
});

describe('renaming a macro', () => {
  it('renames its definition and all calls, also of a generic test', async () => {
    editor = await EditorClient.open(SHOP);
    expect(await renamed('models/paid.sql', 'ce|nts(', 'euros')).toEqual({
      ...changed('models/paid.sql', 'cents(', 'euros('),
      ...changed('macros/money.sql', 'cents(', 'euros('),
    });
    expect(await renamed('models/schema.yml', '- posi|tive', 'above_zero')).toEqual({
      ...changed('models/schema.yml', '- positive', '- above_zero'),
      ...changed('macros/money.sql', 'test positive', 'test above_zero'),
    });
  });

  it('is refused for a built-in macro', async () => {
    editor = await EditorClient.open({ ...SHOP, 'models/now.sql': 'select {{ dbt.current_timestamp() }} as now\n' });
    await expect(renamed('models/now.sql', 'current|_timestamp', 'x')).rejects.toThrow('belongs to another package');
  });
});

describe('renaming a column', () => {
  it('changes its model, the readers that keep its name, and YAML', async () => {
    editor = await EditorClient.open(SHOP);
    expect(await renamed('models/orders.sql', 'p.order|_id', 'order_key')).toEqual({
      'models/paid.sql': (SHOP['models/paid.sql'] ?? '').replace('order_id', 'order_id as order_key'),
      ...changed('models/orders.sql', 'order_id', 'order_key'),
      ...changed('models/totals.sql', 'order_id', 'order_key'),
      ...changed('models/schema.yml', 'order_id', 'order_key'),
    });
  });

  it('stops where a reader gives the value another name', async () => {
    editor = await EditorClient.open(SHOP);
    expect(await renamed('models/totals.sql', 'o.am|ount', 'paid')).toEqual({
      'models/orders.sql': (SHOP['models/orders.sql'] ?? '').replace('p.amount', 'p.amount as paid'),
      ...changed('models/totals.sql', 'o.amount', 'o.paid'),
      ...changed('models/schema.yml', 'name: amount', 'name: paid'),
    });
  });

  it('goes through CTEs, aliases, stars, quotes and other columns of the name, but not into texts', async () => {
    editor = await EditorClient.open({
      ...SHOP,
      'models/base.sql': 'with t as (select 1 as id, 2 as amount) select * from t\n',
      'models/star.sql': "select * from {{ ref('base') }}\n",
      'models/other.sql': 'select 1 as id, 5 as amount\n',
      'models/both.sql':
        `-- amount of both\nwith a as (select id, amount from {{ ref('star') }})\n` +
        `select a."amount" as first, o.amount as second, 'amount' as label\n` +
        `from a join {{ ref('other') }} o using (id)\n` +
        'where a.amount > 0 -- amount\n',
    });
    expect(await renamed('models/star.sql', "ref('ba|se')", 'base2')).toBeDefined();
    const found = await renamed('models/base.sql', '2 as am|ount', 'total');
    expect(found).toEqual({
      'models/base.sql': 'with t as (select 1 as id, 2 as total) select * from t\n',
      'models/both.sql':
        `-- amount of both\nwith a as (select id, total from {{ ref('star') }})\n` +
        `select a."total" as first, o.amount as second, 'amount' as label\n` +
        `from a join {{ ref('other') }} o using (id)\n` +
        'where a.total > 0 -- amount\n',
    });
  });

  it('renames both branches of an incremental model, and its own rows', async () => {
    const sql = (name: string, from: string): string =>
      `{{ config(materialized='incremental') }}\nselect id, ${name}\nfrom ${from}\n` +
      `{% if is_incremental() %}where ${name} > (select max(${name}) from {{ this }}){% endif %}\n`;
    const parent = 'select 1 as id, 2 as at\n';
    editor = await EditorClient.open({
      ...SHOP,
      'models/events.sql': parent,
      'models/inc.sql': sql('at', "{{ ref('events') }}"),
    });
    expect(await renamed('models/events.sql', 'as a|t', 'seen')).toEqual({
      'models/events.sql': 'select 1 as id, 2 as seen\n',
      'models/inc.sql': sql('seen', "{{ ref('events') }}"),
    });
  });

  it('leaves and reports a reader whose SQL a template writes', async () => {
    editor = await EditorClient.open({
      ...SHOP,
      'models/written.sql': "{% set name = 'amount' %}select {{ name }} from {{ ref('orders') }}\n",
    });
    const found = await renamed('models/totals.sql', 'o.am|ount', 'paid');
    expect(Object.keys(found).sort()).toEqual(['models/orders.sql', 'models/schema.yml', 'models/totals.sql']);
    expect(await editor.message()).toMatch(/^Not renamed, because it is not certain:\nmodels\/written\.sql:1: /);
  });

  it('reports configs and arguments of tests that name the column', async () => {
    editor = await EditorClient.open({
      ...SHOP,
      'models/keyed.sql': 'select 1 as id, 2 as amount\n',
      'models/keyed.yml':
        'models:\n  - name: keyed\n    config: {unique_key: amount}\n    columns:\n      - name: amount\n' +
        '        data_tests:\n          - not_null:\n              config: {where: amount > 0}\n',
    });
    const found = await renamed('models/keyed.sql', 'as am|ount', 'paid');
    expect(found['models/keyed.yml']).toContain('- name: paid');
    expect(await editor.message()).toContain("\nmodel.shop.keyed: config 'unique_key'");
  });

  it('finds columns whose names contain signs', async () => {
    editor = await EditorClient.open({
      ...SHOP,
      'models/odd.sql': 'select 1 as "a(b", 2 as x\n',
      'models/reads_odd.sql': `select "a(b" from {{ ref('odd') }}\n`,
      'models/odd.yml': 'models:\n  - name: odd\n    columns:\n      - name: a(b\n',
    });
    const found = ['models/odd.yml:4:15 a(b'];
    expect(await references('models/odd.yml', 'name: a|(b')).toEqual(found);
    await expect(renamed('models/odd.yml', 'name: a|(b', 'ab')).rejects.toThrow('It is not certain where');
  });

  it('is refused if the name is taken or needs quotes', async () => {
    editor = await EditorClient.open(SHOP);
    await expect(renamed('models/totals.sql', 'o.am|ount', 'order_id')).rejects.toThrow(
      "has a column 'order_id' already",
    );
    await expect(renamed('models/totals.sql', 'o.am|ount', 'Paid')).rejects.toThrow('needs quotes');
  });

  it('keeps the rows of 20 models that read each other', async () => {
    const chain = Object.fromEntries(
      Array.from({ length: 20 }, (_, at) => [
        `models/m${at}.sql`,
        at === 0 ? 'select 1 as id, 2 as amount\n' : `select id, amount from {{ ref('m${at - 1}') }}\n`,
      ]),
    );
    editor = await EditorClient.open({ ...SHOP, ...chain });
    const found = await renamed('models/m0.sql', 'as am|ount', 'total');
    expect(found).toEqual(
      Object.fromEntries(Object.entries(chain).map(([path, text]) => [path, text.replace('amount', 'total')])),
    );
  });
});
