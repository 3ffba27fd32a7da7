// Tests broken files of an earlier run: tsdbt's own files count as missing, and a user-supplied artifact causes one
// clear error.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFileText } from '../../../../src/project/read-file.ts';
import { readArtifact } from '../../../../src/state/artifact-reader.ts';
import { readJournal } from '../../../../src/state/journal.ts';
import { KnownState } from '../../../../src/state/known-state.ts';
import { previousRun } from '../../../../src/state/previous-state.ts';
import { StateSeal } from '../../../../src/user-state.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'tsdbt-broken-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let count = 0;
function file(text: string): string {
  const path = join(dir, `f${count++}`);
  writeFileSync(path, text);
  return path;
}
const artifact = (rest: string): string =>
  `{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"}${rest}}`;

describe('a state file', () => {
  it.each(['null', '[]', '5', '"x"', '', '{"d": null}', '{"d": {"v": 5}}', '{"d": [1]}', '\u0000\u0001'])(
    'that contains %j is ignored as known state',
    (text) => {
      const known = new KnownState(file(text), 'd', true, StateSeal.of(dir));
      expect(known.get('v')).toBeUndefined();
      known.set('v', '1');
      known.save();
      expect(known.get('v')).toBe('1');
    },
  );

  it.each(['null', '[]\n5\n', '{"k":"start"}', '{"k":"start","args":null,"selected":5}', '{"k":"result"}'])(
    'that contains %j is ignored as a journal',
    (text) => {
      expect(readJournal(file(text))).toBeNull();
    },
  );

  it('keeps the complete lines of a journal', () => {
    const start =
      '{"k":"start","invocation_id":"i","command":"run","args":{},"started_at":"2024-01-01T00:00:00Z","pid":1,' +
      '"selected":["a"]}';
    expect(
      readJournal(
        file(
          `${start}\nnull\n{"k":"result","result":null}\n{"k":"batches","id":"a","all":5}\n{"k":"begin",` +
            '"id":"a"}\n{"k":"beg',
        ),
      ),
    ).toMatchObject({ interrupted: ['a'], results: [], ended: false });
  });
});

describe('a user-supplied artifact', () => {
  it.each([
    ['', /as JSON: Expecting value: line 1 column 1 \(char 0\)$/],
    ['{"a": ', /as JSON: Expecting value/],
    ['null', /Expected a schema version of/],
    ['[]', /Expected a schema version of/],
    [artifact(''), /no whole RunResultsArtifact: 'results' has to be a list of objects, found nothing$/],
    [artifact(', "results": 5'), /found 5$/],
    [artifact(', "results": [null]'), /found null for 0$/],
  ])('that contains %j is rejected', (text, words) => {
    const path = file(text);
    expect(() => readArtifact(path, 'run-results')).toThrow(words);
    expect(() => readArtifact(path, 'run-results')).toThrow(path);
  });

  it('whose results have no name or no arguments is rejected', () => {
    for (const text of [artifact(', "results": [{}], "args": {}'), artifact(', "results": []')]) {
      const folder = join(dir, `d${count++}`);
      mkdirSync(folder);
      writeFileSync(join(folder, 'run_results.json'), text);
      expect(() => previousRun(folder, () => false)).toThrow(
        'is no whole RunResultsArtifact: it has to hold the arguments of the run, and for each result its ' +
          'unique_id and status',
      );
    }
  });
});

describe('a path that is not a regular file', () => {
  it('is rejected with its kind, without waiting for it', () => {
    const [pipe, loop] = [join(dir, 'pipe'), join(dir, 'loop')];
    execFileSync('mkfifo', [pipe]);
    symlinkSync('loop', loop);
    expect(() => readFileText(pipe)).toThrow(`${pipe} is a pipe or a device, expected a regular file`);
    expect(() => readFileText(dir)).toThrow(`${dir} is a folder, expected a regular file`);
    expect(() => readFileText('/dev/zero')).toThrow('/dev/zero is a pipe or a device, expected a regular file');
    expect(() => readFileText(loop)).toThrow(`${loop} cannot be read: it is a link to itself`);
    expect(() => readFileText(join(dir, 'nothing'))).toThrow('no such file or folder');
    expect(readFileText(file('x'))).toBe('x');
    expect(() => readFileText(file('xxx'), 2)).toThrow('has 3 bytes; the limit is 2');
  });
});
