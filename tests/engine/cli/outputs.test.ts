// Tests the program when its output is not read to the end, or the disk is full: the work continues, and partial output
// is an error.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnyProject, PROJECT_DATABASES } from '../support/any-project.ts';
import { BIN } from '../support/program.ts';

const FULL = '/dev/full';

describe('a command whose output cannot be written', () => {
  let project: AnyProject;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    project = await AnyProject.open(PROJECT_DATABASES.postgres, `outputs_${process.pid}`, {
      'models/first.sql': 'select 1 as id',
      'models/second.sql': "select * from {{ ref('first') }}",
    });
    env = { ...process.env, DBT_PROFILES_DIR: project.dir };
  });
  afterAll(() => project.close());

  /** Runs a command whose stdout and stderr lose their reader before anything is written. */
  async function unread(args: readonly string[]): Promise<unknown> {
    const child = spawn(process.execPath, [BIN, ...args], { cwd: project.dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    child.stderr.destroy();
    return (await once(child, 'exit'))[0];
  }

  /** Runs a command whose stdout is on a full disk. */
  async function onFullDisk(args: readonly string[]): Promise<{ code: unknown; err: string }> {
    const stdio: ['ignore', number, 'pipe'] = ['ignore', openSync(FULL, 'w'), 'pipe'];
    const child = spawn(process.execPath, [BIN, ...args], { cwd: project.dir, env, stdio });
    let err = '';
    child.stderr?.on('data', (text: Buffer) => {
      err += text.toString();
    });
    return { code: (await once(child, 'close'))[0], err };
  }

  it('builds everything after its reader has ended', async () => {
    project.write({ 'models/third.sql': "select * from {{ ref('second') }}" });
    expect(await unread(['run'])).toBe(0);
    const { stdout } = await project.tsdbt('query', "select id from {{ ref('third') }}", '--output', 'csv');
    expect(stdout).toBe('id\n1\n');
  });

  it('keeps the exit code of an unreadable error', async () => {
    expect(await unread(['run', '--no-such-option'])).toBe(2);
    expect(await unread(['run', '--select', 'first', '--vars', '[]'])).toBe(2);
  });

  it.skipIf(!existsSync(FULL))('reports that stdout is incomplete, with exit code 2', async () => {
    const said =
      'Runtime Error\n  stdout cannot be written: no space is left on the disk\n  What it holds is not complete.\n';
    expect(await onFullDisk(['query', 'select 1 as id'])).toEqual({ code: 2, err: said });
    expect(await onFullDisk(['ls'])).toEqual({ code: 2, err: said });
    expect(await onFullDisk(['run'])).toEqual({ code: 2, err: said });
  });
});
