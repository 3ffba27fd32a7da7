// A package's .tar.gz put into a folder: plain files, folders and links inside the package only. An entry that points outside of the
// package, or is a device, stops everything before it is written.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { TsdbtError } from '../../errors.ts';

/** A download that is cut short or is no archive: worth a second try. */
export class BrokenArchive extends Error {}

const BLOCK = 512;
/** No package is near to it; a small file that unpacks to more is an attack. */
const MAX_BYTES = 2 ** 30;

interface Entry { readonly path: string; readonly type: string; readonly link: string; readonly data: Buffer }

/**
 * Unpacks an archive.
 * @param from what errors name
 * @returns the names at the top of the archive
 * @throws BrokenArchive; TsdbtError `dependency` for an entry that leaves the folder
 */
export function unpack(archive: Buffer, folder: string, from: string): string[] {
  let bytes: Buffer;
  try {
    bytes = gunzipSync(archive, { maxOutputLength: MAX_BYTES });
  } catch (error) {
    throw new BrokenArchive(`${from} is not a readable .tar.gz: ${(error as Error).message}`);
  }
  const tops = new Set<string>();
  const links = new Set<string>();
  const entries = [...readEntries(bytes, from)];
  for (const { path, type, link } of entries) {
    const parents = path.split('/').slice(0, -1).map((_, i, all) => all.slice(0, i + 1).join('/'));
    const target = type === 'link' ? posix.normalize(posix.join(posix.dirname(path), link)) : '.';
    if (escapes(path) || escapes(target) || (type === 'link' && posix.isAbsolute(link)) || parents.some((parent) => links.has(parent))) {
      throw new TsdbtError('dependency', `The package archive ${from} holds '${path}'${link === '' ? '' : ` -> '${link}'`}, which points outside of the package. Nothing was installed.`);
    }
    if (type === 'link') links.add(path);
    const top = path.split('/')[0];
    if (top !== undefined && top !== '') tops.add(top);
  }
  for (const { path, type, link, data } of entries) {
    const full = join(folder, path);
    mkdirSync(type === 'folder' ? full : dirname(full), { recursive: true });
    if (type === 'file') writeFileSync(full, data);
    if (type === 'link') symlinkSync(link, full);
  }
  return [...tops];
}

/** Whether a path of the archive is not inside of it. */
function escapes(path: string): boolean {
  return posix.isAbsolute(path) || /^[A-Za-z]:|\\/.test(path) || path.split('/').includes('..');
}

function* readEntries(bytes: Buffer, from: string): Generator<Entry> {
  let extended: Readonly<Record<string, string>> = {};
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return;
    const size = Number(extended['size'] ?? numberField(header, 124, 12));
    if (!isChecked(header) || !Number.isSafeInteger(size) || at + BLOCK + size > bytes.length) throw new BrokenArchive(`${from} is cut short or is no tar archive`);
    const data = bytes.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const flag = String.fromCharCode(header[156] ?? 0);
    if (flag === 'g') continue;
    if (flag === 'x' || flag === 'L' || flag === 'K') {
      extended = { ...extended, ...(flag === 'x' ? paxFields(data) : { [flag === 'L' ? 'path' : 'linkpath']: textField(data, 0, data.length) }) };
      continue;
    }
    const prefix = textField(header, 257, 5) === 'ustar' && header[262] === 0 ? textField(header, 345, 155) : '';
    const name = extended['path'] ?? (prefix === '' ? '' : `${prefix}/`) + textField(header, 0, 100);
    const link = extended['linkpath'] ?? textField(header, 157, 100);
    extended = {};
    const path = name.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
    const type = flag === '0' || flag === '\0' ? 'file' : flag === '5' ? 'folder' : flag === '2' ? 'link' : undefined;
    if (type === undefined) throw new TsdbtError('dependency', `The package archive ${from} holds '${path}', which is neither a file nor a folder nor a symbolic link. Nothing was installed.`);
    if (path !== '' && path !== '.') yield { path, type: type === 'file' && name.endsWith('/') ? 'folder' : type, link: type === 'link' ? link : '', data };
  }
  throw new BrokenArchive(`${from} is cut short`);
}

function textField(header: Buffer, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? field.length : end);
}

function numberField(header: Buffer, at: number, length: number): number {
  return Number.parseInt(textField(header, at, length).trim() || '0', 8);
}

/** Whether the sum in a header is right: every byte, with the sum itself as blanks. */
function isChecked(header: Buffer): boolean {
  let sum = 0;
  header.forEach((byte, i) => {
    sum += i >= 148 && i < 156 ? 0x20 : byte;
  });
  return sum === numberField(header, 148, 8);
}

/** `27 path=some/long/name\n` … */
function paxFields(data: Buffer): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at < data.length; ) {
    const blank = data.indexOf(0x20, at);
    const length = Number(data.toString('utf8', at, blank));
    if (blank === -1 || !(length > 0)) break;
    const [key = '', ...value] = data.toString('utf8', blank + 1, at + length - 1).split('=');
    fields[key] = value.join('=');
    at += length;
  }
  return fields;
}
