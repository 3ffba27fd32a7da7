// Builds versitygw, an S3 server, from the Go module proxy into .cache/versitygw and prints its path. Takes one on PATH
// where it is. Needs Go.
//
//   node scripts/versitygw.mjs
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = 'v1.8.0';
const folder = join(dirname(fileURLToPath(import.meta.url)), '..', '.cache', 'versitygw');
const program = join(folder, 'versitygw');
const LIMIT_MS = 10 * 60_000;

/** @returns the program's path; null: it is neither here nor on PATH */
export function findVersitygw() {
  const given = process.env.TSDBT_TEST_VERSITYGW;
  if (given !== undefined && existsSync(given)) return given;
  const onPath = (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, 'versitygw'));
  return [...onPath, program].find((path) => existsSync(path)) ?? null;
}

/** @throws where Go or its module proxy cannot be had, or the build takes more than ten minutes */
export function buildVersitygw() {
  const found = findVersitygw();
  if (found !== null) return found;
  execFileSync('go', ['install', `github.com/versity/versitygw/cmd/versitygw@${VERSION}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: LIMIT_MS,
    env: { ...process.env, GOBIN: folder, GOFLAGS: '-mod=mod' },
  });
  return program;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(buildVersitygw());
