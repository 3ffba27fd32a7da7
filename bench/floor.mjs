// Measures the cost of the database alone: replays through psql the models that the last `run` compiled, layer by layer
// of the graph, into an empty schema and then again.
//
//   node bench/floor.mjs PROJECT [--target target_tsdbt] [--threads 4]
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { target: { type: 'string', default: 'target_tsdbt' }, threads: { type: 'string', default: '4' } },
});
const manifest = JSON.parse(readFileSync(join(positionals[0], values.target, 'manifest.json'), 'utf8'));
const threads = Number(values.threads);
const models = Object.values(manifest.nodes).filter(
  (n) => n.resource_type === 'model' && n.config.materialized !== 'ephemeral' && n.compiled_code,
);
if (models.length === 0) throw new Error('no compiled models: run `measure.mjs --only run` first');

const depth = new Map();
function depthOf(id) {
  const known = depth.get(id);
  if (known !== undefined) return known;
  const parents = (manifest.nodes[id]?.depends_on?.nodes ?? []).filter(
    (p) => manifest.nodes[p]?.resource_type === 'model',
  );
  const own = parents.length === 0 ? 0 : 1 + Math.max(...parents.map(depthOf));
  depth.set(id, own);
  return own;
}
const layers = [];
for (const model of models) (layers[depthOf(model.unique_id)] ??= []).push(model);

/** A separate schema, so that the tools' own relations are not touched. */
const schema = 'bench_floor';
const own = models[0].schema;
const name = (model) => `"${schema}"."${model.alias}"`;
function statement(model) {
  const kind = model.config.materialized === 'view' ? 'view' : 'table';
  const sql = model.compiled_code.replaceAll(new RegExp(`"${own}"\\.(?!"raw_rows")`, 'g'), `"${schema}".`);
  return (
    `begin;\ndrop ${kind} if exists ${name(model)} cascade;\ncreate ${kind} ${name(model)} as (${sql}\n);\n` +
    'commit;\n'
  );
}

function psql(sql) {
  return new Promise((done, fail) => {
    const child = spawn('psql', ['-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null'], {
      stdio: ['pipe', 'ignore', 'inherit'],
      env: { ...process.env, PGOPTIONS: '-c client_min_messages=warning' },
    });
    child.on('error', fail);
    child.on('close', (code) => (code === 0 ? done() : fail(new Error(`psql ended with ${code}`))));
    child.stdin.end(sql);
  });
}

/** Wall seconds of one replay. */
async function replay() {
  const began = process.hrtime.bigint();
  // One psql runs all statements in order; several connections must synchronize between layers.
  if (threads === 1) await psql(layers.flat().map(statement).join(''));
  else {
    for (const layer of layers) {
      const parts = Array.from({ length: threads }, (_, i) =>
        layer
          .filter((_model, j) => j % threads === i)
          .map(statement)
          .join(''),
      );
      await Promise.all(parts.filter(Boolean).map(psql));
    }
  }
  return Number(process.hrtime.bigint() - began) / 1e9;
}

await psql(`drop schema if exists ${schema} cascade; create schema ${schema};`);
const fresh = await replay();
const again = await replay();
console.log(
  `${models.length} models in ${layers.length} layers through ${threads} psql: ${fresh.toFixed(2)} s, again ` +
    `${again.toFixed(2)} s`,
);
