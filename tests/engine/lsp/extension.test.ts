// The VS Code extension, with VS Code's modules replaced: which command it starts, and what it tells the server.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const extension = join(root, 'editors/vscode');
const dir = mkdtempSync(join(tmpdir(), 'tsdbt-extension-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** Activates the extension. @returns the arguments of its language client */
async function activated(folder: string, settings: Readonly<Record<string, unknown>> = {}): Promise<unknown[]> {
  const clients: unknown[][] = [];
  const vscode = {
    commands: { registerCommand: () => ({}) },
    window: { showErrorMessage: () => undefined },
    workspace: {
      workspaceFolders: [{ uri: { fsPath: folder } }],
      getConfiguration: () => ({ get: (name: string, fallback: unknown) => settings[name] ?? fallback }),
      createFileSystemWatcher: (pattern: string) => pattern,
    },
  };
  class LanguageClient {
    constructor(...options: unknown[]) {
      clients.push(options);
    }
    start(): void {}
  }
  const modules: Readonly<Record<string, unknown>> = { vscode, 'vscode-languageclient/node': { LanguageClient } };
  const file = join(extension, 'extension.js');
  const exported: { activate?: (context: object) => Promise<void> } = {};
  const load = new Function('require', 'exports', readFileSync(file, 'utf8'));
  load((name: string): unknown => modules[name] ?? createRequire(file)(name), exported);
  await exported.activate?.({ subscriptions: [] });
  return clients[0] ?? [];
}

describe('the VS Code extension', () => {
  it('starts tsdbt of the PATH, or of the packages of the folder', async () => {
    const [, , server, client] = await activated(dir);
    expect(server).toMatchObject({ command: 'tsdbt', args: ['lsp'], options: { cwd: dir } });
    expect(client).toMatchObject({ initializationOptions: { strict: true } });
    const local = join(dir, 'own/node_modules/.bin/tsdbt');
    mkdirSync(dirname(local), { recursive: true });
    writeFileSync(local, '');
    expect((await activated(join(dir, 'own')))[2]).toMatchObject({ command: local });
  });

  it('starts the command of the settings with its options', async () => {
    const settings = { command: ['npx', 'tsdbt'], arguments: ['--target', 'dev'], strict: false };
    const [, , server, client] = await activated(dir, settings);
    expect(server).toMatchObject({ command: 'npx', args: ['tsdbt', 'lsp', '--target', 'dev'] });
    expect(client).toMatchObject({ initializationOptions: { strict: false } });
  });

  it('has the version of tsdbt, and only settings that it reads', () => {
    const read = (path: string): Record<string, unknown> => JSON.parse(readFileSync(path, 'utf8'));
    const own = read(join(extension, 'package.json'));
    expect(own['version']).toBe(read(join(root, 'package.json'))['version']);
    expect(own).toMatchObject({ contributes: { configuration: { properties: expect.any(Object) } } });
    const names = [...readFileSync(join(extension, 'package.json'), 'utf8').matchAll(/"tsdbt\.(\w+)": \{/g)];
    const text = readFileSync(join(extension, 'extension.js'), 'utf8');
    expect(names.map(([, name]) => name)).toEqual(['command', 'arguments', 'strict']);
    for (const [, name] of names) expect(text).toContain(`get('${name}'`);
  });
});
