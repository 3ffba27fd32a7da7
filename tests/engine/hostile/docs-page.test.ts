// The docs page in a real browser with descriptions that try to run scripts: as the file that `docs generate` writes,
// and without its policy, so that Markdown and policy are each held alone. Needs Chromium.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderPage } from '../../../src/docs/page.ts';
import type { SiteData, SiteItem } from '../../../src/docs/site-data.ts';
import { Browser, chromium } from '../support/browser.ts';

/** Each would set `hit` in a page that takes it as HTML, or that follows its link. */
const ATTACKS = [
  '[x](a/![ onmouseover=window.hit=1 onfocus=window.hit=1 autofocus tabindex=1 style=display:block;height:99px ](z))',
  '![x](a/"onerror="window.hit=1)',
  '![" onerror="window.hit=1](z)',
  '[a](b "onmouseover=\'window.hit=1\'")',
  '[a](b \'"onmouseover="window.hit=1\')',
  '<script>window.hit=1</script>',
  '<img src=x onerror=window.hit=1>',
  '<svg onload=window.hit=1>',
  '<svg><script>window.hit=1</script></svg>',
  '<iframe srcdoc="<script>parent.hit=1</script>"></iframe>',
  '<details open ontoggle=window.hit=1>',
  '<a href="javascript:window.hit=1">x</a>',
  '[x](javascript:window.hit=1)',
  '[x](JaVaScRiPt:window.hit=1)',
  '[x](java&#115;cript:window.hit=1)',
  '[x](javascript&colon;window.hit=1)',
  '[x](java\\nscript:window.hit=1)',
  '[x](<java\tscript:window.hit=1>)',
  '[x](<\u0001javascript:window.hit=1>)',
  '[x](vbscript:window.hit=1)',
  '[x](data:text/html,<script>opener.hit=1</script>)',
  '[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)',
  '[x](data:image/svg+xml,<svg/onload=window.hit=1>)',
  '[x]: javascript:window.hit=1\n\n[x] [x][x] ![x]',
  '<javascript:window.hit=1>',
  '`<img src=x onerror=window.hit=1>`',
  '```"><img src=x onerror=window.hit=1>\n<img src=x onerror=window.hit=1>\n```',
  '```<script>\n</code></pre><script>window.hit=1</script>\n```',
  '    <img src=x onerror=window.hit=1>',
  '| <img src=x onerror=window.hit=1> | [y](javascript:window.hit=1) |\n|---|---|\n' +
    '| <svg onload=window.hit=1> | `a|b` |',
  '# <img src=x onerror=window.hit=1>',
  '> <img src=x onerror=window.hit=1>',
  '- <img src=x onerror=window.hit=1>\n  1. <svg onload=window.hit=1>',
  '**<img src=x onerror=window.hit=1>** _[x](javascript:window.hit=1)_ ~~<svg onload=window.hit=1>~~',
  'https://a.example/"onmouseover="window.hit=1',
  "https://a.example/'onmouseover='window.hit=1",
  'https://a.example/<img src=x onerror=window.hit=1>',
  '[![x](javascript:window.hit=1)](javascript:window.hit=1)',
  '[<img src=x onerror=window.hit=1>](z)',
  '&lt;img src=x onerror=window.hit=1&gt;',
  '\u00000\u0000 <img src=x onerror=window.hit=1>',
  '</script><script>window.hit=1</script><!--<script>',
  '<!-- --!><img src=x onerror=window.hit=1> -->',
  '<math><mtext><table><mglyph><style><img src=x onerror=window.hit=1>',
  '<base href="https://a.example/">',
  '<meta http-equiv=refresh content="0;url=javascript:window.hit=1">',
  '<form action="javascript:window.hit=1"><button autofocus>x</button></form>',
];

function projectOf(texts: readonly string[]): SiteData {
  const items = texts.map(
    (text, i): SiteItem => ({
      id: `model.p.m${i}`,
      kind: 'model',
      name: `m${i}`,
      package: text,
      file: `models/${text}`,
      description: text,
      facts: [
        ['Owner', text],
        ['URL', `https://a.example/${text}`],
      ],
      tags: [text],
      columns: [{ name: text, type: text, description: text, tests: [text], constraints: [text] }],
      arguments: [{ name: text, type: text, description: text }],
      tests: [{ name: text, kind: text, severity: text }],
      relation: { database: text, schema: text, name: text },
      color: text,
      source: text,
      compiled: text,
      parents: [],
      children: [],
      graph: true,
    }),
  );
  const overview = texts.join('\n\n');
  return {
    project: texts.join(' '),
    generated: texts[0] ?? '',
    version: '0',
    adapter: texts[0] ?? '',
    overview,
    items,
  };
}

