// Tests `npm run example -- NAME` without a program that it needs; kafka/examples.test.ts runs the examples.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const PLAY = join(import.meta.dirname, '../../../examples/play.mjs');

it('the play script names the program that an example needs, and where all of them are listed', () => {
  const home = mkdtempSync(join(tmpdir(), 'tsdbt-play-'));
  mkdirSync(join(home, 'bin'));
  symlinkSync(process.execPath, join(home, 'bin/node'));
  const { status, stderr } = spawnSync(process.execPath, [PLAY, 'sessions', '--once', '--in', join(home, 'project')], {
    encoding: 'utf8',
    env: { HOME: home, PATH: join(home, 'bin') },
  });
  rmSync(home, { recursive: true });
  expect([status, stderr]).toEqual([1, "'mvn' is not on the PATH. What this example needs: docs/examples.md\n"]);
});
