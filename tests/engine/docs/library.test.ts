// docs/artifacts.md names every function that the library exports, and its examples do what they say.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { artifactsPage, libraryExports } from '../../../scripts/docs.mjs';
import * as library from '../../../src/index.ts';
import { pages, ROOT } from './markdown.ts';

const page = pages().find(({ path }) => path === join('docs', 'artifacts.md'))!;
const examples = page.fences.filter(({ language }) => language === 'js');

it('every row of the library table is an export, and exports without a row are listed', () => {
  const rows = [...page.text.matchAll(/^\| (`\w+[(`].*?) \|/gm)].flatMap((row) =>
    [...row[1]!.matchAll(/`(\w+)/g)].map((name) => name[1]!),
  );
  expect(rows.filter((name) => !(name in library))).toEqual([]);
  expect(artifactsPage(page.text)).toBe(page.text);
  expect(libraryExports()).toEqual(expect.arrayContaining(Object.keys(library)));
});

it('the imports of the library examples exist', () => {
  const named = examples.flatMap(({ text }) => [...text.matchAll(/import \{ ([^}]*) \} from '([^']*)'/g)]);
  expect(named.map((match) => match[2])).toEqual(['tsdbt', 'tsdbt/jinja']);
  expect(named[0]![1]!.split(', ').filter((name) => !(name in library))).toEqual([]);
});

it('the example of tsdbt/jinja prints what its comment says', () => {
  const { text } = examples[1]!;
  const jinja = pathToFileURL(join(ROOT, 'dist', 'jinja.js')).href;
  const program = text.replace("'tsdbt/jinja'", `'${jinja}'`).replace(/^render\(/m, 'process.stdout.write(render(');
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', program.replace(/^\);$/m, '));')],
    { encoding: 'utf8' },
  );
  expect(`${stdout.trim()}${stderr}`).toBe(/^\/\/ (.*)$/m.exec(text)![1]);
});
