// The page of serve as one file, and the content security policies of the page and the docs: nothing external, only our
// scripts. The page requests its data from the API.
import { readSiteFile } from '../../http/site-file.ts';

/** In execution order: app.js uses the others. */
const SCRIPTS = ['dom.js', 'gantt.js', 'views.js', 'app.js'];
const SITE = 'serve/http/site';
const SHARED = 'http/site';

/** @returns the page as HTML, without a query to the database or the clock */
export function appPage(nonce: string, project: string): string {
  const parts: Record<string, string> = {
    nonce,
    project: project.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`),
    style: readSiteFile(SHARED, 'theme.css') + readSiteFile(SITE, 'style.css'),
    script: [readSiteFile(SHARED, 'theme.js'), ...SCRIPTS.map((name) => readSiteFile(SITE, name))].join('\n'),
  };
  return readSiteFile(SITE, 'page.html').replace(
    /<!-- (\w+) -->|\/\* (\w+) \*\//g,
    (all, a: string | undefined, b: string | undefined) => parts[a ?? b ?? ''] ?? all,
  );
}

/** The page sets no style by attribute: even styles need the nonce. */
export function appPolicy(nonce: string): string {
  return policy(`script-src 'nonce-${nonce}'`, `style-src 'nonce-${nonce}'`, 'img-src data:', "connect-src 'self'");
}

/** Descriptions in the docs may contain images, but only from this host. */
export function docsPolicy(nonce: string): string {
  return policy(`script-src 'nonce-${nonce}'`, "style-src 'unsafe-inline'", "img-src 'self' data:");
}

function policy(...rules: readonly string[]): string {
  return ["default-src 'none'", ...rules, "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"].join('; ');
}
