// Tests what `given.input` and the `to:` of a foreign key can name.
import { describe, expect, it } from 'vitest';
import { parseInput, unitTestNodes } from '../../../../src/compiler/unit-test-nodes.ts';
import type { GraphNode, ModelNode, UnitTestNode } from '../../../../src/contracts/node.ts';

describe('the input of a unit test', () => {
  it.each([
    ["ref('a')", { kind: 'ref', name: 'a', package: null, version: null }],
    [' ref( "p" , "a" ) ', { kind: 'ref', name: 'a', package: 'p', version: null }],
    ["ref('a', v=2)", { kind: 'ref', name: 'a', package: null, version: 2 }],
    ["ref('a', version='2')", { kind: 'ref', name: 'a', package: null, version: '2' }],
    ["source('s', 't')", { kind: 'source', source: 's', name: 't' }],
    ['this', { kind: 'this' }],
  ])('accepts %s', (text, expected) => {
    expect(parseInput(text)).toEqual(expected);
  });

  it.each(['a', 'ref()', 'ref(a)', "source('s')", "ref('a') ~ 'b'", "metric('m')"])('rejects %s', (text) => {
    expect(parseInput(text)).toBeNull();
  });
});

describe('the fixture of a unit test', () => {
  it('is deferred to the relation of its input, not of the tested model', () => {
    const model = (name: string, schema: string | null) =>
      ({
        unique_id: `model.p.${name}`,
        resource_type: 'model',
        name,
        alias: name,
        package_name: 'p',
        original_file_path: `${name}.sql`,
        columns: {},
        config: {},
        depends_on: { macros: [], nodes: [] },
        defer_relation: schema === null ? null : { schema, identifier: name },
      }) as unknown as ModelNode;
    const tested = model('tested', 'prod');
    const inputs: Record<string, ModelNode> = { a: model('a', 'prod'), b: model('b', null) };
    const test = {
      name: 't',
      model: 'tested',
      package_name: 'p',
      unique_id: 'unit_test.p.tested.t',
      original_file_path: 'm.yml',
      description: '',
      config: { tags: [] },
      overrides: null,
      version: null,
      depends_on: { macros: [], nodes: [tested.unique_id] },
      expect: { rows: [], format: 'dict' },
      given: ['a', 'b'].map((name) => ({ input: `ref('${name}')`, rows: [], format: 'dict' })),
    } as unknown as UnitTestNode;
    const found = unitTestNodes(
      test,
      { nodes: { [tested.unique_id]: tested } },
      (input) => (input.kind === 'ref' ? (inputs[input.name] as GraphNode) : undefined),
      { convertType: () => 'text' } as never,
    );
    expect(found.inputs.map((each) => each.defer_relation)).toEqual([{ schema: 'prod', identifier: 'a' }, null]);
    expect(found.node.defer_relation).toEqual({ schema: 'prod', identifier: 'tested' });
  });
});
