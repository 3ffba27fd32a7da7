// Checks that an untrusted folder contains only files, folders and links that stay inside it; links are resolved step
// by step, as the kernel does. archive.ts and git.ts create the folder.
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { errorOf } from '../../error-table.ts';
import type { TsdbtError } from '../../errors.ts';

/** Linux follows at most this many links in one path. */
const MAX_LINKS = 40;

/**
 * Walks the whole folder without following links out of it.
 * @param from name of the package in errors
 * @throws TsdbtError `dependency` for a link that leaves the folder, and for anything that is not a file, folder or
 *   symbolic link
 */
export function checkContained(root: string, from: string): void {
  const visit = (folder: readonly string[]): void => {
    for (const name of readdirSync(join(root, ...folder))) {
      const path = [...folder, name];
      const stat = lstatSync(join(root, ...path));
      if (stat.isDirectory()) visit(path);
      else if (stat.isSymbolicLink()) {
        if (leaves(root, path))
          throw refused(
            from,
            `'${path.join('/')}' -> '${readlinkSync(join(root, ...path))}', which points outside of the package`,
          );
      } else if (!stat.isFile())
        throw refused(from, `'${path.join('/')}', which is neither a file nor a folder nor a symbolic link`);
    }
  };
  visit([]);
}

/** The error of a package that could be harmful. */
export function refused(from: string, what: string): TsdbtError {
  return errorOf('packageHoldsUnsafe', { package: from, what });
}

/** Whether a link leaves the folder at any step of its resolution. A circular link counts as leaving. */
function leaves(root: string, link: readonly string[]): boolean {
  const at = [...link.slice(0, -1)];
  const rest = [link.at(-1) ?? ''];
  for (let links = 0; rest.length > 0; ) {
    const part = rest.shift() ?? '';
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at.pop() === undefined) return true;
      continue;
    }
    const path = join(root, ...at, part);
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) {
      at.push(part);
      continue;
    }
    const target = readlinkSync(path);
    links += 1;
    if (isAbsolute(target) || /^[A-Za-z]:/.test(target) || links > MAX_LINKS) return true;
    rest.unshift(...target.split(/[\\/]/));
  }
  return false;
}
