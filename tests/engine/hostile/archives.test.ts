// Archives of packages that want more than to be unpacked: paths, links, sizes, checksums.
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { unpack } from '../../../src/project/deps/archive.ts';
import { download } from '../../../src/project/deps/download.ts';
import { file, folder, gnu, hardLink, link, packed, pax, tar, type TarEntry } from './tar.ts';
import {
  answers,
  asked,
  base,
  BROKEN,
  chained,
  DEEP,
  deps,
  downloads,
  escapes,
  hop,
  JS_WORDS,
  LONG,
  NO_FILE,
  OK,
  OUTSIDE,
  prepareLab,
  PROJECT,
  root,
  STRUCTURE,
  TWICE,
  world,
} from './deps-lab.ts';

prepareLab();

/** Entries of an archive (or its bytes), and how `deps` ends. */
const ARCHIVES: Readonly<Record<string, readonly [make: () => readonly TarEntry[] | Buffer, ends: RegExp]>> = {
  // Harmless
  'an ordinary package': [() => [folder('p/'), PROJECT, file('p/macros/m.sql')], OK],
  'a link to a file beside it': [() => [PROJECT, link('p/README', 'dbt_project.yml')], OK],
  'a link up and down inside': [() => [PROJECT, file('p/a/x'), link('p/b/x', '../a/x')], OK],
  'a link to a folder inside': [() => [PROJECT, file('p/a/x'), link('p/b', 'a')], OK],
  'a link before the file that it names': [() => [link('p/README', 'dbt_project.yml'), PROJECT], OK],
  'a comment for all entries, as git writes it': [
    () => [pax({ comment: 'a'.repeat(40) }, 'g'), folder('p/'), PROJECT],
    OK,
  ],
  'a long name by PAX': [() => [PROJECT, pax({ path: `p/${'n'.repeat(200)}` }), file('p/short')], OK],
  'a long name by GNU': [() => [PROJECT, gnu('L', `p/${'n'.repeat(200)}`), file('p/short')], OK],
  'names that begin with a dot': [() => [folder('./'), file('./p/dbt_project.yml', 'name: evil\n'), file('./p/a')], OK],
  'the same file twice': [() => [PROJECT, file('p/a', '1'), file('p/a', '2')], OK],
  'two names that differ in case': [() => [PROJECT, file('p/README'), file('p/readme')], OK],
  'names of other scripts': [() => [PROJECT, file('p/モデル/é.sql'), file('p/\u202egnp.sql')], OK],
  'rights that nobody should have': [
    () => [PROJECT, file('p/a', 'x', { mode: '0006777' }), folder('p/d', { mode: '0000000' }), file('p/d/x')],
    OK,
  ],
  'an owner by name and number': [() => [PROJECT, pax({ uid: '12345', gid: '12345', uname: 'root' }), file('p/a')], OK],
  'a moment that no disk knows': [() => [PROJECT, pax({ mtime: '9e300' }), file('p/a')], OK],
  '30,000 empty files': [
    () => [PROJECT, ...Array.from({ length: LONG ? 30_000 : 300 }, (_, i) => file(`p/f${i}`, ''))],
    OK,
  ],
  'garbage behind the end': [() => Buffer.concat([packed([PROJECT]), Buffer.from('garbage')]), BROKEN],
  'two members of gzip': [
    () => {
      const all = tar([PROJECT]);
      return Buffer.concat([gzipSync(all.subarray(0, 700)), gzipSync(all.subarray(700))]);
    },
    OK,
  ],
  // Links
  'a link to outside': [() => [PROJECT, link('p/x', '../../../../outside')], OUTSIDE],
  'a link to outside and a file through it': [
    () => [PROJECT, link('p/x', '../../../../outside'), file('p/x/pwned')],
    TWICE,
  ],
  'a link to an absolute path': [() => [PROJECT, link('p/x', join(root, 'outside'))], OUTSIDE],
  'a link to the root of the disk': [() => [PROJECT, link('p/x', '/')], OUTSIDE],
  'a link to the folder above the package': [() => [PROJECT, link('p/x', '..')], OUTSIDE],
  'a link that leaves and comes back': [() => [PROJECT, link('p/x', '../p/dbt_project.yml')], OUTSIDE],
  'a link to a package that may lie beside': [() => [PROJECT, link('p/x', '../near/dbt_project.yml')], OUTSIDE],
  'chained links that read outside': [() => [...chained(), hop()], OUTSIDE],
  'chained links, and a file over the last': [
    () => [...chained(), hop('outside/pwned'), file(`${DEEP}/y`, 'PWNED')],
    TWICE,
  ],
  'chained links, and a file through a dot': [() => [...chained(), hop(), file(`${DEEP}/./y/pwned`, 'PWNED')], TWICE],
  'chained links, and a file through two slashes': [
    () => [...chained(), hop(), file(`${DEEP}//y/pwned`, 'PWNED')],
    TWICE,
  ],
  'chained links in the other order': [
    () => [PROJECT, folder(DEEP), hop(), link(`${DEEP}/up`, Array(14).fill('..').join('/'))],
    OUTSIDE,
  ],
  'chained links over three': [
    () => [
      PROJECT,
      folder('p/a/b/c'),
      link('p/a/b/c/up', '../..'),
      link('p/a/b/c/up2', 'up/..'),
      link('p/a/b/c/out', 'up2/../..'),
    ],
    OUTSIDE,
  ],
  'a file behind a link to its own folder': [() => [PROJECT, link('p/a', '.'), file('p/a/evil')], TWICE],
  'a file below a dot behind a link': [() => [PROJECT, link('p/x', '.'), file('p/./x/y/z')], TWICE],
  'a link behind a link': [() => [PROJECT, link('p/a', 'b'), folder('p/b'), link('p/a/c', '../..')], TWICE],
  'a link over a link': [() => [PROJECT, link('p/a', 'dbt_project.yml'), link('p/a', '../x')], TWICE],
  'a file over a link': [() => [PROJECT, link('p/x', 'dbt_project.yml'), file('p/x', 'name: other\n')], TWICE],
  'a link over a file': [() => [PROJECT, file('p/x'), link('p/x', 'dbt_project.yml')], TWICE],
  'a link over a folder with files': [() => [PROJECT, file('p/x/y'), link('p/x', '.')], TWICE],
  'a folder over a link': [() => [PROJECT, link('p/x', '.'), folder('p/x')], TWICE],
  'a folder over a file': [() => [PROJECT, file('p/x'), folder('p/x')], TWICE],
  'a file over a folder': [() => [PROJECT, folder('p/x'), file('p/x')], TWICE],
  'a link, and a file behind its name in another case': [() => [PROJECT, link('p/Up', '.'), file('p/UP/evil')], TWICE],
  'a link, and a file behind its name in another normal form': [
    () => [PROJECT, link('p/\u00e9', '.'), file('p/e\u0301/evil')],
    TWICE,
  ],
  'a link, and a file behind a ligature of its name': [
    () => [PROJECT, link('p/\ufb01', '.'), file('p/fi/evil')],
    TWICE,
  ],
  'a link in a circle': [() => [PROJECT, link('p/a', 'b'), link('p/b', 'a')], OUTSIDE],
  'a link to itself': [() => [PROJECT, link('p/a', 'a')], OUTSIDE],
  'a link with backslashes': [() => [PROJECT, link('p/x', '..\\..\\outside')], OUTSIDE],
  'a link to a drive': [() => [PROJECT, link('p/x', 'C:/Windows')], OUTSIDE],
  'a link without a target': [() => [PROJECT, link('p/x', '')], BROKEN],
  'a link whose target comes by PAX': [
    () => [PROJECT, pax({ linkpath: '../../../outside' }), link('p/x', 'dbt_project.yml')],
    OUTSIDE,
  ],
  'a link whose target comes by GNU': [
    () => [PROJECT, gnu('K', '../../../outside'), link('p/x', 'dbt_project.yml')],
    OUTSIDE,
  ],
  'a link with data': [() => [PROJECT, { ...link('p/x', '../../outside'), data: 'x' }], OUTSIDE],
  'the project file as a link to outside': [
    () => [link('p/dbt_project.yml', '../../../outside/dbt_project.yml'), file('p/x')],
    OUTSIDE,
  ],
  'a top that is a link': [() => [link('p', '.'), file('dbt_project.yml', 'name: evil\n')], STRUCTURE],
  'a top that is a link to another top': [() => [file('q/dbt_project.yml', 'name: evil\n'), link('p', 'q')], STRUCTURE],
  'nothing but a link': [() => [link('p', join(root, 'outside'))], STRUCTURE],
  // Hard links, devices
  'a hard link to a file of the system': [() => [PROJECT, hardLink('p/x', '/etc/passwd')], NO_FILE],
  'a hard link to a file inside': [() => [PROJECT, hardLink('p/x', 'p/dbt_project.yml')], NO_FILE],
  'a hard link to a link': [
    () => [PROJECT, link('p/l', 'dbt_project.yml'), hardLink('p/x', 'p/l'), file('p/x', 'PWNED')],
    NO_FILE,
  ],
  'a hard link upwards': [
    () => [PROJECT, hardLink('p/x', '../../../outside/secret.sql'), file('p/x', 'PWNED')],
    NO_FILE,
  ],
  'a hard link by PAX': [
    () => [PROJECT, pax({ linkpath: join(root, 'outside/secret.sql') }), hardLink('p/x', 'p/y')],
    NO_FILE,
  ],
  'a FIFO': [() => [PROJECT, { path: 'p/x', type: '6' }], NO_FILE],
  'a character device': [() => [PROJECT, { path: 'p/x', type: '3' }], NO_FILE],
  'a block device': [() => [PROJECT, { path: 'p/x', type: '4' }], NO_FILE],
  'a folder of an incremental dump': [() => [PROJECT, { path: 'p/x', type: 'D', data: 'Yfile\0\0' }], NO_FILE],
  'a sparse file': [
    () => [PROJECT, { path: 'p/x', type: 'S', change: (header) => void header.write('77777777777\0', 483) }],
    NO_FILE,
  ],
  'a kind that nobody knows': [() => [PROJECT, { path: 'p/x', type: '?' }], NO_FILE],
  // Names
  'a name upwards': [() => [PROJECT, file('p/../../../../../outside/pwned')], OUTSIDE],
  'a name upwards by PAX': [() => [PROJECT, pax({ path: 'p/../../outside/pwned' }), file('p/x')], OUTSIDE],
  'a name upwards by PAX for all': [
    () => [PROJECT, pax({ path: 'p/../../outside/pwned' }, 'g'), file('p/x')],
    /^ok$|outside of the package/,
  ],
  'a name upwards by GNU': [() => [PROJECT, gnu('L', '../../outside/pwned'), file('p/x')], OUTSIDE],
  'a name upwards in the prefix': [
    () => [PROJECT, file('pwned', 'x', { change: (header) => void header.write('p/../../../outside', 345) })],
    OUTSIDE,
  ],
  'an absolute name': [() => [PROJECT, file(join(root, 'outside/pwned'))], OUTSIDE],
  'an absolute name of two slashes': [() => [PROJECT, file(`/${join(root, 'outside/pwned')}`)], OUTSIDE],
  'a name with backslashes': [() => [PROJECT, file('p\\..\\..\\pwned')], OUTSIDE],
  'a name of a drive': [() => [PROJECT, file('C:/pwned')], OUTSIDE],
  'a name with NUL by PAX': [() => [PROJECT, pax({ path: 'p/a\0b' }), file('p/x')], OK],
  'a name with line breaks and colours': [
    () => [PROJECT, file('p/a\n\u001b[31mError: all is lost')],
    /a name with control characters\. Nothing/,
  ],
  'a name of 5,000 characters': [
    () => [PROJECT, pax({ path: `p/${'x'.repeat(5000)}` }), file('p/x')],
    /a name that is too long\. Nothing/,
  ],
  'a name 3,000 folders deep': [
    () => [PROJECT, pax({ path: `p/${'a/'.repeat(3000)}x` }), file('p/x')],
    /a name that is too long\. Nothing/,
  ],
  'an empty name': [() => [PROJECT, file('')], BROKEN],
  'a name of dots and slashes': [() => [PROJECT, file('././/.')], /without a name|outside of the package/],
  'two folders at the top': [() => [PROJECT, file('q/x')], STRUCTURE],
  'a file at the top': [() => [file('p')], STRUCTURE],
  // Headers that lie
  'a size beyond the end': [() => [PROJECT, file('p/x', 'x', { size: '77777777777\0' })], BROKEN],
  'a negative size': [() => [PROJECT, file('p/x', 'x', { size: '-0000000001\0' })], /^Runtime Error\n {2}/],
  'a size in base 256': [
    () => [
      PROJECT,
      file('p/x', 'x', {
        change: (header) => {
          header.fill(0xff, 124, 136);
          header[124] = 0x80;
        },
      }),
    ],
    /^Runtime Error\n {2}/,
  ],
  'a size by PAX that is none': [() => [PROJECT, pax({ size: 'NaN' }), file('p/x')], /^ok$|^Runtime Error\n {2}/],
  'a size by PAX beyond the end': [
    () => [PROJECT, pax({ size: '99999999999' }), file('p/x')],
    /^ok$|^Runtime Error\n {2}/,
  ],
  'a wrong sum': [() => [PROJECT, file('p/x', 'x', { broken: true })], BROKEN],
  'a header for the next of 100 KB': [
    () => [PROJECT, pax({ comment: 'c'.repeat(100_000) }), file('p/x')],
    /a header of more than 65536 bytes\. Nothing/,
  ],
  'a header of PAX that is none': [
    () => [PROJECT, { path: 'x', type: 'x', data: '999999 path=../../x\n-3 =\n' }, file('p/x')],
    /^ok$|^Runtime Error\n {2}/,
  ],
  'a header of PAX with names of objects': [
    () => [PROJECT, pax({ __proto__x: 'a', constructor: 'b', toString: 'c' }), file('p/x')],
    OK,
  ],
  // No archives
  'no gzip': [() => Buffer.from('hello'), BROKEN],
  nothing: [() => Buffer.alloc(0), BROKEN],
  'a web page': [() => Buffer.from('<!DOCTYPE html><title>Sign in</title>'), BROKEN],
  'a zip': [() => Buffer.from('504b0304140000000800', 'hex'), BROKEN],
  'gzip of nothing': [() => gzipSync(Buffer.alloc(0)), BROKEN],
  'gzip of text': [() => gzipSync('hello'.repeat(1000)), BROKEN],
  'gzip of gzip': [() => gzipSync(packed([PROJECT])), BROKEN],
  'half of an archive': [
    () => packed([PROJECT, file('p/x', createHash('sha512').update('x').digest('hex').repeat(50))]).subarray(0, 200),
    BROKEN,
  ],
  'a wrong sum of gzip': [
    () => {
      const bytes = Buffer.from(packed([PROJECT]));
      bytes.writeUInt32LE(1, bytes.length - 8);
      return bytes;
    },
    BROKEN,
  ],
  'an archive that ends in a file': [
    () => gzipSync(tar([PROJECT, file('p/x', 'x'.repeat(5000))], false).subarray(0, 2000)),
    BROKEN,
  ],
  'only zeros': [() => gzipSync(Buffer.alloc(LONG ? 2 ** 30 : 2 ** 24)), /^Runtime Error\n {2}/],
  // What the project says
  'no project': [() => [file('p/x')], /^Runtime Error\n {2}No dbt_project\.yml found/],
  'a project that is a folder': [
    () => [folder('p/dbt_project.yml'), file('p/x')],
    /is a folder, expected a regular file$/,
  ],
  'a project that is no YAML': [() => [file('p/dbt_project.yml', 'name: [')], /^\w+ Error\n/],
  'a project that is a list': [() => [file('p/dbt_project.yml', '- name')], /^\w+ Error\n/],
  'a project without a name': [() => [file('p/dbt_project.yml', 'version: 1\n')], /must have a name/],
  'a project of bombs': [() => [file('p/dbt_project.yml', bomb())], /^(ok$|\w+ Error\n)/],
};

