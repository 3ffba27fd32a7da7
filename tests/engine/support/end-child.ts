// Ends a server that tests or examples started, also when it has ended by itself.
import type { ChildProcess } from 'node:child_process';

/** Whether it has ended, by itself or by a signal. */
export function hasEnded(child: ChildProcess | null): boolean {
  return child !== null && (child.exitCode !== null || child.signalCode !== null);
}

/** Resolves once the process has ended. */
export async function endChild(child: ChildProcess | null, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child === null || hasEnded(child)) return;
  await new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill(signal);
  });
}
