// catalog.json in the target folder may come with a cloned project.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { docsPage } from '../../../src/docs/serve.ts';
import { readCatalogColumns } from '../../../src/pipeline/catalog-columns.ts';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tsdbt-catalog-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

it.runIf(process.platform === 'linux')('a link to an endless device instead of an artifact is not read', () => {
  const target = folder();
  for (const name of ['catalog.json', 'manifest.json']) symlinkSync('/dev/zero', join(target, name));
  expect(readCatalogColumns(target)).toEqual(new Map());
  expect(() => docsPage({ targetDir: target, version: '1' })).toThrow(/manifest\.json/);
});

it.each(['', 'null', '[1]', '{"sources": [1], "nodes": {"a": null, "b": {"columns": 5}}}'])(
  'a catalog with the contents %j has no columns',
  (text) => {
    const target = folder();
    writeFileSync(join(target, 'catalog.json'), text);
    expect([...readCatalogColumns(target).values()].flat()).toEqual([]);
  },
);

it('columns without a name and a type as text are ignored, and the others are sorted by their index', () => {
  const target = folder();
  const columns = {
    b: { name: 'b', type: 'int', index: 2 },
    a: { name: 'a', type: 'text', index: 1 },
    c: { name: ['c'], type: 'int', index: 3 },
    d: { name: 'd', type: { toString: 1 }, index: 4 },
    e: null,
  };
  writeFileSync(join(target, 'catalog.json'), JSON.stringify({ sources: { 'source.o.r.t': { columns } } }));
  expect(
    readCatalogColumns(target)
      .get('source.o.r.t')
      ?.map(({ name, type }) => [name, type]),
  ).toEqual([
    ['a', 'text'],
    ['b', 'int'],
  ]);
});
