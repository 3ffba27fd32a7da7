// What `given.input` and the `to:` of a foreign key can name.
import { describe, expect, it } from 'vitest';
import { parseInput } from '../../../../src/compiler/unit-test-nodes.ts';

describe('an input', () => {
  it.each([
    ["ref('a')", { kind: 'ref', name: 'a', package: null, version: null }],
    [' ref( "p" , "a" ) ', { kind: 'ref', name: 'a', package: 'p', version: null }],
    ["ref('a', v=2)", { kind: 'ref', name: 'a', package: null, version: 2 }],
    ["ref('a', version='2')", { kind: 'ref', name: 'a', package: null, version: '2' }],
    ["source('s', 't')", { kind: 'source', source: 's', name: 't' }],
    ['this', { kind: 'this' }],
  ])('%s is understood', (text, expected) => {
    expect(parseInput(text)).toEqual(expected);
  });

  it.each(['a', 'ref()', "ref(a)", "source('s')", "ref('a') ~ 'b'", "metric('m')"])('%s is refused', (text) => {
    expect(parseInput(text)).toBeNull();
  });
});
