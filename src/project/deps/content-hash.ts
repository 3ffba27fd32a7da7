// Content hashes of downloaded packages: computes them and stores them as comments in package-lock.yml, which dbt
// ignores.
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

const LINE = /^# sha256 ([0-9a-f]{64}) (".*")$/gm;

/**
 * The hash of a folder's files, links and names. It does not depend on the archive's compression, which servers change.
 */
export function contentHash(root: string): string {
  const hash = createHash('sha256');
  const visit = (below: string): void => {
    for (const name of readdirSync(join(root, below)).sort()) {
      const path = below === '' ? name : `${below}/${name}`;
      const stat = lstatSync(join(root, path));
      if (stat.isDirectory()) visit(path);
      else {
        const link = stat.isSymbolicLink();
        const content = link ? readlinkSync(join(root, path)) : readFileSync(join(root, path));
        hash.update(JSON.stringify([path, link ? 'link' : 'file', createHash('sha256').update(content).digest('hex')]));
      }
    }
  };
  visit('');
  return hash.digest('hex');
}

/** The hashes in the text of a lock file, by package. */
export function readHashes(lock: string): Map<string, string> {
  return new Map([...lock.matchAll(LINE)].map(([, hash = '', name = '']) => [JSON.parse(name) as string, hash]));
}

/** Replaces the hashes in the text of a lock file. */
export function withHashes(lock: string, hashes: ReadonlyMap<string, string>): string {
  const lines = [...hashes].sort(([a], [b]) => (a < b ? -1 : 1));
  const text = lock.replace(LINE, '').trimEnd();
  return `${text}\n${lines.map(([name, hash]) => `# sha256 ${hash} ${JSON.stringify(name)}\n`).join('')}`;
}
