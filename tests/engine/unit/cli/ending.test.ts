// Signals that arrive before synchronous work.
import { readFile } from 'node:fs';
import { expect, it } from 'vitest';
import { Ending, Interrupted } from '../../../../src/cli/ending.ts';

it('notices a signal that arrived in the same turn of the event loop as the start of synchronous work', async () => {
  const ending = new Ending();
  try {
    const started = new Promise((resolve, reject) => {
      readFile(import.meta.filename, () => {
        process.kill(process.pid, 'SIGTERM');
        ending.withoutWaiting(() => 'done').then(resolve, reject);
      });
    });
    await expect(started).rejects.toThrow(Interrupted);
    expect(ending.signal.aborted).toBe(true);
  } finally {
    ending.dispose();
  }
});
