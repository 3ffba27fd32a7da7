// Tests that a file that disappears while a project is read causes one error that names it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { readSourceFiles } from '../../../../src/project/files.ts';
import { loadProject } from '../../../../src/project/project.ts';

const gone = vi.hoisted(() => ({ path: '' }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  // Between listing the folder and reading the file's status.
  return {
    ...fs,
    statSync: (path: string, options?: object) => {
      if (path === gone.path) fs.rmSync(path);
      return fs.statSync(path, options);
    },
  };
});

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsdbt-vanished-'));
  mkdirSync(join(root, 'models'));
  writeFileSync(join(root, 'dbt_project.yml'), "name: p\nversion: '1.0'\nprofile: p\n");
  writeFileSync(join(root, 'models/a.sql'), 'select 1');
});
afterEach(() => {
  gone.path = '';
  rmSync(root, { recursive: true, force: true });
});

const read = (): ReturnType<typeof readSourceFiles> =>
  readSourceFiles({
    packages: [loadProject(root, { render: (value: unknown) => value } as never)],
    flags: {},
  } as never);

it('readSourceFiles reports a file that disappears after its folder was listed', () => {
  gone.path = join(root, 'models/a.sql');
  expect(read).toThrow(
    `A file disappeared or changed while reading: ${gone.path}: no such file or folder. Run the command again`,
  );
});

it('readSourceFiles reports a file that disappears before its text is read', () => {
  const [file] = read();
  rmSync(join(root, 'models/a.sql'));
  expect(() => file!.contents).toThrow(`${join(root, 'models/a.sql')} cannot be read: `);
});
