// Puts the docs page together: the template of site/ with its style, its scripts and the data inside, so that the one
// file is all a browser needs. Leaves what is shown to site-data.ts and how to the scripts in site/.
import { existsSync, readFileSync } from 'node:fs';
import type { SiteData } from './site-data.ts';

/** In the order in which they must run; app.js uses the others. */
const SCRIPTS = ['text.js', 'layout.js', 'graph.js', 'app.js'];

/** Below this file in the sources; beside `dist` when bundled. */
function readSiteFile(name: string): string {
  const found = [new URL(`./site/${name}`, import.meta.url), new URL(`../src/docs/site/${name}`, import.meta.url)].find(
    (url) => existsSync(url),
  );
  if (found === undefined) throw new Error(`the file ${name} of the docs page is missing from the installation`);
  return readFileSync(found, 'utf8');
}

/**
 * @param nonce of the policy under which a server sends the page
 * @returns the whole page as HTML
 */
export function renderPage(data: SiteData, nonce?: string): string {
  // A script element ends at the first `</`, whatever its text is, and `<!--` would change how it is read.
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
