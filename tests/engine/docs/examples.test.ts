// What the pages tell to type works: `sh` blocks run in a temporary project, page by page and in order, on the embedded
// databases; a block marked `sh service: reason` is read only: its commands, options and files exist.
// A block of another language with a path behind it (`yaml models/orders.yml`) is written to the project first.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embeddedStatus } from '../../../src/adapters/postgres/embedded.ts';
import { COMMANDS } from '../../../src/project/command-table.ts';
import { GLOBAL_OPTIONS } from '../../../src/project/global-options.ts';
import { commands, type Page, pages, ROOT } from './markdown.ts';

const all = pages().filter(({ fences }) => fences.some(({ language }) => language === 'sh'));
const SERVICE = /^service: \S/;
/** Its table of names is in its text. */
const ORACLES = readFileSync(join(ROOT, 'tests/oracle/main.mjs'), 'utf8');
const VERSION = ['--version', '--help', '-h'];

/** Why a command of a page cannot be typed; null: it can. */
function mistake(line: string): string | null {
  const words = (line.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).filter((word, i, list) => {
    const before = list.slice(0, i);
    return !(/^[A-Z_]+=/.test(word) && before.every((each) => /^[A-Z_]+=/.test(each)));
  });
  const at = words[0] === 'npx' ? 1 : 0;
  const [program, first = '', second = ''] = words.slice(at);
  if (program === 'npm' && first === 'run') {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    if (!(second in scripts)) return `no script ${second}`;
    const dashes = words.indexOf('--');
    if (second !== 'oracle' || dashes < 0) return null;
    return new RegExp(`^ +'?${words[dashes + 1]}'?: \\[`, 'm').test(ORACLES) ? null : `no oracle ${words[dashes + 1]}`;
  }
  if (program === 'node' || program?.startsWith('tests/') || program?.startsWith('.ci/')) {
    const file = program === 'node' ? first : program;
    return file.startsWith('-') || existsSync(join(ROOT, file)) ? null : `no file ${file}`;
  }
  if (program !== 'tsdbt') return null;
  if (first.startsWith('-')) return VERSION.includes(first) ? null : `no option ${first}`;
  const command = COMMANDS.find(({ path, aliases = [] }) =>
    path.length === 2 ? path[0] === first && path[1] === second : [path[0], ...aliases].includes(first),
  );
  if (command === undefined) return `no command ${first} ${second}`;
  const names = [...GLOBAL_OPTIONS, ...command.options].flatMap(({ names, kind }) => [
    ...names,
    ...(kind === 'pair' ? names.map((name) => name.replace('--', '--no-')) : []),
  ]);
  const given = words.slice(at + 1).filter((word) => /^--?[a-z]/.test(word));
  return (
    given.find((option) => !names.includes(option) && !VERSION.includes(option))?.replace(/^/, 'no option ') ?? null
  );
}

describe.each(all)('$path', ({ fences }) => {
  const blocks = fences.filter(({ language }) => language === 'sh');

  it('names commands, options and files that exist', () => {
    expect(
      blocks.flatMap((block) =>
        commands(block).flatMap((line) => {
          const wrong = mistake(line);
          return wrong === null ? [] : [`line ${block.line}: ${line}: ${wrong}`];
        }),
      ),
    ).toEqual([]);
  });

  it('gives a reason for each block that is not run', () => {
    expect(blocks.filter(({ info }) => info !== '' && !SERVICE.test(info)).map(({ line }) => line)).toEqual([]);
  });
});

const runnable = all.filter(({ fences }) => fences.some(({ language, info }) => language === 'sh' && info === ''));

