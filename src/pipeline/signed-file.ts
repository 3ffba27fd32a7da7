// Files in target/ that the next command reads back. Their first line signs the rest, so that a file that the user did
// not make is never believed.
import { rmSync } from 'node:fs';
import { writeFileAtomically } from '../artifacts.ts';
import { MOST_DATA, readFileBytes } from '../project/read-file.ts';
import type { Secrets } from '../secrets.ts';
import type { StateSeal } from '../user-state.ts';

/**
 * Reads what follows the signature.
 * @returns 'missing', or 'unreadable' for an incomplete file or one signed with another key
 */
export function readSigned(path: string, purpose: string, seal: StateSeal): Buffer | 'missing' | 'unreadable' {
  let bytes: Buffer;
  try {
    bytes = readFileBytes(path, MOST_DATA);
  } catch {
    return 'missing';
  }
  const end = bytes.indexOf('\n');
  const content = bytes.subarray(end + 1);
  return end >= 0 && seal.isSigned(bytes.toString('latin1', 0, end), purpose, content) ? content : 'unreadable';
}

/** Writes a file. Content with a secret is not stored, because the mask would be read back in its place. */
export function writeSigned(
  path: string,
  purpose: string,
  seal: StateSeal,
  secrets: Secrets,
  ...parts: readonly (string | Uint8Array)[]
): void {
  if (parts.some((part) => secrets.isIn(typeof part === 'string' ? Buffer.from(part, 'utf8') : part)))
    rmSync(path, { force: true });
  else writeFileAtomically(path, `${seal.sign(purpose, ...parts)}\n`, ...parts);
}
