// Tests the small files in target/compiled and target/run.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeIfChanged } from '../../../src/artifacts.ts';

it('writeIfChanged writes a snapshot where an older dbt has left a file with the name of its folder', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-artifacts-'));
  writeFileSync(join(dir, 'versions.sql'), 'of dbt 1.11');
  writeIfChanged(join(dir, 'versions.sql/versions.sql'), 'select 1');
  expect(readFileSync(join(dir, 'versions.sql/versions.sql'), 'utf8')).toBe('select 1');
  rmSync(dir, { recursive: true });
});

it.skipIf(process.platform === 'win32')(
  'writeIfChanged replaces a pipe with the compiled file without waiting for the pipe',
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'tsdbt-artifacts-'));
    execFileSync('mkfifo', [join(dir, 'a.sql')]);
    writeIfChanged(join(dir, 'a.sql'), 'select 1');
    expect(readFileSync(join(dir, 'a.sql'), 'utf8')).toBe('select 1');
    rmSync(dir, { recursive: true });
  },
);
