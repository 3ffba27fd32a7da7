// Secrets of a connection: given as they are (rendered from the environment) or as a file that is read again whenever
// the secret is needed, so that it can rotate while a loader runs.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Json } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { checkWithin } from '../project/outside-paths.ts';

/** The secret as of now. @throws `connection` error while its file cannot be read: it may be changing */
export type Secret = () => string;

/** Where the options of a connection are, and who must hear of every secret. */
export interface SecretPlace {
  /** connections.yml; files are relative to its folder. */
  readonly path: string;
  /** Folder that the files must lie in, with links resolved; null: they may lie anywhere. */
  readonly folder: string | null;
  /** Called with each secret that is read: logs mask it. */
  readonly seen: (secret: string) => void;
  readonly refuse: (message: string) => never;
}

/**
 * The option, or the file that `<option>_file` names; null: neither is given. The file must be there when it is asked
 * for first; a line break at its end does not count.
 */
export function secretOf(
  options: { readonly [name: string]: Json | undefined },
  option: string,
  place: SecretPlace,
): Secret | null {
  const { refuse, seen } = place;
  const [given, file] = [options[option] ?? null, options[`${option}_file`] ?? null];
  if (given !== null && file !== null) return refuse(`'${option}' and '${option}_file' are given; one of them must go`);
  if (file === null) {
    if (given === null) return null;
    const text = String(given);
    if (text === '') return refuse(`'${option}' is empty`);
    seen(text);
    return () => text;
  }
  if (typeof file !== 'string' || file === '') return refuse(`'${option}_file' must be a path`);
  const read = fileSecret(namedFile(place, `${option}_file`, file), `${option}_file`, place);
  try {
    read();
  } catch (error) {
    if (error instanceof TsdbtError) refuse(error.message);
    throw error;
  }
  return read;
}

function fileSecret(find: () => string, option: string, { path, seen }: SecretPlace): Secret {
  return () => {
    const file = find();
    let text: string;
    try {
      text = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    } catch (error) {
      throw new TsdbtError(
        'connection',
        `'${option}' cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        {
          path,
        },
      );
    }
    if (text === '') throw new TsdbtError('connection', `'${option}' is empty: ${file}`, { path });
    seen(text);
    return text;
  };
}

/**
 * Finds a file that an option names, relative to connections.yml. Each call checks where the file lies, because a link
 * can change.
 * @throws TsdbtError `project` when it lies outside of `folder`
 */
export function namedFile({ path, folder }: SecretPlace, option: string, file: string): () => string {
  const full = resolve(dirname(path), file);
  return () => {
    if (folder !== null) checkWithin(full, folder, `'${option}'`);
    return full;
  };
}
