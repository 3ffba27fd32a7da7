// What scripts/build.mjs leaves out of the package: columns of source maps, declarations that no entry reaches.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { expect, it } from 'vitest';
import { linesOnly } from '../../../scripts/source-maps.mjs';
import { keepReached } from '../../../scripts/type-files.mjs';

it('the packed source map keeps the file, line and name of each position', () => {
  const source = `export function first(rows: string[]) {
    const long = rows.map((row) => row.trim()).filter((row) => row !== '');
    return long.length > 3 ? second(long, rows) : long;
  }
  function second(one: string[], other: string[]) {
    throw new Error(one.join(',') + other.length);
  }`;
  const { code, map } = transformSync(source, { loader: 'ts', minify: true, sourcemap: true, sourcefile: 'a.ts' });
  const short = linesOnly(map);
  const place = (json: string, column: number): unknown => {
    const entry = new SourceMap(JSON.parse(json) as SourceMapPayload).findEntry(0, column);
    return 'originalLine' in entry ? [entry.originalSource, entry.originalLine, Reflect.get(entry, 'name')] : entry;
  };
  const columns = [...code.trimEnd()].map((_, column) => column);
  expect(columns.map((column) => place(short, column))).toEqual(columns.map((column) => place(map, column)));
  expect(short.length).toBeLessThan(map.length);
});

it('the packed declarations are those that an entry reaches', () => {
  const folder = mkdtempSync(join(tmpdir(), 'types-'));
  try {
    mkdirSync(join(folder, 'b'));
    const files = {
      'index.d.ts': "import type { A } from './a.ts';\nexport declare const x: A;\n",
      'a.d.ts': 'export type A = import("./b/b.ts").B;\n',
      'b/b.d.ts': "import '../c.ts';\nexport type B = 1;\n",
      'c.d.ts': 'export {};\n',
      'unreached.d.ts': "import './index.ts';\n",
      'b/unreached.d.ts': 'export {};\n',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    keepReached(folder, ['index.d.ts']);
    expect(readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()).toEqual(
      ['a.d.ts', 'b', 'b/b.d.ts', 'c.d.ts', 'index.d.ts'].sort(),
    );
    writeFileSync(join(folder, 'c.d.ts'), "export * from './gone.ts';\n");
    expect(() => keepReached(folder, ['index.d.ts'])).toThrow(/c\.d\.ts imports \.\/gone\.ts, which has no decl/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
