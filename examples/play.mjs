// `npm run example -- NAME [--once] [--in FOLDER]`: runs an example with the real servers that the tests start, until
// Ctrl-C, or once. Bundles examples/NAME/play.ts with the servers' code; needs Java, Maven and, for a store, Go.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const examples = dirname(fileURLToPath(import.meta.url));
const root = join(examples, '..');
const names = readdirSync(examples).filter((name) => existsSync(join(examples, name, 'play.ts')));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { once: { type: 'boolean', default: false }, in: { type: 'string' } },
});
const [name = ''] = positionals;
if (!names.includes(name)) {
  process.stderr.write(`npm run example -- ${names.join('|')} [--once] [--in FOLDER]\n`);
  process.exit(2);
}
// With another folder than the checkout's, the project is copied there without the output of earlier runs.
const dir = values.in === undefined ? join(examples, name) : resolve(values.in);
if (values.in !== undefined) {
  mkdirSync(dir, { recursive: true });
  cpSync(join(examples, name), dir, {
    recursive: true,
    filter: (path) => !/^(\.tsdbt|target|logs)$/.test(relative(join(examples, name), path).split(sep)[0]),
  });
}

// The project is from this checkout, so its ClickHouse may read the store.
process.env.TSDBT_ALLOW_EXTERNAL_ACCESS ??= '1';
const out = mkdtempSync(join(root, '.dist-example-'));
process.once('exit', () => rmSync(out, { recursive: true, force: true }));
// The code that starts an embedded server expects its keeper next to itself.
for (const keeper of ['keeper.js', 'clickhouse-keeper.js'])
  writeFileSync(join(out, keeper), `import '${pathToFileURL(join(root, 'dist', keeper))}';\n`);
await build({
  entryPoints: [join(examples, name, 'play.ts')],
  outfile: join(out, 'play.mjs'),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
});

/** The message of an error; for a missing program its name, and the page that lists the required ones. */
function wordsOf(error) {
  if (!(error instanceof Error)) return error;
  if (error.code !== 'ENOENT' || !error.syscall?.startsWith('spawn')) return error.message;
  return `'${error.path}' is not on the PATH. What this example needs: docs/examples.md`;
}

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(130);
    process.stdout.write('\nStopping; once more to leave at once.\n');
    stopping.abort();
  });
const { main } = await import(pathToFileURL(join(out, 'play.mjs')).href);
try {
  await main({ root, dir, once: values.once, signal: stopping.signal });
} catch (error) {
  if (!stopping.signal.aborted) {
    process.stderr.write(`${wordsOf(error)}\n`);
    process.exitCode = 1;
  }
}
process.exit(process.exitCode ?? 0);
