// Builds the docs page as one file: the template of site/ with style, scripts and data inline. site-data.ts chooses the
// data; the scripts in site/ render it.
import { readSiteFile } from '../http/site-file.ts';
import type { SiteData } from './site-data.ts';

/** In execution order: app.js uses the others. */
const SCRIPTS = ['text.js', 'layout.js', 'graph.js', 'app.js'];
const SITE = 'docs/site';

/**
 * @param nonce of the Content-Security-Policy with which a server sends the page
 * @param live address of the page of `serve` that shows jobs and runs; absent: nothing runs here
 * @returns the whole page as HTML
 */
export function renderPage(data: SiteData, nonce?: string, live?: string): string {
  // `</` ends a script element even within a string, and `<!--` changes how the parser reads it: `<` is escaped.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  const parts: Record<string, string> = {
    title: data.project.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`),
    style: readSiteFile('http/site', 'theme.css') + readSiteFile(SITE, 'style.css'),
    script: [readSiteFile('http/site', 'theme.js'), ...SCRIPTS.map((name) => readSiteFile(SITE, name))].join('\n'),
    data: json,
    live: live === undefined ? '' : `<a class="tool" id="live" href="${live}">Jobs</a>`,
  };
  const page = readSiteFile(SITE, 'page.html');
  const marked = nonce === undefined ? page : page.replace('<script>', `<script nonce="${nonce}">`);
  return marked.replace(
    /<!-- (\w+) -->|\/\* (\w+) \*\//g,
    (all, a: string | undefined, b: string | undefined) => parts[a ?? b ?? ''] ?? all,
  );
}
