// Tests what `graph` in a template reads from the manifest: a search by type or package decodes no node.
import { expect, it } from 'vitest';
import { SharedGraph } from '../../../../src/context/graph-dict.ts';
import type { Manifest } from '../../../../src/contracts/manifest.ts';
import { copyOfRecord, isUnread, unreadRecord } from '../../../../src/graph/unread-record.ts';
import { Environment } from '../../../../src/jinja/index.ts';

const NODES = ['model.shop.orders', 'model.tools.log', 'seed.shop.rates', 'test.shop.unique_id.1a.2b'];

function project() {
  const read: string[] = [];
  const places = new Map(NODES.map((id) => [id, id.split('.')]));
  const kept = unreadRecord(places, (id, [resource_type, package_name, name]) => {
    read.push(id);
    return { name, resource_type, package_name, unique_id: id, alias: null, compiled: false };
  });
  const nodes = copyOfRecord(kept) as Record<string, object>;
  const none = {};
  const manifest = {
    ...{ nodes, sources: none, exposures: none, functions: none, groups: none, metrics: none },
    ...{ semantic_models: none, saved_queries: none, unit_tests: none },
  } as unknown as Manifest;
  const graph = new SharedGraph().of(manifest);
  const environment = new Environment();
  const render = (source: string): string =>
    environment.compile(source, { name: 'walk' }).renderSync({ get: (name) => (name === 'graph' ? graph : undefined) });
  return { nodes, read, render };
}

it('the graph in templates finds nodes by type and package without decoding any', () => {
  const { nodes, read, render } = project();
  const found = render(`
    {%- for node in graph.nodes.values() | selectattr('resource_type', '==', 'model')
                                        | selectattr('package_name', 'equalto', 'shop') -%}
      {{ node.unique_id }}
    {%- endfor %} {% for id in graph.nodes %}{{ graph.nodes[id].get('package_name') }} {% endfor -%}`);
  expect([found, read]).toEqual(['model.shop.orders shop tools shop shop ', []]);
  expect(NODES.every((id) => isUnread(nodes, id))).toBe(true);
});

it('the graph in templates decodes a node once for its other fields, and the run keeps it unread', () => {
  const { nodes, read, render } = project();
  const walk = `{% for node in graph['nodes'].values() if node.resource_type == 'seed' %}{{ node.name }}{% endfor %}`;
  const seed = `{% set n = graph.nodes['seed.shop.rates'] %}`;
  expect(render(`${walk} ${walk}${seed} {{ n.alias }} {{ n.nothing is defined }} {{ n | list | first }}`)).toBe(
    'rates rates None False name',
  );
  expect([read, isUnread(nodes, 'seed.shop.rates')]).toEqual([['seed.shop.rates'], true]);
});

it('the graph in templates returns a node as it was when the template read it', () => {
  const { nodes, render } = project();
  const orders = { name: 'orders', resource_type: 'model', package_name: 'shop', compiled: true };
  expect(render(`{{ graph.nodes['model.shop.orders'].compiled }}`)).toBe('False');
  nodes['model.shop.orders'] = orders;
  expect(render(`{{ graph.nodes['model.shop.orders'].compiled }}`)).toBe('True');
  const changed = `{% set n = graph.nodes['model.tools.log'] %}{% do n.update({'package_name': 'x'}) %}`;
  expect(render(`${changed}{{ n.package_name }} {{ graph.nodes['model.tools.log'].package_name }}`)).toBe('x tools');
});
