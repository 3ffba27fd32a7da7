// OSI documents that cannot be read, and expressions that no document of the case has. `npm run oracle -- cases
// semantic-layer/osi` plays a whole one beside dbt.
import { describe, expect, it } from 'vitest';
import { aggregateOf, ratioOf } from '../../../../src/parser/read/osi-expressions.ts';
import { parseFiles } from '../../support/parse.ts';

describe('an OSI document', () => {
  const dataset = { name: 'd', source: 'db.sch.orders' };
  const model = (more: object) => JSON.stringify({ semantic_model: [{ name: 'm', datasets: [dataset], ...more }] });
  it.each([
    ['no JSON', '{', /Failed to parse OSI file 'osi\/a\.json': /],
    ['a list', '[]', /Failed to parse OSI file 'osi\/a\.json': .*is not of type 'object'/],
    ['without models', '{}', /'semantic_model' is a required property, at the top/],
    [
      'a metric without expression',
      model({ metrics: [{ name: 'x' }] }),
      /'expression' is a required property, at semantic_model\.0\.metrics\.0/,
    ],
    ['of another version', '{"version": "2", "semantic_model": []}', /version '2'.*\['0\.1\.0', '0\.1\.1'\]/],
    ['about no model', model({}), /dataset 'd' \(db\.sch\.orders\) that does not match any dbt model/],
  ])('is rejected: %s', async (_, contents, message) => {
    await expect(parseFiles({ 'osi/a.json': contents })).rejects.toThrow(message);
  });
});

describe('an OSI expression', () => {
  it.each([
    ['SUM(a', null],
    ['SUM a)', null],
    ["')' || SUM(a)", null],
    ['sum ( a )', 'a'],
    ['SUM(a.b.c)', 'c'],
    ['SUM("x.y")', 'x.y'],
    ['SUM(a /* b */ - -1)', 'a - -1'],
    ['COUNT(DISTINCT)', null],
    ['SUM()', null],
  ])('is recognized as an aggregate or not: %s', (text, column) => {
    expect(aggregateOf(text)?.column ?? null).toBe(column);
  });

  it.each([
    ['a / b - c', null],
    ['-a / b', ['-a', 'b']],
    ['a / b / c', ['a / b', 'c']],
    ['a / b * c', null],
    ['/ b', null],
    ['(a - b) / (c)', ['a - b', 'c']],
    ['CASE WHEN a / b > 1 THEN 1 END', null],
  ])('is recognized as a ratio or not: %s', (text, sides) => {
    expect(ratioOf(text)).toEqual(sides);
  });
});
