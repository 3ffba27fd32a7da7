// Fingerprints of views between runs.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KnownState } from '../../../../src/state/known-state.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'views-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('what was set is known to the next run of the same database, and to no other', () => {
  const path = join(folder, 'target', 'view_state.json');
  const store = new KnownState(path, 'a', true);
  store.set('"d"."s"."v"', 'f');
  store.save();
  expect(new KnownState(path, 'a', true).get('"d"."s"."v"')).toBe('f');
  expect(new KnownState(path, 'b', true).get('"d"."s"."v"')).toBeUndefined();
});

it('a full refresh knows nothing and still remembers what it built', () => {
  const path = join(folder, 'view_state.json');
  const full = new KnownState(path, 'a', false);
  full.set('v', 'f');
  expect(full.get('v')).toBeUndefined();
  full.save();
  expect(new KnownState(path, 'a', true).get('v')).toBe('f');
});

it('a broken file counts as empty and is not touched before something changes', () => {
  const path = join(folder, 'view_state.json');
  writeFileSync(path, '{"a":');
  const store = new KnownState(path, 'a', true);
  expect(store.get('v')).toBeUndefined();
  store.save();
  expect(readFileSync(path, 'utf8')).toBe('{"a":');
});
