// Runs `docs serve`: a small HTTP server for the docs in the target folder, which shows a later `docs generate` without
// a restart. The command line opens the browser and handles signals.
import { randomBytes } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { writePath } from '../compiler/write-path.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { GraphNode } from '../contracts/node.ts';
import type { CatalogArtifact } from '../contracts/results.ts';
import { errorOf } from '../error-table.ts';
import { renderPage } from './page.ts';
import { buildSiteData } from './site-data.ts';

const HTML = 'text/html; charset=utf-8';
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

const PLAIN = 'text/plain; charset=utf-8';

export interface ServeDocsInput {
  readonly targetDir: string;
  readonly host: string;
  /** 0 selects any free port. */
  readonly port: number;
  /** Folders below the target folder that are served in addition to the artifacts. */
  readonly assetPaths: readonly string[];
  readonly version: string;
}

/**
 * Listens until `close` is called.
 * @throws TsdbtError `runtime` when manifest.json does not exist yet or the port is in use
 */
export async function serveDocs(input: ServeDocsInput): Promise<{ url: string; close(): Promise<void> }> {
  pageOf(input);
  const server = createServer((request, response) => {
    try {
      if (isKnownHost(request.headers.host, input.host)) {
        answer(input, request.method ?? 'GET', request.url ?? '/', response);
      } else send(response, 403, PLAIN, `docs serve listens on ${input.host}: use that name, or give --host`);
    } catch (error) {
      send(response, 500, PLAIN, error instanceof Error ? error.message : String(error));
    }
  });
  await listen(server, input);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : input.port;
  const host =
    input.host === '' || input.host === '0.0.0.0' || input.host === '127.0.0.1' || input.host === '::'
      ? 'localhost'
      : input.host;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { host, port }: ServeDocsInput): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? `port ${port} is in use` : error.message;
      fail(errorOf('docsNotServed', { address: `${host}:${port}`, why }, { cause: error }));
    });
    server.listen(port, host, () => done());
  });
}

function answer(input: ServeDocsInput, method: string, url: string, response: ServerResponse): void {
  const path = pathOf(url);
  if (method !== 'GET' && method !== 'HEAD') send(response, 405, PLAIN, 'only GET');
  else if (path === null) send(response, 400, PLAIN, 'bad path');
  else if (path === '' || path === 'index.html') {
    const nonce = randomBytes(16).toString('base64');
    send(response, 200, HTML, pageOf(input, nonce), { 'content-security-policy': policyOf(nonce) });
  } else sendFile(input, method, path, response);
}

function sendFile(input: ServeDocsInput, method: string, path: string, response: ServerResponse): void {
  const allowed =
    ['manifest.json', 'catalog.json', 'run_results.json'].includes(path) ||
    input.assetPaths.some((a) => path.startsWith(`${a.replace(/(?<!\/)\/+$/, '')}/`));
  const file = join(input.targetDir, ...path.split('/'));
  const found = allowed ? statSync(file, { throwIfNoEntry: false }) : undefined;
  if (!found?.isFile()) {
    send(response, 404, PLAIN, 'not found');
    return;
  }
  response.writeHead(200, {
    'content-type': TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream',
    'content-length': found.size,
    'x-content-type-options': 'nosniff',
  });
  if (method === 'HEAD') response.end();
  else
    createReadStream(file)
      .on('error', () => response.destroy())
      .pipe(response);
}

/** Prevents DNS rebinding: a foreign host name that resolves to this machine must not read the docs. */
function isKnownHost(header: string | undefined, listens: string): boolean {
  // A server on all interfaces may have host names that only its network knows.
  if (listens === '' || listens === '0.0.0.0' || listens === '::') return true;
  const name = (header ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return [listens, 'localhost', '127.0.0.1', '::1'].some((known) => known.toLowerCase() === name.toLowerCase());
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

/** Resolves the path below the target folder; null when it is malformed or leaves the folder. */
function pathOf(url: string): string | null {
  try {
    const [before = ''] = url.split(/[?#]/);
    const path = normalize(decodeURIComponent(before)).replaceAll(sep, '/').replace(/^\/+/, '');
    return path.includes('\0') || path.split('/').includes('..') ? null : path === '.' ? '' : path;
  } catch {
    return null;
  }
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  more: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    ...more,
  });
  response.end(body);
}

/** Rebuilt from the artifacts at each request, so that it is never outdated. */
function pageOf({ targetDir, version }: ServeDocsInput, nonce?: string): string {
  const manifest = readArtifact<Manifest>(join(targetDir, 'manifest.json'));
  if (manifest === null) {
    throw errorOf('noDocs', { path: join(targetDir, 'manifest.json') });
  }
  // A command writes compiled SQL only into its own manifest; an earlier command's compiled file still exists.
  const compiledOf = (node: GraphNode): string | null => readCompiled(writePath(node, targetDir, 'compiled'));
  const catalog = readArtifact<CatalogArtifact>(join(targetDir, 'catalog.json'));
  return renderPage(buildSiteData(manifest, catalog, version, compiledOf), nonce);
}

function readCompiled(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function readArtifact<T>(path: string): T | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    if (error instanceof SyntaxError) throw errorOf('badArtifact', { path, why: error.message }, { cause: error });
    return null;
  }
}
