// The project's files for the layers that touch none themselves: read once, written only when they change.
import { existsSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { writeIfChanged } from '../artifacts.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { readFileText } from '../project/read-file.ts';
import type { ProjectFiles } from '../runner/parsed-project.ts';
import type { Secrets } from '../secrets.ts';

/** The project's files for the layers below; each is read once. */
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