function bomb(): string {
  const levels = Array.from(
    { length: 9 },
    (_, i) =>
      `  v${i}: &v${i} [${Array(10)
        .fill(`*${i === 0 ? 'a' : `v${i - 1}`}`)
        .join(',')}]`,
  );
  return `name: evil\nvars:\n  a: &a [x,x,x,x,x,x,x,x,x,x]\n${levels.join('\n')}\n`;
}

describe('a hostile archive', () => {
  it(`is one of at least 60 kinds: ${Object.keys(ARCHIVES).length}`, () => {
    expect(Object.keys(ARCHIVES).length).toBeGreaterThanOrEqual(60);
  });

  it.each(Object.entries(ARCHIVES))('does no harm with %s', async (_, [make, ends]) => {
    const made = make();
    answers.set('/x.tar.gz', Buffer.isBuffer(made) ? made : packed(made as readonly TarEntry[]));
    const [before, temporary] = [world(), downloads()];
    const said = await deps(`packages:\n  - tarball: ${base}/x.tar.gz\n    name: evil\n`);
    expect(said).toMatch(ends);
    expect(said).not.toMatch(JS_WORDS);
    expect(asked.map(({ url }) => url)).toEqual(['/x.tar.gz']);
    expect(world()).toEqual(before);
    expect(escapes()).toEqual([]);
    expect(existsSync(join(root, 'p/dbt_packages'))).toBe(said === 'ok');
    expect(downloads().filter((name) => !temporary.includes(name))).toEqual([]);
  });

  it('with other permissions, owners and times is unpacked as files of this user', async () => {
    answers.set(
      '/x.tar.gz',
      packed([PROJECT, pax({ uid: '12345', gid: '12345', mtime: '1' }), file('p/a', 'x', { mode: '0006777' })]),
    );
    expect(await deps(`packages:\n  - tarball: ${base}/x.tar.gz\n    name: evil\n`)).toBe('ok');
    const { mode, uid, mtimeMs } = lstatSync(join(root, 'p/dbt_packages/evil/a'));
    expect([mode & 0o6111, uid, mtimeMs > 1e9]).toEqual([0, process.getuid?.() ?? 0, true]);
  });
});

