// Builds tar archives byte by byte, also such as no program would write. Knows no case.
import { gzipSync } from 'node:zlib';

export interface TarEntry {
  readonly path: string;
  readonly data?: string | Buffer;
  /**
   * tar's letter: 0 file, 1 hard link, 2 link, 3 and 4 devices, 5 folder, 6 FIFO, x and g PAX headers, L and K long
   * names …
   */
  readonly type?: string;
  readonly link?: string;
  readonly mode?: string;
  /** What the header says, in place of the length of the data. */
  readonly size?: string;
  /** The last word on a header, before its sum. */
  readonly change?: (header: Buffer) => void;
  /** Spoils the sum. */
  readonly broken?: boolean;
}

export function tar(entries: readonly TarEntry[], end = true): Buffer {
  const blocks = entries.flatMap(
    ({ path, data = '', type = '0', link = '', mode = '0000644', size, change, broken }) => {
      const body = Buffer.from(data);
      const header = Buffer.alloc(512);
      header.write(path, 0, 100);
      header.write(`${mode}\0`, 100);
      header.write('0000000\x000000000\0', 108);
      header.write(size ?? `${body.length.toString(8).padStart(11, '0')}\0`, 124);
      header.write('00000000000\0', 136);
      header.write(type, 156);
      header.write(link, 157, 100);
      header.write('ustar\x0000', 257);
      change?.(header);
      header.write('        ', 148);
      header.write(
        `${(header.reduce((sum, byte) => sum + byte, 0) + (broken ? 1 : 0)).toString(8).padStart(6, '0')}\0 `,
        148,
      );
      return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
    },
  );
  return Buffer.concat([...blocks, Buffer.alloc(end ? 1024 : 0)]);
}

export const packed = (entries: readonly TarEntry[]): Buffer => gzipSync(tar(entries));

export const file = (path: string, data: string | Buffer = 'x', more: Partial<TarEntry> = {}): TarEntry => ({
  path,
  data,
  ...more,
});
export const folder = (path: string, more: Partial<TarEntry> = {}): TarEntry => ({ path, type: '5', ...more });
export const link = (path: string, to: string): TarEntry => ({ path, type: '2', link: to });
export const hardLink = (path: string, to: string): TarEntry => ({ path, type: '1', link: to });

/** A header of PAX for the next entry (`x`) or for all (`g`). */
export function pax(fields: Readonly<Record<string, string>>, type = 'x'): TarEntry {
  const text = Object.entries(fields)
    .map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      let length = Buffer.byteLength(rest);
      length += String(length + String(length).length).length;
      return `${length}${rest}`;
    })
    .join('');
  return { path: 'PaxHeader/x', type, data: text };
}

/** GNU's headers for a long name (`L`) or target (`K`) of the next entry. */
export const gnu = (type: 'L' | 'K', text: string): TarEntry => ({ path: '././@LongLink', type, data: `${text}\0` });
