// Form of the pages: links and anchors lead somewhere, lines and paragraphs are short, pages that repeat the code say
// what it says.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandsPage, errorsPage } from '../../../scripts/docs.mjs';
import { anchors, links, pages, ROOT, resolved } from './markdown.ts';

const all = pages();
const WIDTH = 100;
const PARAGRAPH = 4;

describe.each(all)('$path', (page) => {
  it('has only working links', () => {
    const broken = links(page).flatMap(([line, target]) => {
      if (/^(https?|mailto):/.test(target)) return [];
      const [file, anchor] = target.split('#') as [string, string | undefined];
      const path = file === '' ? page.path : resolved(page.path, file);
      if (!existsSync(join(ROOT, path))) return [`line ${line}: ${target}`];
      const other = all.find((each) => each.path === path);
      return anchor === undefined || (other !== undefined && anchors(other).has(anchor))
        ? []
        : [`line ${line}: ${target}`];
    });
    expect(broken).toEqual([]);
  });

  it(`has lines of at most ${WIDTH} characters, except tables and links`, () => {
    const long = page.prose.filter(([, line]) => [...line].length > WIDTH && !/^\||^\[|^<!--|^\s*[-*]? ?\[/.test(line));
    expect(long).toEqual([]);
    expect(page.fences.flatMap(({ text }) => text.split('\n').filter((line) => [...line].length > WIDTH))).toEqual([]);
  });

  it('names only existing paths', () => {
    const paths = [...page.text.matchAll(/`((?:src|tests|scripts|bench|bin|models|macros|docs|\.ci)\/[\w./-]*)`/g)];
    expect(paths.map((match) => match[1]!).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it(`has paragraphs of at most ${PARAGRAPH} lines`, () => {
    const blocks: string[][] = [[]];
    for (const [, line] of page.prose) {
      if (/^(\s*$|#|\||<)/.test(line)) blocks.push([]);
      else if (/^\s*([-*]|\d+\.) /.test(line)) blocks.push([line]);
      else blocks.at(-1)!.push(line);
    }
    expect(blocks.filter((block) => block.length > PARAGRAPH).map((block) => block[0])).toEqual([]);
  });
});

it('the docs index names every page', () => {
  const index = all.find(({ path }) => path === join('docs', 'README.md'))!;
  const named = new Set(links(index).map(([, target]) => resolved(index.path, target.split('#')[0]!)));
  expect(all.map(({ path }) => path).filter((path) => path.startsWith('docs') && !named.has(path))).toEqual([
    index.path,
  ]);
});

it('README.md has at most 90 lines, CHANGELOG.md 80, ARCHITECTURE.md 150', () => {
  const length = (name: string): number => readFileSync(join(ROOT, name), 'utf8').trimEnd().split('\n').length;
  expect(length('README.md')).toBeLessThanOrEqual(90);
  expect(length('CHANGELOG.md')).toBeLessThanOrEqual(80);
  expect(length('ARCHITECTURE.md')).toBeLessThanOrEqual(150);
});

it('docs/commands.md is what `node scripts/docs.mjs` writes', async () => {
  expect(readFileSync(join(ROOT, 'docs/commands.md'), 'utf8')).toBe(await commandsPage());
});

it('docs/errors.md has the tables that `node scripts/docs.mjs` writes', async () => {
  const text = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
  expect(text).toBe(await errorsPage(text));
});
