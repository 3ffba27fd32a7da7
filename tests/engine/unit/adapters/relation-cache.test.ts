// The relation cache follows what is done to relations, without asking.
import { expect, test } from 'vitest';
import { POSTGRES_RELATION } from '../../../../src/adapters/postgres/relation.ts';
import { Relation, type RelationType } from '../../../../src/adapters/relation.ts';
import { RelationCache } from '../../../../src/adapters/relation-cache.ts';

const rel = (identifier: string, type: RelationType = 'table', schema = 's'): Relation => Relation.create(POSTGRES_RELATION, { database: 'd', schema, identifier, type });
const names = (cache: RelationCache, schema = 's'): string[] => cache.list('d', schema).map((relation) => relation.identifier!).sort();

function filled(): RelationCache {
  const cache = new RelationCache();
  cache.addSchemas([['d', 's'], ['d', 'empty']]);
  for (const relation of [rel('t'), rel('v', 'view'), rel('w', 'view'), rel('other')]) cache.add(relation);
  cache.addLink(rel('t'), rel('v'));
  cache.addLink(rel('v'), rel('w'));
  return cache;
}

test('names are found whatever their case', () => {
  const cache = filled();
  expect(cache.get({ database: 'D', schema: 'S', identifier: 'T' })?.type).toBe('table');
  expect(cache.hasSchema('D', 'EMPTY')).toBe(true);
  expect(cache.hasSchema('d', 'unknown')).toBe(false);
});

test('dropping takes what depends on it, however far', () => {
  const cache = filled();
  cache.drop(rel('t'));
  expect(names(cache)).toEqual(['other']);
  cache.drop(rel('t'));
});

test('a renamed relation keeps its dependants', () => {
  const cache = filled();
  cache.rename(rel('t'), rel('t2'));
  expect(names(cache)).toEqual(['other', 't2', 'v', 'w']);
  cache.drop(rel('t2'));
  expect(names(cache)).toEqual(['other']);
});

test('renaming what is not known makes the new name known', () => {
  const cache = filled();
  cache.rename(rel('tmp'), rel('new', 'view'));
  expect(cache.get(rel('new'))?.type).toBe('view');
});

test('renaming to a name that is taken is an inconsistency that says what to do', () => {
  const cache = filled();
  cache.add(rel('x__dbt_tmp'));
  expect(() => cache.rename(rel('t'), rel('x__dbt_tmp'))).toThrow(/^Cache inconsistency detected: in rename, new key .* already in cache.*share the prefix 'x'/s);
});

test('a dependant that was dropped by itself and made again is not taken', () => {
  const cache = filled();
  cache.drop(rel('v'));
  cache.add(rel('v', 'view'));
  cache.drop(rel('t'));
  expect(names(cache)).toEqual(['other', 'v']);
});

test('forgetting takes nothing else, replacing keeps the readers', () => {
  const cache = filled();
  cache.replace(rel('t', 'view'));
  expect(cache.get(rel('t'))?.type).toBe('view');
  cache.forget(rel('v'));
  expect(names(cache)).toEqual(['other', 't', 'w']);
});

test('adding keeps what is there', () => {
  const cache = filled();
  cache.add(rel('t', 'external'));
  expect(cache.get(rel('t'))?.type).toBe('table');
});

test('a schema that is dropped is unknown again', () => {
  const cache = filled();
  cache.add(rel('far', 'view', 'empty'));
  cache.addLink(rel('t'), rel('far', 'view', 'empty'));
  cache.dropSchema('d', 'S');
  expect(cache.hasSchema('d', 's')).toBe(false);
  expect(names(cache, 'empty')).toEqual([]);
});

test('readers in schemas that were not listed become known as external', () => {
  const cache = filled();
  cache.addLink(rel('t'), rel('outside', 'view', 'elsewhere'));
  expect(cache.get(rel('outside', 'view', 'elsewhere'))?.type).toBe('external');
  cache.addLink(rel('x', 'table', 'unlisted'), rel('y', 'view', 's'));
  expect(cache.get(rel('y'))).toBeUndefined();
});
