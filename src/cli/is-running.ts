// Checks whether another process runs, to distinguish a killed run from one in progress.

/** Whether another process runs. In a container every run has the same process id. */
export function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
