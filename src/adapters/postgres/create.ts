// Creates the Postgres adapter of a profile. With `embedded`, the profile has its own server, which embedded.ts starts.
import { resolve } from 'node:path';
import type { AdapterOptions } from '../index.ts';
import type { Profile } from '../../contracts/project.ts';
import { PostgresAdapter } from './adapter.ts';
import { POSTGRES_CREDENTIALS } from './credentials.ts';

/** Returns the folder of the embedded server that a profile requests; null if it requests none. */
export function embeddedFolder(profile: Profile, projectDir: string): string | null {
  const embedded = profile.credentials['embedded'];
  if (embedded === true) return resolve(projectDir, POSTGRES_CREDENTIALS.embeddedFolder ?? '.tsdbt/pg');
  return typeof embedded === 'string' && embedded !== '' ? resolve(projectDir, embedded) : null;
}

/** Creates the adapter of a profile. `embedded` names a server of the project, which starts on demand. */
export function createPostgresAdapter(profile: Profile, options: AdapterOptions): PostgresAdapter {
  const dir = embeddedFolder(profile, options.projectDir);
  return new PostgresAdapter({
    credentials: profile.credentials,
    threads: options.threads ?? profile.threads,
    quoting: options.quoting,
    env: options.env,
    clonedFile: profile.cloned_file ?? null,
    notify: options.notify,
    embedded:
      dir === null
        ? undefined
        : async () => {
            const { embeddedPostgres } = await import('./embedded.ts');
            return embeddedPostgres({ dir, database: profile.credentials.database, notify: options.notify });
          },
  });
}
