// A process that runs the built command line again and again: folder, arguments and environment come as messages, exit
// code, output and the peak of memory go back. Each run loads the program anew.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';

const cli = join(import.meta.dirname, '../../../dist/cli.cjs');
const program = new Script(
  `(function (exports, require, module, __filename, __dirname) {\n${readFileSync(cli, 'latin1')}\n})`,
  { filename: cli, lineOffset: -1 },
);
const writes = { out: process.stdout.write.bind(process.stdout), err: process.stderr.write.bind(process.stderr) };
process.setMaxListeners(0);
process.stdout.setMaxListeners(0);

function peak() {
  try {
    return Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}

process.on('message', async ({ dir, argv, env }) => {
  process.chdir(dir);
  process.argv = [process.execPath, cli, ...argv];
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
  process.exitCode = undefined;
  const output = [];
  const take = (text, encoding, then) => {
    output.push(String(text));
    (typeof encoding === 'function' ? encoding : then)?.();
    return true;
  };
  process.stdout.write = take;
  process.stderr.write = take;
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // The peak is then that of all inputs so far.
  }
  const before = process.cpuUsage();
  const require = createRequire(cli);
  require.import = (name) => import(name);
  const module = { exports: {} };
  program.runInThisContext()(module.exports, require, module, cli, dirname(cli));
  await module.exports.finished;
  process.stdout.write = writes.out;
  process.stderr.write = writes.err;
  process.removeAllListeners('beforeExit');
  process.removeAllListeners('exit');
  const { user, system } = process.cpuUsage(before);
  process.send({
    exit: process.exitCode ?? 0,
    output: output.join(''),
    seconds: (user + system) / 1e6,
    megabytes: peak(),
  });
});
