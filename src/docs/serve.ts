// Runs `docs serve`: a small HTTP server for the docs in the target folder. It shows a later `docs generate` without a
// restart. The command line opens the browser and handles signals.
import { randomBytes } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { dirname, extname, join, normalize, sep } from 'node:path';
import { pipeline } from 'node:stream';
import { writePath } from '../compiler/write-path.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { GraphNode } from '../contracts/node.ts';
import type { CatalogArtifact } from '../contracts/results.ts';
import { errorOf } from '../error-table.ts';
import { HTML, isKnownHost, listen, localUrl, PLAIN, send, type ServerResponse } from '../http/server.ts';
import { MOST_DATA, readFileText } from '../project/read-file.ts';
import { liesWithin, realPath } from '../project/outside-paths.ts';
import { renderPage } from './page.ts';
import { buildSiteData } from './site-data.ts';
import { LINEAGE_FILE, lineageFrom } from './site-columns.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': HTML,
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.svg': 'image/svg+xml',
  '.webp': 'image/webp',
  '.css': 'text/css; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
};

export interface ServeDocsInput {
  readonly targetDir: string;
  readonly host: string;
  /** Additional names accepted in the Host header, such as those of a reverse proxy. */
  readonly names?: readonly string[];
  /** 0 selects any free port. */
  readonly port: number;
  /** Subfolders of the target folder that are served in addition to the artifacts. */
  readonly assetPaths: readonly string[];
  readonly version: string;
}

/**
 * Listens until `close` is called.
 * @throws TsdbtError `runtime` if manifest.json does not exist yet or the port is in use
 */
export async function serveDocs(input: ServeDocsInput): Promise<{ url: string; close(): Promise<void> }> {
  docsPage(input);
  const { host, port, names = [] } = input;
  try {
    const server = await listen({ host, port }, (request, response) => {
      if ([host, ...names].some((name) => isKnownHost(request.headers.host, name))) {
        answer(input, request.method ?? 'GET', request.url ?? '/', response);
      } else send(response, 403, PLAIN, `docs serve listens on ${host}: use that name, or --allowed-hosts\n`);
    });
    return { url: localUrl(host, server.port), close: () => server.close() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? `port ${port} is in use` : message;
    throw errorOf('docsNotServed', { address: `${host}:${port}`, why }, { cause: error });
  }
}

function answer(input: ServeDocsInput, method: string, url: string, response: ServerResponse): void {
  const path = pathOf(url);
  if (method !== 'GET' && method !== 'HEAD') send(response, 405, PLAIN, 'only GET');
  else if (path === null) send(response, 400, PLAIN, 'bad path');
  else if (path === '' || path === 'index.html') {
    const nonce = randomBytes(16).toString('base64');
    send(response, 200, HTML, docsPage(input, nonce), { 'content-security-policy': policyOf(nonce) });
  } else sendFile(input, method, path, response);
}

function sendFile(input: ServeDocsInput, method: string, path: string, response: ServerResponse): void {
  const allowed =
    ['manifest.json', 'catalog.json', 'run_results.json'].includes(path) ||
    input.assetPaths.some((a) => path.startsWith(`${a.replace(/(?<!\/)\/+$/, '')}/`));
  const file = join(input.targetDir, ...path.split('/'));
  const found = allowed && staysIn(input.targetDir, file) ? statSync(file, { throwIfNoEntry: false }) : undefined;
  if (!found?.isFile()) {
    send(response, 404, PLAIN, 'not found');
    return;
  }
  response.writeHead(200, {
    'content-type': TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream',
    'content-length': found.size,
    'x-content-type-options': 'nosniff',
    // An asset of a package must not run scripts with the page's origin.
    'content-security-policy': "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:",
  });
  if (method === 'HEAD') response.end();
  // Closes the file even if the client does not read to its end.
  else pipeline(createReadStream(file), response, () => undefined);
}

/** The target folder of a cloned repository may contain links to any file of this machine. */
function staysIn(targetDir: string, file: string): boolean {
  return liesWithin(realPath(file), realPath(targetDir));
}

/**
 * Content-Security-Policy: only the page's own scripts run; descriptions may load images, and nothing else is loaded.
 */
function policyOf(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    "style-src 'unsafe-inline'",
    "img-src 'self' data: https:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Resolves a path inside the target folder; null if it is malformed or leaves the folder. */
function pathOf(url: string): string | null {
  try {
    const [before = ''] = url.split(/[?#]/);
    const path = normalize(decodeURIComponent(before)).replaceAll(sep, '/').replace(/^\/+/, '');
    return path.includes('\0') || path.split('/').includes('..') ? null : path === '.' ? '' : path;
  } catch {
    return null;
  }
}

/**
 * Renders the page from the current artifacts, so that it is never outdated.
 * @param nonce, live as in `renderPage`
 * @throws TsdbtError `runtime` if manifest.json does not exist yet
 */
export function docsPage(
  { targetDir, version }: Pick<ServeDocsInput, 'targetDir' | 'version'>,
  nonce?: string,
  live?: string,
): string {
  const manifest = readArtifact<Manifest>(join(targetDir, 'manifest.json'));
  if (manifest === null) {
    throw errorOf('noDocs', { path: join(targetDir, 'manifest.json') });
  }
  // A command writes compiled SQL only into its own manifest; an earlier command's compiled file still exists.
  const compiledOf = (node: GraphNode): string | null =>
    readCompiled(targetDir, writePath(node, targetDir, 'compiled'));
  const catalog = readArtifact<CatalogArtifact>(join(targetDir, 'catalog.json'));
  const lineage = lineageFrom(readArtifact(join(targetDir, LINEAGE_FILE)));
  try {
    return renderPage(buildSiteData(manifest, catalog, version, { compiledOf, lineage }), nonce, live);
  } catch (error) {
    // Artifacts of a cloned project may contain values of any form.
    if (!(error instanceof TypeError)) throw error;
    throw errorOf('badArtifact', { path: targetDir, why: 'a value has another type' }, { cause: error });
  }
}

function readCompiled(targetDir: string, path: string): string | null {
  try {
    if (!staysIn(targetDir, path)) return null;
    return readFileText(path);
  } catch {
    return null;
  }
}

function readArtifact<T>(path: string): T | null {
  try {
    if (!staysIn(dirname(path), path)) return null;
    return JSON.parse(readFileText(path, MOST_DATA)) as T;
  } catch (error) {
    if (error instanceof SyntaxError) throw errorOf('badArtifact', { path, why: error.message }, { cause: error });
    return null;
  }
}
