// Builds the docs page as one file: the template of site/ with style, scripts and data inline. site-data.ts chooses the
// data; the scripts in site/ render it.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { readSiteFile } from '../http/site-file.ts';
import type { SiteData } from './site-data.ts';

/** In execution order: app.js uses the others. */
const SCRIPTS = ['text.js', 'layout.js', 'graph.js', 'app.js'];
const SITE = 'docs/site';

/**
 * @param nonce of the Content-Security-Policy with which a server sends the page; absent: the page is a file, and holds
 *   its policy
 * @param live address of the page of `serve` that shows jobs and runs; absent: nothing runs here
 * @returns the whole page as HTML
 */
export function renderPage(data: SiteData, nonce?: string, live?: string): string {
  // `</` ends a script element even within a string, and `<!--` changes how the parser reads it: `<` is escaped.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  const own = [readSiteFile('http/site', 'theme.js'), ...SCRIPTS.map((name) => readSiteFile(SITE, name))].join('\n');
  const script = `${markdownLibrary()}\n${own}`;
  const parts: Record<string, string> = {
    policy: nonce === undefined ? policyTag(script) : '',
    title: data.project.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`),
    style: readSiteFile('http/site', 'theme.css') + readSiteFile(SITE, 'style.css'),
    script,
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

/** markdown-it as one script. What could end or confuse the script element is written as an escape. */
function markdownLibrary(): string {
  const path = createRequire(import.meta.url).resolve('markdown-it/browser');
  return readFileSync(path, 'utf8')
    .replace(/^\/\/# sourceMappingURL=.*$/m, '')
    .replace(/<(?=!--|\/?script)/gi, '\\x3c');
}

/**
 * The same rules as those of `docs serve`, for a page that no server sends. The script is named by its hash: there is
 * no nonce in a file. Without `file:`, images below the page's folder would be missing.
 */
function policyTag(script: string): string {
  const hash = createHash('sha256').update(script).digest('base64');
  const rules = [
    "default-src 'none'",
    `script-src 'sha256-${hash}'`,
    "style-src 'unsafe-inline'",
    "img-src 'self' file: data: https:",
    "base-uri 'none'",
    "form-action 'none'",
  ];
  return `<meta http-equiv="Content-Security-Policy" content="${rules.join('; ')}">`;
}
