// Loads the bundled command line, with what V8 made of it when it was built: starting then compiles nothing. Leaves
// building to scripts/build.mjs.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const HEAD = '(function (exports, require, module, __filename, __dirname) {\n';

/** Compiled code holds for one version of Node on one kind of machine; any other compiles the program as usual. */
const codeOf = (path) => `${path}.${process.version}-${process.platform}-${process.arch}`;

const keptCodeOf = (path) => (existsSync(codeOf(path)) ? readFileSync(codeOf(path)) : undefined);

/** Settings of V8 that are the same when the code is made and when it is used; it refuses the code otherwise. */
function setFlags() {
  // V8 gives a quarter of a cold parse to optimizing code that then hardly runs; only what stays hot is worth it.
  // Only the V8 of Node 20 knows the setting.
  if (process.versions.v8.startsWith('11.3.')) setFlagsFromString('--interrupt-budget=600000');
  // Most commands end young: the space of new objects grows at once, else V8 collects ten times what is still in use,
  // takes the heap for one that is full, and marks all of it.
  setFlagsFromString('--semi-space-growth-factor=8');
}

function compile(cli, filename, cachedData) {
  return new Script(`${HEAD}${readFileSync(cli, 'latin1')}\n})`, {
    filename,
    lineOffset: -1,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
}

/** A script, none of whose functions is compiled. What V8 compiles while it runs stays. @param place for messages */
export function compileLazily(path, place) {
  setFlags();
  setFlagsFromString('--no-flush-bytecode');
  return compile(path, place);
}

/** Writes what V8 has compiled of a script beside it. */
export function keepCode(script, path) {
  setFlagsFromString('--flush-bytecode');
  writeFileSync(codeOf(path), script.createCachedData());
}

/**
 * The bundle's `require`. Its `import` is that of a module, because import() fails in cached code; `kept` requires a
 * script beside the bundle with the code that is kept of it.
 * @param compiled compiles such a script
 */
export function requireOf(cli, compiled = (path) => compile(path, path, keptCodeOf(path))) {
  const require = createRequire(cli);
  require.import = (name) => import(name);
  require.kept = (name) => {
    const path = join(dirname(cli), name);
    const module = { exports: {} };
    compiled(path).runInThisContext()(module.exports, require, module, path, dirname(path));
    return module.exports;
  };
  return require;
}

/** Runs the bundle. */
export function load(cli) {
  setFlags();
  const code = keptCodeOf(cli);
  if (code === undefined) return createRequire(cli)(cli);
  const module = { exports: {} };
  const program = compile(cli, cli, code).runInThisContext();
  program(module.exports, requireOf(cli), module, cli, dirname(cli));
  return module.exports;
}
