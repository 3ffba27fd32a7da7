// A temporary folder for an embedded ClickHouse without data. A signal ends a command without waiting for its work, so
// the folder is also removed when the process exits; without its folder and its user, the server stops by itself.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface EmbeddedFolder {
  readonly dir: string;
  /** Adds a folder that is removed with it. */
  add(folder: string): void;
  remove(): void;
}

/** Creates a folder. @param use part of its name */
export function embeddedFolder(use: string): EmbeddedFolder {
  const dir = mkdtempSync(join(tmpdir(), `tsdbt-${use}-`));
  const folders = [dir];
  const remove = (): void => {
    process.off('exit', remove);
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  };
  process.on('exit', remove);
  return { dir, add: (folder) => void folders.push(folder), remove };
}
