// Tests the positions of settings below `meta.tsdbt` in properties files.
import { expect, it } from 'vitest';
import { placeInFile, type SettingKeys, type SettingOwner } from '../../../../src/project/setting-place.ts';

const FILE = `models:
  - name: m
    config: { meta: { tsdbt: { publish: { to: lookup } } } }
sources:
  - name: raw
    config:
      meta:
        tsdbt:
          load: { flush: { rows: x } }
    tables:
      - name: t
        config:
          meta:
            tsdbt:
              load: { topic: t }
        columns:
          - name: id
            meta:
              tsdbt: { load: { from: value } }
`;
const model: SettingOwner = { resource_type: 'model', name: 'm', original_file_path: 'm.sql', patch_path: 'p://m.yml' };
const source: SettingOwner = { resource_type: 'source', name: 't', source_name: 'raw', original_file_path: 'm.yml' };
const lineOf = (owner: SettingOwner, setting: SettingKeys) => placeInFile(() => FILE, 'm.yml', owner, setting)?.line;

it('a setting is found in the meta of a node, a source table, its source, and a column', () => {
  expect(lineOf(model, { keys: ['publish', 'to'] })).toBe(3);
  expect(lineOf(source, { keys: ['load', 'topic'] })).toBe(15);
  expect(lineOf(source, { keys: ['load', 'flush', 'rows'] })).toBe(9);
  expect(lineOf(source, { keys: ['load', 'from'], column: 'id' })).toBe(19);
});

it('a setting that is absent has the position of the innermost setting around it', () => {
  expect(lineOf(source, { keys: ['load', 'flush', 'age'] })).toBe(9);
  expect(lineOf(source, { keys: ['load', 'mode'] })).toBe(15);
});

it('a setting of another node, or of a file that cannot be read, has no position', () => {
  expect(lineOf({ ...model, name: 'other' }, { keys: ['publish'] })).toBeUndefined();
  expect(placeInFile(() => '{', 'm.yml', model, { keys: ['publish'] })).toBeUndefined();
});
