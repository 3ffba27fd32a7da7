// The graph alone: walks, cycles, subsets, the order of a run.
import { describe, expect, it } from 'vitest';
import { Dag } from '../../../../src/graph/dag.ts';
import { createQueue } from '../../../../src/graph/queue.ts';

const diamond = new Dag(
  ['a', 'b', 'c', 'd', 'e'],
  [
    ['a', 'b'],
    ['a', 'c'],
    ['b', 'd'],
    ['c', 'd'],
    ['d', 'e'],
  ],
);

describe('Dag', () => {
  it('walks up and down by a number of steps', () => {
    expect([...diamond.ancestors('d', 1)].sort()).toEqual(['b', 'c']);
    expect([...diamond.ancestors('d')].sort()).toEqual(['a', 'b', 'c']);
    expect([...diamond.descendants('a', 2)].sort()).toEqual(['b', 'c', 'd']);
  });

  it('counts a member of a set among its relatives only when another member leads to it', () => {
    expect([...diamond.selectParents(['b', 'd'])].sort()).toEqual(['a', 'b', 'c']);
    expect([...diamond.selectChildren(['b'], 1)]).toEqual(['d']);
  });

  it('names a cycle in order, each node followed by one that needs it', () => {
    const dag = new Dag(
      ['x', 'a', 'b', 'c'],
      [
        ['x', 'a'],
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'a'],
      ],
    );
    expect(dag.cycle()).toEqual(['a', 'b', 'c']);
    expect(new Dag(['a'], [['a', 'a']]).cycle()).toEqual(['a']);
    expect(diamond.cycle()).toBeNull();
  });

  it('keeps paths through removed nodes, and no others', () => {
    const kept = diamond.subset(['a', 'd', 'e']);
    expect(kept.nodes).toEqual(['a', 'd', 'e']);
    expect(kept.children('a')).toEqual(['d']);
    expect(kept.children('d')).toEqual(['e']);
    expect(() => diamond.subset(['z'])).toThrow("Couldn't find model 'z' -- does it exist or is it disabled?");
  });

  it('orders by test edges without following them', () => {
    const dag = new Dag(
      ['a', 'test', 'b'],
      [
        ['a', 'test'],
        ['a', 'b'],
      ],
      [['test', 'b']],
    );
    expect(dag.topological()).toEqual(['a', 'test', 'b']);
    expect([...dag.ancestors('b')]).toEqual(['a']);
    expect([...dag.dependants('test')]).toEqual(['b']);
    expect(dag.subset(['a', 'b', 'test']).parents('b').sort()).toEqual(['a', 'test']);
  });
});

describe('the queue of nodes', () => {
  it('returns the nodes that are ready, by depth and then by name', () => {
    const queue = createQueue(diamond, diamond.nodes);
    expect([queue.next(), queue.next()]).toEqual(['a', undefined]);
    queue.done('a');
    expect([queue.next(), queue.next(), queue.next()]).toEqual(['b', 'c', undefined]);
    queue.done('c');
    expect(queue.next()).toBeUndefined();
    queue.done('b');
    expect(queue.next()).toBe('d');
    queue.done('d');
    expect([queue.next(), queue.remaining, queue.waiting]).toEqual(['e', 1, 0]);
  });
});
