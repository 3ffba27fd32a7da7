// A store in memory that holds many runs of many nodes without holding them all: what is asked for is made.
import type { JobRun, NodeRun, RunFilter, Store } from '../../../../../src/serve/store/serve-store.ts';
import { fakeStore, jobRun, nodeRun, START } from './lab.ts';

const EVERY = 300_000;

/** Runs of one job, the last at START; each tenth fails. `asked` are the limits that were asked for. */
export function longHistory(runs: number, nodes: number): { readonly store: Store; readonly asked: readonly number[] } {
  const asked: number[] = [];
  const made = (i: number): JobRun => {
    const startedAt = START - i * EVERY;
    const state = i % 10 === 3 ? 'failed' : 'success';
    return jobRun(`r${i}`, { startedAt, dueAt: startedAt, finishedAt: startedAt + 60_000, state });
  };
  const store = fakeStore({
    runs: async ({ runId, before, states, limit }: RunFilter) => {
      asked.push(limit);
      if (runId !== undefined) return [made(Number(runId.slice(1)))];
      const found: JobRun[] = [];
      for (let i = 0; i < runs && found.length < limit; i++) {
        const run = made(i);
        if ((before === undefined || run.startedAt < before) && (states?.includes(run.state) ?? true)) found.push(run);
      }
      return found;
    },
    nodes: async (runId) =>
      Array.from({ length: nodes }, (_, i) => {
        const thread = `Thread-${(i % 4) + 1} (worker)`;
        const startedAt = START - Number(runId.slice(1)) * EVERY + Math.floor(i / 4) * 200;
        return nodeRun(runId, `model.shop.m${i}`, { thread, startedAt, seconds: 0.19, rows: i });
      }),
    nodeHistory: async (uniqueId, limit): Promise<readonly NodeRun[]> =>
      Array.from({ length: Math.min(limit, runs) }, (_, i) =>
        nodeRun(`r${i}`, uniqueId, { startedAt: START - i * EVERY, seconds: 1 + (i % 7) }),
      ),
  });
  return { store, asked };
}
