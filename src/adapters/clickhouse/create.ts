// Creates the ClickHouse adapter of a profile. With `path:`, the profile has its own server, which embedded.ts starts.
import { resolve } from 'node:path';
import type { AdapterOptions } from '../index.ts';
import type { Profile } from '../../contracts/project.ts';
import { ClickHouseAdapter } from './adapter.ts';

/** Returns the folder of the embedded server that a profile requests; null if it requests none. */
export function embeddedFolder(profile: Profile, projectDir: string): string | null {
  const { path } = profile.credentials;
  return typeof path === 'string' && path !== '' ? resolve(projectDir, path) : null;
}

/** Creates the adapter of a profile. `embedded` names a server of the project, which starts on demand. */
export function createClickHouseAdapter(profile: Profile, options: AdapterOptions): ClickHouseAdapter {
  const { projectDir } = options;
  const dir = embeddedFolder(profile, projectDir);
  if (dir === null && profile.credentials['driver'] === 'native')
    options.notify?.(
      '`driver: native` in profiles.yml: ClickHouse is reached by HTTP here; port 9000 stands for 8123, 9440 for 8443',
    );
  return new ClickHouseAdapter({
    credentials: profile.credentials,
    threads: options.threads ?? profile.threads,
    quoting: options.quoting,
    env: options.env,
    embedded:
      dir === null
        ? undefined
        : async () => {
            const { embeddedClickhouse } = await import('./embedded.ts');
            return embeddedClickhouse({ dir, projectDir });
          },
  });
}
