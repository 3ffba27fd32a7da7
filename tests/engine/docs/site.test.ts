// The page of `docs generate` in a real browser: axe-core finds nothing in any view, light or dark, and the graph of a
// large project opens on a part that a person can look at. Needs Chromium, which .ci/run installs.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderPage } from '../../../src/docs/page.ts';
import { buildSiteData, type SiteData, type SiteItem } from '../../../src/docs/site-data.ts';
import { Browser, chromium } from '../support/browser.ts';
import { lineageFrom } from '../../../src/docs/site-columns.ts';
import { parseFiles } from '../support/parse.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDE = [1280, 800] as const;

/** One of each that the page shows. */
const FILES = {
  'models/orders.sql':
    "{{ config(materialized='table', tags=['daily', 'finance']) }}\n-- Paid orders\n" +
    "select id, 'x' as status, {{ cents('price') }} as price from {{ ref('stg_orders') }} where id > 1\n",
  'models/stg_orders.sql': "select * from {{ source('shop', 'orders') }} join {{ ref('countries') }} using (country)\n",
  'models/models.yml': `
models:
  - name: orders
    description: |
      # Orders
      All **paid** orders, see [the shop](https://example.com) and \`status\`.

      | a | b |
      |---|---|
      | 1 | 2 |

      - one
      - two

      \`\`\`sql
      select 1
      \`\`\`
    config: {contract: {enforced: true}}
    columns:
      - {name: id, data_type: int, description: The id., constraints: [{type: not_null}], data_tests: [unique]}
      - {name: status, data_type: text}
      - {name: price, data_type: numeric}
sources:
  - {name: shop, tables: [{name: orders, description: Raw orders.}]}
exposures:
  - {name: report, type: dashboard, owner: {name: Ann}, depends_on: [ref('orders')], url: "https://example.com"}
macros:
  - {name: cents, description: To cents., arguments: [{name: column, type: string, description: A column.}]}
`,
  'macros/cents.sql': '{% macro cents(column) %}({{ column }} * 100)::int{% endmacro %}\n',
  'seeds/countries.csv': 'country\nde\n',
  'snapshots/orders_history.yml':
    "snapshots:\n  - {name: orders_history, relation: ref('orders'), config: " +
    '{unique_key: id, strategy: check, check_cols: all}}\n',
  'tests/positive.sql': "select * from {{ ref('orders') }} where price < 0\n",
  'analyses/look.sql': "select * from {{ ref('orders') }}\n",
};

const column = (name: string, node: string, kind: string, of = name): object => ({
  column: name,
  reason: null,
  sources: [{ node, column: of, kind }],
  uses: [],
});
const LINEAGE = lineageFrom({
  nodes: {
    'model.p.orders': {
      columns: [
        column('id', 'model.p.stg_orders', 'identical'),
        column('price', 'model.p.stg_orders', 'cast'),
        { column: 'status', reason: 'a <b>guess</b>', sources: [], uses: [] },
      ],
      uses: [{ node: 'model.p.stg_orders', column: 'id', role: 'filter' }],
    },
    'model.p.stg_orders': {
      columns: [
        column('id', 'source.p.shop.orders', 'renamed', 'order_id'),
        column('price', 'source.p.shop.orders', 'identical'),
      ],
      uses: [],
    },
    'snapshot.p.orders_history': { columns: [column('id', 'model.p.orders', 'identical')], uses: [] },
    'source.p.shop.orders': {
      columns: ['order_id', 'price'].map((name) => ({ column: name, reason: null, sources: [], uses: [] })),
      uses: [],
    },
  },
});

/** A hub that all models hang on, more than anybody can look at; two chains below one of them. */
function largeProject(models: number): SiteData {
  const item = (name: string): SiteItem => ({
    id: `model.p.${name}`,
    kind: 'model',
    name,
    package: 'p',
    file: `models/${name}.sql`,
    facts: [],
    tags: [],
    parents: [],
    children: [],
    graph: true,
  });
  const items = [item('hub'), ...Array.from({ length: models }, (_, i) => item(`m${i}`)), item('last')];
  const edge = (from: number, to: number): void => {
    items[from]?.children.push(to);
    items[to]?.parents.push(from);
  };
  for (let i = 1; i <= models; i++) edge(0, i);
  edge(models, models + 1);
  return {
    project: 'large',
    generated: '2026-01-01T00:00:00Z',
    version: '0',
    adapter: 'postgres',
    overview: '',
    items,
  };
}

const program = chromium();

