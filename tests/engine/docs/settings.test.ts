// docs/settings.md and docs/commands.md name every key and variable that the code reads, and no other.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { settingsPages, VARIABLES } from '../../../scripts/docs.mjs';
import { ROOT } from './markdown.ts';

/** Every file of src/ that is TypeScript. */
function sources(dir = join(ROOT, 'src')): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? sources(path) : path.endsWith('.ts') ? [path] : [];
  });
}

it('the tables in docs/settings.md match the code', async () => {
  for (const [path, text] of await settingsPages()) expect(readFileSync(path, 'utf8'), path).toBe(text);
});

it('docs/commands.md contains every variable that the code reads', () => {
  const read = new Set<string>();
  for (const path of sources()) {
    for (const match of readFileSync(path, 'utf8').matchAll(
      /\benv(?:\?\.)?\??\[?\.?\['([A-Z][A-Z_]+)'\]|'((?:TSDBT|PG)_?[A-Z_]{3,})'/g,
    ))
      read.add(match[1] ?? match[2]!);
  }
  const known = new Set(VARIABLES.flatMap(([name]) => name.split(', ')));
  const options = readFileSync(join(ROOT, 'docs/commands.md'), 'utf8');
  const system = new Set(['PATH', 'TZ', 'PG_VERSION']);
  expect(
    [...read].filter(
      (name) => !known.has(name) && !system.has(name) && !options.includes(`\`${name.replace('_ENGINE', '')}\``),
    ),
  ).toEqual([]);
});
