// Access to the project's files for the layers below, which make no file system calls: files are read once and written
// only if they change.
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { writeIfChanged } from '../artifacts.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { checkWithin, liesWithin, realPath } from '../project/outside-paths.ts';
import { readFileText } from '../project/read-file.ts';
import type { ProjectFiles } from '../runner/parsed-project.ts';
import type { Secrets } from '../secrets.ts';

/** Access to the project's files; each is read once. */
export function projectFiles(
  config: Pick<RuntimeConfig, 'project' | 'packages' | 'flags'>,
  secrets: Secrets,
): ProjectFiles {
  const texts = new Map<string, string | null>();
  const { project, flags } = config;
  const target = realPath(resolve(project.project_root, project.target_path));
  /** Folders that were checked to be inside the target folder: a cloned repository may contain links there. */
  const sound = new Set<string>();
  const checkFolder = (folder: string): void => {
    if (sound.has(folder) || flags['allow_outside_paths'] === true) return;
    if (liesWithin(folder, resolve(project.project_root, project.target_path))) checkWithin(folder, target, 'Link');
    sound.add(folder);
  };
  return {
    read(path, packageName) {
      const key = `${packageName ?? ''}:${path}`;
      const known = texts.get(key);
      if (known !== undefined) return known;
      const packages =
        packageName === undefined ? config.packages : config.packages.filter((p) => p.project_name === packageName);
      const found = packages.map((p) => join(p.project_root, path)).find((file) => existsSync(file));
      const text = found === undefined ? null : readFileText(found).replaceAll('\r\n', '\n');
      texts.set(key, text);
      return text;
    },
    write(path, text) {
      const file = resolve(project.project_root, path);
      checkFolder(dirname(file));
      writeIfChanged(file, secrets.maskFile(text));
    },
    mark(path) {
      const file = statSync(resolve(project.project_root, path), { throwIfNoEntry: false });
      return file === undefined ? null : `${file.mtimeMs} ${file.size}`;
    },
  };
}