describe.skipIf(program === null)('the docs page in a browser', () => {
  let folder = '';
  let browser: Browser;
  const show = async (name: string, route = '#/'): Promise<void> => {
    // Another address than the one before: what differs behind # only would not be loaded.
    await browser.open('about:blank');
    await browser.open(`${pathToFileURL(join(folder, name))}${route}`);
  };
  const count = (selector: string): Promise<number> =>
    browser.evaluate(`document.querySelectorAll(${JSON.stringify(selector)}).length`);
  const text = (selector: string): Promise<string> =>
    browser.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent.replace(/\\s+/g, ' ').trim()`);
  const click = (selector: string): Promise<void> =>
    browser.evaluate(
      `new Promise((done) => {
        document.querySelector(${JSON.stringify(selector)}).dispatchEvent(new MouseEvent('click', { bubbles: true }));
        requestAnimationFrame(() => setTimeout(done));
      })`,
    );

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tsdbt-site-'));
    const { manifest } = await parseFiles(FILES);
    writeFileSync(
      join(folder, 'small.html'),
      renderPage(buildSiteData(manifest, null, '0', { compiledOf: () => 'select 1 as a', lineage: LINEAGE })),
    );
    writeFileSync(join(folder, 'large.html'), renderPage(largeProject(400)));
    browser = await Browser.start(program ?? '', ...WIDE);
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** [view, address, what is done there first, size]. */
  const VIEWS: readonly [view: string, route: string, act?: string, size?: readonly [number, number]][] = [
    ['the overview', '#/'],
    ['a list', '#/list/model'],
    ['a model', '#/item/model.p.orders'],
    ['a column', '#/item/model.p.orders/id'],
    ['its compiled code', '#/item/model.p.orders', `document.querySelector('[data-code="compiled"]').click()`],
    ['a source', '#/item/source.p.shop.orders'],
    ['a macro', '#/item/macro.p.cents'],
    ['an exposure', '#/item/exposure.p.report'],
    ['a page that is not there', '#/item/model.p.gone'],
    ['the graph', '#/graph'],
    [
      'a node picked in it',
      '#/graph',
      `document.querySelector('.node').dispatchEvent(new MouseEvent('click', {bubbles: true}))`,
    ],
    ['the lineage of one node', '#/graph/model.p.orders'],
    ['the tree of the database', '#/', `document.querySelector('[data-tab="database"]').click()`],
    ['what the search finds', '#/', `search.value = 'orders'; search.dispatchEvent(new Event('input'))`],
    ['a search without hits', '#/', `search.value = 'qqqq'; search.dispatchEvent(new Event('input'))`],
    ['a narrow window', '#/item/model.p.orders', '', [400, 700]],
    ['the list in a narrow window', '#/', `document.getElementById('menu').click()`, [400, 700]],
  ];

  describe.each(['light', 'dark'])('in the %s theme', (theme) => {
    it.each(VIEWS)('has no axe-core finding on %s', async (_view, route, act = '', [width, height] = WIDE) => {
      await browser.resize(width, height);
      await show('small.html', route);
      await browser.evaluate(`setTheme('${theme}'); {
        const search = document.getElementById('search');
        ${act}
      }`);
      const found = await browser.evaluate<string[]>(`(async () => {
        ${AXE}
        const { violations } = await axe.run();
        return violations.flatMap(({ id, impact, nodes }) => nodes.map(({ html, any, all, none }) =>
          [impact, id, html.slice(0, 160), ...[...any, ...all, ...none].map(({ message }) => message)].join(': ')));
      })()`);
      expect(found).toEqual([]);
      expect(browser.problems).toEqual([]);
    });
  });

  const texts = (selector: string): Promise<string[]> =>
    browser.evaluate(
      `[...document.querySelectorAll(${JSON.stringify(selector)})].map((each) =>
        (each.innerText ?? each.textContent).replace(/\\s+/g, ' ').trim())`,
    );

  it('shows where a column comes from and goes, with the graph of that column only', async () => {
    await show('small.html', '#/item/model.p.orders');
    expect(await count('#column')).toBe(0);
    await click('td a[href$="/id"]');
    expect(await text('#column')).toBe('Column id');
    const lists = await texts('#column + .lineage + .edges > div');
    expect(lists).toEqual([
      'Comes from (2) stg_orders.id identical shop.orders.order_id renamed',
      'Goes into (1) orders_history.id identical',
      'Decided by (1) stg_orders.id filter',
      'Decides (0) nothing',
    ]);
    expect((await texts('[data-column] .node text')).sort()).toEqual([
      'orders.id',
      'orders_history.id',
      'shop.orders.order_id',
      'stg_orders.id',
    ]);
    expect(await count('[data-column] .edge')).toBe(3);
    await show('small.html', '#/item/model.p.stg_orders/ID');
    expect((await texts('#column + .lineage + .edges > div')).slice(1)).toEqual([
      'Goes into (2) orders.id identical unique orders_history.id identical',
      'Decided by (0) nothing',
      'Decides (1) orders filter',
    ]);
    expect(browser.problems).toEqual([]);
  });

  it('shows the description of the column whose value it has, and what is not known', async () => {
    await show('small.html', '#/item/snapshot.p.orders_history');
    expect(await text('td .text')).toBe('The id.');
    expect(await text('td small')).toBe('from orders');
    await show('small.html', '#/item/model.p.orders/status');
    expect(await text('#column + p')).toBe('Not fully known: a <b>guess</b>');
    await show('small.html', '#/item/model.p.orders/gone');
    expect(await count('#column')).toBe(0);
    expect(browser.problems).toEqual([]);
  });

  it('shows a small graph completely', async () => {
    await show('small.html', '#/graph');
    expect(await text('.panel b')).toBe('6 nodes');
    expect(await count('svg .node')).toBe(6);
    expect(await count('svg .node.here')).toBe(0);
  });

  it('opens the graph of a large project at the node with the most neighbours', async () => {
    await show('large.html', '#/graph');
    expect(await text('.panel')).toMatch(/^hub ?show all 402/);
    expect(await text('svg .node.here text')).toBe('hub');
    expect(await count('svg .node')).toBe(300);
    expect(browser.problems).toEqual([]);
  });

  it('shows all of a large graph on request', async () => {
    await show('large.html', '#/graph');
    await click('.panel a');
    expect(await browser.evaluate('location.hash')).toBe('#/graph//all');
    expect(await count('svg .node')).toBe(402);
    expect(await count('svg .node.here')).toBe(0);
  });

  it('draws the neighbours of a node if everything that it reaches is too much', async () => {
    await show('large.html', '#/graph/model.p.last');
    expect(await text('svg .node.here text')).toBe('last');
    expect(
      await browser.evaluate(`[...document.querySelectorAll('svg .node text')].map((t) => t.textContent).sort()`),
    ).toEqual(['hub', 'last', 'm399']);
  });

  it('moves through the graph by arrow keys, and opens a node with Enter', async () => {
    await show('small.html', '#/graph');
    const press = (...keys: string[]): Promise<string | null> =>
      browser.evaluate(`(() => {
        const svg = document.querySelector('.graph svg');
        svg.focus();
        for (const key of ${JSON.stringify(keys)})
          document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
        return document.querySelector('.node.reached text')?.textContent ?? null;
      })()`);
    expect(await press('ArrowDown', 'ArrowLeft', 'ArrowLeft', 'ArrowLeft')).toBe('shop.orders');
    expect(await press('ArrowDown')).toBe('countries');
    expect(await press('ArrowUp')).toBe('shop.orders');
    expect(await press('ArrowRight', 'ArrowRight')).toBe('orders');
    expect(await text('.tip b')).toBe('orders');
    expect(await press('Escape')).toBeNull();
    expect(await count('.tip:not([hidden])')).toBe(0);
    await press('ArrowRight', 'ArrowLeft', 'ArrowLeft', 'ArrowLeft', 'Enter');
    expect(await browser.evaluate('decodeURIComponent(location.hash)')).toBe('#/item/source.p.shop.orders');
  });

  it('reports that nothing was found for an unreadable address and an unknown list', async () => {
    for (const route of ['#/item/%E0%A4%A', '#/list/nonsense']) {
      await show('small.html', route);
      expect(await text('main h1')).toBe('Not here');
    }
    expect(browser.problems).toEqual([]);
  });

  it('closes the search results when the focus moves, and focuses the chosen page', async () => {
    await show('small.html');
    await browser.evaluate(`input.focus(); input.value = 'countries'; input.dispatchEvent(new Event('input'))`);
    await browser.evaluate(`document.querySelector('#hits a').focus()`);
    expect(await count('#hits:not([hidden])')).toBe(1);
    await browser.evaluate(`document.querySelector('.tool').focus()`);
    expect(await count('#hits:not([hidden])')).toBe(0);
    await browser.evaluate(`input.focus(); new Promise((done) => {
      window.addEventListener('hashchange', () => setTimeout(done), { once: true });
      input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
    })`);
    expect(await browser.evaluate(`document.activeElement.id + ' ' + location.hash`)).toBe(
      'main #/item/seed.p.countries',
    );
  });

  it('fits a narrow window, with broken words, and Tab skips the list while it is closed', async () => {
    await browser.resize(400, 700);
    await show('small.html', '#/item/model.p.orders');
    for (const where of ['.text p', '.crumbs', 'h1'])
      await browser.evaluate(`document.querySelector('main ${where}').textContent = 'x'.repeat(300)`);
    expect(await browser.evaluate(`main.scrollWidth - main.clientWidth`)).toBe(0);
    expect(await browser.evaluate(`getComputedStyle(document.getElementById('side')).visibility`)).toBe('hidden');
    await browser.resize(...WIDE);
    expect(await browser.evaluate(`getComputedStyle(document.getElementById('side')).visibility`)).toBe('visible');
  });

  it('shows no graph on the overview of a large project', async () => {
    await show('large.html');
    expect(await count('.lineage')).toBe(0);
    await show('small.html');
    expect(await count('.lineage svg .node')).toBe(6);
  });
});
