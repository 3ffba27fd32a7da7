// Whether another process is at work: tells a run that was killed from one that goes on.

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