describe('the limits of an archive', () => {
  const at = (name: string): string => {
    const path = join(root, 'tmp', name);
    mkdirSync(path);
    return path;
  };

  it('stop it by bytes, by entries, and by headers without entries', async () => {
    const limits = { bytes: 2 ** 20, entries: 100 };
    const files = (count: number): Buffer =>
      packed([PROJECT, ...Array.from({ length: count }, (_, i) => file(`p/f${i}`, ''))]);
    const headers = (count: number): Buffer =>
      packed([PROJECT, ...Array.from({ length: count }, () => pax({ comment: 'c' })), file('p/x')]);
    await expect(unpack(files(99), at('a'), 'x', limits)).resolves.toEqual(['p']);
    await expect(unpack(files(100), at('b'), 'x', limits)).rejects.toThrow(
      'The package x contains more than 100 entries. Nothing was installed.',
    );
    await expect(unpack(headers(200), at('c'), 'x', limits)).rejects.toThrow('more than 100 entries');
    await expect(unpack(packed([PROJECT, file('p/x', Buffer.alloc(2 ** 20))]), at('d'), 'x', limits)).rejects.toThrow(
      'more than 1048576 bytes unpacked',
    );
    await expect(unpack(gzipSync(Buffer.alloc(2 ** 22)), at('e'), 'x', limits)).rejects.toThrow(
      'more than 1048576 bytes unpacked',
    );
  });

  it('and all other failures leave no file that is still being written', async () => {
    const files = Array.from({ length: 60 }, (_, i) => file(`p/d${i}/f`, ''));
    const folder = at('f');
    await expect(unpack(packed([...files, file('p/x', 'x', { broken: true })]), folder, 'x')).rejects.toThrow(
      'checksum failure',
    );
    const left = readdirSync(folder, { recursive: true });
    await new Promise((done) => setTimeout(done, 300));
    expect(readdirSync(folder, { recursive: true })).toEqual(left);
  });

  it.runIf(LONG)('hold for a million entries and 3 GB', async () => {
    const block = gzipSync(Buffer.alloc(2 ** 20), { level: 9 });
    answers.set('/x.tar.gz', Buffer.concat(Array<Buffer>(3000).fill(block)));
    const list = `packages:\n  - tarball: ${base}/x.tar.gz\n    name: evil\n`;
    expect(await deps(list)).toContain('more than 1073741824 bytes unpacked');
    const entries = tar(
      Array.from({ length: 10_000 }, (_, i) => file(`p/f${i}`, '')),
      false,
    );
    answers.set('/x.tar.gz', Buffer.concat(Array<Buffer>(100).fill(gzipSync(entries))));
    expect(await deps(list)).toContain('more than 100000 entries');
    expect(process.resourceUsage().maxRSS).toBeLessThan(2 * 2 ** 20);
  });

  it('hold for an endless download', async () => {
    const endless = createServer((request, response) => {
      if (request.url?.includes('drip') === true) {
        const drops = setInterval(() => response.write('x'), 10);
        response.once('close', () => clearInterval(drops));
        return;
      }
      const more = (): void => {
        while (response.write(Buffer.alloc(2 ** 20))) if (response.destroyed) return;
      };
      response.on('drain', more);
      more();
    }).listen(0, '127.0.0.1');
    await new Promise((done) => endless.once('listening', done));
    const url = `http://127.0.0.1:${(endless.address() as AddressInfo).port}/x.tar.gz`;
    const options = { env: {}, logger: { fire: () => undefined }, timeout: 30_000, delay: 0, maxBytes: 2 ** 24 };
    await expect(download(url, options)).rejects.toThrow('/x.tar.gz is larger than 16777216 bytes');
    await expect(download(url.replace('x.tar', 'drip'), { ...options, timeout: 500 })).rejects.toThrow(
      'the download takes too long',
    );
    endless.closeAllConnections();
    endless.close();
  });
});
