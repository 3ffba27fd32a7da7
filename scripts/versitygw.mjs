// Builds versitygw, an S3 server, from the Go module proxy into .cache/versitygw and prints its path. Uses one on PATH
// if it exists. Needs Go.
//
//   node scripts/versitygw.mjs
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const VERSION = 'v1.8.0';
const folder = join(dirname(fileURLToPath(import.meta.url)), '..', '.cache', 'versitygw');
const program = join(folder, 'versitygw');
const LIMIT_MS = 10 * 60_000;
const SAY_MS = 5000;

/** @returns the program's path; null: not found */
export function findVersitygw() {
  const given = process.env.TSDBT_TEST_VERSITYGW;
  if (given !== undefined && existsSync(given)) return given;
  const onPath = (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, 'versitygw'));
  return [...onPath, program].find((path) => existsSync(path)) ?? null;
}

/**
 * @param say receives the progress of a build, every five seconds
 * @param signal aborts the build
 * @throws if Go or its module proxy is not available, or the build takes more than ten minutes
 */
export async function buildVersitygw(say = (text) => process.stderr.write(`${text}\n`), signal = undefined) {
  const found = findVersitygw();
  if (found !== null) return found;
  // -v prints each package that is compiled, and go prints each module that it downloads.
  const child = spawn('go', ['install', '-v', `github.com/versity/versitygw/cmd/versitygw@${VERSION}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: LIMIT_MS,
    signal,
    env: { ...process.env, GOBIN: folder, GOFLAGS: '-mod=mod' },
  });
  const began = performance.now();
  const last = [];
  let packages = 0;
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.startsWith('go: ')) packages++;
    last.push(line);
    if (last.length > 5) last.shift();
  });
  const telling = setInterval(() => {
    const seconds = Math.round((performance.now() - began) / 1000);
    say(`Building versitygw, once: ${packages} packages compiled after ${seconds} s`);
  }, SAY_MS);
  try {
    await new Promise((done, fail) => {
      child.once('error', fail);
      child.once('close', (code, ended) => {
        if (code === 0) done();
        else fail(new Error(`go install of versitygw ended with ${ended ?? `exit code ${code}`}: ${last.join('\n')}`));
      });
    });
  } finally {
    clearInterval(telling);
  }
  return program;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await buildVersitygw());
