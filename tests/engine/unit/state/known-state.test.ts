// Fingerprints of views between runs.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KnownState } from '../../../../src/state/known-state.ts';
import { StateSeal } from '../../../../src/user-state.ts';

let folder: string;
const seal = StateSeal.of('/project');
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'views-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('known state is available to the next run on the same database, and to no other', () => {
  const path = join(folder, 'target', 'view_state.json');
  const store = new KnownState(path, 'a', true, seal);
  store.set('"d"."s"."v"', 'f');
  store.save();
  expect(new KnownState(path, 'a', true, seal).get('"d"."s"."v"')).toBe('f');
  expect(new KnownState(path, 'b', true, seal).get('"d"."s"."v"')).toBeUndefined();
});

it('known state is ignored by a full refresh, which still records what it built', () => {
  const path = join(folder, 'view_state.json');
  const full = new KnownState(path, 'a', false, seal);
  full.set('v', 'f');
  expect(full.get('v')).toBeUndefined();
  full.save();
  expect(new KnownState(path, 'a', true, seal).get('v')).toBe('f');
});

it('known state from a broken file is empty, and the file is unchanged until something is set', () => {
  const path = join(folder, 'view_state.json');
  writeFileSync(path, '{"a":');
  const store = new KnownState(path, 'a', true, seal);
  expect(store.get('v')).toBeUndefined();
  store.save();
  expect(readFileSync(path, 'utf8')).toBe('{"a":');
});

it('known state signed for another key, project or kind, or modified afterwards, is empty', () => {
  const path = join(folder, 'view_state.json');
  const store = new KnownState(path, 'host|db|user', true, seal);
  store.set('v', 'f');
  store.save();
  const text = readFileSync(path, 'utf8');
  expect(new KnownState(path, 'host|db|user', true, StateSeal.of('/other')).get('v')).toBeUndefined();
  writeFileSync(join(folder, 'test_state.json'), text);
  expect(new KnownState(join(folder, 'test_state.json'), 'host|db|user', true, seal).get('v')).toBeUndefined();
  writeFileSync(path, text.replace('"f"', '"g"'));
  expect(new KnownState(path, 'host|db|user', true, seal).get('v')).toBeUndefined();
  writeFileSync(path, text);
  expect(new KnownState(path, 'host|db|user', true, seal).get('v')).toBe('f');
  expect(Object.keys(JSON.parse(text) as object)).toEqual(['signature', 'databases']);
});

it('known state contains no field of the connection, and only its owner can read the file', () => {
  const path = join(folder, 'view_state.json');
  const store = new KnownState(path, 'db.internal.example|5432|warehouse|svc_user', true, seal);
  store.set('v', 'f');
  store.save();
  expect(readFileSync(path, 'utf8')).not.toMatch(/internal|5432|warehouse|svc/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('known state is neither read nor written without a key', () => {
  const path = join(folder, 'view_state.json');
  const store = new KnownState(path, 'a', true, null);
  store.set('v', 'f');
  store.save();
  expect(existsSync(path)).toBe(false);
});
