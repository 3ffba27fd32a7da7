// Loads the bundled command line, with what V8 made of it when it was built: starting then compiles nothing. Leaves
// building to scripts/build.mjs.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const HEAD = '(function (exports, require, module, __filename, __dirname) {\n';

/** Compiled code holds for one version of Node on one kind of machine; any other compiles the program as usual. */
const codeOf = (cli) => `${cli}.${process.version}-${process.platform}-${process.arch}`;

/** Settings of V8 that are the same when the code is made and when it is used; it refuses the code otherwise. */
function setFlags() {
  // V8 gives a quarter of a cold parse to optimizing code that then hardly runs; only what stays hot is worth it.
  // Only the V8 of Node 20 knows the setting.
  if (process.versions.v8.startsWith('11.3.')) setFlagsFromString('--interrupt-budget=600000');
}

function compile(cli, filename, cachedData) {
  return new Script(`${HEAD}${readFileSync(cli, 'latin1')}\n})`, {
    filename,
    lineOffset: -1,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
}

/** Writes the compiled code of the bundle beside it, all functions included. @param place where the bundle will be */
export function keepCode(cli, place) {
  setFlags();
  setFlagsFromString('--no-lazy');
  const script = compile(cli, place);
  setFlagsFromString('--lazy');
  writeFileSync(codeOf(cli), script.createCachedData());
}

/** Runs the bundle. */
export function load(cli) {
  setFlags();
  const require = createRequire(cli);
  if (!existsSync(codeOf(cli))) return require(cli);
  require.import = (name) => import(name);
  const module = { exports: {} };
  compile(cli, cli, readFileSync(codeOf(cli))).runInThisContext()(module.exports, require, module, cli, dirname(cli));
  return module.exports;
}
