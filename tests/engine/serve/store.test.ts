// The cases that every store keeps, on each of them.
import { MemoryData, MemoryStore } from '../../../src/serve/store/memory.ts';
import { storeCases } from './store-cases.ts';

storeCases('memory', async () => {
  const data = new MemoryData();
  let now = Date.UTC(2027, 0, 1);
  return {
    host: async (leaseMs) => new MemoryStore({ now: () => now, data, ...(leaseMs === undefined ? {} : { leaseMs }) }),
    pass: async (ms) => {
      now += ms;
    },
    end: async () => undefined,
  };
});
