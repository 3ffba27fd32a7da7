// Writes the files of a new project and its entry in profiles.yml. The command asks the questions.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Json } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { includeFolder } from './include-folder.ts';
import { PROFILES_FILE } from './profile.ts';
import { makeFolder } from '../make-folder.ts';

const EMPTY_FOLDERS = ['analyses', 'macros', 'snapshots', 'tests'];
const IGNORED = 'target/\ndbt_packages/\nlogs/\n.tsdbt/\n';

/** Writes a new project. @param folder must not exist yet */
export function writeStarter(folder: string, project: string, profile: string): void {
  const copy = (from: string, to: string): void => {
    makeFolder(to);
    for (const name of readdirSync(from)) {
      const [source, target] = [join(from, name), join(to, name)];
      if (statSync(source).isDirectory()) copy(source, target);
      else if (name.endsWith('.csv')) copyFileSync(source, target);
      else
        writeFileSync(
          target,
          readFileSync(source, 'utf8').replaceAll('__project__', project).replaceAll('__profile__', profile),
        );
    }
  };
  copy(join(includeFolder(), 'starter'), folder);
  for (const name of EMPTY_FOLDERS) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, '.gitkeep'), '');
  }
  writeFileSync(join(folder, '.gitignore'), IGNORED);
}

/**
 * Adds a profile to profiles.yml or replaces the one with its name; the rest of the file, comments included, is kept.
 * @throws TsdbtError `profile` when the file is not valid YAML
 */
export function writeProfile(directory: string, name: string, profile: { readonly [key: string]: Json }): void {
  const yaml = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  const path = join(directory, PROFILES_FILE);
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const document = yaml.parseDocument(text);
  if (document.errors.length > 0) throw errorOf('profilesNotYaml', { path, why: document.errors[0]?.message ?? '' });
  document.set(name, document.createNode(profile));
  const added = !yaml.parseDocument(text).has(name) && !/^[^\S\r\n]*\{/m.test(text);
  const whole = added
    ? `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${yaml.stringify({ [name]: profile }, { lineWidth: 0 })}`
    : document.toString({ lineWidth: 0 });
  // The file contains passwords: only its owner may read it.
  writeFileSync(path, whole, { mode: 0o600 });
}
