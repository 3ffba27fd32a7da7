// Draws docs/terminal.svg: terminal output of a build of the starter project and of an error in a model. Runs the built
// program in a temporary folder on the embedded Postgres; needs no network.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const program = join(root, 'bin', 'tsdbt.js');
const home = mkdtempSync(join(tmpdir(), 'tsdbt-picture-'));
const project = join(home, 'shop');

const COLUMNS = 96;
const LINE = 18;
const CHARACTER = 8.05;
const COLORS = { 30: '#6e7681', 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341', 34: '#79c0ff', 36: '#76e3ea' };

/** The output of a command: stdout and stderr combined, without timestamps. */
function tsdbt(cwd, ...args) {
  const { stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: home },
  });
  return (stdout + stderr)
    .split('\n')
    .map((line) => line.replace(/^(?:\x1b\[0m)?\d\d:\d\d:\d\d {2}/, '').trimEnd())
    .filter((line) => line !== '');
}

/** The lines from the first match to the last match. */
function between(lines, first, last) {
  const from = lines.findIndex((line) => first.test(line));
  const to = lines.findLastIndex((line) => last.test(line));
  if (from < 0 || to < from) throw new Error(`${first} … ${last} is not in:\n${lines.join('\n')}`);
  return lines.slice(from, to + 1);
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Converts a line with ANSI colours to spans of an SVG text. */
function colored(line) {
  let color = null;
  return line
    .split(/(\x1b\[[\d;]*m)/)
    .map((part) => {
      const code = /^\x1b\[([\d;]*)m$/.exec(part)?.[1];
      if (code === undefined)
        return part === '' ? '' : `<tspan${color === null ? '' : ` fill="${color}"`}>${escaped(part)}</tspan>`;
      color = COLORS[code] ?? null;
      return '';
    })
    .join('');
}

const prompt = (command) => `\x1b[36m$\x1b[0m ${command}`;

try {
  tsdbt(home, 'init', 'shop', '--skip-profile-setup');
  const build = tsdbt(project, 'build');
  writeFileSync(
    join(project, 'models', 'totals.sql'),
    "select customer, round(payed, 2) as paid\nfrom {{ ref('customers') }}\n",
  );
  const failed = tsdbt(project, 'build', '--select', 'totals');
  const lines = [
    prompt('npx tsdbt build'),
    ...between(build, /^Found /, /^Found /),
    ...between(build, /^1 of \d+ START/, /^\d+ of \d+ PASS/).filter((line) => !/ START /.test(line)),
    ...between(build, /^Done\./, /^Done\./),
    '',
    prompt('npx tsdbt build --select totals'),
    ...between(failed, /Database Error in model/, /^\s*\^/),
  ].map((line) => line.replace(/\.{3,}/, (dots) => dots.slice(0, Math.max(3, dots.length))));
  const height = lines.length * LINE + 56;
  const width = Math.round(COLUMNS * CHARACTER) + 32;
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}" role="img">`,
    '<title>tsdbt builds the starter project, then names the line of a model that is wrong</title>',
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    ...['#ff5f56', '#ffbd2e', '#27c93f'].map((fill, i) => `<circle cx="${20 + 18 * i}" cy="18" r="6" fill="${fill}"/>`),
    '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13.3" fill="#e6edf3">',
    ...lines.map((line, i) => `<text x="16" y="${52 + i * LINE}" xml:space="preserve">${colored(line)}</text>`),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
  writeFileSync(join(root, 'docs', 'terminal.svg'), svg);
  process.stdout.write(`docs/terminal.svg: ${lines.length} lines\n`);
} finally {
  spawnSync(process.execPath, [program, 'db', 'stop'], { cwd: project, env: { PATH: process.env.PATH, HOME: home } });
  rmSync(home, { recursive: true, force: true });
}
