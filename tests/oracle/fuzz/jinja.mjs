// Compares our Jinja with real jinja2 on random templates: npm run oracle -- fuzz-jinja [first seed] [batches]
// [templates a batch]. PYTHON names a Python that has jinja2 3.1 and dbt-core 1.12 (default: that of TSDBT_ORACLE,
// made when it is missing). Prints each template on which the two differ; exit code 1 when there is one.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { oracleBin, root } from '../support/servers.mjs';
import { importSource } from '../support/source.mjs';

const [first = 1, batches = 10, size = 500] = process.argv.slice(2).map(Number);
const python = process.env.PYTHON ?? join(oracleBin(), 'python');
const out = mkdtempSync(join(tmpdir(), 'fuzz-jinja-'));
try {
  const outfile = join(out, 'golden.mjs');
  const { runCase } = await importSource("export * from './tests/engine/support/jinja-golden.ts';", outfile);
  // Of the values of a `with` jinja2 names the line of the statement before, and some errors of dbt's own have no line.
  const anyLine = (one) =>
    one.error.type === 'JinjaRenderingError' ||
    one.error.type === 'MaterializationArgError' ||
    /\{%[-+]?\s*with\b/.test(one.source);
  // What is included or extended prints many items in jinja2.
  const parts = /\{%[-+]?\s*(?:include|extends|block)\b/;
  let total = 0;
  let different = 0;
  for (let seed = first; seed < first + batches; seed++) {
    const script = join(root, 'tests/engine/support/jinja_fuzz.py');
    const text = execFileSync(python, [script, String(seed), String(size)], {
      maxBuffer: 1 << 30,
      env: { ...process.env, PYTHONHASHSEED: '0' },
    });
    const golden = JSON.parse(text.toString());
    for (const one of golden.areas.fuzz) {
      total++;
      for (const times of [1, 6]) {
        let ours;
        try {
          ours = runCase(golden, one, times);
        } catch (error) {
          ours = { crash: error.stack };
        }
        // For `**` of what is no mapping jinja2's words name its own Python function behind the filter or test.
        const words = (message) =>
          message
            ?.replace(/^jinja2\.[\w.]+\(\) (?=argument after \*\* )/, '')
            .replace(/^(sequence item )\d+/, (whole, start) => (parts.test(one.source) ? start : whole));
        const same = one.error
          ? words(ours.error?.message) === words(one.error.message) &&
            ((ours.error.line ?? null) === one.error.line || anyLine(one))
          : ours.out === one.out;
        // A lazy filter of jinja2 fails where its items are asked for, in other words.
        if (ours.error && /'generator'/.test(one.error?.message)) continue;
        // jinja2 computes constant expressions while it compiles, and there a slice of what cannot be sliced is
        // undefined.
        if (
          same ||
          / object is not subscriptable$|^unhashable type: 'slice'$|^slice indices must be integers/.test(
            ours.error?.message,
          )
        )
          continue;
        // For the same reason it does not see an unknown name in the part of a constant expression that does not count.
        if (/^No (?:filter|test) named '[^']+'\.$/.test(ours.error?.message)) continue;
        // Of bytes there are decode, hex, upper and lower.
        if (/^'bytes object' has no attribute/.test(ours.error?.message)) continue;
        // There are no complex numbers.
        if (/^a negative number cannot be raised to a fractional power$/.test(ours.error?.message)) continue;
        if (/ longer than a template may build$/.test(ours.error?.message)) continue;
        different++;
        console.log(
          `${JSON.stringify(one.source)} ` +
            `${one.extra ? JSON.stringify(one.extra) : ''}${times > 1 ? ' (translated)' : ''}`,
        );
        console.log(
          `  jinja2 ${JSON.stringify(one.out ?? one.error)}\n  ours   ` +
            `${ours.crash ?? JSON.stringify(ours.out ?? ours.error)}`,
        );
        break;
      }
    }
  }
  console.log(`${total} templates, ${different} differ`);
  process.exitCode = different > 0 ? 1 : 0;
} finally {
  rmSync(out, { recursive: true, force: true });
}