const program = chromium();

describe.skipIf(program === null)('scripts in descriptions', () => {
  const data = projectOf(ATTACKS);
  let folder = '';
  let browser: Browser;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tsdbt-hostile-site-'));
    const page = renderPage(data);
    writeFileSync(join(folder, 'index.html'), page);
    writeFileSync(join(folder, 'bare.html'), page.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, ''));
    browser = await Browser.start(program ?? '', 1280, 800);
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What a page shows that could run, after the mouse has been over everything and every link was followed. */
  const LOOK = `(async () => {
    const found = [];
    for (const each of main.querySelectorAll('*')) {
      if (/^(script|iframe|object|embed|base|meta|form|style|math|link|template)$/i.test(each.tagName))
        found.push(each.outerHTML.slice(0, 99));
      for (const { name, value } of each.attributes)
        if (/^on|^srcdoc|^formaction|^autofocus/i.test(name) ||
          (/^(xlink:)?(href|src)$/i.test(name) &&
            /^[\\x00-\\x20]*(javascript|vbscript|data:(?!image\\/))/i.test(value)))
          found.push(name + '=' + value);
      for (const kind of ['mouseover', 'mouseenter', 'focus', 'toggle', 'error', 'load'])
        each.dispatchEvent(new Event(kind, { bubbles: false }));
    }
    await new Promise((done) => setTimeout(done, 20));
    return [...found, ...(window.hit === undefined ? [] : ['it ran'])];
  })()`;

  it.each(['index.html', 'bare.html'])('are run in no view of %s', async (name) => {
    const ran: string[] = [];
    const routes = ['#/', '#/list/model', '#/graph', ...data.items.map(({ id }) => `#/item/${id}`)];
    await browser.open(pathToFileURL(join(folder, name)).href);
    for (const route of routes) {
      await browser.evaluate(
        `new Promise((done) => { location.hash = ${JSON.stringify(route)}; setTimeout(done, 30); })`,
      );
      for (const each of await browser.evaluate<string[]>(LOOK)) ran.push(`${route}: ${each}`);
    }
    for (const query of ['img', 'script', '"onerror']) {
      await browser.evaluate(`input.value = ${JSON.stringify(query)}; input.dispatchEvent(new Event('input'))`);
      for (const each of await browser.evaluate<string[]>(LOOK)) ran.push(`search ${query}: ${each}`);
    }
    expect(ran).toEqual([]);
    expect(await browser.evaluate('document.querySelectorAll("main h1").length')).toBe(1);
  });

  it('would not be run in the written file even if they became HTML', async () => {
    const inject = `main.innerHTML = '<img src="data:," onerror="window.hit=1">' +
      '<a id="followed" href="javascript:window.hit=1">x</a>';
      const script = document.createElement('script');
      script.textContent = 'window.hit=1';
      main.append(script);
      document.getElementById('followed').click();
      new Promise((done) => setTimeout(() => done(window.hit ?? null), 100))`;
    await browser.open(pathToFileURL(join(folder, 'bare.html')).href);
    expect(await browser.evaluate(inject)).toBe(1);
    await browser.open('about:blank');
    await browser.open(pathToFileURL(join(folder, 'index.html')).href);
    expect(await browser.evaluate(inject)).toBeNull();
  });

  it('do not break the images and links of other descriptions', async () => {
    const dot =
      '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"><rect width="7" height="7" fill="red"/></svg>';
    writeFileSync(join(folder, 'dot.svg'), dot);
    const text = '![a dot](dot.svg) [the shop](https://example.com/a?b=1&c=2) and <https://example.com/d>, **bold**';
    writeFileSync(join(folder, 'kind.html'), renderPage({ ...projectOf([text]), project: 'kind' }));
    await browser.open(`${pathToFileURL(join(folder, 'kind.html')).href}#/item/model.p.m0`);
    await browser.evaluate('new Promise((done) => setTimeout(done, 100))');
    expect(await browser.evaluate(`document.querySelector('.text img').naturalWidth`)).toBe(7);
    expect(await browser.evaluate(`[...document.querySelectorAll('.page > .text a')].map((a) => a.href)`)).toEqual([
      'https://example.com/a?b=1&c=2',
      'https://example.com/d',
    ]);
    expect(browser.problems).toEqual([]);
  });
});
