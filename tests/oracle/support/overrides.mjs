// Which macros of dbt a program calls: every one is overridden by a project, each override notes its call and does what
// dbt's own does. Also plays the steps of such a project. What is compared with what is its callers'.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What stands in a log before the name of a macro that was called. */
const MARK = 'CALLED';

/** @param shown the notes are printed @returns a file of overrides that note their calls */
export function overrides(macros, shown = false) {
  return macros.map((macro) => override(macro, shown)).join('\n');
}

function override({ name, kind, arguments: list }, shown) {
  // Names are generated while files are parsed; what else is called then depends on who reads a call without rendering.
  const noted = name.includes('generate_')
    ? `{%- do log(('${MARK}' if execute else 'PARSED') ~ ' ${name}.') -%}`
    : `{%- if execute -%}{%- do log('${MARK} ${name}.'${shown ? ', info=true' : ''}) -%}{%- endif -%}`;
  const names = list.map((argument) => argument.split('=')[0].trim());
  const call = `dbt.${name}(${names.join(', ')})`;
  switch (kind) {
    case 'materialization': {
      const [, title, adapter] = /^materialization_(\w+)_([a-z]+)$/.exec(name);
      return (
        `{% materialization ${title}, ${adapter === 'default' ? 'default' : `adapter='${adapter}'`} %}${noted}{{ ` +
        `return(dbt.${name}()) }}{% endmaterialization %}`
      );
    }
    case 'test':
      return `{% test ${name.replace(/^test_/, '')}(${list.join(', ')}) %}${noted}{{ ${call} }}{% endtest %}`;
    // What stands between call and endcall is asked here, as a block of its own hides it.
    case 'block':
      return (
        `{% macro ${name}(${list.join(', ')}) %}${noted}{%- if execute or ${name === 'set_sql_header'} -%}{%- ` +
        `set inner = caller() -%}{%- endif -%}{% call ${call} %}{{ inner }}{% endcall %}{% endmacro %}`
      );
    default:
      return `{% macro ${name}(${list.join(', ')}) %}${noted}{{ return(${call}) }}{% endmacro %}`;
  }
}

/** The macros of a manifest's packages as `overrides` takes them, in order of their names. */
export function macrosOf(manifest, packages) {
  const found = new Map();
  // What an adapter has counts before what dbt has.
  for (const name of packages) {
    for (const macro of Object.values(manifest.macros).filter((each) => each.package_name === name)) {
      // While dbt parses a test it sees `dbt.x` only of what the test's macro names.
      if (found.has(macro.name) || /^(?!default).*__test_/.test(macro.name)) continue;
      const text = macro.macro_sql.replace(/\{#[\s\S]*?#\}/g, '');
      const [, keyword, rest] = /\{%-?\s*(macro|test|materialization)\s+\w+\s*([\s\S]*?)-?%\}/.exec(text);
      const kind = keyword === 'macro' && /\bcaller\s*\(/.test(text) ? 'block' : keyword;
      found.set(macro.name, {
        name: macro.name,
        package: name,
        kind,
        arguments: kind === 'materialization' ? [] : argumentsOf(rest.trim().slice(1, -1)),
      });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `a, b=[], c=f(1, 2)` -> a, b=[], c=f(1, 2) */
function argumentsOf(text) {
  const parts = [''];
  let depth = 0;
  let quote = '';
  for (const letter of text) {
    if (quote !== '') quote = letter === quote ? '' : quote;
    else if (letter === '"' || letter === "'") quote = letter;
    else if ('([{'.includes(letter)) depth += 1;
    else if (')]}'.includes(letter)) depth -= 1;
    if (letter === ',' && depth === 0 && quote === '') parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/**
 * Plays the steps of a project, one command after the other with one thread.
 * @param run runs a command of the program: `run(args, { cwd, env })` gives `{ code, out }`
 * @param options `project`: its folder; `macros`: what is overridden; `output`: of its profile; `sql(text)`: runs
 *   statements; `steps`: commands with `run`, `sql`, `save`
 * @returns for each step its exit code and, by the name of a node ('' outside of one), the macros that were called
 */
export async function playOverridden(run, { project, macros, output, sql, steps }) {
  const work = mkdtempSync(join(tmpdir(), 'tsdbt-overrides-'));
  try {
    const dir = join(work, 'project');
    cpSync(project, dir, { recursive: true });
    mkdirSync(join(dir, 'macros'), { recursive: true });
    writeFileSync(join(dir, 'macros', 'overrides.sql'), overrides(macros));
    writeFileSync(
      join(dir, 'profiles.yml'),
      JSON.stringify({
        shop: {
          target: 'dev',
          outputs: { dev: { ...output, schema: 'dev', threads: 1 }, other: { ...output, schema: 'other', threads: 1 } },
        },
      }),
    );
    const played = [];
    for (const [index, step] of steps.entries()) {
      if (step.sql !== undefined) await sql(step.sql);
      for (const [path, text] of Object.entries(step.files ?? {})) writeFileSync(join(dir, path), text);
      const logs = join(work, `logs${index}`);
      const { code: exit, out: output } = await run([...split(step.run), '--log-path', logs, '--no-use-colors'], {
        cwd: dir,
        env: { ...process.env, DBT_PROFILES_DIR: dir, DBT_SEND_ANONYMOUS_USAGE_STATS: 'false', PGHOST: '' },
      });
      played.push({
        run: step.run,
        exit,
        output,
        calls: callsIn(readFileSync(join(logs, 'dbt.log'), 'utf8'), step.run.startsWith('parse')),
      });
      if (played[0].exit !== 0) throw new Error(`${step.run} ends with ${exit}:\n${output}`);
      if (step.save) cpSync(join(dir, 'target'), join(dir, step.save), { recursive: true });
    }
    return played;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const split = (text) => [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);

/** What runs a program as a process. */
export function processes(program) {
  return (args, place) => {
    const child = spawn(program, args, { ...place, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      out += chunk;
    });
    return new Promise((done) => child.on('close', (code) => done({ code, out })));
  };
}

/** By node what a log says was called; with one thread a node ends before the next begins. */
function callsIn(log, parsed) {
  const calls = {};
  let node = '';
  for (const [, began, finished, parsing, name] of log.matchAll(
    /Began running node (\S+)|Finished running node (\S+)|(?:CALLED|(PARSED)) (\w+)\./g,
  )) {
    if (began !== undefined)
      node = began
        .split('.')
        .slice(2)
        .join('.')
        .replace(/\.[0-9a-f]{10}$/, '');
    else if (finished !== undefined) node = '';
    else if (parsing === undefined || parsed) (calls[node] ??= new Set()).add(name);
  }
  return Object.fromEntries(Object.entries(calls).map(([key, names]) => [key, [...names].sort()]));
}
