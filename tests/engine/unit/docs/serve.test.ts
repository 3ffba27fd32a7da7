// Tests that the docs server serves the page and the artifacts of the target folder, and no other files.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveDocs } from '../../../../src/docs/serve.ts';

const dir = mkdtempSync(join(tmpdir(), 'tsdbt-docs-'));
const target = join(dir, 'target');
let server: Awaited<ReturnType<typeof serveDocs>>;
const input = { targetDir: target, host: '127.0.0.1', port: 0, assetPaths: ['assets'], version: '1' };
const empty = {
  metadata: { project_name: 'served', generated_at: '', adapter_type: '' },
  nodes: {},
  sources: {},
  macros: {},
  docs: {},
  exposures: {},
  metrics: {},
  semantic_models: {},
  saved_queries: {},
  functions: {},
  unit_tests: {},
};

beforeAll(async () => {
  mkdirSync(join(target, 'assets'), { recursive: true });
  writeFileSync(join(dir, 'secret.txt'), 'secret');
  writeFileSync(join(target, 'partial_parse.json'), '{}');
  writeFileSync(join(target, 'manifest.json'), JSON.stringify(empty));
  writeFileSync(join(target, 'assets', 'a.svg'), '<svg/>');
  server = await serveDocs(input);
});
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true });
});

describe('docs serve', () => {
  it('shows the page at the root, made from the current artifacts', async () => {
    expect(await (await fetch(server.url)).text()).toContain('<title>served · docs</title>');
    writeFileSync(
      join(target, 'manifest.json'),
      JSON.stringify({ ...empty, metadata: { ...empty.metadata, project_name: 'changed' } }),
    );
    expect(await (await fetch(`${server.url}/index.html`)).text()).toContain('<title>changed · docs</title>');
  });

  it('shows what an earlier command has compiled when another command wrote the manifest', async () => {
    const model = {
      unique_id: 'model.p.m',
      resource_type: 'model',
      package_name: 'p',
      name: 'm',
      path: 'm.sql',
      original_file_path: 'models/m.sql',
      raw_code: "select * from {{ ref('x') }}",
      config: { materialized: 'view' },
      depends_on: { nodes: [], macros: [] },
      columns: {},
      tags: [],
      fqn: ['p', 'm'],
    };
    const write = (): void =>
      writeFileSync(join(target, 'manifest.json'), JSON.stringify({ ...empty, nodes: { 'model.p.m': model } }));
    write();
    expect(await (await fetch(server.url)).text()).not.toContain('select * from compiled_x');
    mkdirSync(join(target, 'compiled/p/models'), { recursive: true });
    writeFileSync(join(target, 'compiled/p/models/m.sql'), 'select * from compiled_x');
    expect(await (await fetch(server.url)).text()).toContain('"compiled":"select * from compiled_x"');
  });

  it('does not let a file of asset-paths run scripts as the page', async () => {
    const answer = await fetch(`${server.url}/assets/a.svg`);
    expect(answer.headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none'/);
  });

  it('rejects a request with another host name', async () => {
    const ask = (host: string): Promise<number | undefined> =>
      new Promise((done, fail) => {
        const { port } = new URL(server.url);
        get({ host: '127.0.0.1', port, path: '/manifest.json', headers: { host } }, (answer) => {
          answer.resume();
          done(answer.statusCode);
        }).on('error', fail);
      });
    const { port } = new URL(server.url);
    expect(await Promise.all(['evil.example', `evil.example:${port}`, 'localhost.evil.example'].map(ask))).toEqual([
      403, 403, 403,
    ]);
    expect(
      await Promise.all([`127.0.0.1:${port}`, `localhost:${port}`, 'LOCALHOST', `[::1]:${port}`].map(ask)),
    ).toEqual([200, 200, 200, 200]);
  });

  it('allows only the scripts of the page, by a policy with a new nonce each time', async () => {
    const pages = await Promise.all([fetch(server.url), fetch(server.url)]);
    const nonces = pages.map((page) => {
      const policy = page.headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/^default-src 'none'; script-src 'nonce-[\w+/=]{20,}'; /);
      return /'nonce-([^']+)'/.exec(policy)?.[1] ?? '';
    });
    expect(nonces[0]).not.toBe(nonces[1]);
    const text = (await pages[0]?.text()) ?? '';
    expect(text).toContain(`<script nonce="${nonces[0]}">`);
    expect(text.match(/<script(?![^>]*(?:nonce|application\/json))/g)).toBeNull();
  });

  it('serves artifacts and assets', async () => {
    expect((await fetch(`${server.url}/manifest.json`)).headers.get('content-type')).toMatch('application/json');
    expect(await (await fetch(`${server.url}/assets/a.svg`)).text()).toBe('<svg/>');
  });

  it.each([
    '/partial_parse.json',
    '/assets/../partial_parse.json',
    '/..%2fsecret.txt',
    '/assets/%2e%2e/%2e%2e/secret.txt',
    '/assets',
    '/%00',
    '/%',
  ])('does not serve %s', async (path) => {
    expect((await fetch(server.url + path)).status).toBeGreaterThanOrEqual(400);
  });

  it('explains what to do when there are no docs and when the port is in use', async () => {
    await expect(serveDocs({ ...input, targetDir: dir })).rejects.toMatchObject({
      message: expect.stringContaining('There are no docs to serve'),
      details: { hint: 'run `tsdbt docs generate` first' },
    });
    await expect(serveDocs({ ...input, port: Number(new URL(server.url).port) })).rejects.toThrow(/is in use/);
  });
});
