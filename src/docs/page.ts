// Builds the docs page as one file: the template in site/ with style, scripts and data inline. site-data.ts selects the
// data; the scripts in site/ render it.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pageJson } from '../http/page-json.ts';
import { readSiteFile } from '../http/site-file.ts';
import { showJson } from '../values/float.ts';
import type { SiteData } from './site-data.ts';

/** In execution order: app.js uses the others. */
const SCRIPTS = ['text.js', 'layout.js', 'graph.js', 'columns.js', 'app.js'];
const SITE = 'docs/site';

/**
 * @param nonce for the server's Content-Security-Policy; absent: the page is a file and contains its policy
 * @param live address of the `serve` page with jobs and runs; absent: no link is shown
 * @returns the whole page as HTML
 */
export function renderPage(data: SiteData, nonce?: string, live?: string): string {
  // `</` ends a script element even inside a string, and `<!--` changes how it is parsed, so `<` is escaped.
  const json = pageJson(showJson(data)).replaceAll('<', '\\u003c');
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

/** markdown-it as one script. Sequences that could end or confuse the script element are escaped. */
function markdownLibrary(): string {
  const path = createRequire(import.meta.url).resolve('markdown-it/browser');
  return readFileSync(path, 'utf8')
    .replace(/^\/\/# sourceMappingURL=.*$/m, '')
    .replace(/<(?=!--|\/?script)/gi, '\\x3c');
}

/**
 * The policy of a page that is opened as a file; the rules are those of `docs serve`. A file has no nonce, so the
 * script is allowed by its hash. `file:` is needed for images in the page's folder.
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
