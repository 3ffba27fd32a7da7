// Identifies a process by pid and start time, because pids are reused, and by the host on which the pid is valid.
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in the system's own format. */
  readonly start: string;
}

/** When a process started; null if it does not exist. */
export function startOf(pid: number): string | null {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name in parentheses may contain anything; the fields after it do not. The third field is the state, the
      // 22nd the start.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
    } catch {
      return null;
    }
  }
  const { stdout, status } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : null;
}

/** This process; its start is empty text if the system does not report it. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, start: startOf(process.pid) ?? '' };
}

/** The host or container in which pids are valid, until it restarts; begins with the host name. */
export function ownHost(): string {
  try {
    return (
      `${hostname()} ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8)} ` +
      `${readlinkSync('/proc/self/ns/pid')}`
    );
  } catch {
    return hostname();
  }
}

/** Whether it is still the same process. */
export function isAlive({ pid, start }: ProcessIdentity): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  return startOf(pid) === start;
}
