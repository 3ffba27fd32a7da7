// Reads policies.yml of the project: which relations may hold columns with a tag.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeConfig } from '../contracts/project.ts';
import { TsdbtError } from '../errors.ts';
import { checkWithin, folderOfNamedFiles } from '../project/outside-paths.ts';
import { readFileText } from '../project/read-file.ts';
import { loadYaml, locate } from '../project/yaml.ts';
import { POLICIES_YML, type Policy } from '../settings/policy-settings.ts';
import { readSetting, sentence } from '../settings/setting.ts';

export const POLICIES_FILE = 'policies.yml';
/** Maximum size in bytes. */
const MOST = 1024 * 1024;

export interface PoliciesFile {
  readonly path: string;
  readonly policies: readonly Policy[];
  /** @returns the error, at a key of the file */
  errorAt(keys: readonly (string | number)[], message: string, hint?: string): TsdbtError;
}

/** @returns null if the project has no policies. @throws {TsdbtError} `project` if the file is invalid */
export function readPolicies(config: RuntimeConfig): PoliciesFile | null {
  const path = join(config.project.project_root, POLICIES_FILE);
  if (!existsSync(path)) return null;
  const folder = folderOfNamedFiles(path, config);
  if (folder !== null) checkWithin(path, folder, 'Link');
  const text = readFileText(path, MOST);
  const errorAt: PoliciesFile['errorAt'] = (keys, message, hint) =>
    new TsdbtError('project', sentence(message), { path, hint, ...locate(text, keys) });
  const data = loadYaml(text, path, {
    onDuplicateKey: (_description, { key, line, column }) => {
      throw new TsdbtError('project', `'${key}' is written twice`, { path, line, column });
    },
  });
  const { policies } = readSetting(POLICIES_YML, data, {
    refuse: ({ keys, message, hint }) => {
      throw errorAt(keys, message, hint);
    },
  });
  return { path, policies, errorAt };
}
