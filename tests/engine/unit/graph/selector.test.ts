// Node selection on the case project tests/engine/cases/selection/every-method: what real dbt selects there
// (tests/oracle/selection.py).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadYaml } from '../../../../src/project/yaml.ts';
import type { Manifest } from '../../../../src/contracts/manifest.ts';
import { buildGraph } from '../../../../src/graph/dag.ts';
import { resourceTypesFor } from '../../../../src/graph/resource-types.ts';
import { select } from '../../../../src/graph/selector.ts';
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

describe('select', () => {
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

  it.each(answers.filter((answer) => answer.error !== undefined))('refuses $select $selector as dbt does', (answer) => {
    const first =
      answer.error
        ?.split('\n')
        .map((line) => line.trim())
        .find((line) => line !== '' && !/ Error$/.test(line)) ?? '';
    expect(() => chosen(answer)).toThrow(first.slice(0, 40));
  });

  it('warns of a criterion that matches nothing', () => {
    expect(select(manifest, dag, { select: ['no_such', 'orders'] }).warnings).toEqual([
      expect.objectContaining({
        name: 'NoNodesForSelectionCriteria',
        code: 'M030',
        msg: expect.stringContaining("The selection criterion 'no_such' does not match any enabled nodes"),
      }),
    ]);
  });

  it('finds a 1 in a list when asked for true, as Python does', () => {
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