describe('the commands in the docs', () => {
  let home: string;
  let begun = 0;
  const env = (): NodeJS.ProcessEnv => ({
    PATH: `${join(home, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin`,
    HOME: home,
    TSDBT_NO_LINK: '1',
    DBT_USE_COLORS: 'false',
  });
  /** Runs a script to its end, or to the first command that fails. */
  const sh = (script: string, cwd: string): Promise<{ readonly status: number | null; readonly out: string }> =>
    new Promise((resolve) => {
      const child = spawn('sh', ['-e', '-c', script], { cwd, env: env() });
      let out = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (data: Buffer) => {
          out += data.toString();
        });
      child.on('close', (status) => resolve({ status, out }));
    });

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'tsdbt-docs-'));
    mkdirSync(join(home, 'bin'));
    // One server for all pages: what they make differs by schema.
    mkdirSync(join(home, 'servers'));
    const program = join(ROOT, 'bin', 'tsdbt.js');
    for (const [name, text] of [
      ['tsdbt', `exec ${process.execPath} ${program} "$@"`],
      ['npx', 'program=$1; shift; exec "$program" "$@"'],
    ]) {
      writeFileSync(join(home, 'bin', name!), `#!/bin/sh\n${text}\n`);
      chmodSync(join(home, 'bin', name!), 0o755);
    }
  });
  afterAll(async () => {
    const folders = readdirSync(home).flatMap((name) => [join(home, name), join(home, name, 'shop')]);
    for (const dir of folders.filter((folder) => existsSync(join(folder, 'dbt_project.yml')))) {
      await sh('tsdbt db stop || true; tsdbt db stop --target clickhouse || true', dir);
      // As root, a server's data lie in a folder of its own user.
      const status = embeddedStatus(join(dir, '.tsdbt/pg'));
      if (status.state !== 'absent') rmSync(status.home, { recursive: true, force: true });
    }
    rmSync(home, { recursive: true, force: true });
  });

  /** The folder that a page begins in. */
  function begin({ project }: Page, dir: string): void {
    mkdirSync(dir);
    if (project === 'empty') return;
    const name = project === 'sample' ? 'session_analytics' : 'shop';
    const schema = `docs_${name}_${begun++}`;
    const outputs = {
      embedded: { type: 'postgres', embedded: join(home, 'servers/pg'), schema, threads: 4 },
      clickhouse: { type: 'clickhouse', path: join(home, 'servers/clickhouse'), schema, threads: 4 },
    };
    writeFileSync(join(dir, 'profiles.yml'), JSON.stringify({ [name]: { target: 'embedded', outputs } }));
    if (project === 'sample') {
      const parts = [
        'dbt_project.yml',
        'connections.yml',
        'models',
        'macros',
        'seeds',
        'snapshots',
        'analyses',
        'tests',
      ];
      for (const part of parts)
        cpSync(join(ROOT, part), join(dir, part), {
          recursive: true,
          filter: (path) => !/tests\/(engine|kafka|torture|oracle)/.test(path),
        });
    }
    if (project === 'starter') {
      for (const folder of ['.', 'models', 'seeds'])
        for (const file of readdirSync(join(ROOT, 'src/include/starter', folder), { withFileTypes: true })) {
          if (!file.isFile()) continue;
          mkdirSync(join(dir, folder), { recursive: true });
          const text = readFileSync(join(ROOT, 'src/include/starter', folder, file.name), 'utf8');
          writeFileSync(join(dir, folder, file.name), text.replaceAll(/__project__|__profile__/g, 'shop'));
        }
    }
  }

  it.each(runnable)('work as described in $path', async (page) => {
    const dir = join(home, page.path.replace(/\W/g, '_'));
    begin(page, dir);
    const script: string[] = [];
    for (const { language, info, text, line } of page.fences) {
      if (language === 'sh' && info === '') script.push(`echo "== line ${line}"`, text);
      else if (language !== 'sh' && /^[\w./-]+$/.test(info))
        script.push(`mkdir -p ${dirname(info)}`, `cat > ${info} <<'END_OF_BLOCK'\n${text}\nEND_OF_BLOCK`);
    }
    const { status, out } = await sh(script.join('\n'), dir);
    expect(status, out).toBe(0);
  });
});
