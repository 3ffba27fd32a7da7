// Tests that the search of the docs page tolerates one wrong letter, with the page's own script.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';

const script = readFileSync(new URL('../../../../src/docs/site/text.js', import.meta.url), 'utf8');
const library = readFileSync(createRequire(import.meta.url).resolve('markdown-it/browser'), 'utf8');
const isNear = runInNewContext(`${library}\n${script}\nisNear`) as (a: string, b: string) => boolean;

it.each([
  ['orders', 'orders', true],
  ['order', 'orders', true],
  ['ordders', 'orders', true],
  ['orbers', 'orders', true],
  ['odrers', 'orders', true],
  ['oders', 'orders', true],
  ['orde', 'orders', false],
  ['ordres', 'older', false],
  ['customer', 'consumer', false],
])('the docs search compares %s with %s: %s', (typed, name, near) => {
  expect(isNear(typed, name)).toBe(near);
});
