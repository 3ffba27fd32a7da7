// Makes `npx tsdbt` work in other project folders: links the program next to npm's global programs, or below the home
// folder if those are not writable. npx looks there too. An existing file or link of that name is kept and reported.
// TSDBT_NO_LINK=1 skips the link. Never fails.
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'tsdbt.js');

/** Creates a link in `dir`, unless the name exists. @returns whether the name exists afterwards */
function link(dir, where) {
  const path = join(dir, 'tsdbt');
  try {
    mkdirSync(dir, { recursive: true });
    accessSync(dir, constants.W_OK);
    const old = lstatSync(path, { throwIfNoEntry: false });
    if (old !== undefined) {
      const target = old.isSymbolicLink() ? resolve(dir, readlinkSync(path)) : path;
      if (target !== program && !(existsSync(target) && realpathSync(target) === realpathSync(program)))
        process.stdout.write(
          `Another tsdbt is linked already: ${path}${target === path ? '' : ` -> ${target}`}. Other folders use that ` +
            `one. Delete it and run npm start again, or type: node ${program}\n`,
        );
      return true;
    }
    symlinkSync(program, path);
    process.stdout.write(`npx tsdbt now works in ${where}, too.\n  Link: ${path} (TSDBT_NO_LINK=1 makes none)\n`);
    return true;
  } catch {
    return false;
  }
}

if (!process.env.TSDBT_NO_LINK && process.platform !== 'win32') {
  const npm = process.env.npm_execpath;
  const asked =
    npm && existsSync(npm)
      ? spawnSync(process.execPath, [npm, 'prefix', '-g'], { encoding: 'utf8' })
      : spawnSync('npm', ['prefix', '-g'], { encoding: 'utf8' });
  const prefix = asked.status === 0 ? asked.stdout.trim() : '';
  if (
    !(prefix && link(join(prefix, 'bin'), 'other folders')) &&
    !link(join(homedir(), 'node_modules', '.bin'), `folders below ${homedir()}`)
  ) {
    process.stdout.write(`In other folders, start it as: node ${program}\n`);
  }
}
