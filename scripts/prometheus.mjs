// Downloads Debian's Prometheus with promtool to .cache/prometheus, without installing it, and prints the folder of the
// programs. Uses those on PATH if they exist.
//
//   node scripts/prometheus.mjs
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const scripts = dirname(fileURLToPath(import.meta.url));
const folder = join(scripts, '..', '.cache', 'prometheus');
const programs = join(folder, 'usr', 'bin');

/** @returns the folder of `promtool` and `prometheus`; null: not found */
export function findPrometheus() {
  const onPath = (process.env.PATH ?? '').split(delimiter).find((dir) => holds(dir));
  return onPath ?? (holds(programs) ? programs : null);
}

const holds = (dir) => existsSync(join(dir, 'promtool')) && existsSync(join(dir, 'prometheus'));

/** @throws if apt-get cannot download */
export function fetchPrometheus() {
  const found = findPrometheus();
  if (found !== null) return found;
  execFileSync(join(scripts, 'fetch-debian.sh'), [folder, 'prometheus'], { stdio: 'inherit' });
  return programs;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(fetchPrometheus());
