// Measures the language server by a real client over the protocol: start, diagnostics after a keystroke, completion and
// other requests. Changes no files.
//
//   node bench/generate.mjs --models 1000 --out DIR && node bench/editor.mjs DIR [--reps 15]
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createProtocolConnection } from 'vscode-languageserver-protocol/node';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { reps: { type: 'string', default: '15' } },
});
const [dir] = positionals;
if (!dir) throw new Error('usage: editor.mjs PROJECT [--reps N]');
const root = resolve(dir);
const reps = Number(values.reps);
const bin = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'tsdbt.js');
const marts = join(root, 'models', 'marts');
const path = join(marts, readdirSync(marts).find((name) => name.endsWith('.sql')) ?? '');
const uri = pathToFileURL(path).href;
const text = readFileSync(path, 'utf8');
const [, model] = /ref\('(\w+)'\)/.exec(text) ?? [];

/** Starts a server and waits until the first file has its diagnostics. */
async function start() {
  const began = performance.now();
  const child = spawn(process.execPath, [bin, 'lsp', '--profiles-dir', root], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const connection = createProtocolConnection(child.stdout, child.stdin);
  const waiting = [];
  connection.onNotification('textDocument/publishDiagnostics', (params) => {
    if (params.uri === uri) waiting.shift()?.(params.diagnostics);
  });
  connection.onRequest('client/registerCapability', () => null);
  connection.listen();
  const folder = pathToFileURL(root).href;
  await connection.sendRequest('initialize', { processId: process.pid, rootUri: folder, capabilities: {} });
  await connection.sendNotification('initialized', {});
  const next = () => new Promise((done) => waiting.push(done));
  const first = next();
  const textDocument = { uri, languageId: 'sql', version: 1, text };
  await connection.sendNotification('textDocument/didOpen', { textDocument });
  await first;
  let version = 1;
  return {
    ready: performance.now() - began,
    connection,
    next,
    change: (changed) =>
      connection.sendNotification('textDocument/didChange', {
        textDocument: { uri, version: ++version },
        contentChanges: [{ text: changed }],
      }),
    async close() {
      await connection.sendRequest('shutdown');
      const ended = new Promise((done) => child.once('close', done));
      await connection.sendNotification('exit');
      await ended;
      connection.dispose();
    },
  };
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const rows = [];
function report(what, times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))])} ms`;
  rows.push({ measure: what, median: at(0.5), worst: at(1) });
}

for (const [what, keep] of [
  ['start, no parse cache', false],
  ['start, with the cache of an earlier command', true],
]) {
  const times = [];
  for (let rep = 0; rep < 3; rep++) {
    if (!keep) rmSync(join(root, 'target'), { recursive: true, force: true });
    else if (rep === 0) await parse();
    const server = await start();
    times.push(server.ready);
    await server.close();
  }
  report(what, times);
}

function parse() {
  const child = spawn(process.execPath, [bin, 'parse', '--profiles-dir', root], { cwd: root, stdio: 'ignore' });
  return new Promise((done) => child.once('close', done));
}

const server = await start();
// Until the project is parsed.
await server.connection.sendRequest('textDocument/hover', {
  textDocument: { uri },
  position: { line: 0, character: 0 },
});

/** Time from a change until its diagnostics, with the editor idle before. */
async function keystrokes(what, changed, idle) {
  const times = [];
  for (let rep = 0; rep < reps; rep++) {
    const found = server.next();
    const began = performance.now();
    await server.change(changed(rep));
    await found;
    times.push(performance.now() - began);
    await pause(idle);
  }
  report(what, times);
}
await keystrokes('diagnostics after a keystroke in SQL', (rep) => `${text}-- ${rep}\n`, 1500);
await keystrokes('diagnostics after a keystroke that breaks a tag', (rep) => `${text}{{ ref('${rep}' }}\n`, 1500);
await keystrokes('diagnostics after a keystroke in a name', (rep) => `${text}{{ ref('x${rep}') }}\n`, 1500);

/** Time of a request at the end of the text, directly after it was typed. */
async function requests(what, method, typed, idle) {
  const times = [];
  for (let rep = 0; rep < reps; rep++) {
    const whole = `${text}-- ${rep}\n${typed}`;
    await server.change(whole);
    const lines = whole.split('\n');
    const position = { line: lines.length - 1, character: lines.at(-1).length };
    const began = performance.now();
    await server.connection.sendRequest(method, { textDocument: { uri }, position });
    times.push(performance.now() - began);
    await pause(idle);
  }
  report(what, times);
}
const completion = 'textDocument/completion';
await requests('completion of models', completion, "{{ ref('", 1500);
await requests('completion of macros', completion, '{{ ', 1500);
await requests('completion of columns', completion, 'am', 1500);
await requests('completion while typing fast', completion, "{{ ref('", 60);
await pause(1500);
await requests('definition of a model', 'textDocument/definition', `{{ ref('${model}`, 1500);
await requests('hover of a model', 'textDocument/hover', `{{ ref('${model}`, 1500);
await server.close();
console.table(rows);
