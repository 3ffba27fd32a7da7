// The journal of a run: what it says after a good end, after a kill, and with a torn last line.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunResult } from '../../../../src/contracts/results.ts';
import { Journal, projectResults, readJournal } from '../../../../src/state/journal.ts';
import { Secrets } from '../../../../src/secrets.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const start = {
  invocation_id: 'i',
  command: 'tsdbt run',
  args: { which: 'run' },
  started_at: '2026-01-01T00:00:00Z',
  pid: 1,
  selected: ['model.p.a', 'model.p.b', 'model.p.c'],
};
const result = (unique_id: string): RunResult => ({
  unique_id,
  status: 'success',
  timing: [],
  thread_id: 't',
  execution_time: 1,
  adapter_response: {},
  message: 'OK',
  failures: null,
  compiled: true,
  compiled_code: 'select 1',
  relation_name: null,
  batch_results: null,
});

describe('a journal', () => {
  it('returns what was written, without the nodes themselves', () => {
    const path = join(folder, 'target', 'run.journal');
    const journal = Journal.open(path, start, new Secrets());
    journal.begin('model.p.a', 'now');
    journal.result({ ...result('model.p.a'), node: { unique_id: 'model.p.a' } as never });
    journal.end('later', 2);
    journal.end('again', 3);
    expect(readJournal(path)).toEqual({
      start,
      results: [result('model.p.a')],
      interrupted: [],
      batches: new Map(),
      ended: true,
    });
  });

  it('of a killed run shows which nodes were running and which never started', () => {
    const path = join(folder, 'run.journal');
    const journal = Journal.open(path, start, new Secrets());
    for (const id of ['model.p.a', 'model.p.b']) journal.begin(id, 'now');
    journal.result(result('model.p.a'));
    const run = readJournal(path)!;
    expect(run).toMatchObject({ interrupted: ['model.p.b'], ended: false });
    expect(projectResults(run).map((r) => [r.unique_id, r.status])).toEqual([
      ['model.p.a', 'success'],
      ['model.p.b', 'error'],
      ['model.p.c', 'skipped'],
    ]);
  });

  it('of a killed run shows which batches of a microbatch model are in the database', () => {
    const path = join(folder, 'run.journal');
    const journal = Journal.open(path, start, new Secrets());
    journal.begin('model.p.a', 'now');
    journal.batches('model.p.a', [
      ['1', '2'],
      ['2', '3'],
      ['3', '4'],
    ]);
    journal.batch('model.p.a', ['1', '2']);
    journal.begin('model.p.b', 'now');
    journal.batches('model.p.b', [['1', '2']]);
    expect(projectResults(readJournal(path)!).map((r) => [r.unique_id, r.status, r.batch_results])).toEqual([
      [
        'model.p.a',
        'partial success',
        {
          successful: [['1', '2']],
          failed: [
            ['2', '3'],
            ['3', '4'],
          ],
        },
      ],
      ['model.p.b', 'error', { successful: [], failed: [['1', '2']] }],
      ['model.p.c', 'skipped', null],
    ]);
  });

  it('is readable with a truncated line', () => {
    const path = join(folder, 'run.journal');
    const journal = Journal.open(path, start, new Secrets());
    journal.result(result('model.p.a'));
    truncateSync(path, readFileSync(path).length - 5);
    expect(readJournal(path)).toMatchObject({ results: [], ended: false });
    appendFileSync(path, '\n{"k":"end","at":"x","elapsed":1}\n');
    expect(readJournal(path)).toMatchObject({ ended: true });
  });

  it('that is missing or has no beginning is ignored', () => {
    expect(readJournal(join(folder, 'none'))).toBeNull();
    appendFileSync(join(folder, 'x'), '{"k":"sta');
    expect(readJournal(join(folder, 'x'))).toBeNull();
  });

  it('of the next run replaces the last one', () => {
    const path = join(folder, 'run.journal');
    Journal.open(path, start, new Secrets()).result(result('model.p.a'));
    Journal.open(path, { ...start, invocation_id: 'j' }, new Secrets());
    expect(readJournal(path)).toMatchObject({ start: { invocation_id: 'j' }, results: [] });
  });
});
