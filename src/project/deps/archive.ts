// Unpacks a package's .tar.gz into a new folder: only files, folders and links that stay inside, within limits.
// node-tar parses the format and writes files; this file selects entries and creates links.
import { lstatSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { checkContained, refused } from './contained.ts';
import { makeFolder } from '../../make-folder.ts';

/** A truncated download, or one that is not an archive. */
export class BrokenArchive extends Error {}

export interface ArchiveLimits {
  /** Maximum unpacked bytes, headers included. */
  readonly bytes: number;
  /** Maximum number of entries, extended headers included. */
  readonly entries: number;
}

/** No real package comes near these limits: a larger archive is an attack. */
export const LIMITS: ArchiveLimits = { bytes: 2 ** 30, entries: 100_000 };
/** Maximum size of an extended header, which holds a path and a few numbers. */
const MAX_META_BYTES = 64 * 1024;
const MAX_PATH_BYTES = 1024;
const MAX_NAME_BYTES = 255;
/** Magic bytes of gzip and zstd: node-tar would decompress such content again, without the limit. */
const PACKED = [Buffer.from([0x1f, 0x8b]), Buffer.from([0x28, 0xb5, 0x2f, 0xfd])];

const NO_KIND = 'which is neither a file nor a folder nor a symbolic link';

type Kind = 'file' | 'folder' | 'link';
const KINDS: Readonly<Record<string, Kind>> = {
  File: 'file',
  OldFile: 'file',
  ContiguousFile: 'file',
  Directory: 'folder',
  SymbolicLink: 'link',
};

/**
 * Unpacks an archive. Links are created last, so that no entry is written through a link.
 * @param folder new and empty; the caller deletes it after an error
 * @param from name of the package in errors
 * @returns the names at the top of the archive
 * @throws BrokenArchive; TsdbtError `dependency` for a refused entry or an exceeded limit
 */
export async function unpack(archive: Buffer, folder: string, from: string, limits = LIMITS): Promise<string[]> {
  const { Unpack } = await import('tar/unpack');
  const contents = new Contents(from, limits);
  let failure: unknown;
  let stop = (): void => {};
  const stopped = new Promise<void>((done) => {
    stop = done;
  });
  const fail = (error: unknown): void => {
    failure ??= error;
    stop();
  };
  const writer = new Unpack({
    cwd: folder,
    strict: true,
    preservePaths: false,
    preserveOwner: false,
    noMtime: true,
    maxMetaEntrySize: MAX_META_BYTES,
    maxDecompressionRatio: Number.POSITIVE_INFINITY,
    filter(path, entry) {
      if (failure !== undefined) return false;
      try {
        if (!('type' in entry)) return false;
        // File modes of the archive, such as setuid, are dropped.
        delete entry.mode;
        return contents.take(path, entry.type, entry.linkpath ?? '');
      } catch (error) {
        fail(error);
        return false;
      }
    },
  });
  // `end` is emitted when all files are closed, also after an error, but not if the folder was deleted.
  const closed = new Promise<void>((done) =>
    writer.once('end', done).on('error', (error: Error) => {
      fail(error);
      if (error.name === 'CwdError') done();
    }),
  );
  writer.on('meta', () => {
    // Throwing here would leave the writer in the middle of a chunk.
    try {
      contents.count();
    } catch (error) {
      fail(error);
    }
  });
  // node-tar skips these entries without an error.
  writer.on('ignoredEntry', ({ meta, path, type }: { meta: boolean; path: string; type: string }) => {
    if (meta) fail(refused(from, `a header of more than ${MAX_META_BYTES} bytes`));
    else if (KINDS[type] === undefined) fail(refused(from, `${shown(path)}, ${NO_KIND}`));
  });
  try {
    let bytes = 0;
    // Zeros after the end are counted but dropped, because node-tar would copy them repeatedly.
    let atEnd = false;
    writer.once('eof', () => {
      atEnd = true;
    });
    for await (const chunk of Readable.from([archive]).pipe(createGunzip()) as AsyncIterable<Buffer>) {
      if (bytes === 0 && PACKED.some((magic) => chunk.subarray(0, magic.length).equals(magic)))
        throw new BrokenArchive(`${from} is no tar archive`);
      bytes += chunk.length;
      if (bytes > limits.bytes) throw refused(from, `more than ${limits.bytes} bytes unpacked`);
      if (failure !== undefined) break;
      if (!atEnd && !writer.write(chunk) && failure === undefined)
        await Promise.race([stopped, new Promise((done) => writer.once('drain', done))]);
    }
  } catch (error) {
    fail(error);
  }
  writer.end();
  await closed;
  if (failure !== undefined) throw explained(failure, from);
  contents.makeLinks(folder);
  for (const top of contents.tops)
    if (lstatSync(join(folder, top)).isDirectory()) checkContained(join(folder, top), from);
  return contents.tops;
}

/** The state of the archive as read so far. */
class Contents {
  readonly #from: string;
  readonly #limits: ArchiveLimits;
  /** Keyed by path in lower case and Unicode normal form, because some file systems distinguish neither. */
  readonly #kinds = new Map<string, Kind>();
  readonly #links: { readonly path: string; readonly target: string }[] = [];
  readonly #tops = new Set<string>();
  #count = 0;

  constructor(from: string, limits: ArchiveLimits) {
    this.#from = from;
    this.#limits = limits;
  }

  get tops(): string[] {
    return [...this.#tops];
  }

  count(): void {
    this.#count += 1;
    if (this.#count > this.#limits.entries) throw refused(this.#from, `more than ${this.#limits.entries} entries`);
  }

  /** @returns whether the entry must be written now */
  take(given: string, type: string, target: string): boolean {
    this.count();
    const problem = pathProblem(given);
    if (problem !== null) throw refused(this.#from, `${shown(given)}, ${problem}`);
    const kind = KINDS[type];
    if (kind === undefined) throw refused(this.#from, `${shown(given)}, ${NO_KIND}`);
    const parts = given.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.length === 0) {
      if (kind === 'folder') return false;
      throw refused(this.#from, `${shown(given)}, a ${kind} without a name`);
    }
    const path = parts.join('/');
    this.#tops.add(parts[0] ?? '');
    for (let depth = 1; depth < parts.length; depth++) this.#note(parts.slice(0, depth).join('/'), 'folder', path);
    this.#note(path, kind === 'file' && given.endsWith('/') ? 'folder' : kind, path);
    if (kind === 'link') {
      if (target.includes('\\') || target.includes('\0'))
        throw refused(this.#from, `${shown(path)} -> ${shown(target)}, which points outside of the package`);
      this.#links.push({ path, target });
    }
    return kind !== 'link';
  }

  /** Links are made after all files, below real folders. */
  makeLinks(folder: string): void {
    for (const { path, target } of this.#links) {
      const full = join(folder, path);
      makeFolder(dirname(full));
      symlinkSync(target, full);
    }
  }

  #note(path: string, kind: Kind, entry: string): void {
    const key = path.normalize('NFKC').toUpperCase();
    const known = this.#kinds.get(key);
    if (known !== undefined && (known !== kind || kind === 'link')) {
      throw refused(
        this.#from,
        `${shown(entry)}, where '${path}' is a ${known} and a ` +
          `${kind}${kind === 'link' && known === 'link' ? ' again' : ''}`,
      );
    }
    this.#kinds.set(key, kind);
  }
}

function pathProblem(path: string): string | null {
  const parts = path.split('/');
  if (path.startsWith('/') || /^[A-Za-z]:|\\/.test(path) || parts.includes('..'))
    return 'which points outside of the package';
  if (/[\0-\x1f\x7f]/.test(path)) return 'a name with control characters';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES || parts.some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES))
    return 'a name that is too long';
  return null;
}

/** An untrusted name in a message: shortened, without control characters. */
function shown(name: string): string {
  const plain = name.replace(/[\0-\x1f\x7f-\x9f]/g, '?');
  return `'${plain.length > 120 ? `${plain.slice(0, 120)}…` : plain}'`;
}

function explained(error: unknown, from: string): Error {
  if (error instanceof TsdbtError || error instanceof BrokenArchive) return error;
  const { code = '', tarCode, message } = error as NodeJS.ErrnoException & { tarCode?: string };
  if (code.startsWith('Z_') || tarCode === 'TAR_BAD_ARCHIVE' || tarCode === 'TAR_ENTRY_INVALID')
    return new BrokenArchive(`${from} is not a readable .tar.gz: ${message}`);
  // The file system refuses the write: it is full or read-only.
  if (/^E[A-Z]+$/.test(code)) return errorOf('packageNotUnpacked', { package: from, why: message }, { cause: error });
  return refused(from, `an entry that cannot be unpacked: ${message}`);
}
