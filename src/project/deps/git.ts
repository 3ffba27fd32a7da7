// Git packages: one revision of a repository, fetched shallow into a folder. Needs the `git` program. Leaves which revision to its callers.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { errorTag, type Logger } from '../../log.ts';
import { TsdbtError } from '../../errors.ts';
import { type Environment, NetworkError, withoutCredentials, withRetries } from './download.ts';

export interface GitCheckout {
  readonly url: string;
  /** Branch, tag or full commit; `HEAD`: the default branch. */
  readonly revision: string;
  readonly subdirectory: string | null;
  /** Does not exist yet. */
  readonly folder: string;
  readonly env: Environment;
  readonly logger: Logger;
  readonly delay: number;
}

const PASSING = /Could not resolve host|Connection (?:reset|refused|timed out)|early EOF|RPC failed|unexpected disconnect|HTTP 5\d\d|error: 5\d\d|hung up unexpectedly/;

/**
 * Checks a revision out. The repository's own data is not kept: it holds the URL, and with it tokens.
 * @returns the commit, and the folder of the package
 * @throws TsdbtError `dependency` with git's words
 */
export async function checkOut(checkout: GitCheckout): Promise<{ commit: string; folder: string }> {
  const { url, revision, subdirectory, folder, logger, delay } = checkout;
  const debug = (name: string, code: string, msg: string): void => logger.fire({ name, code, level: 'debug', msg });
  if (url.startsWith('-') || revision.startsWith('-')) throw failure(checkout, 'a URL or revision cannot begin with a dash');
  const inside = subdirectory === null ? folder : resolve(folder, subdirectory);
  if (relative(folder, inside).startsWith('..')) throw new TsdbtError('dependency', `The subdirectory '${subdirectory ?? ''}' of ${withoutCredentials(url)} is outside of the repository`);
  mkdirSync(folder, { recursive: true });
  const git = (...args: string[]): Promise<string> => runGit(args, checkout);
  await git('init', '-q');
  await git('remote', 'add', 'origin', url);
  if (subdirectory !== null) {
    debug('GitSparseCheckoutSubdirectory', 'M001', `Subdirectory specified: ${subdirectory}, using sparse checkout.`);
    await git('sparse-checkout', 'set', '--no-cone', `/${subdirectory}/`);
  }
  debug('GitProgressCheckoutRevision', 'M002', `Checking out revision ${revision}.`);
  const filter = subdirectory === null ? [] : ['--filter=blob:none'];
  try {
    await withRetries(async () => {
      try {
        await git('fetch', '-q', '--depth', '1', ...filter, 'origin', revision);
      } catch (error) {
        if (error instanceof TsdbtError && PASSING.test(error.message)) throw new NetworkError(error.message);
        // A server that gives only its branches' and tags' own commits: take everything.
        if (!/^[0-9a-f]{40}$/.test(revision)) throw error;
        await git('fetch', '-q', '--tags', 'origin', '+refs/heads/*:refs/remotes/origin/*');
      }
    }, { logger, delay });
    await git('checkout', '-q', '--detach', /^[0-9a-f]{40}$/.test(revision) ? revision : 'FETCH_HEAD');
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const commit = await git('rev-parse', 'HEAD');
  debug('GitProgressCheckedOutAt', 'M007', `Checked out at ${commit.slice(0, 7)}.`);
  rmSync(join(folder, '.git'), { recursive: true, force: true });
  if (!existsSync(inside)) throw new TsdbtError('dependency', `The repository ${withoutCredentials(url)} has no folder '${subdirectory ?? ''}' at revision ${revision}`);
  return { commit, folder: inside };
}

function runGit(args: readonly string[], checkout: GitCheckout): Promise<string> {
  const { folder, env, logger } = checkout;
  return new Promise((done, failed) => {
    const child = spawn('git', args, { cwd: folder, env: { ...gitEnvironment(env), LC_ALL: 'C' }, stdio: ['inherit', 'pipe', 'pipe'] });
    // A program that is stopped leaves nobody behind who waits for a server.
    const leave = (): void => void child.kill();
    process.once('exit', leave);
    let out = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString('utf8');
    });
    child.on('error', (error) => {
      const msg = 'Make sure git is installed on your machine. More information: https://docs.getdbt.com/docs/package-management';
      logger.fire({ name: 'EnsureGitInstalled', code: 'Z036', level: 'error', msg: errorTag(msg) });
      failed(new TsdbtError('dependency', `Could not run git: ${error.message}`, { hint: msg }));
    });
    child.on('close', (code) => {
      process.off('exit', leave);
      if (code === 0) done(out.trim());
      else failed(failure(checkout, errors.trim()));
    });
  });
}

/** A hook's GIT_DIR would make every command work on the project's own repository. */
function gitEnvironment(env: Environment): Record<string, string | undefined> {
  const kept = Object.entries(env).filter(([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|OBJECT_DIRECTORY|COMMON_DIR)$/.test(name));
  return { GIT_TERMINAL_PROMPT: process.stdin.isTTY ? '1' : '0', ...Object.fromEntries(kept) };
}

function failure({ url, revision }: GitCheckout, words: string): TsdbtError {
  return new TsdbtError('dependency', `Error checking out spec='${revision}' for repo ${withoutCredentials(url)}\n${words.replaceAll(url, withoutCredentials(url))}`);
}
