// Data of an embedded server in the folder that the profile names, where earlier versions kept it. It is not used until
// the user confirms its ownership: a cloned project may contain data that runs programs.
import { cpSync, existsSync, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TsdbtError } from '../../errors.ts';
import type { EmbeddedFiles } from './embedded-files.ts';

/** @throws if the named folder contains data */
export function refuseForeignData({ foreignData }: EmbeddedFiles, title: string): void {
  if (foreignData === null) return;
  throw new TsdbtError(
    'connection',
    `${foreignData} holds data of an embedded ${title}, but data in a project are not used: they may have come with it`,
    {
      hint:
        'If an earlier version of tsdbt made them for you, take them over: `tsdbt db adopt`. Otherwise remove the ' +
        'folder.',
    },
  );
}

/**
 * Moves the data of the named folder.
 * @param check throws if the data is in use
 * @returns the new folder
 * @throws if there is none, if there is already other data, or if it contains anything except files and folders
 */
export function moveData(files: EmbeddedFiles, title: string, target: string, check: (data: string) => void): string {
  const { foreignData: source, anchor } = files;
  if (source === null) throw new TsdbtError('connection', `${anchor} holds no data of an embedded ${title}`);
  if (existsSync(target) && readdirSync(target).length > 0)
    throw new TsdbtError('connection', `the embedded ${title} of ${anchor} has other data already, in ${target}`);
  refuseOthers(source);
  check(source);
  rmSync(target, { recursive: true, force: true });
  try {
    renameSync(source, target);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error;
    cpSync(source, target, { recursive: true, preserveTimestamps: true });
    rmSync(source, { recursive: true, force: true });
  }
  return target;
}

function refuseOthers(path: string): void {
  const stat = lstatSync(path);
  if (stat.isDirectory()) for (const name of readdirSync(path)) refuseOthers(join(path, name));
  else if (!stat.isFile())
    throw new TsdbtError('connection', `cannot take over ${path}: it is neither a file nor a folder`);
}
