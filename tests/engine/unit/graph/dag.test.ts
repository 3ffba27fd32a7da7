// The graph alone: walks, cycles, subsets, the order of a run.
import { describe, expect, it } from 'vitest';
import { Dag } from '../../../../src/graph/dag.ts';
import { createQueue } from '../../../../src/graph/queue.ts';

const diamond = new Dag(['a', 'b', 'c', 'd', 'e'], [['a', 'b'], ['a', 'c'], ['b', 'd'], ['c', 'd'], ['d', 'e']]);

describe('Dag', () => {
  it('walks up and down by a number of steps', () => {
    expect([...diamond.ancestors(['d'], 1)].sort()).toEqual(['b', 'c']);
    expect([...diamond.ancestors(['d'])].sort()).toEqual(['a', 'b', 'c']);
    expect([...diamond.descendants(['a'], 2)].sort()).toEqual(['b', 'c', 'd']);
  });

  it('names a cycle in order, each node followed by one that needs it', () => {
    const dag = new Dag(['x', 'a', 'b', 'c'], [['x', 'a'], ['a', 'b'], ['b', 'c'], ['c', 'a']]);
    expect(dag.cycle()).toEqual(['a', 'b', 'c']);
    expect(diamond.cycle()).toBeNull();
  });

  it('keeps paths through nodes that are left out, and no others', () => {
    const kept = diamond.subset(new Set(['a', 'd', 'e']));
    expect(kept.nodes).toEqual(['a', 'd', 'e']);
    expect(kept.edges()).toEqual([['a', 'd'], ['d', 'e']]);
  });
});

describe('queue', () => {
  it('hands out what is ready, shallow first, then by name', () => {
    const queue = createQueue(diamond);
    expect([queue.next(), queue.next()]).toEqual(['a', undefined]);
    queue.done('a');
    expect([queue.next(), queue.next(), queue.next()]).toEqual(['b', 'c', undefined]);
    queue.done('c');
    expect(queue.next()).toBeUndefined();
    queue.done('b');
    expect(queue.next()).toBe('d');
    queue.done('d');
    expect([queue.next(), queue.remaining]).toEqual(['e', 1]);
  });

  it('hands out everything at once when edges do not count', () => {
    const queue = createQueue(diamond, { edges: false });
    expect([1, 2, 3, 4, 5].map(() => queue.next()).sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});
