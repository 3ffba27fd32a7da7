// Files of the embedded Postgres in addition to those of every embedded server: its installation, and what the server
// itself writes.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedFiles } from '../embedded/embedded-files.ts';
import { type ProcessIdentity, startOf } from '../process-identity.ts';

/** Where the server is installed; written after the installation. */
export interface Place {
  /** Contains `data` and, if they had to be copied, the binaries. */
  readonly home: string;
  /** Folder of `bin` and `lib`. */
  readonly native: string;
  /** The user that the server runs as; null: the user who starts it. */
  readonly uid: number | null;
  readonly gid: number | null;
  /** Databases that were created for the project's role, or given to it. */
  readonly databases: readonly string[];
  /** The last port, reused when it is free. */
  readonly port: number | null;
}

/** The files of one embedded Postgres. */
export class PostgresFiles extends EmbeddedFiles {
  constructor(anchor: string) {
    super(anchor, 'Postgres');
  }

  /** Password of the server's administrator; `password` contains that of the project's role. */
  get adminPassword(): string | null {
    return this.text('admin-password');
  }
  set adminPassword(password: string) {
    this.write('admin-password', password);
  }

  get place(): Place | null {
    return this.read<Place>('place.json');
  }
  set place(place: Place) {
    this.write('place.json', JSON.stringify(place, null, 2));
  }
  override get intact(): boolean {
    return super.intact && existsSync(join(this.dir, 'place.json'));
  }

  protected override retired(place: string): void {
    const home = this.read<Place>('place.json', place)?.home ?? place;
    if (home !== place) rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The server's own file in its data folder: its process and address. */
export function readPostmaster(
  home: string,
): { identity: ProcessIdentity | null; port: number; ready: boolean } | null {
  let lines: string[];
  try {
    lines = readFileSync(join(home, 'data', 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return null;
  }
  const pid = Number(lines[0]);
  // In a copied folder the file refers to the original's server.
  if (!Number.isInteger(pid) || pid <= 0 || lines[1] !== join(home, 'data')) return null;
  return {
    identity: postmasterOf(pid, join(home, 'data'), Number(lines[2])),
    port: Number(lines[3]),
    ready: (lines[7] ?? '').trim() === 'ready',
  };
}

/** The pid in postmaster.pid, if that process is still the server and not another one with the same pid. */
function postmasterOf(pid: number, data: string, startedSeconds: number): ProcessIdentity | null {
  const start = startOf(pid);
  if (start === null) return null;
  if (process.platform !== 'linux')
    return Math.abs(Date.parse(start) / 1000 - startedSeconds) < 60 ? { pid, start } : null;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(data) ? { pid, start } : null;
  } catch {
    return null;
  }
}
