// Node selection on the case project tests/engine/cases/selection/every-method: what real dbt selects there
// (tests/oracle/selection.py).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadYaml } from '../../../../src/project/yaml.ts';
import type { Manifest } from '../../../../src/contracts/manifest.ts';
import type { SourceDefinition } from '../../../../src/contracts/node.ts';
import { buildGraph } from '../../../../src/graph/dag.ts';
import { resourceTypesFor } from '../../../../src/graph/resource-types.ts';
import { select } from '../../../../src/graph/selector.ts';
import { unreadRecord } from '../../../../src/graph/unread-record.ts';
import { type IndirectSelection, parseSelectorDefinitions } from '../../../../src/graph/selector-grammar.ts';

interface Answer {
  select?: string[];
  exclude?: string[];
  selector?: string;
  mode: IndirectSelection;
  resource_types?: string[];
  ids?: readonly string[];
  error?: string;
}

const folder = new URL('../../cases/selection/every-method/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const manifest = JSON.parse(read('expected/manifest.json')) as Manifest;
const golden = JSON.parse(read('expected/selections.json')) as {
  nodes: string[];
  answers: (Omit<Answer, 'ids'> & { ids?: number[] })[];
};
const answers = golden.answers.map(
  ({ ids, ...rest }): Answer => (ids === undefined ? rest : { ...rest, ids: ids.map((i) => golden.nodes[i] ?? '') }),
);
const dag = buildGraph(manifest);

function chosen(answer: Answer): string[] {
  return [
    ...select(manifest, dag, {
      select: answer.select,
      exclude: answer.exclude,
      selector: answer.selector,
      indirectSelection: answer.mode,
      includeEmpty: true,
      definitions: parseSelectorDefinitions(loadYaml(read('selectors.yml'), null), answer.mode),
      resourceTypes: resourceTypesFor('list', { include: answer.resource_types }),
    }).selected,
  ].sort();
}

describe('node selection', () => {
  it('selects what dbt selects, for every method, operator and mode', () => {
    const wrong = answers
      .filter((answer) => answer.ids !== undefined)
      .filter((answer) => JSON.stringify(chosen(answer)) !== JSON.stringify(answer.ids));
    expect(
      wrong.map((answer) => ({
        ...answer,
        ids: undefined,
        missing: answer.ids?.filter((id) => !chosen(answer).includes(id)),
        extra: chosen(answer).filter((id) => !answer.ids?.includes(id)),
      })),
    ).toEqual([]);
  });

  it.each(answers.filter((answer) => answer.error !== undefined))('rejects $select $selector as dbt does', (answer) => {
    const first =
      answer.error
        ?.split('\n')
        .map((line) => line.trim())
        .find((line) => line !== '' && !/ Error$/.test(line)) ?? '';
    expect(() => chosen(answer)).toThrow(first.slice(0, 40));
  });

  it('reads no source to select everything, a source, a package or a type', () => {
    const read: string[] = [];
    const places = new Map(Object.entries(manifest.sources));
    const sources = unreadRecord(places, (id, source) => {
      read.push(id);
      return source;
    });
    const ids = (criterion?: string): string[] =>
      [...select({ ...manifest, sources }, dag, { select: criterion === undefined ? null : [criterion] }).selected]
        .filter((id) => id.startsWith('source.'))
        .sort();
    const [source] = Object.values(manifest.sources);
    const { source_name, name, unique_id, package_name } = source as SourceDefinition;
    expect(ids()).toEqual(Object.keys(manifest.sources).sort());
    expect(ids(`source:${package_name}.${source_name}.${name}`)).toEqual([unique_id]);
    expect(ids(`source:${source_name}`)).toContain(unique_id);
    expect(ids('resource_type:source')).toEqual(ids());
    expect(ids(`package:${package_name}`)).toContain(unique_id);
    expect(read).toEqual([]);
  });

  it('finds sources with a dot in their name', () => {
    const source = Object.values(manifest.sources)[0] as SourceDefinition;
    const unique_id = `source.${source.package_name}.a.b.c`;
    const sources = { ...manifest.sources, [unique_id]: { ...source, unique_id, source_name: 'a.b', name: 'c' } };
    const dotted = { ...manifest, sources } as Manifest;
    const found = (criterion: string): string[] => [
      ...select(dotted, buildGraph(dotted), { select: [criterion], resourceTypes: new Set(['source']) }).selected,
    ];
    expect([found('source:*.c'), found('source:a?b'), found('source:a')]).toEqual([[unique_id], [unique_id], []]);
  });

  it('warns about a criterion that matches nothing', () => {
    expect(select(manifest, dag, { select: ['no_such', 'orders'] }).warnings).toEqual([
      expect.objectContaining({
        name: 'NoNodesForSelectionCriteria',
        code: 'M030',
        msg: expect.stringContaining("The selection criterion 'no_such' does not match any enabled nodes"),
      }),
    ]);
  });

  it('finds a 1 in a list when the value is true, as Python does', () => {
    const id = 'model.choosing.orders';
    const changed = {
      ...manifest,
      nodes: { ...manifest.nodes, [id]: { ...manifest.nodes[id], config: { meta: { list: [1, 'two'] } } } },
    } as unknown as Manifest;
    expect([
      ...select(changed, dag, { select: ['config.meta.list:true'], indirectSelection: 'empty' }).selected,
    ]).toEqual([id]);
    expect([...select(changed, dag, { select: ['config.meta.list:1'], indirectSelection: 'empty' }).selected]).toEqual(
      [],
    );
  });
});
