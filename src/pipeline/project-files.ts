// Gives the layers below access to the project's files without file system calls of their own: files are read once and
// written only when they change.
import { existsSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { writeIfChanged } from '../artifacts.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { readFileText } from '../project/read-file.ts';
import type { ProjectFiles } from '../runner/parsed-project.ts';
import type { Secrets } from '../secrets.ts';

/** Access to the project's files for the layers below; each file is read once. */
export function projectFiles(config: RuntimeConfig, secrets: Secrets): ProjectFiles {
  const texts = new Map<string, string | null>();
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
    write: (path, text) =>
      writeIfChanged(isAbsolute(path) ? path : join(config.project.project_root, path), secrets.maskFile(text)),
    mark(path) {
      const file = statSync(isAbsolute(path) ? path : join(config.project.project_root, path), {
        throwIfNoEntry: false,
      });
      return file === undefined ? null : `${file.mtimeMs} ${file.size}`;
    },
  };
}
