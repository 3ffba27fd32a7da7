// Builds the docs page as one file: the template of site/ with style, scripts and data inline. site-data.ts chooses the
// data; the scripts in site/ render it.
import { existsSync, readFileSync } from 'node:fs';
import type { SiteData } from './site-data.ts';

/** In execution order: app.js uses the others. */
const SCRIPTS = ['text.js', 'layout.js', 'graph.js', 'app.js'];

/** site/ lies beside this file in the sources, and beside `dist` when bundled. */
function readSiteFile(name: string): string {
  const found = [new URL(`./site/${name}`, import.meta.url), new URL(`../src/docs/site/${name}`, import.meta.url)].find(
    (url) => existsSync(url),
  );
  if (found === undefined) throw new Error(`the file ${name} of the docs page is missing from the installation`);
  return readFileSync(found, 'utf8');
}

/**
 * @param nonce of the Content-Security-Policy with which a server sends the page
 * @returns the whole page as HTML
 */
export function renderPage(data: SiteData, nonce?: string): string {
  // `</` ends a script element even within a string, and `<!--` changes how the parser reads it: `<` is escaped.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  const parts: Record<string, string> = {
    title: data.project.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`),
    style: readSiteFile('style.css'),
    script: SCRIPTS.map(readSiteFile).join('\n'),
    data: json,
  };
  const page = readSiteFile('page.html');
  const marked = nonce === undefined ? page : page.replace('<script>', `<script nonce="${nonce}">`);
  return marked.replace(
    /<!-- (\w+) -->|\/\* (\w+) \*\//g,
    (all, a: string | undefined, b: string | undefined) => parts[a ?? b ?? ''] ?? all,
  );
}
