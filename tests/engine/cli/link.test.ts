// Tests scripts/link.mjs: `npx tsdbt` in other folders uses this checkout if the name is free, and an existing one
// stays.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const program = join(root, 'bin/tsdbt.js');
let home: string;
let place: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsdbt-link-'));
  mkdirSync(join(home, 'npm/bin'), { recursive: true });
  place = join(home, 'npm/bin/tsdbt');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function link(more: Readonly<Record<string, string>> = {}): string {
  const env = { PATH: process.env['PATH'], HOME: home, npm_config_prefix: join(home, 'npm'), ...more };
  return execFileSync(process.execPath, [join(root, 'scripts/link.mjs')], { encoding: 'utf8', env });
}

it('the link script links tsdbt once, if the name is free', () => {
  expect(link()).toContain(`Link: ${place} (`);
  expect(readlinkSync(place)).toBe(program);
  expect(link()).toBe('');
  expect(readlinkSync(place)).toBe(program);
});

it.each(['/somewhere/else/bin/tsdbt.js', '../lib/node_modules/tsdbt/bin/tsdbt.js'])(
  'the link script keeps a link to %s, and names it',
  (target) => {
    symlinkSync(target, place);
    expect(link()).toContain(`Another tsdbt is linked already: ${place} -> `);
    expect(readlinkSync(place)).toBe(target);
    expect(existsSync(join(home, 'node_modules'))).toBe(false);
  },
);

it('the link script keeps a file', () => {
  writeFileSync(place, '#!/bin/sh\n');
  expect(link()).toContain(`Another tsdbt is linked already: ${place}. `);
  expect(readFileSync(place, 'utf8')).toBe('#!/bin/sh\n');
});

it('the link script does nothing if disabled, and `npm test` does not call it', () => {
  expect(link({ TSDBT_NO_LINK: '1' })).toBe('');
  expect(existsSync(place)).toBe(false);
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  expect(scripts['pretest']).not.toContain('link');
});
