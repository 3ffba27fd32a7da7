// Reads one regular file of limited size. Folders, pipes, devices and missing files are errors and never block. The
// callers interpret the text.
import { fstatSync, openSync, closeSync, readFileSync, constants } from 'node:fs';
import { errorOf } from '../error-table.ts';
import { systemReason, TsdbtError } from '../errors.ts';

/** Maximum size in bytes of handwritten files: templates, YAML, settings. */
const MOST = 100 * 1024 * 1024;
/** Maximum bytes of data files: seeds, fixtures, artifacts. */
export const MOST_DATA = 500 * 1024 * 1024;

/**
 * The bytes of a file.
 * @param most maximum size in bytes
 * @throws TsdbtError `runtime` with the file's name, when it cannot be read
 */
export function readFileBytes(path: string, most = MOST): Buffer {
  let file: number | undefined;
  try {
    // Opening a pipe without a writer would block.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stat = fstatSync(file);
    if (!stat.isFile())
      throw errorOf('notAPlainFile', { path, kind: stat.isDirectory() ? 'a folder' : 'a pipe or a device' }, { path });
    if (stat.size > most) throw errorOf('fileTooLarge', { path, size: stat.size, limit: most }, { path });
    // Files in /proc report a size of 0 and may be endless.
    return stat.size === 0 && /^\/(?:proc|sys|dev)\//.test(path) ? Buffer.alloc(0) : readFileSync(file);
  } catch (error) {
    if (error instanceof TsdbtError) throw error;
    throw errorOf(
      'fileNotRead',
      { path, why: systemReason(error, path) },
      {
        path,
        code: String((error as NodeJS.ErrnoException).code),
        cause: error,
      },
    );
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The same, decoded as UTF-8; invalid bytes are replaced. */
export function readFileText(path: string, most = MOST): string {
  return readFileBytes(path, most).toString('utf8');
}

/** Whether reading failed because the file does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof TsdbtError && (error.details.code === 'ENOENT' || error.details.code === 'ENOTDIR');
}
