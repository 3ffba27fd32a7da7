// Makes the Postgres adapter of a profile, with a server of its own when the profile says `embedded`. Starting that is
// left to embedded.ts.
import { resolve } from 'node:path';
import type { AdapterOptions } from '../index.ts';
import type { Profile } from '../../contracts/project.ts';
import { PostgresAdapter } from './adapter.ts';
import { POSTGRES_CREDENTIALS } from './credentials.ts';

/** Folder of the embedded server that a profile asks for; null when it asks for none. */
export function embeddedFolder(profile: Profile, projectDir: string): string | null {
  const embedded = profile.credentials['embedded'];
  if (embedded === true) return resolve(projectDir, POSTGRES_CREDENTIALS.embeddedFolder ?? '.tsdbt/pg');
  return typeof embedded === 'string' && embedded !== '' ? resolve(projectDir, embedded) : null;
}

/** The adapter of a profile, whose `embedded` names a server of the project that starts when it is needed. */
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
