// Tests that the program starts on this Node without extra output.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

const BIN = join(import.meta.dirname, '../../../bin/tsdbt.js');

it('the program starts without warnings on the Node that runs it', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, '--version'], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^tsdbt \d/);
});

const kept = join(import.meta.dirname, `../../../dist/cli.cjs.${process.version}-${process.platform}-${process.arch}`);

// The build keeps it for the Node that builds.
it.runIf(existsSync(kept))('the program uses the compiled code that the build has cached for this Node', () => {
  const watch = `
    import { syncBuiltinESMExports } from 'node:module';
    import vm from 'node:vm';
    vm.Script = class extends vm.Script {
      constructor(source, options) {
        super(source, options);
        if (options?.cachedData !== undefined) console.log('refused:', this.cachedDataRejected);
      }
    };
    syncBuiltinESMExports();
    process.argv = [process.execPath, ${JSON.stringify(BIN)}, '--version'];
    await import(${JSON.stringify(pathToFileURL(BIN).href)});`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', watch], { encoding: 'utf8' });
  expect(stdout).toMatch(/^refused: false\ntsdbt \d/);
});

// It takes Node longer than all else that a small command loads.
it('the program loads no HTTP module to parse a project without publications', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tsdbt-start-'));
  writeFileSync(join(folder, 'dbt_project.yml'), "name: quick\nversion: '1.0'\nprofile: quick\n");
  const target = { type: 'postgres', host: '127.0.0.1', port: 1, user: 'u', password: 'p', dbname: 'd', schema: 's' };
  writeFileSync(
    join(folder, 'profiles.yml'),
    JSON.stringify({ quick: { target: 'dev', outputs: { dev: { ...target, threads: 1 } } } }),
  );
  const watch = `
    process.on('exit', () => console.log('loaded:', process.moduleLoadList.includes('NativeModule https')));
    process.argv = [process.execPath, ${JSON.stringify(BIN)}, 'parse'];
    await import(${JSON.stringify(pathToFileURL(BIN).href)});`;
  const args = ['--input-type=module', '-e', watch];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  rmSync(folder, { recursive: true, force: true });
  expect([status, stdout.trim().split('\n').at(-1)]).toEqual([0, 'loaded: false']);
});
