// Tests how folders are created together with their parents.
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeFolder } from '../../../src/make-folder.ts';

it('makeFolder creates missing folders, keeps existing ones, and follows links to folders', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-folder-'));
  makeFolder(join(dir, 'a/b/c'), 0o700);
  makeFolder(join(dir, 'a/b/c'));
  expect(statSync(join(dir, 'a/b')).mode & 0o777).toBe(0o700);
  symlinkSync(join(dir, 'a'), join(dir, 'link'));
  makeFolder(join(dir, 'link/d'));
  expect(existsSync(join(dir, 'a/d'))).toBe(true);
  rmSync(dir, { recursive: true });
});

it('makeFolder reports what is in the way', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-folder-'));
  writeFileSync(join(dir, 'file'), '');
  symlinkSync(join(dir, 'nowhere'), join(dir, 'link'));
  expect(() => makeFolder(join(dir, 'file'))).toThrow(/EEXIST/);
  expect(() => makeFolder(join(dir, 'file/a/b'))).toThrow(/ENOTDIR/);
  expect(() => makeFolder(join(dir, 'link/a'))).toThrow(/EEXIST/);
  rmSync(dir, { recursive: true });
});

it.runIf(existsSync('/proc/self'))('makeFolder fails where a folder accepts no entries', () => {
  expect(() => makeFolder('/proc/nothing/below')).toThrow(/ENOENT/);
});
