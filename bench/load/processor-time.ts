// Reads CPU seconds of the servers that a measurement starts, from /proc.
import { readdirSync, readFileSync } from 'node:fs';

const TICKS = 100;

interface ProcessTimes {
  readonly parent: number;
  /** Of the process and of its children that have ended. */
  readonly seconds: number;
}

/** @returns null when the process has ended */
function timesOf(pid: number): ProcessTimes | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
    return { parent: Number(fields[1]), seconds: ticks / TICKS };
  } catch {
    return null;
  }
}

/** Process id of the parent. */
export function parentOf(pid: number): number {
  const times = timesOf(pid);
  if (times === null) throw new Error(`there is no process ${pid}`);
  return times.parent;
}

/** CPU seconds of a process and all its descendants. */
export function familySeconds(pid: number): number {
  let seconds = timesOf(pid)?.seconds ?? 0;
  for (const name of readdirSync('/proc')) {
    const times = /^\d+$/.test(name) ? timesOf(Number(name)) : null;
    if (times?.parent === pid) seconds += times.seconds;
  }
  return seconds;
}
