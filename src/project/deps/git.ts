// Fetches one revision of a git package as a shallow clone into a folder. Needs the `git` program. Callers choose the
// revision.
import { eventOf, type MessageName } from '../../events/index.ts';
import { spawn } from 'node:child_process';
import { type Dirent, lstatSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { errorTag, type Logger } from '../../log.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { LIMITS } from './archive.ts';
import { checkContained, refused } from './contained.ts';
import { type Environment, NetworkError, withoutCredentials, withRetries } from './download.ts';
import { makeFolder } from '../../make-folder.ts';

export interface GitCheckout {
  readonly url: string;
  /** Branch, tag or full commit; `HEAD` means the default branch. */
  readonly revision: string;
  readonly subdirectory: string | null;
  /** Does not exist yet. */
  readonly folder: string;
  readonly env: Environment;
  readonly logger: Logger;
  readonly delay: number;
  /** Whether a downloaded package requests it: it may then only name servers, not repositories of this machine. */
  readonly foreign: boolean;
  /** Maximum number of bytes of the files, and of what git stores about them; default 1 GiB each. */
  readonly maxBytes?: number;
}

/** Protocols that git may use; `ext::` and other helpers would run commands. */
const SERVERS = 'https:http:ssh:git';
/** Settings that prevent git from running untrusted files, or fetching other repositories that they name. */
const SAFE_SETTINGS = [
  ['core.hooksPath', '/dev/null'],
  ['submodule.recurse', 'false'],
  ['fetch.recurseSubmodules', 'false'],
  ['protocol.ext.allow', 'never'],
] as const;
/**
 * A credential helper in git's own shell: its script is visible to other processes, but the values are only in its
 * environment.
 */
const HELPER =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$TSDBT_GIT_USER" "$TSDBT_GIT_PASSWORD"; }; f';

/** Maximum number of entries of a repository if only a subdirectory is checked out. */
const MOST_LISTED = 10 * LIMITS.entries;
/** Milliseconds between two measurements of the folder that git writes. */
const MEASURED_MS = 250;
/** A server can send messages without end. */
const LONGEST_MESSAGE = 65_536;

const PASSING = new RegExp(
  'Could not resolve host|Connection (?:reset|refused|timed out)|early EOF|RPC failed' +
    String.raw`|unexpected disconnect|HTTP 5\d\d|error: 5\d\d|hung up unexpectedly`,
);

/**
 * Checks out a revision. Deletes the .git folder, because it contains the URL, which may contain tokens.
 * @returns the commit, and the folder of the package
 * @throws TsdbtError `dependency` with git's message
 */
export async function checkOut(checkout: GitCheckout): Promise<{ commit: string; folder: string }> {
  const { url, revision, subdirectory, folder, logger, delay } = checkout;
  const debug = (name: MessageName, msg: string): void => logger.fire(eventOf(name, msg));
  if (url.startsWith('-') || revision.startsWith('-'))
    throw failure(checkout, 'a URL or revision cannot begin with a dash');
  const inside = subdirectory === null ? folder : resolve(folder, subdirectory);
  const outside = (): TsdbtError =>
    errorOf('subdirectoryOutside', { folder: subdirectory ?? '', repository: withoutCredentials(url) });
  if (relative(folder, inside).startsWith('..')) throw outside();
  makeFolder(folder);
  const { address, env } = login(url, checkout);
  const git = (...args: string[]): Promise<string> => runGit(args, checkout, env);
  // Without a template, because a template may contain hooks.
  await git('init', '-q', '--template=');
  // With a subdirectory, git fetches contents later, for which the remote needs a name.
  const remote = subdirectory === null ? address : 'origin';
  if (subdirectory !== null) {
    await git('remote', 'add', 'origin', address);
    debug('GitSparseCheckoutSubdirectory', `Subdirectory specified: ${subdirectory}, using sparse checkout.`);
    await git('sparse-checkout', 'set', '--no-cone', `/${subdirectory}/`);
  }
  debug('GitProgressCheckoutRevision', `Checking out revision ${revision}.`);
  const filter = subdirectory === null ? [] : ['--filter=blob:none'];
  try {
    await withRetries(
      async () => {
        try {
          await git('fetch', '-q', '--depth', '1', ...filter, remote, revision);
        } catch (error) {
          if (error instanceof TsdbtError && PASSING.test(error.message)) throw new NetworkError(error.message);
          // Some servers serve only commits of branches and tags: fetch everything.
          if (!/^[0-9a-f]{40}$/.test(revision)) throw error;
          await git('fetch', '-q', '--tags', remote, '+refs/heads/*:refs/remotes/origin/*');
        }
      },
      { logger, delay },
    );
    const fetched = /^[0-9a-f]{40}$/.test(revision) ? revision : 'FETCH_HEAD';
    await checkSize(checkout, env, fetched);
    await git('checkout', '-q', '--detach', fetched);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const commit = await git('rev-parse', 'HEAD');
  debug('GitProgressCheckedOutAt', `Checked out at ${commit.slice(0, 7)}.`);
  rmSync(join(folder, '.git'), { recursive: true, force: true });
  if (statSync(inside, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw errorOf('subdirectoryMissing', { repository: withoutCredentials(url), folder: subdirectory ?? '', revision });
  // A parent folder may be a link.
  const real = realpathSync(inside);
  if (relative(realpathSync(folder), real).startsWith('..')) throw outside();
  checkContained(real, withoutCredentials(url));
  return { commit, folder: real };
}

/**
 * A small repository can contain endless files, because its trees may name one another repeatedly: the listing is
 * counted before anything is written. With a subdirectory, git has not fetched the contents and knows no sizes.
 */
async function checkSize(
  checkout: GitCheckout,
  env: Record<string, string | undefined>,
  commit: string,
): Promise<void> {
  const most = checkout.subdirectory === null ? LIMITS.entries : MOST_LISTED;
  const sizes = checkout.subdirectory === null ? ['-l'] : [];
  let [entries, bytes, rest] = [0, 0, ''];
  await runGit(['ls-tree', '-r', '-t', '-z', '--full-tree', ...sizes, commit], checkout, env, (text) => {
    const lines = (rest + text).split('\0');
    rest = lines.pop() ?? '';
    entries += lines.length;
    for (const line of lines) bytes += line.length + Number(/^\S+ blob \S+ +(\d+)\t/.exec(line)?.[1] ?? 0);
    const from = withoutCredentials(checkout.url);
    if (entries > most) throw refused(from, `more than ${most} entries`);
    if (bytes + rest.length > LIMITS.bytes) throw refused(from, `more than ${LIMITS.bytes} bytes`);
  });
}

/**
 * The arguments and environment of git. The URL has no user and password, because other programs can read the process
 * list. Git finds them in its environment when that scheme, host and port requests them.
 */
function login(
  url: string,
  { env, foreign }: GitCheckout,
): { address: string; env: Record<string, string | undefined> } {
  const settings: (readonly [string, string])[] = [...SAFE_SETTINGS];
  const more: Record<string, string> = {};
  let address = url;
  const target = /^https?:\/\//i.test(url) && URL.canParse(url) ? new URL(url) : null;
  if (target !== null && (target.username !== '' || target.password !== '')) {
    const [user, password] = [decoded(target.username), decoded(target.password)];
    address = url.replace(/^([^:]+:\/\/)[^/?#]*@/, '$1');
    // If the URL has only a user name, git asks this user's credential helpers for the password.
    if (password !== '') settings.push([`credential.${target.origin}.helper`, '']);
    settings.push([`credential.${target.origin}.username`, user], [`credential.${target.origin}.helper`, HELPER]);
    Object.assign(more, { TSDBT_GIT_USER: user, TSDBT_GIT_PASSWORD: password });
  }
  const base = gitEnvironment(env);
  const first = Number(base['GIT_CONFIG_COUNT'] ?? 0) || 0;
  for (const [i, [key, value]] of settings.entries())
    Object.assign(more, { [`GIT_CONFIG_KEY_${first + i}`]: key, [`GIT_CONFIG_VALUE_${first + i}`]: value });
  const allowed = foreign ? SERVERS : (base['GIT_ALLOW_PROTOCOL'] ?? `${SERVERS}:file`);
  return {
    address,
    env: {
      ...base,
      ...more,
      GIT_CONFIG_COUNT: String(first + settings.length),
      GIT_ALLOW_PROTOCOL: allowed,
      LC_ALL: 'C',
    },
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function runGit(
  args: readonly string[],
  checkout: GitCheckout,
  env: Record<string, string | undefined>,
  read?: (text: string) => void,
): Promise<string> {
  const { folder, logger, url, maxBytes = LIMITS.bytes } = checkout;
  return new Promise((done, failed) => {
    const child = spawn('git', args, { cwd: folder, env, stdio: ['inherit', 'pipe', 'pipe'] });
    // When this process exits, it also ends git, which may be waiting for a server.
    const leave = (): void => void child.kill();
    process.prependOnceListener('exit', leave);
    let out = '';
    let errors = '';
    let problem: unknown = null;
    // The promise is rejected when git has ended: until then it writes.
    const end = (error: unknown): void => {
      problem ??= error;
      child.kill();
    };
    const measure = (): void => {
      if (holdsMore(folder, 2 * maxBytes)) end(refused(withoutCredentials(url), `more than ${2 * maxBytes} bytes`));
    };
    let timer = setTimeout(repeat, MEASURED_MS);
    function repeat(): void {
      const started = performance.now();
      measure();
      timer = setTimeout(repeat, Math.max(MEASURED_MS, 10 * (performance.now() - started)));
    }
    child.stdout.on('data', (chunk: Buffer) => {
      if (read === undefined) out += chunk.toString('utf8');
      else
        try {
          read(chunk.toString('latin1'));
        } catch (error) {
          end(error);
        }
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString('utf8')).slice(-LONGEST_MESSAGE);
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      const msg =
        'Make sure git is installed on your machine. More information: https://docs.getdbt.com/docs/package-management';
      logger.fire(eventOf('EnsureGitInstalled', errorTag(msg)));
      failed(errorOf('gitNotRun', { why: error.message }, { hint: msg }));
    });
    child.on('close', (code) => {
      process.off('exit', leave);
      clearTimeout(timer);
      if (problem === null && /^(?:fetch|checkout)$/.test(args[0] ?? '')) measure();
      if (problem !== null) failed(problem);
      else if (code === 0) done(out.trim());
      else failed(failure(checkout, errors.trim()));
    });
  });
}

/** Whether the files below a folder have more bytes. Git may be changing the folder. */
function holdsMore(folder: string, most: number): boolean {
  let bytes = 0;
  const rest = [folder];
  for (let at = rest.pop(); at !== undefined; at = rest.pop()) {
    for (const entry of entriesOf(at)) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) rest.push(path);
      else bytes += lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
      if (bytes > most) return true;
    }
  }
  return false;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // Git has removed it.
    return [];
  }
}

/** A GIT_DIR set by a git hook would redirect every command to the project's own repository. */
function gitEnvironment(env: Environment): Record<string, string | undefined> {
  const kept = Object.entries(env).filter(
    ([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|OBJECT_DIRECTORY|COMMON_DIR)$/.test(name),
  );
  return { GIT_TERMINAL_PROMPT: process.stdin.isTTY ? '1' : '0', ...Object.fromEntries(kept) };
}

function failure({ url, revision }: GitCheckout, words: string): TsdbtError {
  return errorOf('revisionNotCheckedOut', {
    revision,
    repository: withoutCredentials(url),
    why: words.replace(/(?<![a-z+.-])([a-z+.-]+:\/\/)[^/\s']+@/gi, '$1*****@'),
  });
}
