// The last line of a run in a terminal: which nodes took longest, and what their statements read.
import type { RunResult } from '../contracts/results.ts';

/** Nodes that are listed. */
const LISTED = 3;
/** Seconds: faster nodes are not worth a line. */
const LEAST = 0.5;
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** @returns null if no node was slow, or there was only one */
export function slowestLine(results: readonly RunResult[]): string | null {
  const slow = results.filter((each) => each.execution_time >= LEAST);
  if (results.length < 2 || slow.length === 0) return null;
  slow.sort((a, b) => b.execution_time - a.execution_time);
  const named = slow
    .slice(0, LISTED)
    .map(({ node, unique_id: id, execution_time: seconds }) => `${node?.name ?? id} ${seconds.toFixed(1)} s`);
  const [rows, bytes] = [total(results, 'read_rows'), total(results, 'read_bytes')];
  const read = rows === 0 ? '' : `. Read ${rows.toLocaleString('en-US')} rows, ${inUnits(bytes)}`;
  return `Slowest: ${named.join(', ')}${read}`;
}

function total(results: readonly RunResult[], key: string): number {
  let sum = 0;
  for (const { adapter_response: response } of results) {
    const value = Object.entries(response).find(([name]) => name === key)?.[1];
    if (typeof value === 'number') sum += value;
  }
  return sum;
}

function inUnits(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toFixed(power === 0 ? 0 : 1)} ${UNITS[power] ?? ''}`;
}
